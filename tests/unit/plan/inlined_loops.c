// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies that stand within other code, of all kinds of elements and ways to count; built together
 * with copy_loops.c. Each copies `size` bytes, a multiple of 192, between areas apart.
 */
#include <stddef.h>
#include <stdint.h>

#define ROUTINE __attribute__((noinline, visibility("default")))

#define COPY_OF(name, type, counter)                                                               \
	ROUTINE void *name(void *dst, const void *src, size_t size)                                \
	{                                                                                          \
		const type *from = src;                                                            \
		type *to = dst;                                                                    \
		counter count = (counter)(size / sizeof(type));                                    \
                                                                                                   \
		for (counter i = 0; i < count; i++)                                                \
			to[i] = from[i];                                                           \
		return dst;                                                                        \
	}

struct sparse {
	uint64_t a, b, c;
};

struct odd {
	uint16_t a[6];
};

COPY_OF(copy_shorts, uint16_t, size_t)
COPY_OF(copy_ints, uint32_t, int)
COPY_OF(copy_longs, uint64_t, unsigned)
COPY_OF(copy_floats, float, long)
COPY_OF(copy_doubles, double, size_t)
COPY_OF(copy_structs, struct sparse, size_t)
COPY_OF(copy_odd_structs, struct odd, int)
COPY_OF(copy_volatile, volatile uint32_t, size_t)

ROUTINE void *copy_to_pointer(void *dst, const void *src, size_t size)
{
	const uint64_t *from = src, *end = (const uint64_t *)((const char *)src + size);
	uint64_t *to = dst;

	while (from != end)
		*to++ = *from++;
	return dst;
}

ROUTINE void *copy_backwards(void *dst, const void *src, size_t size)
{
	const uint32_t *from = src;
	uint32_t *to = dst;

	for (size_t i = size / sizeof(*to); i-- > 0;)
		to[i] = from[i];
	return dst;
}

ROUTINE void *copy_unrolled(void *dst, const void *src, size_t size)
{
	const uint32_t *from = src, *end = from + size / sizeof(*from);
	uint32_t *to = dst;

	for (; from < end; from += 4, to += 4) {
		to[0] = from[0];
		to[1] = from[1];
		to[2] = from[2];
		to[3] = from[3];
	}
	return dst;
}

/* A char may be part of anything: the pointers are loaded anew each round. */
struct buffer {
	unsigned char *data;
	size_t used, room;
};

__attribute__((noinline)) static void buffer_put(struct buffer *buffer, const struct buffer *other)
{
	for (size_t i = 0; i < other->used; i++)
		buffer->data[i] = other->data[i];
}

ROUTINE void *copy_of_objects(void *dst, const void *src, size_t size)
{
	struct buffer to = {dst, size, size}, from = {(unsigned char *)src, size, size};

	buffer_put(&to, &from);
	return dst;
}

/* What is copied ends the copy, as in strcpy(): nothing here, but for the last byte. */
ROUTINE void *copy_text(void *dst, const void *src, size_t size)
{
	const char *from = src, *last = from + size - 1;
	char *to = dst;

	while (from < last && *from != '\n')
		*to++ = *from++;
	while (from <= last)
		*to++ = *from++;
	return dst;
}

ROUTINE void *copy_rows(void *dst, const void *src, size_t size)
{
	const unsigned char *from = src;
	unsigned char *to = dst;

	for (size_t row = 0; row < 4; row++)
		for (size_t i = 0; i < size / 4; i++)
			to[row * (size / 4) + i] = from[row * (size / 4) + i];
	return dst;
}

/* Out of the middle of an array: what lies behind moves up. */
ROUTINE void *shift_down(void *dst, const void *src, size_t size)
{
	uint64_t *to = dst;

	(void)src;
	for (size_t i = 0; i + 3 < size / sizeof(*to); i++)
		to[i] = to[i + 3];
	return dst;
}

ROUTINE void *shift_up(void *dst, const void *src, size_t size)
{
	uint32_t *to = dst;

	(void)src;
	for (size_t i = size / sizeof(*to) - 1; i > 4; i--)
		to[i] = to[i - 5];
	return dst;
}
