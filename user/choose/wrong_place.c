// SPDX-License-Identifier: GPL-2.0-only
#include "choose/wrong_place.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the kernel loads a position-independent program for gdb, which turns ASLR off (x86-64). */
#define GDB_BASE_ADDR 0x555555554000UL

static bool is_code(const struct module *module, uint64_t vaddr)
{
	size_t bytes;

	return elf_image_code(module->image, vaddr, &bytes);
}

static bool is_code_at_off(const struct module *module, uint64_t off)
{
	uint64_t vaddr;

	return elf_image_vaddr_of_off(module->image, off, &vaddr) && is_code(module, vaddr);
}

/* An address as nm and objdump show it, or as gdb does. */
static bool off_of_addr(const struct module *module, uint64_t addr, uint64_t *off)
{
	if (is_code(module, addr))
		return elf_image_off_of_vaddr(module->image, addr, off);
	return addr >= GDB_BASE_ADDR && is_code(module, addr - GDB_BASE_ADDR) &&
	       elf_image_off_of_vaddr(module->image, addr - GDB_BASE_ADDR, off);
}

void wrong_place_hint(const struct module *module, const char *text, uint64_t number, char *hint,
		      size_t hint_bytes)
{
	uint64_t off = strtoull(text, NULL, 16);
	/* 1220, copied from where all numbers are hexadecimal. */
	bool is_found = strncmp(text, "0x", 2) != 0 && is_code_at_off(module, off);

	*hint = '\0';
	is_found = is_found || off_of_addr(module, number, &off);
	if (is_found)
		snprintf(hint, hint_bytes, ": did you mean %.80s:+0x%lx?", module->name, off);
}
