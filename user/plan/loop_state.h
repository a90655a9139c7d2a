/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One instruction's effect on what is known in a round of a loop: which number each register holds,
 * and from where its bytes were loaded in this round.
 */
#ifndef PLAN_LOOP_STATE_H
#define PLAN_LOOP_STATE_H

#include "plan/loop_op.h"
#include "plan/loop_place.h"

#define LOOP_INSNS_MOST  256
#define LOOP_STORES_MOST 64

struct loop_value {
	struct loop_place number;
	struct loop_place source; /* where the lowest `bytes` of it were loaded */
	uint8_t bytes;
	bool is_loaded; /* it is, or is made of, what stands elsewhere each round */
};

struct loop_store {
	uint64_t vaddr; /* of the instruction */
	struct loop_place to, from;
	uint8_t bytes;
};

/* What a round has stored so far. */
struct loop_stores {
	struct loop_store items[LOOP_STORES_MOST];
	size_t count;
};

struct loop_state {
	struct loop_forms forms;
	struct loop_value registers[LOOP_REGISTERS];
	struct loop_place loads[LOOP_INSNS_MOST]; /* where each instruction loaded last */
	struct loop_stores stores, before;        /* of this round, and of the one before */
	bool flags_loaded;                        /* they say something of what was loaded */
	bool is_settled; /* what does not change by itself has stopped to change */
};

void loop_state_init(struct loop_state *state);
void loop_state_start_round(struct loop_state *state);
/*
 * Where other code leads into the loop: what was loaded before is nothing that the loop copies for
 * certain.
 */
void loop_state_forget_loaded(struct loop_state *state);

/*
 * Executes instruction number `index` of the loop. NULL, or what it does that no copy does, in
 * words.
 */
const char *loop_state_step(struct loop_state *state, const struct loop_op *op, size_t index);

/* True where it depends on what was loaded whether the branch jumps. */
bool loop_state_chooses(const struct loop_state *state, const struct loop_op *branch);

#endif
