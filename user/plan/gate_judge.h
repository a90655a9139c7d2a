/* SPDX-License-Identifier: GPL-2.0-only */
/* Where in a copy routine a gate's point could stand. */
#ifndef PLAN_GATE_JUDGE_H
#define PLAN_GATE_JUDGE_H

#include "plan/size_graph.h"

/* Whether a probe could stand on a node, and what speaks against it. */
enum gate_verdict {
	GATE_FITS,
	GATE_HAS_NO_ARGUMENTS, /* or the stack is not as it was at the door */
	GATE_IN_LOOP,
	GATE_BEARS_NO_PROBE,
	GATE_SPLIT, /* a jump leads into the middle of it */
};

/*
 * Judges each node of a graph of copies of all sizes: *verdicts, in the order of its nodes, is the
 * caller's to free, also after an error. 0, -ENOMEM
 */
int gate_judge(const struct size_graph *graph, enum gate_verdict **verdicts);

#endif
