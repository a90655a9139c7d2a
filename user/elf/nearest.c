// SPDX-License-Identifier: GPL-2.0-only
/* "Did you mean": the names of functions closest to one that was not found. */
#include <errno.h>
#include <string.h>

#include "elf/image_internal.h"

/* Nobody mistypes a longer name; such names in the file are passed over. */
#define NAME_MAX_BYTES 255

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * Edits between two names: a letter put in, left out or changed, or two neighbours swapped
 * (optimal string alignment). Gives at most `limit`, and stops as soon as it is sure of that.
 */
static unsigned name_distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes,
			      unsigned limit)
{
	unsigned rows[3][NAME_MAX_BYTES + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	if ((a_bytes > b_bytes ? a_bytes - b_bytes : b_bytes - a_bytes) >= limit)
		return limit;
	for (size_t j = 0; j <= b_bytes; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= a_bytes; i++) {
		unsigned *spare = before, best = row[0] = (unsigned)i;

		for (size_t j = 1; j <= b_bytes; j++) {
			row[j] = least(above[j], row[j - 1]) + 1;
			row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
			best = least(best, row[j]);
		}
		/* A swap reaches back two rows, so one row alone past the limit proves nothing. */
		if (best > limit)
			return limit;
		before = above;
		above = row;
		row = spare;
	}
	return least(above[b_bytes], limit);
}

static bool is_held(const elf_near_names *nearest, const char *name)
{
	const struct elf_near_name *held;

	array_each (held, nearest) {
		if (strcmp(held->name, name) == 0)
			return true;
	}
	return false;
}

/* Puts it in its place by distance, behind its equals, and drops what is then one too many. */
static int insert(elf_near_names *nearest, size_t most, struct elf_near_name near)
{
	size_t place;

	if (nearest->count < most && array_push(nearest, near))
		return -ENOMEM;
	for (place = nearest->count - 1; place > 0; place--) {
		if (nearest->items[place - 1].distance <= near.distance)
			break;
		nearest->items[place] = nearest->items[place - 1];
	}
	nearest->items[place] = near;
	return 0;
}

int elf_nearest_names(const struct elf_image *image, const char *wanted, size_t most,
		      elf_near_names *nearest)
{
	size_t wanted_bytes = strlen(wanted);
	const struct elf_symbol *symbol;
	int status = elf_load_symbols(image);

	if (status || !most || wanted_bytes > NAME_MAX_BYTES)
		return status;
	array_each (symbol, &image->tables->symbols.symbols) {
		size_t bytes = strnlen(symbol->name, NAME_MAX_BYTES + 1);
		struct elf_near_name near = {.name = symbol->name};
		unsigned limit = NAME_MAX_BYTES + 1;

		/* Only what is nearer than the farthest held is worth the whole reckoning. */
		if (nearest->count >= most)
			limit = nearest->items[nearest->count - 1].distance;
		if (bytes > NAME_MAX_BYTES || elf_is_cold_part(symbol->name))
			continue;
		near.distance = name_distance(wanted, wanted_bytes, symbol->name, bytes, limit);
		if (near.distance >= limit || is_held(nearest, symbol->name))
			continue;
		status = insert(nearest, most, near);
		if (status)
			return status;
	}
	return 0;
}
