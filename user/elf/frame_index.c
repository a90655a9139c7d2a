// SPDX-License-Identifier: GPL-2.0-only
/*
 * .eh_frame_hdr: a table of all FDEs by address, which the linker makes for the unwinder. With it,
 * one function of 500,000 is found without reading the others, and without section headers.
 */
#include <dwarf.h>
#include <string.h>

#include "elf/image_internal.h"

/* Version, three encodings, the pointer to .eh_frame, the number of entries: 4 bytes each. */
#define HEADER_BYTES 12

/* The only encodings that ld, gold, lld and mold write. */
#define ENCODED_PCREL   (DW_EH_PE_pcrel | DW_EH_PE_sdata4)
#define ENCODED_COUNT   DW_EH_PE_udata4
#define ENCODED_DATAREL (DW_EH_PE_datarel | DW_EH_PE_sdata4)

/* An entry: two distances from .eh_frame_hdr. */
struct index_entry {
	int32_t start;
	int32_t fde;
};

static struct index_entry entry_at(const struct frame_index *index, size_t at)
{
	struct index_entry entry;

	memcpy(&entry, index->entries + at * sizeof(entry), sizeof(entry));
	return entry;
}

/* By an unsorted table a search would miss functions; the unwinder never would look at it. */
static bool is_sorted(const struct frame_index *index)
{
	for (size_t i = 1; i < index->count; i++) {
		if (entry_at(index, i - 1).start > entry_at(index, i).start)
			return false;
	}
	return true;
}

static void read_index(const struct elf_image *image, struct frame_index *index)
{
	const uint8_t *bytes;
	GElf_Phdr header;
	int32_t distance;
	uint32_t count;
	size_t left;

	if (!elf_find_segment(image, PT_GNU_EH_FRAME, &header))
		return;
	bytes = elf_bytes_at(image, header.p_vaddr, &left);
	if (left < HEADER_BYTES || bytes[0] != 1 || bytes[1] != ENCODED_PCREL)
		return;
	index->vaddr = header.p_vaddr;
	memcpy(&distance, bytes + 4, sizeof(distance));
	index->eh_frame = index->vaddr + 4 + (uint64_t)(int64_t)distance;
	memcpy(&count, bytes + 8, sizeof(count));
	if (bytes[2] != ENCODED_COUNT || bytes[3] != ENCODED_DATAREL ||
	    count > (left - HEADER_BYTES) / sizeof(struct index_entry))
		return;
	index->entries = bytes + HEADER_BYTES;
	index->count = count;
	if (!is_sorted(index))
		index->count = 0;
}

const struct frame_index *elf_frame_index(const struct elf_image *image)
{
	struct frame_index *index = &image->tables->frames.index;

	if (!index->is_loaded)
		read_index(image, index);
	index->is_loaded = true;
	return index;
}

bool elf_frame_index_find(const struct frame_index *index, uint64_t vaddr, uint64_t *start,
			  uint64_t *fde_vaddr)
{
	size_t low = 0, high = index->count;
	int64_t wanted = (int64_t)(vaddr - index->vaddr);
	struct index_entry entry;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (entry_at(index, middle).start <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	entry = entry_at(index, low - 1);
	*start = index->vaddr + (uint64_t)(int64_t)entry.start;
	*fde_vaddr = index->vaddr + (uint64_t)(int64_t)entry.fde;
	return true;
}
