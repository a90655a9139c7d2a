// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/image_internal.h"

/* ---- the slots that the loader fills ---- */

static int add_slot(const struct elf_symbol_section *symbols, const GElf_Rela *relocation,
		    struct slot_table *table)
{
	struct elf_slot slot = {.vaddr = relocation->r_offset};
	GElf_Sym symbol;

	switch (GELF_R_TYPE(relocation->r_info)) {
	case R_X86_64_IRELATIVE:
		slot.resolver_vaddr = (uint64_t)relocation->r_addend;
		break;
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_GLOB_DAT:
		if (!elf_section_symbol(symbols, GELF_R_SYM(relocation->r_info), &symbol,
					&slot.symbol))
			return 0;
		break;
	default:
		return 0;
	}
	return array_push(&table->slots, slot);
}

/* budget: how many relocations may still be read of this file. */
static int add_slots(const struct elf_symbol_section *symbols, const struct elf_relocations *from,
		     struct slot_table *table, size_t *budget)
{
	size_t count = from->count < *budget ? from->count : *budget;
	GElf_Rela relocation;

	*budget -= count;
	for (size_t i = 0; i < count; i++) {
		memcpy(&relocation, from->bytes + i * sizeof(relocation), sizeof(relocation));
		if (add_slot(symbols, &relocation, table))
			return -ENOMEM;
	}
	return 0;
}

static int read_section(const struct elf_image *image, const GElf_Shdr *header,
			struct slot_table *table, size_t *budget)
{
	struct elf_symbol_section symbols = {0};
	struct elf_relocations relocations;
	size_t bytes = 0;

	relocations.bytes = elf_section_view(image, header, &bytes);
	if (!relocations.bytes)
		return 0;
	/* A static program's .rela.plt has no symbols, and needs none. */
	elf_symbol_section(image, header->sh_link, &symbols);
	relocations.count = bytes / sizeof(Elf64_Rela);
	return add_slots(&symbols, &relocations, table, budget);
}

static int read_sections(const struct elf_image *image, struct slot_table *table, size_t *budget)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(image->elf, section))) {
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_RELA)
			continue;
		/* What ld --emit-relocs keeps of the linking is not for the loader. */
		if (!(header.sh_flags & SHF_ALLOC))
			continue;
		if (read_section(image, &header, table, budget))
			return -ENOMEM;
	}
	return 0;
}

static int read_dynamic(const struct elf_image *image, struct slot_table *table, size_t *budget)
{
	struct elf_symbol_section symbols = {0};
	struct elf_relocations relocations[2];
	int status;

	elf_dynamic_symbols(image, &symbols);
	elf_dynamic_relocations(image, relocations);
	status = add_slots(&symbols, &relocations[0], table, budget);
	return status ? status : add_slots(&symbols, &relocations[1], table, budget);
}

static int read_slots(const struct elf_image *image, struct slot_table *table)
{
	/* Sections that overlap, in a file made to do harm, must not multiply its contents. */
	size_t budget = image->byte_count / sizeof(Elf64_Rela);
	int status = elf_has_sections(image) ? read_sections(image, table, &budget)
					     : read_dynamic(image, table, &budget);

	if (!status && table->slots.count)
		qsort(table->slots.items, table->slots.count, sizeof(*table->slots.items),
		      elf_compare_vaddrs);
	return status;
}

static int load_slots(const struct elf_image *image)
{
	struct slot_table *table = &image->tables->slots;
	int status;

	if (table->is_loaded)
		return 0;
	status = read_slots(image, table);
	if (status)
		array_release(&table->slots);
	table->is_loaded = !status;
	return status;
}

const char *elf_slot_symbol(const struct elf_image *image, uint64_t slot_vaddr)
{
	const struct slot_table *table = &image->tables->slots;
	size_t upto;

	if (load_slots(image))
		return NULL;
	upto = ELF_COUNT_UPTO(&table->slots, slot_vaddr);
	if (!upto || table->slots.items[upto - 1].vaddr != slot_vaddr)
		return NULL;
	return table->slots.items[upto - 1].symbol;
}

/* glibc 2.36 has 29 in a static program, 70 in libc.so. */
#define IFUNC_SLOTS_MOST 256

