# SPDX-License-Identifier: GPL-2.0-only
# Copies that end in all kinds of returns: those with a prefix bear no probe, far ones are none.
	.quad 0, 0x100000, 0x1e0000, 2112
	.quad 256
	.short 0, 0, 0
	.short 0, end - code
	.byte 0, 0x06
	.zero 4
code:	mov %rdx, %rcx
	cmp $256, %rdx
	jae 1f
	rep movsb
	.byte 0xf3, 0xc3
1:	cmp $4096, %rdx
	jae 2f
	rep movsb
	.byte 0xf2, 0xc3
2:	cmp $0x10000, %rdx
	jae 3f
	rep movsb
	ret $8
3:	cmp $0x100000, %rdx
	jae 4f
	rep movsb
	lret $8
4:	rep movsb
	ret
end:
