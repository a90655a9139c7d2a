// SPDX-License-Identifier: GPL-2.0-only
#include "plan/gate.h"

#include <inttypes.h>
#include <stdio.h>

#include "plan/gate_cut.h"
#include "plan/gate_judge.h"
#include "plan/gate_words.h"
#include "plan/walk.h"

/* What a hit costs, in eighths of a microsecond: design 4.2. */
#define COST_EMULATED 6
#define COST_STEPPED  250
/* A point more is worth it where it spares one copy in 2^28. */
#define COST_OF_A_POINT ((uint64_t)1 << 16)
/* Overlapping copies, where they have a way of their own, are one in so many. */
#define RARE_SHIFT 6

struct gate_search {
	const struct code_view *code;
	const struct memory_view *memory;
	const struct copy_registers *at_door;
	const struct copy_door *doors;
	size_t door_count;
	char *reason;
	struct size_graph all;       /* copies of all sizes */
	enum gate_verdict *verdicts; /* of its nodes */
	struct size_graph gated;     /* those of at least from_bytes */
	gate_constants constants;
};

static struct gate_words words_of(const struct gate_search *search)
{
	return (struct gate_words){search->code, &search->all, search->verdicts,
				   &search->constants};
}

static int search_begin(struct gate_search *search, bool is_go)
{
	int err;

	*search->reason = '\0';
	for (size_t i = 0; is_go && i < search->door_count; i++) {
		if (!plan_reads_stack_arguments(search->code, search->doors[i].vaddr))
			continue;
		snprintf(search->reason, PLAN_REASON_BYTES,
			 "%.40s takes its arguments from the stack, as in Go before 1.17",
			 search->doors[i].name);
		return -ENOTSUP;
	}
	err = size_graph_build(&search->all, search->code, search->memory, search->at_door,
			       search->doors, search->door_count,
			       (struct size_span){0, COPY_BYTES_MOST}, &search->constants,
			       search->reason);
	return err ? err : gate_judge(&search->all, &search->verdicts);
}

static void search_end(struct gate_search *search)
{
	size_graph_release(&search->all);
	size_graph_release(&search->gated);
	array_release(&search->constants);
	free(search->verdicts);
}

/* Of all copies, those of at least so many bytes: half of them have 16 or less. */
static uint64_t share_from(uint64_t bytes)
{
	return ((uint64_t)1 << 44) / (bytes + 16);
}

/* What a point costs all copies together; few overlap. */
static uint64_t cost_of(const struct size_node *node, uint32_t position)
{
	uint64_t share =
		share_from(node->before.span.least) - share_from(node->before.span.most + 1);
	uint64_t hit = node->op.insn.probe == PROBE_EMULATED ? COST_EMULATED : COST_STEPPED;

	return (hit * share >> (node->before.rareness * RARE_SHIFT)) + COST_OF_A_POINT + position;
}

/* The node of all copies that one of the gated ones is. */
static uint32_t node_of_all(const struct gate_search *search, const struct size_node *gated)
{
	const struct size_node *node =
		size_graph_node(&search->all, gated->vaddr, gated->has_arguments);

	/* The gated ones may be known to have their arguments where not all have. */
	if (!node || !gated->has_arguments)
		node = size_graph_node(&search->all, gated->vaddr, false);
	return node ? (uint32_t)(node - search->all.nodes.items) : UINT32_MAX;
}

static int choose_nodes(struct gate_search *search, struct cut_node *nodes)
{
	const struct size_graph *gated = &search->gated;

	for (size_t i = 0; i < gated->nodes.count; i++) {
		const struct size_node *node = &gated->nodes.items[i];
		uint32_t at = node_of_all(search, node);

		nodes[i] = (struct cut_node){
			.cost = COST_NEVER,
			.is_door = node->is_door,
			.is_end = node->end == END_RETURN,
		};
		if (at != UINT32_MAX && search->verdicts[at] == GATE_FITS &&
		    !size_graph_node(gated, node->vaddr, false))
			nodes[i].cost = cost_of(&search->all.nodes.items[at], at);
	}
	return gate_cut(nodes, gated->nodes.count, gated->edges.items, gated->edges.count);
}

/* The convention's own register, where it still holds the argument. */
static uint8_t pick_register(unsigned held, uint8_t preferred)
{
	return held & CPU_BIT(preferred) ? preferred : (uint8_t)__builtin_ctz(held);
}

static int add_point(const struct gate_search *search, uint32_t at, struct gate_plan *plan)
{
	const struct size_node *node = &search->all.nodes.items[at];
	const struct held_arguments held = size_state_held(&node->before);
	const struct gate_words words = words_of(search);
	struct gate_point gate = {
		.point = point_at(search->code, &node->op.insn, ""),
		.least_bytes = node->before.span.least,
		.most_bytes = node->before.span.most,
	};

	gate.point.in.dst = pick_register(held.dst, search->at_door->dst);
	gate.point.in.src = pick_register(held.src, search->at_door->src);
	gate.point.in.size = pick_register(held.size, search->at_door->size);
	gate_words_point(&words, at, gate.point.reason);
	gate_words_neighbours(&words, at, gate.neighbours);
	if (!plan->points.count || gate.least_bytes < plan->least_bytes)
		plan->least_bytes = gate.least_bytes;
	return array_push(&plan->points, gate);
}

