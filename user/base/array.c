// SPDX-License-Identifier: GPL-2.0-only
#include "base/array.h"

#include <stdint.h>

void *array_room(void *items, size_t count, size_t *capacity, size_t item_bytes)
{
	size_t wanted = *capacity ? *capacity * 2 : 8;
	void *grown;

	if (count < *capacity)
		return items;
	if (wanted > SIZE_MAX / 2 / item_bytes)
		return NULL;
	grown = realloc(items, wanted * item_bytes);
	if (grown)
		*capacity = wanted;
	return grown;
}
