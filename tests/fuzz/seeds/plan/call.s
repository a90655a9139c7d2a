# SPDX-License-Identifier: GPL-2.0-only
# A function with a frame, an early return, a .cold part and a tail jump. The layout comes first:
# offset and bytes of three functions, which have symbols, whose bounds are not known.
	.short first - code, first_end - first, cold - code, cold_end - cold
	.short third - code, third_end - third
	.byte 5, 0
code:
first:	endbr64
	push %rbp
	mov %rsp, %rbp
	test %rdi, %rdi
	je cold
	cmp $3, %esi
	ja 1f
	notrack jmp *%rax
1:	pop %rbp
	jmp third
first_end:
cold:	call third
	pop %rbp
	ret
cold_end:
	nopw 0x0(%rax,%rax,1)
third:	bnd jmp *0x100(%rip)
	pop %rax
	rep movsb
	ret $8
third_end:
