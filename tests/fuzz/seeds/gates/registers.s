# SPDX-License-Identifier: GPL-2.0-only
# The size in another register, on the stack, in parts, tested by bits, and against sums.
	.quad 4096, 64, 7, 1 << 40
	.quad 4096
	.short 0, 0, 0
	.short 0, end - code
	.byte 0, 0x06
	.zero 4
code:	push %rbx
	mov %rdx, %rbx
	lea -1(%rdx), %rcx
	cmp $63, %rcx
	jb low
	test $-4096, %rdx
	jne high
	bt $11, %rbx
	jc high
	mov %ebx, %ecx
	cmp %rcx, %rdx
	jne high
	mov threshold(%rip), %rax
	shl $4, %rax
	cmp %rax, %rbx
	jae high
	cmovae %rdx, %rbx
low:	mov %rbx, %rcx
	pop %rbx
	rep movsb
	ret
high:	pop %rbx
	nop
	mov %rdx, %rcx
	shr $3, %rcx
	jrcxz 1f
	rep movsq
1:	mov %edx, %ecx
	and $7, %ecx
	je 2f
	rep movsb
2:	ret
end:
	.set threshold, code + 0xc0000
