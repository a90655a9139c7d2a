# SPDX-License-Identifier: GPL-2.0-only
# "zPLR": functions of C++, beside one of C.
	.text
	.zero 0x80
f:	.cfi_startproc
	.cfi_personality 0x9b, handler
	.cfi_lsda 0x1b, data
	ret
	.cfi_endproc
g:	.cfi_startproc
	nop
	ret
	.cfi_endproc
handler:
data:	.long 0
