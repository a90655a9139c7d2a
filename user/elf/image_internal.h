/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of user/elf/ share: the image and the tables that are read from it when they are
 * first asked for. Nothing in the file is trusted: every offset and count from it is checked
 * against what the file really holds.
 */
#ifndef ELF_IMAGE_INTERNAL_H
#define ELF_IMAGE_INTERNAL_H

#include <gelf.h>
#include <elfutils/libdw.h>

#include "elf/image.h"

struct elf_segment {
	uint64_t vaddr;
	uint64_t off;
	uint64_t bytes; /* those that the file really holds: neither .bss nor a cut-off tail */
	bool is_code;
};

/* Function symbols, by address; of one address the best name first. */
struct symbol_table {
	elf_symbols symbols;
	ARRAY(char *) own_names; /* names that had to be cut at their '@' */
	uint64_t *reach;         /* per block of symbols: the largest end up to its last one */
	bool is_loaded;
};

/* Code ranges of .eh_frame's FDEs, by address. */
struct frame_table {
	elf_ranges ranges;
	bool is_loaded;
};

/* A pointer that the loader fills in. */
struct elf_slot {
	uint64_t vaddr;
	uint64_t resolver_vaddr; /* of an IRELATIVE relocation; else 0 */
	const char *symbol;      /* of a JUMP_SLOT or GLOB_DAT relocation; else NULL */
};

/* Slots by address. */
struct slot_table {
	ARRAY(struct elf_slot) slots;
	bool is_loaded;
};

/* Loaded on demand, therefore behind a pointer: asking does not change the image's facts. */
struct elf_tables {
	struct symbol_table symbols;
	struct frame_table frames;
	struct slot_table slots;
	Dwarf *dwarf;
	bool dwarf_is_opened;
};

struct elf_image {
	Elf *elf;
	const uint8_t *bytes; /* the whole file */
	size_t byte_count;
	ARRAY(struct elf_segment) segments;
	struct elf_tables *tables;
};

/* ---- sections (elf/image.c) ---- */

/* A symbol section and its strings, both inside the file. */
struct elf_symbol_section {
	Elf_Data *symbols;
	size_t count;
	const char *names;
	size_t name_bytes; /* up to and with the last NUL: a name that starts before it ends */
};

/* False where section `index` is no symbol table, or its bytes or its strings are not there. */
bool elf_symbol_section(const struct elf_image *image, size_t index,
			struct elf_symbol_section *section);

/* Symbol `index` and its name; false where the section holds no such symbol or name. */
bool elf_section_symbol(const struct elf_symbol_section *section, size_t index, GElf_Sym *symbol,
			const char **name);

/* The section's bytes; NULL where it has none in the file. */
Elf_Data *elf_section_bytes(Elf_Scn *section);

/* ---- tables by address (elf/image.c) ---- */

/* For qsort() of items whose first member is their uint64_t vaddr. */
int elf_compare_vaddrs(const void *left, const void *right);

/*
 * How many items have a vaddr of at most this one, in an array that is sorted by it. vaddr_at:
 * where in an item its uint64_t vaddr stands.
 */
size_t elf_count_upto(const void *items, size_t count, size_t item_bytes, size_t vaddr_at,
		      uint64_t vaddr);
#define ELF_COUNT_UPTO(array, vaddr_)                                                              \
	elf_count_upto((array)->items, (array)->count, sizeof(*(array)->items),                    \
		       offsetof(__typeof__(*(array)->items), vaddr), (vaddr_))

/* start <= place < start + bytes, where the sum may not fit into 64 bits. */
static inline bool elf_covers(uint64_t start, uint64_t bytes, uint64_t place)
{
	return place >= start && place - start < bytes;
}

/* ---- symbols (elf/symbols.c) ---- */

/* Fills the image's symbol table, once; 0 or -ENOMEM. A file without symbols has an empty one. */
int elf_load_symbols(const struct elf_image *image);
void elf_release_symbols(struct symbol_table *table);

/* ---- frames (elf/frames.c) ---- */

/* The FDE that covers vaddr; -ENOENT where there is none, -ENOMEM. */
int elf_frame_bounds(const struct elf_image *image, uint64_t vaddr, struct elf_range *range);

#endif
