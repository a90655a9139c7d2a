// SPDX-License-Identifier: GPL-2.0-only
/*
 * Function bounds from .eh_frame, for code without symbols. libdw's own answer to "which frame is
 * at this address" (dwarf_cfi_addrframe, dwarf_frame_info) is one row of the unwind table, a
 * stretch without a push or pop, not the function: so the FDEs' headers are decoded here.
 */
#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/image_internal.h"

/* .eh_frame, and how the CIE that was looked at last encodes its FDEs' addresses. */
struct frame_reader {
	Elf_Data data;
	uint64_t vaddr; /* where the section is linked to */
	uint8_t ident[EI_NIDENT];
	Dwarf_Off cie_off;
	int encoding; /* DW_EH_PE_*, -1: not understood, or no CIE was looked at yet */
};

/* The width of a pointer of this DW_EH_PE_* format; 0 for the LEB128 ones, which nobody emits. */
static size_t encoded_bytes(uint8_t encoding)
{
	switch (encoding & 0x0f) {
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		return 2;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		return 4;
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return 8;
	}
	return 0;
}

/*
 * How a CIE encodes its FDEs' addresses: "zR", and "zPLR" for C++ (personality, LSDA, FDE), each
 * letter with its bytes in the augmentation data, in that order. -1: not understood.
 */
static int cie_encoding(const Dwarf_CIE *cie)
{
	const uint8_t *data = cie->augmentation_data;
	size_t left = cie->augmentation_data_size;

	if (!cie->augmentation || cie->augmentation[0] != 'z' || !data)
		return -1;
	for (const char *letter = cie->augmentation + 1; *letter; letter++) {
		size_t used = 1;

		if (*letter == 'S' || *letter == 'B')
			continue;
		if (!left)
			return -1;
		if (*letter == 'R')
			return *data;
		if (*letter == 'P' && encoded_bytes(*data))
			used += encoded_bytes(*data);
		else if (*letter != 'L')
			return -1;
		if (used > left)
			return -1;
		data += used;
		left -= used;
	}
	return DW_EH_PE_absptr;
}

static int encoding_at(struct frame_reader *reader, Dwarf_Off cie_off)
{
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;

	if (cie_off == reader->cie_off)
		return reader->encoding;
	reader->cie_off = cie_off;
	reader->encoding = -1;
	if (cie_off < reader->data.d_size &&
	    dwarf_next_cfi(reader->ident, &reader->data, true, cie_off, &next, &entry) == 0 &&
	    dwarf_cfi_cie_p(&entry))
		reader->encoding = cie_encoding(&entry.cie);
	return reader->encoding;
}

/* Reads one pointer's bits, sign-extended where the format says so. */
static uint64_t read_encoded(const uint8_t *bytes, uint8_t encoding)
{
	uint64_t value = 0;

	memcpy(&value, bytes, encoded_bytes(encoding));
	switch (encoding & 0x0f) {
	case DW_EH_PE_sdata2:
		return (uint64_t)(int16_t)value;
	case DW_EH_PE_sdata4:
		return (uint64_t)(int32_t)value;
	}
	return value;
}

/* The FDE's [initial location, + address range); false where it is not understood or empty. */
static bool fde_range(struct frame_reader *reader, const Dwarf_FDE *fde, struct elf_range *range)
{
	int encoding = encoding_at(reader, fde->CIE_pointer);
	uint64_t place = reader->vaddr + (uint64_t)(fde->start - (uint8_t *)reader->data.d_buf);
	size_t width;

	if (encoding < 0)
		return false;
	width = encoded_bytes((uint8_t)encoding);
	if (!width || fde->end < fde->start || (size_t)(fde->end - fde->start) < 2 * width)
		return false;
	range->vaddr = read_encoded(fde->start, (uint8_t)encoding);
	if ((encoding & 0xf0) == DW_EH_PE_pcrel)
		range->vaddr += place;
	else if (encoding & 0xf0)
		return false;
	/* The range's length has the width of an address, but is never relative nor negative. */
	range->bytes = 0;
	memcpy(&range->bytes, fde->start + width, width);
	return range->bytes && range->bytes <= UINT64_MAX - range->vaddr;
}

/* By its section, or else by .eh_frame_hdr: then it ends with its segment at the latest. */
static bool find_eh_frame(const struct elf_image *image, bool by_index, struct frame_reader *reader)
{
	GElf_Shdr header;
	const Elf_Data *section = by_index ? NULL : elf_named_section(image, ".eh_frame", &header);
	size_t bytes;

	memset(reader, 0, sizeof(*reader));
	memcpy(reader->ident, image->bytes, EI_NIDENT);
	reader->cie_off = UINT64_MAX;
	reader->encoding = -1;
	if (section) {
		reader->data = *section;
		reader->vaddr = header.sh_addr;
		return true;
	}
	reader->vaddr = elf_frame_index(image)->eh_frame;
	/* libdw takes a writable pointer and does not write. */
	reader->data.d_buf = (void *)elf_bytes_at(image, reader->vaddr, &bytes);
	reader->data.d_size = bytes;
	return reader->vaddr && reader->data.d_buf;
}

static int read_frames(struct frame_reader *reader, elf_ranges *ranges)
{
	Dwarf_Off off = 0, next;
	Dwarf_CFI_Entry entry;
	struct elf_range range;
	int status;

	for (; off < reader->data.d_size; off = next) {
		next = off;
		status = dwarf_next_cfi(reader->ident, &reader->data, true, off, &next, &entry);
		/* An entry that is not understood is passed over where its length is known. */
		if (status > 0 || next <= off)
			break;
		if (status < 0 || dwarf_cfi_cie_p(&entry))
			continue;
		if (fde_range(reader, &entry.fde, &range) && array_push(ranges, range))
			return -ENOMEM;
	}
	return 0;
}

static int load_frames(const struct elf_image *image)
{
	struct frame_table *table = &image->tables->frames;
	struct frame_reader reader;
	int status = 0;

	if (table->is_loaded)
		return 0;
	if (find_eh_frame(image, false, &reader))
		status = read_frames(&reader, &table->ranges);
	if (status) {
		array_release(&table->ranges);
		return status;
	}
	if (table->ranges.count)
		qsort(table->ranges.items, table->ranges.count, sizeof(*table->ranges.items),
		      elf_compare_vaddrs);
	table->is_loaded = true;
	return 0;
}

/* Of the frames that were all read. */
static int find_among_all(const struct elf_image *image, uint64_t vaddr, struct elf_range *range)
{
	const elf_ranges *ranges = &image->tables->frames.ranges;
	int status = load_frames(image);
	size_t before;

	if (status)
		return status;
	before = ELF_COUNT_UPTO(ranges, vaddr);
	if (!before)
		return -ENOENT;
	*range = ranges->items[before - 1];
	return elf_covers(range->vaddr, range->bytes, vaddr) ? 0 : -ENOENT;
}

/* False where the index can't be believed: its entry and the FDE itself say different things. */
static bool find_by_index(const struct elf_image *image, uint64_t vaddr, struct elf_range *range)
{
	const struct frame_index *index = elf_frame_index(image);
	struct frame_reader reader;
	uint64_t start, fde_vaddr;
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;

	if (!index->count || !find_eh_frame(image, true, &reader))
		return false;
	memset(range, 0, sizeof(*range));
	/* Before the first function. */
	if (!elf_frame_index_find(index, vaddr, &start, &fde_vaddr))
		return true;
	if (!elf_covers(reader.vaddr, reader.data.d_size, fde_vaddr) ||
	    dwarf_next_cfi(reader.ident, &reader.data, true, fde_vaddr - reader.vaddr, &next,
			   &entry) != 0)
		return false;
	return !dwarf_cfi_cie_p(&entry) && fde_range(&reader, &entry.fde, range) &&
	       range->vaddr == start;
}

int elf_frame_bounds(const struct elf_image *image, uint64_t vaddr, struct elf_range *range)
{
	if (!find_by_index(image, vaddr, range))
		return find_among_all(image, vaddr, range);
	return elf_covers(range->vaddr, range->bytes, vaddr) ? 0 : -ENOENT;
}
