# SPDX-License-Identifier: GPL-2.0-only
# No call frame information: a leaf, a chain of frame pointers from the stack's word 8 on, and a
# handler's return to the system call.
	.text
	.globl here, word_0, word_9
leaf:
here:	nop
	ret
outer:	push %rbp
	mov %rsp, %rbp
	call leaf
word_0:	leave
	ret
back:
word_9:	mov $15, %rax
	syscall
