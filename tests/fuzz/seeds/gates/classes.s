# SPDX-License-Identifier: GPL-2.0-only
# Two doors, classes of sizes by constants, one by a threshold in memory, and a way for areas that
# overlap.
	.quad 0, 0x100000, 0x1e0000, 2112
	.quad 2048
	.short memp - code, move - code, 0
	.short move - code, end - move
	.byte 1, 0x06
	.zero 4
code:
memp:	mov %rdi, %rax
	add %rdx, %rax
	jmp body
move:	mov %rdi, %rax
body:	cmp $16, %rdx
	jb small
	cmp $32, %rdx
	ja more
	movups (%rsi), %xmm0
	movups -16(%rsi,%rdx), %xmm1
	movups %xmm0, (%rdi)
	movups %xmm1, -16(%rdi,%rdx)
	ret
small:	test %edx, %edx
	je 1f
	mov %rdx, %rcx
	cmp %rsi, %rdi
	ja down
	rep movsb
1:	ret
more:	cmp threshold(%rip), %rdx
	jae large
	mov %rdi, %rcx
	sub %rsi, %rcx
	cmp %rdx, %rcx
	jb down
	mov %rdx, %rcx
2:	movups -16(%rsi,%rcx), %xmm0
	movups %xmm0, -16(%rdi,%rcx)
	sub $16, %rcx
	ja 2b
	ret
large:	mov %rdx, %rcx
	mov %rdi, %r8
	sub %rsi, %r8
	je 1b
	cmp %rdx, %r8
	jb down
	rep movsb
	ret
down:	mov -1(%rsi,%rdx), %cl
	mov %cl, -1(%rdi,%rdx)
	dec %rdx
	jne down
	ret
end:
	.set threshold, code + 0xc0000 + 0x18
