// SPDX-License-Identifier: GPL-2.0-only
#include "plan/gate_judge.h"

#include <stdlib.h>

struct judge {
	const struct size_graph *graph;
	enum gate_verdict *verdicts;
};

static int compare_vaddrs(const void *left, const void *right)
{
	const struct size_node *const *a = left, *const *b = right;

	return ((*a)->vaddr > (*b)->vaddr) - ((*a)->vaddr < (*b)->vaddr);
}

/* Instructions that share bytes: a breakpoint on one would change the other. */
static int judge_splits(struct judge *judge)
{
	size_t count = judge->graph->nodes.count;
	const struct size_node **sorted = calloc(count + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &judge->graph->nodes.items[i];
	qsort(sorted, count, sizeof(*sorted), compare_vaddrs);
	for (size_t i = 0; i < count; i++) {
		uint64_t end = sorted[i]->vaddr + sorted[i]->op.insn.length;

		for (size_t k = i + 1; k < count && sorted[k]->vaddr < end; k++) {
			if (sorted[k]->vaddr == sorted[i]->vaddr)
				continue;
			judge->verdicts[sorted[i] - judge->graph->nodes.items] = GATE_SPLIT;
			judge->verdicts[sorted[k] - judge->graph->nodes.items] = GATE_SPLIT;
		}
	}
	free(sorted);
	return 0;
}

struct loop_search {
	const struct size_graph *graph;
	uint32_t *next_edge;   /* of each node: the first that was not followed yet */
	uint32_t *order, *low; /* Tarjan's: when a node was found, the earliest one it leads to */
	uint32_t *stack, *path;
	uint32_t stacked, found;
	bool *is_stacked;
	enum gate_verdict *verdicts;
};

static void close_component(struct loop_search *loops, uint32_t node)
{
	bool is_one = loops->stack[loops->stacked - 1] == node;
	uint32_t last;

	do {
		last = loops->stack[--loops->stacked];
		loops->is_stacked[last] = false;
		if (!is_one)
			loops->verdicts[last] = GATE_IN_LOOP;
	} while (last != node);
}

static void find_loops(struct loop_search *loops, uint32_t root)
{
	uint32_t depth = 0;

	loops->path[depth++] = root;
	loops->order[root] = loops->low[root] = ++loops->found;
	loops->stack[loops->stacked++] = root;
	loops->is_stacked[root] = true;
	while (depth) {
		uint32_t node = loops->path[depth - 1], to;

		if (loops->next_edge[node] == size_graph_last_edge(loops->graph, node)) {
			if (loops->low[node] == loops->order[node])
				close_component(loops, node);
			if (--depth && loops->low[node] < loops->low[loops->path[depth - 1]])
				loops->low[loops->path[depth - 1]] = loops->low[node];
			continue;
		}
		to = loops->graph->edges.items[loops->next_edge[node]++].to;
		if (to == node)
			loops->verdicts[node] = GATE_IN_LOOP;
		if (!loops->order[to]) {
			loops->path[depth++] = to;
			loops->order[to] = loops->low[to] = ++loops->found;
			loops->stack[loops->stacked++] = to;
			loops->is_stacked[to] = true;
		} else if (loops->is_stacked[to] && loops->order[to] < loops->low[node]) {
			loops->low[node] = loops->order[to];
		}
	}
}

static int judge_loops(struct judge *judge)
{
	size_t count = judge->graph->nodes.count;
	uint32_t *scratch = calloc(5 * (count + 1), sizeof(*scratch));
	struct loop_search loops = {
		.graph = judge->graph,
		.is_stacked = calloc(count + 1, sizeof(bool)),
		.verdicts = judge->verdicts,
	};
	int err = scratch && loops.is_stacked ? 0 : -ENOMEM;

	if (err)
		goto out;
	loops.next_edge = scratch;
	loops.order = scratch + (count + 1);
	loops.low = scratch + 2 * (count + 1);
	loops.stack = scratch + 3 * (count + 1);
	loops.path = scratch + 4 * (count + 1);
	for (uint32_t i = 0; i < count; i++)
		loops.next_edge[i] = judge->graph->nodes.items[i].first_edge;
	for (uint32_t i = 0; i < count; i++)
		if (!loops.order[i])
			find_loops(&loops, i);
out:
	free(scratch);
	free(loops.is_stacked);
	return err;
}

static bool bears_probe(const struct size_node *node)
{
	return node->op.insn.probe == PROBE_EMULATED || node->op.insn.probe == PROBE_STEPPED;
}

static bool holds_arguments(const struct size_graph *graph, const struct size_node *node)
{
	const struct held_arguments held = size_state_held(&node->before);

	return all_held(&held) && !size_graph_node(graph, node->vaddr, false);
}

int gate_judge(const struct size_graph *graph, enum gate_verdict **verdicts)
{
	size_t count = graph->nodes.count;
	struct judge judge = {graph, calloc(count + 1, sizeof(**verdicts))};
	int err;

	*verdicts = judge.verdicts;
	if (!judge.verdicts)
		return -ENOMEM;
	err = judge_splits(&judge);
	if (!err)
		err = judge_loops(&judge);
	for (size_t i = 0; !err && i < count; i++) {
		const struct size_node *node = &graph->nodes.items[i];

		if (judge.verdicts[i] != GATE_FITS)
			continue;
		if (!holds_arguments(graph, node))
			judge.verdicts[i] = GATE_HAS_NO_ARGUMENTS;
		else if (!bears_probe(node))
			judge.verdicts[i] = GATE_BEARS_NO_PROBE;
	}
	return err;
}
