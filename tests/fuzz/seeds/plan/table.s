# SPDX-License-Identifier: GPL-2.0-only
# Switches by offset and by pointer, a loop that leads back to the entry, overlapping bounds.
	.short one - code, one_end - one, two - code, two_end - one
	.short one - code, two_end - one
	.byte 1, 4
code:
one:	dec %edi
	jne one
	sub $24, %rsp
	movslq (%rdx,%rax,4), %rax
	add %rdx, %rax
	jmp *%rax
one_end:
two:	jmp *0x1000(,%rdi,8)
	lock
	cmpxchg %rcx, (%rdx)
	add $24, %rsp
	jmp *%rcx
	loop two
	xbegin one
	ret
two_end:
