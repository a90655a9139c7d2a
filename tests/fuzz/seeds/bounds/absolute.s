# SPDX-License-Identifier: GPL-2.0-only
# Written out by hand: absolute 8-byte addresses, a CIE without 'R', a range that wraps.
	.section .eh_frame, "a", @progbits
cie:	.long cie_end - . - 4, 0
	.byte 1
	.asciz "z"
	.byte 1, 0x78, 16, 0
	.balign 8
cie_end:
	.long 20, . - cie
	.quad 0x1000, 0x20
	.long 20, . - cie
	.quad 0xfffffffffffffff0, 0x20
	.long 0
