# SPDX-License-Identifier: GPL-2.0-only
# DWARF with lines, and a function that was inlined into the innermost one.
	.file 1 "made.c"
	.text
	.globl here, word_0
	.type host, @function
host:	.cfi_startproc
	.loc 1 10 1
	nop
inlined:
	.loc 1 3 2
here:	nop
	nop
inlined_end:
	.loc 1 12 1
	ret
	.cfi_endproc
host_end:
	.size host, . - host
caller:	.cfi_startproc
	.loc 1 20 1
	call host
word_0:	ret
	.cfi_endproc
text_end:
	.section .debug_abbrev, "", @progbits
	.uleb128 1, 0x11		# a unit: language, lines, low_pc, high_pc
	.byte 1, 0x13, 0x0b, 0x10, 0x17, 0x11, 0x01, 0x12, 0x07, 0, 0
	.uleb128 2, 0x2e		# a function
	.byte 1, 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0, 0
	.uleb128 3, 0x1d		# inlined: origin, low_pc, high_pc, file and line of the call
	.byte 0, 0x31, 0x13, 0x11, 0x01, 0x12, 0x07, 0x58, 0x0b, 0x59, 0x0b, 0, 0
	.uleb128 4, 0x2e		# what it is an instance of
	.byte 0, 0x03, 0x08, 0x20, 0x0b, 0, 0
	.byte 0
	.section .debug_info, "", @progbits
info:	.long info_end - . - 4
	.short 4
	.long 0
	.byte 8
	.uleb128 1
	.byte 12
	.long 0
	.quad host, text_end - host
origin:	.uleb128 4
	.asciz "inlined_there"
	.byte 1
	.uleb128 2
	.asciz "host"
	.quad host, host_end - host
	.uleb128 3
	.long origin - info
	.quad inlined, inlined_end - inlined
	.byte 1, 11
	.byte 0
	.byte 0
info_end:
