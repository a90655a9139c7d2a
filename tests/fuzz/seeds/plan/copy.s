# SPDX-License-Identifier: GPL-2.0-only
# Three doors into one body: one falls through, one jumps past the other's first instruction.
	.short check - code, check_end - check, move - code, move_end - move
	.short memp - code, memp_end - memp
	.byte 7, 0
code:
memp:	mov %rdi, %rax
	add %rdx, %rax
	jmp body
memp_end:
fail:	ud2
check:	cmp %rdx, %rcx
	jb fail
check_end:
move:	mov %rdi, %rax
body:	cmp $0x10, %rdx
	jb small
	movups (%rsi), %xmm0
	movups %xmm0, (%rdi)
	vmovdqu (%rsi), %ymm0
	ret
small:	test %rdx, %rdx
	je 1f
	mov (%rsi), %cl
	mov %cl, (%rdi)
1:	ret
move_end:
