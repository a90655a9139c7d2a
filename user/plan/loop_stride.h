/* SPDX-License-Identifier: GPL-2.0-only */
/* By how much what a loop stores, and from where, goes on from one round to the next. */
#ifndef PLAN_LOOP_STRIDE_H
#define PLAN_LOOP_STRIDE_H

#include "plan/loop_state.h"

struct loop_stride {
	const struct loop_store *first; /* of the last round's stores, and those that go on */
	int64_t step;
	uint64_t bytes; /* that a round copies */
};

/*
 * Of the last two rounds. NULL where all that is stored comes from the same distance, and all
 * rounds together leave no gaps; else what speaks against that, in words.
 */
const char *loop_stride_of(const struct loop_state *state, struct loop_stride *stride);

#endif
