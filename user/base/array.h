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

/* Gives *items room for one more of item_bytes each; 0 or -ENOMEM, and then nothing changed. */
int array_room(void **items, size_t count, size_t *capacity, size_t item_bytes);

/* Appends a value; 0 or -ENOMEM. */
#define array_push(array, value)                                                                   \
	(array_room((void **)&(array)->items, (array)->count, &(array)->capacity,                  \
		    sizeof(*(array)->items))                                                       \
		 ? -ENOMEM                                                                         \
		 : ((array)->items[(array)->count++] = (value), 0))

#define array_each(item, array)                                                                    \
	for (item = (array)->items; item && item < (array)->items + (array)->count; item++)

#define array_release(array)                                                                       \
	do {                                                                                       \
		free((array)->items);                                                              \
		(array)->items = NULL;                                                             \
		(array)->count = (array)->capacity = 0;                                            \
	} while (0)

#endif
