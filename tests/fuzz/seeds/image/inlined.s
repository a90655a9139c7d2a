# SPDX-License-Identifier: GPL-2.0-only
# DWARF of a function "main" into which "memmoev" was inlined, within a lexical block.
	.text
	.globl main
	.type main, @function
main:	nop
	ret
main_end:
	.size main, . - main
	.section .debug_abbrev
	.uleb128 1, 0x11
	.byte 1, 0, 0
	.uleb128 2, 0x2e
	.byte 1, 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0, 0
	.uleb128 3, 0x0b
	.byte 1, 0, 0
	.uleb128 4, 0x1d
	.byte 0, 0x31, 0x13, 0, 0
	.uleb128 5, 0x2e
	.byte 0, 0x03, 0x08, 0x20, 0x0b, 0, 0
	.byte 0
	.section .debug_info
info:	.long info_end - . - 4
	.short 4
	.long 0
	.byte 8
	.uleb128 1
origin:	.uleb128 5
	.asciz "memmoev"
	.byte 1
	.uleb128 2
	.asciz "main"
	.quad main, main_end - main
	.uleb128 3
	.uleb128 4
	.long origin - info
	.byte 0, 0, 0
info_end:
