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
	uint32_t *outer; /* per symbol: 1 + the last one before it that ends later; 0: none */
	bool is_loaded;
};

/* Go's functions, by address. */
struct go_table {
	elf_symbols functions;
	bool is_loaded;
};

/* .eh_frame_hdr's table of FDEs by address, as it lies in the file. */
struct frame_index {
	const uint8_t *entries;
	size_t count;      /* 0: there is none that can be used */
	uint64_t vaddr;    /* of .eh_frame_hdr: what the entries are relative to */
	uint64_t eh_frame; /* where .eh_frame begins; 0: not told */
	bool is_loaded;
};

/* The code that an FDE is for, and where in its section it stands. */
struct frame_entry {
	uint64_t vaddr;
	uint64_t bytes;
	uint64_t off;
};

/* FDEs by the address of their code. */
struct frame_list {
	ARRAY(struct frame_entry) entries;
	bool is_loaded;
};

/* All FDEs; .eh_frame's are read only where the index does not answer. */
struct frame_table {
	struct frame_index index;
	struct frame_list eh_frame;
	struct frame_list debug_frame;
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
	struct go_table go;
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
	struct elf_image *debug; /* the same program's debug file, owned; NULL: none was taken */
	size_t shares;           /* others that hold it */
};

/* ---- sections (elf/image.c) ---- */

/* A symbol section and its strings, both inside the file. */
struct elf_symbol_section {
	const uint8_t *symbols; /* Elf64_Sym, at any alignment */
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

/*
 * The same without libelf, which copies a section of a known type that is not aligned: those of a
 * file that is made to do harm may be thousands, over the same bytes.
 */
const uint8_t *elf_section_view(const struct elf_image *image, const GElf_Shdr *header,
				size_t *bytes);

/* The bytes and the header of the first section of this name; NULL where there is none. */
Elf_Data *elf_named_section(const struct elf_image *image, const char *name, GElf_Shdr *header);

/* False where the section headers were stripped (sstrip, packers) or cut off. */
bool elf_has_sections(const struct elf_image *image);

/* The next segment of this type from index *at on, which moves past it; false after the last. */
bool elf_next_segment(const struct elf_image *image, GElf_Word type, size_t *at, GElf_Phdr *header);

/* The first segment of this type; false where there is none. */
bool elf_find_segment(const struct elf_image *image, GElf_Word type, GElf_Phdr *header);

/* The file's bytes from vaddr to the end of its PT_LOAD segment; NULL where it holds none. */
const uint8_t *elf_bytes_at(const struct elf_image *image, uint64_t vaddr, size_t *bytes);

/* ---- debug files (elf/debug_file.c) ---- */

/* elf_image_take_debug() without the question whether it is of the same build. */
int elf_join_debug(struct elf_image *image, struct elf_image *debug);

/* ---- what the loader is told (elf/dynamic.c) ---- */

/* A program, position-independent or not, and no library. */
bool elf_is_program(const struct elf_image *image);

/* The rest is for files without section headers. */

/* .dynsym and .dynstr by PT_DYNAMIC; false where they are not there. */
bool elf_dynamic_symbols(const struct elf_image *image, struct elf_symbol_section *section);

/* Elf64_Rela entries inside the file, not necessarily aligned. */
struct elf_relocations {
	const uint8_t *bytes;
	size_t count;
};

/* DT_RELA's, then DT_JMPREL's; empty ones where there are none. */
void elf_dynamic_relocations(const struct elf_image *image, struct elf_relocations found[2]);

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

/* ---- frames (elf/frames.c, elf/frame_index.c) ---- */

/* The index, read and checked at the first call. */
const struct frame_index *elf_frame_index(const struct elf_image *image);

/* The last entry at or before vaddr: where its function starts, and its FDE's own address. */
bool elf_frame_index_find(const struct frame_index *index, uint64_t vaddr, uint64_t *start,
			  uint64_t *fde_vaddr);

/* The FDE that covers vaddr; -ENOENT where there is none, -ENOMEM. */
int elf_frame_bounds(const struct elf_image *image, uint64_t vaddr, struct elf_range *range);

#endif
