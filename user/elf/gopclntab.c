// SPDX-License-Identifier: GPL-2.0-only
#include "elf/gopclntab.h"

#include <errno.h>
#include <string.h>

/* runtime.pcHeader's first word; Go changed the layout behind it three times. */
#define MAGIC_1_2  0xfffffffb /* to 1.15 */
#define MAGIC_1_16 0xfffffffa /* and 1.17 */
#define MAGIC_1_18 0xfffffff0 /* and 1.19 */
#define MAGIC_1_20 0xfffffff1 /* and later */

/* Names of generic functions spell out their type arguments, but in no such length. */
#define NAME_MAX_BYTES 8192

/* The table's bytes and where in them its parts are, all inside. */
struct pclntab {
	const uint8_t *bytes;
	size_t byte_count;
	uint64_t vaddr;
	uint32_t magic;
	uint64_t functions;  /* how many it says there are */
	uint64_t names_off;  /* what a function's name is counted from */
	uint64_t index_off;  /* pairs of entry and offset of the function's data, then the end */
	uint64_t data_off;   /* what the second of a pair is counted from */
	uint64_t text_vaddr; /* what the first is counted from */
	size_t word_bytes;   /* of each of a pair */
};

static bool read_number(const struct pclntab *table, uint64_t off, size_t bytes, uint64_t *number)
{
	if (off > table->byte_count || table->byte_count - off < bytes)
		return false;
	*number = 0;
	memcpy(number, table->bytes + off, bytes);
	return true;
}

/* In a PIE the loader writes where the text begins: the addend of a relocation says it here. */
static bool relocated_word(const struct elf_image *image, uint64_t vaddr, uint64_t *word)
{
	/* Sections that overlap must not multiply the file's contents. */
	size_t budget = image->byte_count / sizeof(Elf64_Rela), bytes;
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(image->elf, section))) {
		const uint8_t *at;
		Elf64_Rela relocation;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_RELA ||
		    !(header.sh_flags & SHF_ALLOC))
			continue;
		at = elf_section_view(image, &header, &bytes);
		for (; at && bytes >= sizeof(relocation) && budget; budget--) {
			memcpy(&relocation, at, sizeof(relocation));
			at += sizeof(relocation);
			bytes -= sizeof(relocation);
			if (relocation.r_offset != vaddr ||
			    GELF_R_TYPE(relocation.r_info) != R_X86_64_RELATIVE)
				continue;
			*word = (uint64_t)relocation.r_addend;
			return true;
		}
	}
	return false;
}

/* The address of .text, from which a table counts that does not state it (Go 1.26). */
static bool text_section(const struct elf_image *image, uint64_t *vaddr)
{
	GElf_Shdr header;

	if (!elf_named_section(image, ".text", &header))
		return false;
	*vaddr = header.sh_addr;
	return true;
}

/* The three layouts of runtime.pcHeader; false where the bytes are none of them. */
static bool read_header(const struct elf_image *image, struct pclntab *table)
{
	uint64_t magic, sizes;

	/* Magic, two zeroes, the instructions' granularity and the size of a pointer. */
	if (!read_number(table, 0, 4, &magic) || !read_number(table, 4, 4, &sizes) ||
	    sizes != 0x08010000 || !read_number(table, 8, 8, &table->functions))
		return false;
	table->magic = (uint32_t)magic;
	switch (magic) {
	case MAGIC_1_2:
		table->word_bytes = 8;
		table->index_off = 16;
		return true;
	case MAGIC_1_16:
		table->word_bytes = 8;
		if (!read_number(table, 24, 8, &table->names_off) ||
		    !read_number(table, 56, 8, &table->index_off))
			return false;
		table->data_off = table->index_off;
		return true;
	case MAGIC_1_18:
	case MAGIC_1_20:
		table->word_bytes = 4;
		if (!read_number(table, 24, 8, &table->text_vaddr) ||
		    !read_number(table, 32, 8, &table->names_off) ||
		    !read_number(table, 64, 8, &table->index_off))
			return false;
		table->data_off = table->index_off;
		return table->text_vaddr ||
		       relocated_word(image, table->vaddr + 24, &table->text_vaddr) ||
		       text_section(image, &table->text_vaddr);
	default:
		return false;
	}
}

static bool find_table(const struct elf_image *image, struct pclntab *table)
{
	GElf_Shdr header;
	const Elf_Data *data = elf_named_section(image, ".gopclntab", &header);

	/* In a PIE. */
	if (!data)
		data = elf_named_section(image, ".data.rel.ro.gopclntab", &header);
	if (!data)
		return false;
	table->bytes = data->d_buf;
	table->byte_count = data->d_size;
	table->vaddr = header.sh_addr;
	return read_header(image, table);
}

/* The name of the function whose data lies there; NULL where there is none inside the table. */
static const char *name_at(const struct pclntab *table, uint64_t data_off)
{
	/* runtime._func: the entry, then the name. */
	uint64_t off, name_off;
	size_t left;

	if (__builtin_add_overflow(table->data_off, data_off, &off) ||
	    __builtin_add_overflow(off, table->word_bytes, &off) ||
	    !read_number(table, off, 4, &name_off) ||
	    __builtin_add_overflow(table->names_off, name_off, &off) || off >= table->byte_count)
		return NULL;
	left = table->byte_count - off;
	if (left > NAME_MAX_BYTES)
		left = NAME_MAX_BYTES;
	if (!table->bytes[off] || !memchr(table->bytes + off, '\0', left))
		return NULL;
	return (const char *)table->bytes + off;
}

int elf_read_go_functions(const struct elf_image *image, elf_symbols *functions)
{
	struct pclntab table = {0};
	uint64_t entry, data_off, next, last = 0;

	if (!find_table(image, &table))
		return 0;
	for (uint64_t i = 0; i < table.functions; i++) {
		/* Each round reads on within the bytes, so a count of any size comes to an end. */
		uint64_t off = table.index_off + i * 2 * table.word_bytes;
		struct elf_symbol function = {0};

		if (!read_number(&table, off, table.word_bytes, &entry) ||
		    !read_number(&table, off + table.word_bytes, table.word_bytes, &data_off) ||
		    !read_number(&table, off + 2 * table.word_bytes, table.word_bytes, &next))
			break;
		/* They are in order; a PIE of Go 1.17 and older has zeroes here. */
		function.name = next > entry && entry >= last ? name_at(&table, data_off) : NULL;
		last = entry;
		function.bytes = next - entry;
		if (!function.name ||
		    __builtin_add_overflow(table.text_vaddr, entry, &function.vaddr))
			continue;
		if (array_push(functions, function))
			return -ENOMEM;
	}
	return 0;
}
