/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes that are read one after the other, and never past their end. */
#ifndef STACK_CURSOR_H
#define STACK_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at, *end;
	bool has_failed; /* more was wanted than there is; what was read since then is 0 */
};

/* Little endian, of 1 to 8 bytes. */
static inline uint64_t cursor_fixed(struct cursor *cursor, size_t bytes)
{
	uint64_t value = 0;

	if (bytes > (size_t)(cursor->end - cursor->at)) {
		cursor->has_failed = true;
		cursor->at = cursor->end;
		return 0;
	}
	memcpy(&value, cursor->at, bytes);
	cursor->at += bytes;
	return value;
}

/* Of a LEB128 the bits, the number of them, and the last byte; bits past the 64th are lost. */
static inline uint64_t cursor_leb128(struct cursor *cursor, unsigned *shift, uint64_t *byte)
{
	uint64_t value = 0;

	*shift = 0;
	do {
		*byte = cursor_fixed(cursor, 1);
		if (*shift < 64)
			value |= (*byte & 0x7f) << *shift;
		*shift += 7;
	} while (*byte & 0x80);
	return value;
}

/* ULEB128 */
static inline uint64_t cursor_unsigned(struct cursor *cursor)
{
	unsigned shift;
	uint64_t byte;

	return cursor_leb128(cursor, &shift, &byte);
}

/* SLEB128 */
static inline int64_t cursor_signed(struct cursor *cursor)
{
	unsigned shift;
	uint64_t byte, value = cursor_leb128(cursor, &shift, &byte);

	if (shift < 64 && (byte & 0x40))
		value |= UINT64_MAX << shift;
	return (int64_t)value;
}

/* A block of that many bytes: where it starts. */
static inline const uint8_t *cursor_block(struct cursor *cursor, uint64_t bytes)
{
	const uint8_t *block = cursor->at;

	if (bytes > (uint64_t)(cursor->end - cursor->at)) {
		cursor->has_failed = true;
		bytes = (uint64_t)(cursor->end - cursor->at);
	}
	cursor->at += bytes;
	return block;
}

#endif
