# SPDX-License-Identifier: GPL-2.0-only
# Every kind of call frame instruction, from a leaf to the outermost function. Where execution
# stands is called "here", the return address in the stack's word N is word_N.
	.text
	.globl here, word_0, word_2, word_4, word_6, word_9, word_11
inner:	.cfi_startproc
here:	nop
	ret
	.cfi_endproc
# %rbx saved, and a row that is remembered
saving:	.cfi_startproc
	push %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rbx, -16
	call inner
word_0:	.cfi_remember_state
	pop %rbx
	.cfi_def_cfa_offset 8
	.cfi_restore %rbx
	ret
	.cfi_restore_state
	nop
	.cfi_endproc
# The CFA in words: %rsp + 8 + ((%rip & 15) >= 16) * 8, as PLTs have it
plt:	.cfi_startproc
	.cfi_escape 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x40, 0x2a, 0x33, 0x24, 0x22
	push %rax
	.cfi_def_cfa %rsp, 16
	call saving
word_2:	pop %rax
	ret
	.cfi_endproc
# Registers in others, at expressions and as values
moving:	.cfi_startproc
	.cfi_register %r12, %rbx
	.cfi_escape 0x10, 13, 2, 0x77, 0
	.cfi_escape 0x16, 14, 3, 0x77, 8, 0x06
	.cfi_val_offset %r15, 16
	.cfi_same_value %rbx
	sub $8, %rsp
	.cfi_def_cfa_offset 16
	call plt
word_4:	add $8, %rsp
	ret
	.cfi_endproc
framed:	.cfi_startproc
	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	call moving
word_6:	leave
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
# A signal's frame, and the first function of all
	.cfi_startproc simple
	.cfi_signal_frame
	.cfi_def_cfa %rsp, 16
	.cfi_offset %rip, -8
	nop
word_9:	mov $15, %rax
	syscall
	.cfi_endproc
first:	.cfi_startproc
	.cfi_undefined %rip
	call framed
word_11:
	hlt
	.cfi_endproc
