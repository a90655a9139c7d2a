/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of a register's value while a copy routine runs: how it is made of the call's
 * arguments, or between which bounds it lies. All arithmetic is that of 64-bit registers.
 */
#ifndef PLAN_SIZE_VALUE_H
#define PLAN_SIZE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

enum size_value_kind {
	VALUE_RANGE,   /* low, low + step, ... high; of a constant low is high and step 0 */
	VALUE_LINEAR,  /* dst x destination + src x source + size x size + stack x %rsp + offset */
	VALUE_SHIFTED, /* (size + offset) >> shift */
	VALUE_TABLE,   /* offset + one of the words at low, low + step, ... high */
};

/* The words are those that stand in the arguments' registers, and in %rsp, at the door. */
struct size_value {
	uint8_t kind;
	int8_t dst, src, size, stack;
	uint8_t shift;
	uint8_t entry_bytes; /* of a table: 4, with a sign, or 8 */
	uint64_t offset;
	uint64_t low, high, step;
};

/* The bytes of the copies that come to some place, both ends included. */
struct size_span {
	uint64_t least, most;
};

struct size_value value_any(void);
struct size_value value_constant(uint64_t constant);
struct size_value value_between(uint64_t low, uint64_t high);
bool value_is_constant(const struct size_value *value);
bool value_equals(const struct size_value *a, const struct size_value *b);
/* size + offset, shifted by nothing */
bool value_is_size(const struct size_value *value);

/* The bounds of a value of copies of span, as a VALUE_RANGE. */
struct size_value value_bounds(const struct size_value *value, struct size_span span);
/* What the low bits of it hold: itself where it is known to fit. bits: 8, 16, 32, 64 */
struct size_value value_low_bits(const struct size_value *value, struct size_span span,
				 unsigned bits);
uint64_t mask_of_bits(unsigned bits);

struct size_value value_add(const struct size_value *a, const struct size_value *b,
			    struct size_span span);
struct size_value value_negate(const struct size_value *value, struct size_span span);
struct size_value value_and(const struct size_value *a, const struct size_value *b,
			    struct size_span span);
struct size_value value_times(const struct size_value *value, uint64_t factor,
			      struct size_span span);
struct size_value value_shift_left(const struct size_value *value, unsigned bits,
				   struct size_span span);
struct size_value value_shift_right(const struct size_value *value, unsigned bits,
				    struct size_span span);

/* What holds of both, each for copies of its own span. */
struct size_value value_join(const struct size_value *a, struct size_span of_a,
			     const struct size_value *b, struct size_span of_b);

/* Keeps of a VALUE_RANGE what lies in first...last; false where nothing does. */
bool value_clip(struct size_value *range, uint64_t first, uint64_t last);

#endif
