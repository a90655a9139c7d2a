// SPDX-License-Identifier: GPL-2.0-only
#include "plan/size_value.h"

/* Sums of arguments that mean something (source + size) have no larger factors. */
#define FACTOR_MOST 2

struct size_value value_any(void)
{
	return value_between(0, UINT64_MAX);
}

struct size_value value_constant(uint64_t constant)
{
	return (struct size_value){.kind = VALUE_RANGE, .low = constant, .high = constant};
}

struct size_value value_between(uint64_t low, uint64_t high)
{
	return (struct size_value){
		.kind = VALUE_RANGE, .low = low, .high = high, .step = low < high};
}

bool value_is_constant(const struct size_value *value)
{
	return value->kind == VALUE_RANGE && value->low == value->high;
}

bool value_equals(const struct size_value *a, const struct size_value *b)
{
	/* Most are asked of equal ones: one branch for all of it. */
	return !((a->kind ^ b->kind) | (a->dst ^ b->dst) | (a->src ^ b->src) | (a->size ^ b->size) |
		 (a->stack ^ b->stack) | (a->shift ^ b->shift) | (a->entry_bytes ^ b->entry_bytes) |
		 (a->offset ^ b->offset) | (a->low ^ b->low) | (a->high ^ b->high) |
		 (a->step ^ b->step));
}

bool value_is_size(const struct size_value *value)
{
	return value->kind == VALUE_LINEAR && value->size == 1 && !value->dst && !value->src &&
	       !value->stack;
}

uint64_t mask_of_bits(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

struct size_value value_bounds(const struct size_value *value, struct size_span span)
{
	uint64_t low = span.least + value->offset, high = span.most + value->offset;

	if (value->kind == VALUE_RANGE)
		return *value;
	/* size - 4 of copies of 2 bytes and of 6: all the way round */
	if ((!value_is_size(value) && value->kind != VALUE_SHIFTED) || low > high)
		return value->kind == VALUE_SHIFTED ? value_between(0, UINT64_MAX >> value->shift)
						    : value_any();
	return value_between(low >> value->shift, high >> value->shift);
}

struct size_value value_low_bits(const struct size_value *value, struct size_span span,
				 unsigned bits)
{
	struct size_value bounds;

	if (bits >= 64)
		return *value;
	bounds = value_bounds(value, span);
	if (bounds.high <= mask_of_bits(bits))
		return *value;
	if (value_is_constant(value))
		return value_constant(value->low & mask_of_bits(bits));
	return value_between(0, mask_of_bits(bits));
}

static bool is_small(int factor)
{
	return factor >= -FACTOR_MOST && factor <= FACTOR_MOST;
}

static struct size_value linear_of(int dst, int src, int size, int stack, uint64_t offset)
{
	if (!is_small(dst) || !is_small(src) || !is_small(size) || !is_small(stack))
		return value_any();
	if (!dst && !src && !size && !stack)
		return value_constant(offset);
	return (struct size_value){.kind = VALUE_LINEAR,
				   .dst = (int8_t)dst,
				   .src = (int8_t)src,
				   .size = (int8_t)size,
				   .stack = (int8_t)stack,
				   .offset = offset};
}

static struct size_value range_add(const struct size_value *a, const struct size_value *b)
{
	uint64_t low = a->low + b->low, high = a->high + b->high;
	struct size_value sum = value_between(low, high);

	/* The sum wraps for some of the values and not for all, or it has more than all of them. */
	if (low > high || high - low < a->high - a->low)
		return value_any();
	sum.step = greatest_common_divisor(a->step, b->step);
	return sum;
}

struct size_value value_add(const struct size_value *a, const struct size_value *b,
			    struct size_span span)
{
	struct size_value bounds_a, bounds_b, sum;

	if (a->kind == VALUE_LINEAR && b->kind == VALUE_LINEAR)
		return linear_of(a->dst + b->dst, a->src + b->src, a->size + b->size,
				 a->stack + b->stack, a->offset + b->offset);
	if (value_is_constant(a) && b->kind != VALUE_RANGE)
		return value_add(b, a, span);
	if (value_is_constant(b) && (a->kind == VALUE_LINEAR || a->kind == VALUE_TABLE)) {
		sum = *a;
		sum.offset += b->low;
		return sum;
	}
	if (a->kind == VALUE_TABLE || b->kind == VALUE_TABLE)
		return value_any();
	bounds_a = value_bounds(a, span);
	bounds_b = value_bounds(b, span);
	return range_add(&bounds_a, &bounds_b);
}

struct size_value value_negate(const struct size_value *value, struct size_span span)
{
	struct size_value range;

	if (value->kind == VALUE_LINEAR)
		return linear_of(-value->dst, -value->src, -value->size, -value->stack,
				 -value->offset);
	if (value->kind == VALUE_TABLE)
		return value_any();
	range = value_bounds(value, span);
	if (!range.low && range.high)
		return value_any();
	return (struct size_value){
		.kind = VALUE_RANGE, .low = -range.high, .high = -range.low, .step = range.step};
}

struct size_value value_and(const struct size_value *a, const struct size_value *b,
			    struct size_span span)
{
	const struct size_value *mask = value_is_constant(a) ? a : b;
	struct size_value range = value_bounds(mask == a ? b : a, span);
	uint64_t high;

	if (!value_is_constant(mask) || mask->kind == VALUE_TABLE)
		return value_any();
	if (value_is_constant(&range))
		return value_constant(range.low & mask->low);
	if (!mask->low)
		return value_constant(0);
	if (!(mask->low & (mask->low + 1)) && range.high <= mask->low)
		return mask == a ? *b : *a;
	high = range.high < mask->low ? range.high : mask->low;
	range = value_between(0, high);
	range.step = mask->low & -mask->low;
	range.high -= high % range.step;
	if (!range.high)
		range.step = 0;
	return range;
}

struct size_value value_times(const struct size_value *value, uint64_t factor,
			      struct size_span span)
{
	struct size_value range = value_bounds(value, span);

	if (factor == 1)
		return *value;
	if (value_is_constant(&range))
		return value_constant(range.low * factor);
	if (!factor || value->kind == VALUE_TABLE || range.high > UINT64_MAX / factor)
		return factor ? value_any() : value_constant(0);
	range.low *= factor;
	range.high *= factor;
	range.step *= factor;
	return range;
}

struct size_value value_shift_left(const struct size_value *value, unsigned bits,
				   struct size_span span)
{
	return bits > 63 ? value_any() : value_times(value, (uint64_t)1 << bits, span);
}

struct size_value value_shift_right(const struct size_value *value, unsigned bits,
				    struct size_span span)
{
	struct size_value range = value_bounds(value, span);

	if (!bits)
		return *value;
	if (value->kind == VALUE_TABLE || bits > 63)
		return value_any();
	if (value_is_size(value))
		return (struct size_value){
			.kind = VALUE_SHIFTED, .offset = value->offset, .shift = (uint8_t)bits};
	return value_between(range.low >> bits, range.high >> bits);
}

struct size_value value_join(const struct size_value *a, struct size_span of_a,
			     const struct size_value *b, struct size_span of_b)
{
	struct size_value left, right, both;
	uint64_t apart;

	if (value_equals(a, b))
		return *a;
	if (a->kind == VALUE_TABLE || b->kind == VALUE_TABLE)
		return value_any();
	left = value_bounds(a, of_a);
	right = value_bounds(b, of_b);
	both = value_between(left.low < right.low ? left.low : right.low,
			     left.high > right.high ? left.high : right.high);
	apart = left.low < right.low ? right.low - left.low : left.low - right.low;
	both.step = greatest_common_divisor(greatest_common_divisor(left.step, right.step), apart);
	return both;
}

bool value_clip(struct size_value *range, uint64_t first, uint64_t last)
{
	uint64_t step = range->step ? range->step : 1;
	uint64_t behind;

	if (first > range->low) {
		if (first > range->high)
			return false;
		behind = (first - range->low) % step;
		/* high is one of them, so the next one up is not beyond it. */
		range->low = behind ? first - behind + step : first;
	}
	if (last < range->low)
		return false;
	if (last < range->high)
		range->high = last - (last - range->low) % step;
	if (range->low == range->high)
		range->step = 0;
	return true;
}
