// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a conditional jump proves of the size. The values that satisfy a condition against a
 * constant are, in every width and for every condition, signed ones included, one stretch of the
 * circle of all values; the sizes are that stretch, turned by what was added to the size before.
 */
#include "plan/size_state.h"

/* first, first + 1, ... last of the circle; first above last: across 0. */
struct stretch {
	bool is_all, is_none;
	uint64_t first, last;
};

static const struct stretch all_values = {.is_all = true};
static const struct stretch no_value = {.is_none = true};

static struct stretch stretch_between(uint64_t first, uint64_t last, uint64_t mask)
{
	return (struct stretch){.first = first & mask, .last = last & mask};
}

/* What a is where `a CONDITION b` holds, by the flags of a - b. */
static struct stretch unsigned_stretch(uint8_t condition, const struct size_value *b, uint64_t mask)
{
	switch (condition) {
	case CONDITION_BELOW:
		return b->high ? stretch_between(0, b->high - 1, mask) : no_value;
	case CONDITION_BELOW + 1:
		return stretch_between(b->low, mask, mask);
	case CONDITION_BELOW_OR_EQUAL:
		return stretch_between(0, b->high, mask);
	case CONDITION_BELOW_OR_EQUAL + 1:
		return b->low < mask ? stretch_between(b->low + 1, mask, mask) : no_value;
	case CONDITION_EQUAL:
		return stretch_between(b->low, b->high, mask);
	case CONDITION_EQUAL + 1:
		return value_is_constant(b) ? stretch_between(b->low + 1, b->low - 1, mask)
					    : all_values;
	default:
		return all_values;
	}
}

static struct stretch signed_stretch(uint8_t condition, const struct size_value *b, uint64_t mask)
{
	uint64_t lowest = (mask >> 1) + 1, highest = mask >> 1;

	if (!value_is_constant(b))
		return all_values;
	switch (condition) {
	case CONDITION_SIGN:
		return stretch_between(b->low + lowest, b->low - 1, mask);
	case CONDITION_SIGN + 1:
		return stretch_between(b->low, b->low + highest, mask);
	case CONDITION_LESS:
		return b->low == lowest ? no_value : stretch_between(lowest, b->low - 1, mask);
	case CONDITION_LESS + 1:
		return stretch_between(b->low, highest, mask);
	case CONDITION_LESS_OR_EQUAL:
		return stretch_between(lowest, b->low, mask);
	case CONDITION_LESS_OR_EQUAL + 1:
		return b->low == highest ? no_value : stretch_between(b->low + 1, highest, mask);
	default:
		return all_values;
	}
}

static struct stretch stretch_of(uint8_t condition, const struct size_value *b, uint64_t mask)
{
	return condition < CONDITION_SIGN ? unsigned_stretch(condition, b, mask)
					  : signed_stretch(condition, b, mask);
}

/* The condition on b, where this one is on a. CONDITION_NONE: there is none. */
static uint8_t mirrored(uint8_t condition)
{
	switch (condition & ~1) {
	case CONDITION_EQUAL:
		return condition;
	case CONDITION_BELOW: /* a < b: b > a */
		return condition == CONDITION_BELOW ? CONDITION_BELOW_OR_EQUAL + 1
						    : CONDITION_BELOW_OR_EQUAL;
	case CONDITION_BELOW_OR_EQUAL:
		return condition == CONDITION_BELOW_OR_EQUAL ? CONDITION_BELOW + 1
							     : CONDITION_BELOW;
	case CONDITION_LESS:
		return condition == CONDITION_LESS ? CONDITION_LESS_OR_EQUAL + 1
						   : CONDITION_LESS_OR_EQUAL;
	case CONDITION_LESS_OR_EQUAL:
		return condition == CONDITION_LESS_OR_EQUAL ? CONDITION_LESS + 1 : CONDITION_LESS;
	default:
		return CONDITION_NONE;
	}
}

/* Keeps of the span what lies on the stretch; one that crosses 0 has two parts. */
static bool clip_span(struct size_span *span, const struct stretch *on)
{
	struct size_value low = value_between(span->least, span->most), high = low;
	bool has_low, has_high;

	if (on->first <= on->last) {
		if (!value_clip(&low, on->first, on->last))
			return false;
		*span = (struct size_span){low.low, low.high};
		return true;
	}
	has_low = value_clip(&low, 0, on->last);
	has_high = value_clip(&high, on->first, UINT64_MAX);
	if (has_low && has_high)
		return true;
	if (has_low || has_high)
		*span = has_low ? (struct size_span){low.low, low.high}
				: (struct size_span){high.low, high.high};
	return has_low || has_high;
}

