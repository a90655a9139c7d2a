# SPDX-License-Identifier: GPL-2.0-only
# A library with copy routines: one chosen by an IFUNC, one of its own, cold parts, versions.
	.text
	.globl memmove, memcpy, main, tail
	.type memmove, @gnu_indirect_function
memmove:
	lea copy(%rip), %rax
	ret
	.size memmove, . - memmove
	.type memcpy, @function
memcpy:
copy:	.cfi_startproc
	mov %rdi, %rax
	mov %rdx, %rcx
	rep movsb
	ret
	.cfi_endproc
	.size memcpy, . - memcpy
	.type main, @function
main:	call memmove@PLT
	jmp tail@PLT
	.size main, . - main
	.type main.cold, @function
main.cold:
	ud2
	.size main.cold, . - main.cold
	.type local, @function
local:	jmp *elsewhere@GOTPCREL(%rip)
