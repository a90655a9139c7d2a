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

/* ULEB128; what does not fit into 64 bits is lost. */
static inline uint64_t cursor_unsigned(struct cursor *cursor)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = cursor_fixed(cursor, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return value;
}

/* SLEB128 */
static inline int64_t cursor_signed(struct cursor *cursor)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = cursor_fixed(cursor, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
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