static bool clip_size(struct size_span *span, const struct size_value *value,
		      const struct stretch *on, uint64_t mask)
{
	struct stretch sizes =
		stretch_between(on->first - value->offset, on->last - value->offset, mask);

	/* In fewer bits one value stands for many sizes, unless none has more bits. */
	return span->most > mask || clip_span(span, &sizes);
}

/* (size + offset) >> shift: each value stands for 1 << shift sizes. */
static bool clip_shifted(struct size_span *span, const struct size_value *value,
			 const struct stretch *on)
{
	uint64_t highest = UINT64_MAX >> value->shift, below = mask_of_bits(value->shift);
	uint64_t last = on->last < highest ? on->last : highest;
	struct stretch sizes;

	if (on->first > on->last && on->first <= highest)
		sizes = stretch_between(on->first << value->shift,
					(on->last << value->shift) | below, UINT64_MAX);
	else if (on->first > on->last) /* nothing is so large */
		sizes = stretch_between(0, (last << value->shift) | below, UINT64_MAX);
	else if (on->first > highest)
		return false;
	else
		sizes = stretch_between(on->first << value->shift, (last << value->shift) | below,
					UINT64_MAX);
	return clip_size(span, &(struct size_value){.offset = value->offset}, &sizes, UINT64_MAX);
}

static bool clip_range(struct size_value *range, const struct stretch *on)
{
	struct size_span span;

	if (on->first <= on->last)
		return value_clip(range, on->first, on->last);
	span = (struct size_span){range->low, range->high};
	return clip_span(&span, on) && value_clip(range, span.least, span.most);
}

/* Narrows the state to the calls for which one side of a compare lies on the stretch. */
static bool clip(struct size_state *state, const struct size_value *value, const struct stretch *on,
		 uint64_t mask, uint8_t held_in)
{
	struct size_value range;

	if (on->is_all || on->is_none)
		return on->is_all;
	if (value_is_size(value))
		return clip_size(&state->span, value, on, mask);
	if (value->kind == VALUE_SHIFTED)
		return clip_shifted(&state->span, value, on);
	if (value->kind != VALUE_RANGE)
		return true;
	/* The register is wider than what was compared, unless the rest is known to be clear. */
	if (held_in < CPU_REGISTERS && state->registers[held_in].kind == VALUE_RANGE &&
	    state->registers[held_in].high <= mask)
		return clip_range(&state->registers[held_in], on);
	range = value_low_bits(value, state->span, state->flags.bits);
	return clip_range(&range, on);
}

/*
 * destination - source against size, in some order: whether they overlap, so that the copy goes
 * backwards. Few do.
 */
static bool is_rare(const struct size_flags *flags, uint8_t condition)
{
	int dst = flags->a.dst - flags->b.dst, src = flags->a.src - flags->b.src;
	int size = flags->a.size - flags->b.size;
	bool is_below = (condition & ~1) == CONDITION_BELOW ? condition == CONDITION_BELOW
							    : condition == CONDITION_BELOW_OR_EQUAL;

	if (flags->a.kind != VALUE_LINEAR || flags->b.kind != VALUE_LINEAR || dst + src ||
	    dst * dst != 1 || size * size != 1)
		return false;
	if ((condition & ~1) != CONDITION_BELOW && (condition & ~1) != CONDITION_BELOW_OR_EQUAL)
		return false;
	return is_below == (size < 0);
}

bool size_state_take(struct size_state *state, const struct size_op *branch, bool jumps)
{
	struct size_flags *flags = &state->flags;
	uint64_t mask = mask_of_bits(flags->bits);
	struct size_value a, b;
	struct stretch on_a, on_b = all_values;
	uint8_t condition = branch->condition ^ !jumps, other;

	if (branch->condition >= CONDITION_NONE || !flags->known)
		return true;
	if (!flags->has_order && (condition & ~1) != CONDITION_EQUAL &&
	    (condition & ~1) != CONDITION_SIGN)
		return true;
	if (flags->has_order && is_rare(flags, condition))
		state->rareness = 1;
	a = value_low_bits(&flags->a, state->span, flags->bits);
	b = value_low_bits(&flags->b, state->span, flags->bits);
	a = value_bounds(&a, state->span);
	b = value_bounds(&b, state->span);
	on_a = stretch_of(condition, &b, mask);
	other = mirrored(condition);
	if (other != CONDITION_NONE)
		on_b = stretch_of(other, &a, mask);
	return clip(state, &flags->a, &on_a, mask, flags->held_in) &&
	       clip(state, &flags->b, &on_b, mask, CPU_REGISTERS);
}
