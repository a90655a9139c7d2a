// SPDX-License-Identifier: GPL-2.0-only
#include "stack/source_ranges.h"

#include <stdlib.h>

/* Functions may lie within others, as GNU C's and those of lambdas do in some compilers' files. */
#define NESTED_MOST 64

static int compare_ranges(const void *left, const void *right)
{
	const struct source_range *a = left, *b = right;

	if (a->vaddr != b->vaddr)
		return a->vaddr < b->vaddr ? -1 : 1;
	/* The smaller one last: it is the more precise. */
	return (a->bytes < b->bytes) - (a->bytes > b->bytes);
}

void source_ranges_sort(source_ranges *ranges)
{
	if (ranges->count)
		qsort(ranges->items, ranges->count, sizeof(*ranges->items), compare_ranges);
}

const struct source_range *source_ranges_find(const source_ranges *ranges, uint64_t vaddr)
{
	size_t low = 0, high = ranges->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->items[middle].vaddr <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned i = 0; low && i < NESTED_MOST; i++) {
		const struct source_range *range = &ranges->items[--low];

		if (vaddr - range->vaddr < range->bytes)
			return range;
	}
	return NULL;
}
