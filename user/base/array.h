/* SPDX-License-Identifier: GPL-2.0-only */
/* Growable arrays of plain values. An all-zero array is empty; array_release() frees it. */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define ARRAY(type)                                                                                \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count;                                                                      \
		size_t capacity;                                                                   \
	}

/*
 * Where there is room for one more than count: items itself, or its larger copy. NULL where memory
 * is out; items stays valid then.
 */
void *array_room(void *items, size_t count, size_t *capacity, size_t item_bytes);

/* Appends a value; 0 or -ENOMEM, and then nothing changed. */
#define array_push(array, value)                                                                   \
	({                                                                                         \
		void *array_items_ = array_room((array)->items, (array)->count,                    \
						&(array)->capacity, sizeof(*(array)->items));      \
		if (array_items_) {                                                                \
			(array)->items = array_items_;                                             \
			(array)->items[(array)->count++] = (value);                                \
		}                                                                                  \
		array_items_ ? 0 : -ENOMEM;                                                        \
	})

#define array_each(item, array)                                                                    \
	for (item = (array)->items; item && item < (array)->items + (array)->count; item++)

#define array_release(array)                                                                       \
	do {                                                                                       \
		free((array)->items);                                                              \
		(array)->items = NULL;                                                             \
		(array)->count = (array)->capacity = 0;                                            \
	} while (0)

#endif
