# SPDX-License-Identifier: GPL-2.0-only
# "zR": functions of C.
	.text
	.zero 0x40
f:	.cfi_startproc
	push %rbp
	.cfi_adjust_cfa_offset 8
	pop %rbp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
g:	.cfi_startproc
	.cfi_signal_frame
	ret
	.cfi_endproc
