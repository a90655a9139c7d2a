/* SPDX-License-Identifier: GPL-2.0-only */
/* Hand-written machine code at a pretend address, as a code_view. */
#ifndef TEST_CODE_BYTES_H
#define TEST_CODE_BYTES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "plan/plan.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct code_bytes {
	uint64_t vaddr;
	const uint8_t *bytes;
	size_t count;
	/* Ends with one of no bytes. */
	const struct code_range *functions;
	/* Ends with 0. */
	const uint64_t *names;
};

static const uint8_t *code_bytes_read(const void *source, uint64_t vaddr, size_t *bytes)
{
	const struct code_bytes *code = source;
	uint64_t offset = vaddr - code->vaddr;

	if (offset >= code->count)
		return NULL;
	*bytes = code->count - offset;
	return code->bytes + offset;
}

static bool code_bytes_bounds(const void *source, uint64_t vaddr, uint64_t *start, uint64_t *bytes)
{
	const struct code_range *range = ((const struct code_bytes *)source)->functions;

	for (; range && range->bytes; range++) {
		if (vaddr - range->vaddr < range->bytes) {
			*start = range->vaddr;
			*bytes = range->bytes;
			return true;
		}
	}
	return false;
}

static bool code_bytes_names(const void *source, uint64_t vaddr)
{
	const uint64_t *name = ((const struct code_bytes *)source)->names;

	while (name && *name && *name != vaddr)
		name++;
	return name && *name;
}

static inline struct code_view code_bytes_view(const struct code_bytes *code)
{
	return (struct code_view){code_bytes_read, code_bytes_bounds, code_bytes_names, code};
}

#endif
