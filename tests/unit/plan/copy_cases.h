/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which copies a routine is tried with: sizes around everything that it may compare with, and ways
 * in which two areas can lie to each other.
 */
#ifndef TEST_COPY_CASES_H
#define TEST_COPY_CASES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/array.h"

#define COPY_CASE_MOST ((uint64_t)16 << 20)
/* Two areas of the largest copy, and what they are moved against each other. */
#define COPY_AREA_HALF  (COPY_CASE_MOST + (64 << 10))
#define COPY_AREA_BYTES (2 * COPY_AREA_HALF)

/* ---- the same numbers in each run ---- */

static inline uint64_t case_random(uint64_t *state)
{
	/* xorshift64* */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

static inline uint64_t case_below(uint64_t *state, uint64_t end)
{
	return (case_random(state) >> 20) % end;
}

/* ---- sizes ---- */

typedef ARRAY(uint64_t) case_sizes;

static inline int case_compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static inline bool case_add_around(case_sizes *sizes, uint64_t middle)
{
	for (uint64_t size = middle ? middle - 1 : 0; size <= middle + 1; size++)
		if (size <= COPY_CASE_MOST && array_push(sizes, size))
			return false;
	return true;
}

/* Each once and ascending, those that were added before among them. False: no memory. */
static inline bool case_sizes_finish(case_sizes *sizes, uint64_t *random)
{
	size_t kept = 0;

	for (uint64_t size = 0; size <= 300; size++)
		if (array_push(sizes, size))
			return false;
	for (uint64_t power = 512; power <= COPY_CASE_MOST; power *= 2)
		if (!case_add_around(sizes, power) || !case_add_around(sizes, power + power / 2) ||
		    !case_add_around(sizes, power + case_below(random, power)))
			return false;
	qsort(sizes->items, sizes->count, sizeof(*sizes->items), case_compare);
	for (size_t i = 0; i < sizes->count; i++)
		if (!kept || sizes->items[kept - 1] != sizes->items[i])
			sizes->items[kept++] = sizes->items[i];
	sizes->count = kept;
	return true;
}

/* ---- placements ---- */

enum placement {
	PLACE_APART,
	PLACE_APART_DOWN, /* the destination below */
	PLACE_SAME,
	PLACE_UP_BY_1,
	PLACE_DOWN_BY_1,
	PLACE_UP_BY_HALF,
	PLACE_DOWN_BY_HALF,
	PLACE_UP_BY_LESS_1, /* one byte is in both */
	PLACE_DOWN_BY_LESS_1,
	PLACE_UP_TOUCHING,
	PLACE_DOWN_TOUCHING,
	PLACE_UP_BY_FEW, /* up to 512 bytes */
	PLACE_DOWN_BY_FEW,
	PLACE_UP_ALIASED, /* by pages and a few bytes: what glibc's large_memcpy looks for */
	PLACE_DOWN_ALIASED,
	PLACE_PAGE_END, /* apart, the source ends on a page's last byte */
	PLACEMENTS,
};

static inline uint64_t placement_distance(enum placement placement, uint64_t size, uint64_t *random)
{
	switch (placement) {
	case PLACE_UP_BY_1:
	case PLACE_DOWN_BY_1:
		return 1;
	case PLACE_UP_BY_HALF:
	case PLACE_DOWN_BY_HALF:
		return size / 2;
	case PLACE_UP_BY_LESS_1:
	case PLACE_DOWN_BY_LESS_1:
		return size ? size - 1 : 0;
	case PLACE_UP_TOUCHING:
	case PLACE_DOWN_TOUCHING:
		return size;
	case PLACE_UP_BY_FEW:
	case PLACE_DOWN_BY_FEW:
		return 1 + case_below(random, 512);
	case PLACE_UP_ALIASED:
	case PLACE_DOWN_ALIASED:
		return (case_below(random, 4) + (size >> 12)) * 4096 + case_below(random, 130);
	case PLACE_SAME:
		return 0;
	default:
		return COPY_AREA_HALF + case_below(random, 64);
	}
}

static inline bool placement_is_down(enum placement placement)
{
	return placement == PLACE_APART_DOWN || placement == PLACE_DOWN_BY_1 ||
	       placement == PLACE_DOWN_BY_HALF || placement == PLACE_DOWN_BY_LESS_1 ||
	       placement == PLACE_DOWN_TOUCHING || placement == PLACE_DOWN_BY_FEW ||
	       placement == PLACE_DOWN_ALIASED;
}

/* Where both begin in an area of COPY_AREA_BYTES. */
static inline void placement_choose(enum placement placement, uint64_t size, uint64_t *random,
				    uint64_t *dst, uint64_t *src)
{
	uint64_t distance = placement_distance(placement, size, random);
	uint64_t low = case_below(random, 64);

	if (placement == PLACE_PAGE_END)
		low = -size & 4095;
	*src = placement_is_down(placement) ? low + distance : low;
	*dst = placement_is_down(placement) ? low : low + distance;
}

/* May a copy that goes upwards byte by byte be used? */
static inline bool placement_goes_upwards(uint64_t dst, uint64_t src, uint64_t size)
{
	return dst - src >= size;
}

#endif
