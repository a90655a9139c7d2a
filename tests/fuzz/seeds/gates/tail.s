# SPDX-License-Identifier: GPL-2.0-only
# As Go calls it; a long copy comes back to where the classes are told apart with what is left of it.
	.quad 1, 1, 1, 1
	.quad 257
	.short 0, 0, 0
	.short 0, end - code
	.byte 0, 0x07
	.zero 4
code:	mov %rax, %rdi
	mov %rbx, %rsi
	mov %rcx, %rbx
tail:	test %rbx, %rbx
	je done
	cmp $16, %rbx
	jbe few
	cmp $256, %rbx
	jbe some
	cmpb $1, flag(%rip)
	jne long
	mov %rbx, %rcx
	shr $3, %rcx
	and $7, %rbx
	rep movsq
	jmp tail
long:	sub $256, %rbx
	mov $256, %ecx
	rep movsb
	cmp $256, %rbx
	jae long
	jmp tail
some:	mov %rbx, %rcx
	rep movsb
	ret
few:	mov -1(%rsi,%rbx), %al
	mov %al, -1(%rdi,%rbx)
	dec %rbx
	jne few
done:	ret
end:
	.set flag, code + 0xc0000
