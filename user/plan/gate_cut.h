/* SPDX-License-Identifier: GPL-2.0-only */
/* The cheapest nodes of a graph such that each way from its doors to its ends passes exactly one.
 */
#ifndef PLAN_GATE_CUT_H
#define PLAN_GATE_CUT_H

#include "plan/size_graph.h"

#define COST_NEVER UINT64_MAX

struct cut_node {
	uint64_t cost; /* less than 2^48, or COST_NEVER */
	bool is_door, is_end;
	bool is_chosen; /* out */
};

/*
 * Chooses. A way that never ends need not pass any. 0, -ENOENT: there are none such, -E2BIG: the
 * graph is too large to tell, -ENOMEM.
 */
int gate_cut(struct cut_node *nodes, size_t count, const struct size_edge *edges,
	     size_t edge_count);

#endif