int elf_find_ifunc_slots(const struct elf_image *image, elf_addresses *slots)
{
	const struct elf_slot *slot;
	int status = load_slots(image);

	array_each (slot, &image->tables->slots.slots) {
		if (status || slots->count == IFUNC_SLOTS_MOST)
			break;
		if (slot->resolver_vaddr)
			status = array_push(slots, slot->vaddr);
	}
	return status;
}

/* ---- doors ---- */

#define GO_MEMMOVE "runtime.memmove"

/*
 * The slot that the loader fills with what this IFUNC resolves to; NULL where there is none. The
 * IRELATIVE one, where there is one: it can resolve to nothing else. One that goes by name may be
 * filled from another file that defines it too, and only at its first call.
 */
static const struct elf_slot *slot_of_ifunc(const struct elf_image *image,
					    const struct elf_symbol *ifunc)
{
	const struct elf_slot *slot, *by_name = NULL;

	array_each (slot, &image->tables->slots.slots) {
		if (!slot->symbol && slot->resolver_vaddr == ifunc->vaddr)
			return slot;
		if (!by_name && slot->symbol && strcmp(slot->symbol, ifunc->name) == 0)
			by_name = slot;
	}
	return by_name;
}

static int add_door(const struct elf_image *image, const struct elf_symbol *routine,
		    elf_copy_doors *doors, size_t first)
{
	struct elf_copy_door door = {
		.name = routine->name,
		.vaddr = routine->vaddr,
		.direct = !routine->is_ifunc,
		.is_go = strcmp(routine->name, GO_MEMMOVE) == 0,
	};
	const struct elf_slot *slot;

	if (routine->is_ifunc) {
		slot = slot_of_ifunc(image, routine);
		if (!slot)
			return 0;
		door.vaddr = slot->vaddr;
	}
	/* Only among this file's: the same address in another file is another place. */
	for (size_t i = first; i < doors->count; i++) {
		if (doors->items[i].vaddr == door.vaddr)
			return 0;
	}
	return array_push(doors, door);
}

/*
 * Each IFUNC is looked for among all slots. More routines than this are in no file but one that
 * is made to take long.
 */
#define ROUTINES_MOST 64

/*
 * In the order in which an address takes its name. Not bcopy: it swaps its arguments and goes
 * through memmove, in glibc and musl alike.
 */
static const char *const routine_names[] = {
	"memmove",       "memcpy",   "mempcpy",   "__memmove_chk", "__memcpy_chk",
	"__mempcpy_chk", "__memcpy", "__mempcpy", GO_MEMMOVE,
};
#define ROUTINE_NAMES (sizeof(routine_names) / sizeof(routine_names[0]))

static bool is_routine(const char *name)
{
	/* Of 500,000 names, few go on to be compared. */
	if (*name != '_' && *name != 'm' && *name != *GO_MEMMOVE)
		return false;
	for (size_t i = 0; i < ROUTINE_NAMES; i++) {
		if (strcmp(name, routine_names[i]) == 0)
			return true;
	}
	return false;
}

/* All of the names in one pass: a browser's 500,000 symbols take 5 ms to walk. */
static int find_routines(const struct elf_image *image, elf_symbols *routines)
{
	const struct elf_symbol *symbol;
	bool is_program = elf_is_program(image);
	int status = elf_load_symbols(image);

	array_each (symbol, &image->tables->symbols.symbols) {
		if (status)
			break;
		if (is_routine(symbol->name) && (is_program || !symbol->from_debug))
			status = array_push(routines, *symbol);
	}
	return status;
}

static int add_doors(const struct elf_image *image, const elf_symbols *routines,
		     elf_copy_doors *doors)
{
	const struct elf_symbol *routine;
	size_t first = doors->count, left = ROUTINES_MOST;
	int status = 0;

	for (size_t i = 0; i < ROUTINE_NAMES; i++) {
		array_each (routine, routines) {
			if (status || !left)
				return status;
			if (strcmp(routine->name, routine_names[i]) != 0)
				continue;
			status = add_door(image, routine, doors, first);
			left--;
		}
	}
	return status;
}

int elf_find_copy_doors(const struct elf_image *image, elf_copy_doors *doors)
{
	elf_symbols routines = {0};
	int status = load_slots(image);

	if (!status)
		status = find_routines(image, &routines);
	if (!status)
		status = add_doors(image, &routines, doors);
	array_release(&routines);
	return status;
}
