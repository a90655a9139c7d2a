/* SPDX-License-Identifier: GPL-2.0-only */
/* Ranges of code with what each is of, by address. */
#ifndef STACK_SOURCE_RANGES_H
#define STACK_SOURCE_RANGES_H

#include <stdint.h>

#include "base/array.h"

struct source_range {
	uint64_t vaddr;
	uint64_t bytes;
	uint64_t value;
};

typedef ARRAY(struct source_range) source_ranges;

void source_ranges_sort(source_ranges *ranges);

/* The last to begin of those that cover vaddr; NULL: none does. Of sorted ones. */
const struct source_range *source_ranges_find(const source_ranges *ranges, uint64_t vaddr);

#endif
