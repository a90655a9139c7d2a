# SPDX-License-Identifier: GPL-2.0-only
# Loops that copy: indexed, unrolled, rotated, over the stack, with a detour; and one that adds.
	.short first - code, first_end - first, second - code, second_end - second
	.short third - code, third_end - third
	.byte 7, 4
code:
first:	xor %eax, %eax
1:	mov (%rsi,%rax), %cl
	mov %cl, (%rdi,%rax)
	inc %rax
	cmp %rax, %rdx
	jne 1b
	ret
first_end:
second:	jmp 3f
1:	inc %rsi
	inc %rdi
	mov %al, -1(%rdi)
	cmp %rsi, %rdx
	je 2f
3:	mov (%rsi), %al
	cmp $10, %al
	jne 1b
2:	lodsb
	stosb
	loop 2b
4:	movups (%rsi), %xmm0
	movaps %xmm0, -24(%rsp)
	movhps 16(%rsi), %xmm1
	movups %xmm0, (%rdi)
	sub $-16, %rsi
	add $16, %rdi
	cmp -8(%rsp), %rdi
	ja 5f
	jmp 4b
5:	ret
second_end:
third:	vmovdqu64 (%rsi), %zmm17
	vinserti128 $1, 16(%rsi), %ymm1, %ymm0
	vmovdqu64 %zmm17, (%rdi)
	lea 64(%rdi), %rdi
	add $64, %rsi
	dec %rdx
	jne third
	movsq
	rep movsb
	paddd (%rsi), %xmm0
	jne third
third_end:
