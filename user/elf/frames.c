// SPDX-License-Identifier: GPL-2.0-only
/*
 * Function bounds from .eh_frame, for code without symbols, and the call frame instructions for
 * it. libdw's own answer to "which frame is at this address" (dwarf_cfi_addrframe,
 * dwarf_frame_info) is one row of the unwind table, a stretch without a push or pop, not the
 * function: so the FDEs' headers are decoded here.
 */
#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/debug_info.h"
#include "elf/image_internal.h"
#include "elf/unwind.h"

/* A section of frames, and the CIE that was looked at last. */
struct frame_reader {
	Elf_Data data;
	uint64_t vaddr; /* where the section is linked to */
	bool is_debug;  /* .debug_frame: nothing in it is encoded */
	uint8_t ident[EI_NIDENT];
	Dwarf_Off cie_off;
	Dwarf_CIE cie;
	int encoding; /* of its FDEs' addresses, DW_EH_PE_*; -1: not understood */
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

/* 0: read; < 0: passed over, for its length is known; > 0: nothing can be read from here on. */
static int read_entry(struct frame_reader *reader, Dwarf_Off off, Dwarf_Off *next,
		      Dwarf_CFI_Entry *entry)
{
	int status;

	*next = off;
	if (off >= reader->data.d_size)
		return 1;
	status = dwarf_next_cfi(reader->ident, &reader->data, !reader->is_debug, off, next, entry);
	return *next > off ? status : 1;
}

static int encoding_at(struct frame_reader *reader, Dwarf_Off cie_off)
{
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;

	if (cie_off == reader->cie_off)
		return reader->encoding;
	reader->cie_off = cie_off;
	reader->encoding = -1;
	if (read_entry(reader, cie_off, &next, &entry) || !dwarf_cfi_cie_p(&entry))
		return -1;
	reader->cie = entry.cie;
	if (!reader->is_debug)
		reader->encoding = cie_encoding(&entry.cie);
	else if (entry.cie.augmentation && !*entry.cie.augmentation)
		reader->encoding = DW_EH_PE_absptr;
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

static void start_reader(struct frame_reader *reader, const struct elf_image *image)
{
	memset(reader, 0, sizeof(*reader));
	memcpy(reader->ident, image->bytes, EI_NIDENT);
	reader->cie_off = UINT64_MAX;
	reader->encoding = -1;
}

/* By its section, or else by .eh_frame_hdr: then it ends with its segment at the latest. */
static bool find_eh_frame(const struct elf_image *image, bool by_index, struct frame_reader *reader)
{
	GElf_Shdr header;
	const Elf_Data *section = by_index ? NULL : elf_named_section(image, ".eh_frame", &header);
	size_t bytes;

	start_reader(reader, image);
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

static bool find_debug_frame(const struct elf_image *image, struct frame_reader *reader)
{
	const struct elf_image *from = image->debug ? image->debug : image;
	const Elf_Data *section;
	GElf_Shdr header;

	section = elf_named_section(from, ".debug_frame", &header);
	/* libdw unpacks it: Go's is compressed. */
	if (section && elf_debug_info(image))
		section = elf_named_section(from, ".debug_frame", &header);
	if (!section || (header.sh_flags & SHF_COMPRESSED))
		return false;
	start_reader(reader, from);
	reader->data = *section;
	reader->is_debug = true;
	return true;
}

static int read_frames(struct frame_reader *reader, struct frame_list *list)
{
	Dwarf_Off off = 0, next;
	Dwarf_CFI_Entry entry;
	struct elf_range range;
	int status;

	for (; (status = read_entry(reader, off, &next, &entry)) <= 0; off = next) {
		struct frame_entry frame = {.off = off};

		if (status < 0 || dwarf_cfi_cie_p(&entry) || !fde_range(reader, &entry.fde, &range))
			continue;
		frame.vaddr = range.vaddr;
		frame.bytes = range.bytes;
		if (array_push(&list->entries, frame))
			return -ENOMEM;
	}
	return 0;
}

static int load_frames(struct frame_reader *reader, struct frame_list *list)
{
	int status;

	if (list->is_loaded)
		return 0;
	status = read_frames(reader, list);
	if (status) {
		array_release(&list->entries);
		return status;
	}
	if (list->entries.count)
		qsort(list->entries.items, list->entries.count, sizeof(*list->entries.items),
		      elf_compare_vaddrs);
	list->is_loaded = true;
	return 0;
}

/* Of the frames that were all read. */
static int find_among_all(struct frame_reader *reader, struct frame_list *list, uint64_t vaddr,
			  struct frame_entry *frame)
{
	int status = load_frames(reader, list);
	size_t before;

	if (status)
		return status;
	before = ELF_COUNT_UPTO(&list->entries, vaddr);
	if (!before)
		return -ENOENT;
	*frame = list->entries.items[before - 1];
	return elf_covers(frame->vaddr, frame->bytes, vaddr) ? 0 : -ENOENT;
}

/* False where the index can't be believed: its entry and the FDE itself say different things. */
static bool find_by_index(const struct elf_image *image, uint64_t vaddr,
			  struct frame_reader *reader, struct frame_entry *frame)
{
	const struct frame_index *index = elf_frame_index(image);
	struct elf_range range;
	uint64_t start, fde_vaddr;
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;

	if (!index->count || !find_eh_frame(image, true, reader))
		return false;
	memset(frame, 0, sizeof(*frame));
	/* Before the first function. */
	if (!elf_frame_index_find(index, vaddr, &start, &fde_vaddr))
		return true;
	if (!elf_covers(reader->vaddr, reader->data.d_size, fde_vaddr))
		return false;
	frame->off = fde_vaddr - reader->vaddr;
	if (read_entry(reader, frame->off, &next, &entry) || dwarf_cfi_cie_p(&entry) ||
	    !fde_range(reader, &entry.fde, &range) || range.vaddr != start)
		return false;
	frame->vaddr = range.vaddr;
	frame->bytes = range.bytes;
	return true;
}

/* Of .eh_frame; the reader is left on the section. */
static int find_frame(const struct elf_image *image, uint64_t vaddr, struct frame_reader *reader,
		      struct frame_entry *frame)
{
	if (find_by_index(image, vaddr, reader, frame))
		return elf_covers(frame->vaddr, frame->bytes, vaddr) ? 0 : -ENOENT;
	if (!find_eh_frame(image, false, reader))
		return -ENOENT;
	return find_among_all(reader, &image->tables->frames.eh_frame, vaddr, frame);
}

int elf_frame_bounds(const struct elf_image *image, uint64_t vaddr, struct elf_range *range)
{
	struct frame_reader reader;
	struct frame_entry frame;
	int status = find_frame(image, vaddr, &reader, &frame);

	if (!status)
		*range = (struct elf_range){frame.vaddr, frame.bytes};
	return status;
}

/* ---- call frame instructions ---- */

/* Behind the address and the length of the code, and what the augmentation adds in a C++ file. */
static bool own_instructions(struct frame_reader *reader, const Dwarf_FDE *fde,
			     struct elf_unwind *unwind)
{
	size_t width = encoded_bytes((uint8_t)encoding_at(reader, fde->CIE_pointer));
	const uint8_t *at = fde->start + 2 * width;
	uint64_t more = 0;
	uint8_t byte;

	if (reader->cie.augmentation[0] == 'z') {
		unsigned shift = 0;

		do {
			if (at >= fde->end || shift > 56)
				return false;
			byte = *at++;
			more |= (uint64_t)(byte & 0x7f) << shift;
			shift += 7;
		} while (byte & 0x80);
		if (more > (size_t)(fde->end - at))
			return false;
	}
	unwind->own = at + more;
	unwind->own_end = fde->end;
	return true;
}

static int read_unwind(struct frame_reader *reader, const struct frame_entry *frame,
		       struct elf_unwind *unwind)
{
	const Dwarf_CIE *cie = &reader->cie;
	Dwarf_CFI_Entry entry;
	struct elf_range range;
	Dwarf_Off next;

	/* fde_range() also gives the reader its CIE. */
	if (read_entry(reader, frame->off, &next, &entry) || dwarf_cfi_cie_p(&entry) ||
	    !fde_range(reader, &entry.fde, &range) || !own_instructions(reader, &entry.fde, unwind))
		return -ENOENT;
	unwind->range = range;
	unwind->shared = cie->initial_instructions;
	unwind->shared_end = cie->initial_instructions_end;
	unwind->code_factor = cie->code_alignment_factor;
	unwind->data_factor = cie->data_alignment_factor;
	unwind->return_register = cie->return_address_register;
	unwind->is_signal = strchr(cie->augmentation, 'S');
	return 0;
}

int elf_unwind_at(const struct elf_image *image, uint64_t vaddr, struct elf_unwind *unwind)
{
	struct frame_reader reader;
	struct frame_entry frame;
	int status = find_frame(image, vaddr, &reader, &frame);

	/* Go's programs have the older section alone. */
	if (status == -ENOENT && find_debug_frame(image, &reader))
		status = find_among_all(&reader, &image->tables->frames.debug_frame, vaddr, &frame);
	return status ? status : read_unwind(&reader, &frame, unwind);
}
