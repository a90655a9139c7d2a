/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the copies of a process are counted from: a few levels, each with the points that it needs
 * in each of the process's copy routines. The budget moves a process from one to another.
 */
#ifndef CHOOSE_GATES_H
#define CHOOSE_GATES_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/gate.h"

enum gate_level {
	GATE_EVERY, /* every copy; in a routine where that would be single-stepped, all that can be
		       had without */
	GATE_LOW,   /* the lowest gate that proves 2 KiB or more */
	GATE_HIGH,  /* the lowest that large copies alone pass */
	GATE_NONE,  /* no copy is counted */
	GATE_LEVELS,
};

/* What the user asked for. */
struct gate_settings {
	bool is_fixed;       /* --gate N or --budget none: GATE_EVERY, which nothing moves */
	uint64_t from_bytes; /* then: the smallest copy that is counted */
	bool begins_low;     /* no function is timed; for one the credit pays GATE_EVERY at first */
};

/* The level at which a process begins, and to which it comes back. */
enum gate_level gate_settings_lowest(const struct gate_settings *settings);

/* A routine's body, as plan_gate_sizes() and plan_gate() tell of it. */
struct gated_routine {
	int (*sizes)(const void *context, gate_sizes *sizes, char reason[PLAN_REASON_BYTES]);
	int (*plan)(const void *context, uint64_t from_bytes, struct gate_plan *plan,
		    char reason[PLAN_REASON_BYTES]);
	const void *context;
	bool is_stepped; /* to count every copy, an instruction would be single-stepped */
};

struct routine_level {
	bool is_counted;
	bool has_gate;       /* it is counted at the points of gate; else where every copy passes */
	uint64_t from_bytes; /* the smallest copy that is counted */
	struct gate_plan gate; /* empty where it has none */
};

struct routine_levels {
	struct routine_level at[GATE_LEVELS];
	/* Why no gate separates its sizes, where it is not counted at GATE_LOW, or at its place of
	 * entry instead of the gate that was asked for; empty: nothing is amiss. */
	char reason[PLAN_REASON_BYTES];
};

/*
 * Chooses what the routine does on each level. 0 or -ENOMEM; that a level has no gate is no error.
 * routine_levels_release() frees what it holds.
 */
int routine_levels_choose(const struct gated_routine *routine, const struct gate_settings *settings,
			  struct routine_levels *levels);
void routine_levels_release(struct routine_levels *levels);

#endif
