// SPDX-License-Identifier: GPL-2.0-only
#include "plan/loop_stride.h"

/* glibc copies up to four pages at once, 128 or 256 bytes of each in a round. */
#define ROUND_BYTES_MOST ((int64_t)1 << 20)

/* The same distance from one round to the next, whatever the registers hold. */
static bool step_between(const struct loop_place *before, const struct loop_place *after,
			 int64_t *step)
{
	if (!place_is_known(before) || before->form != after->form)
		return false;
	*step = (int64_t)(after->constant - before->constant);
	return true;
}

/*
 * All that is stored comes from the same distance, and goes on by the same step; but for what is
 * put at the same place each round, and is what was copied as well: a variable on the stack.
 */
static const char *add_store(struct loop_stride *stride, const struct loop_store *before,
			     const struct loop_store *store)
{
	int64_t to_step, from_step;

	if (!step_between(&before->to, &store->to, &to_step) ||
	    !step_between(&before->from, &store->from, &from_step))
		return "its addresses do not advance by a constant step";
	if (!stride->step)
		stride->step = from_step;
	if (from_step != stride->step || (to_step && to_step != from_step))
		return "its addresses do not advance by the same step";
	if (!to_step)
		return NULL;
	if (!stride->first)
		stride->first = store;
	if (store->to.form != stride->first->to.form ||
	    store->from.form != stride->first->from.form ||
	    store->to.constant - store->from.constant !=
		    stride->first->to.constant - stride->first->from.constant)
		return "it does not store all in the order it was loaded";
	return NULL;
}

/* Where a stretch of what a round stores is, from stride->first on. */
struct stretch {
	int64_t start, end;
};

/* False for what is put at the same place each round. */
static bool stretch_of(const struct loop_state *state, const struct loop_stride *stride, size_t i,
		       struct stretch *stretch)
{
	const struct loop_store *store = &state->stores.items[i];

	stretch->start = (int64_t)(store->to.constant - stride->first->to.constant);
	if (stretch->start > ROUND_BYTES_MOST || stretch->start < -ROUND_BYTES_MOST)
		stretch->start = ROUND_BYTES_MOST;
	stretch->end = stretch->start + store->bytes;
	return !place_equals(&store->to, &state->before.items[i].to);
}

/* Takes the stretch on over what is stored next to it. *first: the first store of it. */
static bool grow(const struct loop_state *state, const struct loop_stride *stride,
		 struct stretch *stretch, size_t *first)
{
	struct stretch other;
	bool grown = false;

	for (size_t i = 0; i < state->stores.count; i++) {
		if (!stretch_of(state, stride, i, &other) || other.start > stretch->end ||
		    other.end < stretch->start)
			continue;
		*first = i < *first ? i : *first;
		if (other.start >= stretch->start && other.end <= stretch->end)
			continue;
		if (other.start < stretch->start)
			stretch->start = other.start;
		if (other.end > stretch->end)
			stretch->end = other.end;
		grown = true;
	}
	return grown;
}

/* What a round stores is one stretch, as long as the step; or some of them, apart. */
static bool has_no_gaps(const struct loop_state *state, struct loop_stride *stride)
{
	for (size_t i = 0; i < state->stores.count; i++) {
		struct stretch stretch;
		size_t first = i;

		if (!stretch_of(state, stride, i, &stretch))
			continue;
		while (grow(state, stride, &stretch, &first))
			;
		if (stretch.end - stretch.start != stride->step &&
		    stretch.start - stretch.end != stride->step)
			return false;
		if (first == i)
			stride->bytes += (uint64_t)(stretch.end - stretch.start);
	}
	return true;
}

const char *loop_stride_of(const struct loop_state *state, struct loop_stride *stride)
{
	*stride = (struct loop_stride){.first = NULL};
	if (!state->stores.count)
		return "it stores nothing";
	for (size_t i = 0; i < state->stores.count; i++) {
		const char *fault =
			add_store(stride, &state->before.items[i], &state->stores.items[i]);

		if (fault)
			return fault;
	}
	if (!stride->first)
		return "it stores at the same place each round";
	if (place_equals(&stride->first->to, &stride->first->from))
		return "it stores where it loaded";
	return has_no_gaps(state, stride) ? NULL
					  : "it leaves gaps, or stores some bytes in two rounds";
}
