# SPDX-License-Identifier: GPL-2.0-only
# Go's table of functions in the layout of Go 1.20: stripped, the only names that are there.
	.text
start:	.zero 64
memmove:
	.zero 64
main:	.zero 64
end:
	.section .gopclntab, "aw"
table:	.long 0xfffffff1
	.byte 0, 0, 1, 8
	.quad 2			# functions
	.quad 0			# files
	.quad start		# by a relocation of the loader's
	.quad names - table
	.quad 0, 0, 0		# units, files, values by place
	.quad index - table
names:	.asciz "runtime.memmove"
second:	.asciz "main.main"
	.balign 4
index:	.long memmove - start, first_data - index
	.long main - start, second_data - index
	.long end - start
first_data:
	.long memmove - start, 0
second_data:
	.long main - start, second - names
