/* SPDX-License-Identifier: GPL-2.0-only */
/* The innermost loop around an instruction, as far as it is a straight line with ways out. */
#ifndef PLAN_LOOP_FIND_H
#define PLAN_LOOP_FIND_H

#include "plan/loop_state.h"
#include "plan/plan.h"

/* Sixteen times a load and a store of 64 bytes have 320. */
#define LOOP_BYTES_MOST 512

struct loop_insn {
	struct loop_op op;
	bool is_entered; /* control comes to it from outside */
};

struct straight_loop {
	uint64_t start_vaddr, end_vaddr;
	struct loop_insn insns[LOOP_INSNS_MOST]; /* the last one leads back to the first */
	size_t count;
	/* Where its function stands; as far as it was read, where the bounds are not known. */
	struct code_range function;
	bool has_bounds;
	bool has_entry, is_entered_from_behind; /* by jumps */
};

/*
 * 0; -ENOENT: there is none, reason says why; *loop is of use in the first case alone.
 */
int loop_find(const struct code_view *code, uint64_t vaddr, struct straight_loop *loop,
	      char reason[PLAN_REASON_BYTES]);

/* How control comes back to a loop that it has left. */
struct loop_return {
	bool from_before; /* as in an outer loop */
	bool from_behind; /* or from another part of the function: it may be a detour of each round
			   */
	bool is_unsure;   /* there are jumps through tables, or too much code, on the way */
};

/* Follows all ways from the places given, up to where they end or come into the loop. */
struct loop_return loop_return_of(const struct code_view *code, const struct straight_loop *loop,
				  const uint64_t *exits, size_t exit_count);

#endif