static int add_return(const struct gate_search *search, uint32_t at, struct gate_plan *plan)
{
	const struct size_node *node = &search->all.nodes.items[at];
	struct gate_return *known;
	struct gate_return end = {
		.point = point_at(search->code, &node->op.insn, "a copy ends; single-stepped"),
		.least_bytes = node->before.span.least,
		.most_bytes = node->before.span.most,
	};

	array_each (known, &plan->returns) {
		if (known->point.vaddr != node->vaddr)
			continue;
		if (end.least_bytes < known->least_bytes)
			known->least_bytes = end.least_bytes;
		if (end.most_bytes > known->most_bytes)
			known->most_bytes = end.most_bytes;
		return 0;
	}
	return array_push(&plan->returns, end);
}

/* Every ret at which a gated copy ends, with the sizes of all copies that do, by both its nodes. */
static int add_returns(const struct gate_search *search, struct gate_plan *plan)
{
	const struct size_node *node;
	int err = 0;

	array_each (node, &search->gated.nodes) {
		for (int has_arguments = 0; !err && has_arguments < 2; has_arguments++) {
			const struct size_node *end =
				node->end == END_RETURN
					? size_graph_node(&search->all, node->vaddr, has_arguments)
					: NULL;

			if (end)
				err = add_return(search, (uint32_t)(end - search->all.nodes.items),
						 plan);
		}
	}
	return err;
}

/* By the others alone, not every end would be seen. ss ret: the kernel probes no such prefix. */
static void forget_hidden_returns(struct gate_plan *plan)
{
	const struct gate_return *end;
	bool all_bear_probes = true;

	array_each (end, &plan->returns)
		all_bear_probes &=
			end->point.probe == PROBE_EMULATED || end->point.probe == PROBE_STEPPED;
	if (!all_bear_probes)
		array_release(&plan->returns);
}

static int fill_plan(struct gate_search *search, const struct cut_node *nodes,
		     struct gate_plan *plan)
{
	int err = 0;

	for (size_t i = 0; !err && i < search->gated.nodes.count; i++)
		if (nodes[i].is_chosen)
			err = add_point(search, node_of_all(search, &search->gated.nodes.items[i]),
					plan);
	if (!err)
		err = add_returns(search, plan);
	plan->constants = search->constants;
	search->constants = (gate_constants){0};
	if (!err && !plan->returns.count) {
		snprintf(search->reason, PLAN_REASON_BYTES, "no copy comes to an end");
		return -ENOTSUP;
	}
	forget_hidden_returns(plan);
	return err;
}

static int search_gate(struct gate_search *search, uint64_t from_bytes, struct gate_plan *plan)
{
	const struct gate_words words = words_of(search);
	struct cut_node *nodes;
	int err;

	err = size_graph_build(&search->gated, search->code, search->memory, search->at_door,
			       search->doors, search->door_count,
			       (struct size_span){from_bytes, COPY_BYTES_MOST}, &search->constants,
			       search->reason);
	if (err)
		return err;
	nodes = calloc(search->gated.nodes.count + 1, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	err = choose_nodes(search, nodes);
	plan->from_bytes = from_bytes;
	if (!err)
		err = fill_plan(search, nodes, plan);
	free(nodes);
	if (err != -ENOENT && err != -E2BIG)
		return err;
	return gate_words_refusal(&words, &search->gated, search->reason);
}

static struct gate_search search_of(const struct code_view *code, const struct memory_view *memory,
				    bool is_go, const struct copy_door *doors, size_t door_count,
				    char *reason)
{
	static const struct copy_registers in_c = COPY_IN_C, in_go = COPY_IN_GO;

	return (struct gate_search){
		.code = code,
		.memory = memory,
		.at_door = is_go ? &in_go : &in_c,
		.doors = doors,
		.door_count = door_count,
		.reason = reason,
	};
}

int plan_gate(const struct code_view *code, const struct memory_view *memory, bool is_go,
	      const struct copy_door *doors, size_t door_count, uint64_t from_bytes,
	      struct gate_plan *plan, char reason[PLAN_REASON_BYTES])
{
	struct gate_search search = search_of(code, memory, is_go, doors, door_count, reason);
	int err;

	*plan = (struct gate_plan){0};
	if (from_bytes > COPY_BYTES_MOST) {
		snprintf(reason, PLAN_REASON_BYTES, "no copy has %" PRIu64 " bytes", from_bytes);
		return -ENOTSUP;
	}
	err = search_begin(&search, is_go);
	if (!err)
		err = search_gate(&search, from_bytes, plan);
	if (err)
		gate_plan_release(plan);
	search_end(&search);
	return err;
}

static int compare_sizes(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

int plan_gate_sizes(const struct code_view *code, const struct memory_view *memory, bool is_go,
		    const struct copy_door *doors, size_t door_count, gate_sizes *sizes,
		    char reason[PLAN_REASON_BYTES])
{
	struct gate_search search = search_of(code, memory, is_go, doors, door_count, reason);
	gate_sizes found = {0};
	size_t kept = 0;
	int err = search_begin(&search, is_go);

	for (size_t i = 0; !err && i < search.all.nodes.count; i++) {
		const struct size_node *node = &search.all.nodes.items[i];

		if (node->before.span.least)
			err = array_push(&found, node->before.span.least);
		/* Where small copies go a way of their own, the others begin behind its end. */
		if (!err && node->before.span.most < COPY_BYTES_MOST)
			err = array_push(&found, node->before.span.most + 1);
	}
	search_end(&search);
	if (err) {
		array_release(&found);
		return err;
	}
	if (found.count)
		qsort(found.items, found.count, sizeof(*found.items), compare_sizes);
	for (size_t i = 0; i < found.count; i++)
		if (!kept || found.items[i] != found.items[kept - 1])
			found.items[kept++] = found.items[i];
	found.count = kept;
	*sizes = found;
	return 0;
}

void gate_plan_release(struct gate_plan *plan)
{
	array_release(&plan->points);
	array_release(&plan->returns);
	array_release(&plan->constants);
}
