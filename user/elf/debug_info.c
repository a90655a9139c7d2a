// SPDX-License-Identifier: GPL-2.0-only
#include "elf/debug_info.h"

#include <dwarf.h>
#include <endian.h>
#include <string.h>

#include "elf/image_internal.h"

/* Of all compressed sections together: a file may say that it has a thousand times its size. */
#define UNPACKED_MOST (512ul << 20)

/*
 * How many bytes libdw would unpack this section to, before anything is asked of it: what it says
 * itself (elfutils 0.188 holds it to that). 0 for one that is not compressed.
 */
static uint64_t unpacked_bytes(const struct elf_image *image, const GElf_Shdr *header)
{
	size_t bytes;
	const uint8_t *packed = elf_section_view(image, header, &bytes);
	Elf64_Chdr says;
	uint64_t size;

	if (packed && (header->sh_flags & SHF_COMPRESSED) && bytes >= sizeof(says)) {
		memcpy(&says, packed, sizeof(says));
		return says.ch_size;
	}
	/* .zdebug_info of Go to 1.18: "ZLIB" and the size, its highest byte first. */
	if (packed && !(header->sh_flags & SHF_ALLOC) && bytes >= 12 &&
	    !memcmp(packed, "ZLIB", 4)) {
		memcpy(&size, packed + 4, sizeof(size));
		return be64toh(size);
	}
	return 0;
}

/* libdw unpacks all sections of DWARF when it opens them, a thousand times their size at most. */
static bool is_too_large(const struct elf_image *image)
{
	Elf_Scn *section = NULL;
	uint64_t left = UNPACKED_MOST;
	GElf_Shdr header;

	while ((section = elf_nextscn(image->elf, section))) {
		uint64_t bytes;

		if (!gelf_getshdr(section, &header))
			continue;
		bytes = unpacked_bytes(image, &header);
		if (bytes > left)
			return true;
		left -= bytes;
	}
	return false;
}

Dwarf *elf_debug_info(const struct elf_image *image)
{
	const struct elf_image *from = image->debug ? image->debug : image;
	struct elf_tables *tables = image->tables;

	if (!tables->dwarf_is_opened && !is_too_large(from))
		tables->dwarf = dwarf_begin_elf(from->elf, DWARF_C_READ, NULL);
	tables->dwarf_is_opened = true;
	return tables->dwarf;
}

/* A unit starts with its length; that of the 64-bit form has 0xffffffff before it. */
uint64_t elf_line_bytes(const struct elf_image *image, Dwarf_Die *unit)
{
	const struct elf_image *from = image->debug ? image->debug : image;
	Dwarf_Attribute attribute;
	const Elf_Data *lines;
	uint32_t length = 0;
	uint64_t long_length = 0;
	GElf_Shdr header;
	Dwarf_Word off;

	if (!dwarf_attr(unit, DW_AT_stmt_list, &attribute) || dwarf_formudata(&attribute, &off))
		return 0;
	/* libdw left it unpacked when it opened it. */
	lines = elf_named_section(from, ".debug_line", &header);
	if (!lines)
		lines = elf_named_section(from, ".zdebug_line", &header);
	if (!lines || off > lines->d_size || lines->d_size - off < 12)
		return 0;
	memcpy(&length, (const uint8_t *)lines->d_buf + off, sizeof(length));
	if (length != UINT32_MAX)
		return length;
	memcpy(&long_length, (const uint8_t *)lines->d_buf + off + 4, sizeof(long_length));
	return long_length;
}
