// SPDX-License-Identifier: GPL-2.0-only
#include "plan/size_graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plan/walk.h"

/*
 * glibc 2.36's largest, memmove-ssse3, has 933 and takes 1,639 steps; a file that is made to do
 * harm may hold anything.
 */
#define NODES_MOST  8192
#define STEPS_MOST  (1 << 17)
#define INDEX_SLOTS 4096
#define NO_NODE     UINT32_MAX
/* Functions that are read to see whether they come back. */
#define ABORTS_MOST 32
/* How far an indirect jump may choose. */
#define TARGETS_MOST 512
/* From this visit on what still changes is given up. */
#define VISITS_MOST 12

struct size_walk {
	struct size_graph *graph;
	const struct code_view *code;
	const struct memory_view *memory;
	struct size_source source;
	const struct copy_door *doors;
	size_t door_count;
	ARRAY(uint32_t) waiting; /* nodes whose state has changed, those from first_waiting on */
	size_t first_waiting;
	size_t aborts_asked, steps;
	bool is_recording; /* the states are final: edges are noted */
	char *reason;
};

static uint32_t *index_slot(const struct size_graph *graph, uint64_t vaddr)
{
	return &graph->index[(vaddr * 0x9e3779b97f4a7c15u) >> 52];
}

static uint32_t node_index(const struct size_graph *graph, uint64_t vaddr, bool has_arguments)
{
	uint32_t at = *index_slot(graph, vaddr);

	while (at != NO_NODE && (graph->nodes.items[at].vaddr != vaddr ||
				 graph->nodes.items[at].has_arguments != has_arguments))
		at = graph->nodes.items[at].next_alike;
	return at;
}

const struct size_node *size_graph_node(const struct size_graph *graph, uint64_t vaddr,
					bool has_arguments)
{
	uint32_t at = node_index(graph, vaddr, has_arguments);

	return at == NO_NODE ? NULL : &graph->nodes.items[at];
}

uint32_t size_graph_last_edge(const struct size_graph *graph, uint32_t node)
{
	return (uint32_t)(node + 1 < graph->nodes.count ? graph->nodes.items[node + 1].first_edge
							: graph->edges.count);
}

static int refuse(struct size_walk *walk, uint64_t vaddr, const char *why)
{
	char text[INSN_TEXT_BYTES];
	size_t bytes = 0;
	const uint8_t *at = walk->code->read(walk->code->source, vaddr, &bytes);

	snprintf(walk->reason, PLAN_REASON_BYTES, "%.60s at 0x%" PRIx64 ": %s",
		 at ? insn_text(text, at, bytes, vaddr) : "no code", vaddr, why);
	return -ENOTSUP;
}

static bool is_door(const struct size_walk *walk, uint64_t vaddr)
{
	for (size_t i = 0; i < walk->door_count; i++)
		if (walk->doors[i].vaddr == vaddr)
			return true;
	return false;
}

/* jb __chk_fail: a function of its own, from which no one comes back. */
static bool is_abort(struct size_walk *walk, uint64_t vaddr)
{
	struct code_range function;

	return !is_door(walk, vaddr) && function_at(walk->code, vaddr, &function) &&
	       function.vaddr == vaddr && walk->aborts_asked++ < ABORTS_MOST &&
	       never_returns(walk->code, vaddr);
}

static int node_add(struct size_walk *walk, uint64_t vaddr, const struct size_state *state,
		    bool has_arguments, bool is_jumped_to, uint32_t *at)
{
	struct size_graph *graph = walk->graph;
	struct size_node node = {.vaddr = vaddr, .has_arguments = has_arguments, .before = *state};
	size_t bytes = 0;
	const uint8_t *code = walk->code->read(walk->code->source, vaddr, &bytes);

	if (!code || size_op_decode(code, bytes, vaddr, &node.op))
		return refuse(walk, vaddr, "what the code runs into is no instruction");
	if (graph->nodes.count == NODES_MOST)
		return refuse(walk, vaddr, "too much code for a copy routine");
	node.end = node.op.insn.flow == FLOW_RETURN ? END_RETURN
		   : node.op.insn.flow == FLOW_STOP ? END_NEVER
						    : END_NONE;
	if ((is_jumped_to && is_abort(walk, vaddr)) ||
	    (node.op.insn.flow == FLOW_CALL && node.op.insn.target_vaddr &&
	     is_abort(walk, node.op.insn.target_vaddr)))
		node.end = END_NEVER;
	node.next_alike = *index_slot(graph, vaddr);
	*at = (uint32_t)graph->nodes.count;
	if (array_push(&graph->nodes, node))
		return -ENOMEM;
	*index_slot(graph, vaddr) = *at;
	return 0;
}

/* Control comes to vaddr with state, from a node or (NO_NODE) through a door. */
static int arrive(struct size_walk *walk, uint32_t from, uint64_t vaddr,
		  const struct size_state *state, bool is_jumped_to)
{
	const struct held_arguments held = size_state_held(state);
	bool has_arguments = all_held(&held), changes = true;
	uint32_t at = node_index(walk->graph, vaddr, has_arguments);
	struct size_node *node;
	int err = 0;

	if (walk->is_recording && at != NO_NODE)
		return array_push(&walk->graph->edges, ((struct size_edge){from, at}));
	if (walk->is_recording)
		return refuse(walk, vaddr, "the jump table that leads there has changed");
	if (at == NO_NODE)
		err = node_add(walk, vaddr, state, has_arguments, is_jumped_to, &at);
	else
		changes = size_state_join(&walk->graph->nodes.items[at].before, state,
					  walk->graph->nodes.items[at].visits >= VISITS_MOST);
	if (err)
		return err;
	node = &walk->graph->nodes.items[at];
	node->is_door |= from == NO_NODE;
	if (!changes || node->is_waiting)
		return 0;
	node->is_waiting = true;
	return array_push(&walk->waiting, at);
}

/*
 * bodies.c counts on it that such a jump stays in its function; where the bounds of that are not
 * known, all is one body.
 */
static int arrive_in_function(struct size_walk *walk, uint32_t from, uint64_t vaddr,
			      const struct size_state *state)
{
	uint64_t jump_vaddr = walk->graph->nodes.items[from].vaddr;
	struct code_range function;

	if (function_at(walk->code, jump_vaddr, &function) && !range_covers(&function, vaddr))
		return refuse(walk, jump_vaddr, "this jump leaves its function");
	return arrive(walk, from, vaddr, state, true);
}

static int arrive_by_table(struct size_walk *walk, uint32_t from, const struct size_value *table,
			   const struct size_state *state)
{
	uint64_t vaddr = table->low;
	int err = 0;

	for (;;) {
		uint64_t entry = 0;

		if (!walk->memory || !walk->memory->read ||
		    !walk->memory->read(walk->memory->source, vaddr, &entry, table->entry_bytes))
			return refuse(walk, walk->graph->nodes.items[from].vaddr,
				      "its jump table cannot be read");
		if (table->entry_bytes == 4)
			entry = (uint64_t)(int64_t)(int32_t)entry;
		err = arrive_in_function(walk, from, table->offset + entry, state);
		if (err || vaddr == table->high)
			return err;
		vaddr += table->step;
	}
}

/* An indirect jump: followed where the few places that it may lead to are known. */
static int arrive_indirectly(struct size_walk *walk, uint32_t from, const struct size_value *target,
			     const struct size_state *state)
{
	uint64_t step = target->step ? target->step : 1;
	int err = 0;

	if ((target->kind != VALUE_RANGE && target->kind != VALUE_TABLE) ||
	    (target->high - target->low) / step >= TARGETS_MOST)
		return refuse(walk, walk->graph->nodes.items[from].vaddr,
			      "where this jump leads is not known");
	if (target->kind == VALUE_TABLE)
		return arrive_by_table(walk, from, target, state);
	for (uint64_t vaddr = target->low;; vaddr += step) {
		err = arrive_in_function(walk, from, vaddr, state);
		if (err || vaddr == target->high)
			return err;
	}
}

static int follow_branch(struct size_walk *walk, uint32_t at, const struct size_op *op,
			 const struct size_state *state)
{
	struct size_state side = *state;
	int err = 0;

	if (size_state_take(&side, op, false))
		err = arrive(walk, at, op->insn.vaddr + op->insn.length, &side, false);
	side = *state;
	if (!err && size_state_take(&side, op, true))
		err = arrive(walk, at, op->insn.target_vaddr, &side, true);
	return err;
}

/* Goes on from a node, by what is known of it now. */
static int follow(struct size_walk *walk, uint32_t at)
{
	const struct size_op op = walk->graph->nodes.items[at].op;
	struct size_state state = walk->graph->nodes.items[at].before;
	struct size_value target;
	int err = 0;

	if (walk->graph->nodes.items[at].end != END_NONE)
		return 0;
	/* What it leads to has doors of its own, if it copies: see doors.c. */
	if (op.insn.flow == FLOW_JUMP_SLOT)
		return refuse(walk, op.insn.vaddr, "it leaves for another function");
	if (op.insn.flow == FLOW_JUMP_INDIRECT) {
		err = size_state_operand(&state, &op.to, &walk->source, &target);
		return err ? err : arrive_indirectly(walk, at, &target, &state);
	}
	err = size_state_step(&state, &op, &walk->source);
	if (err)
		return err;
	switch (op.insn.flow) {
	case FLOW_NEXT:
		return arrive(walk, at, op.insn.vaddr + op.insn.length, &state, false);
	case FLOW_BRANCH:
		return follow_branch(walk, at, &op, &state);
	case FLOW_JUMP:
		return arrive(walk, at, op.insn.target_vaddr, &state, true);
	case FLOW_CALL:
		return refuse(walk, op.insn.vaddr, "what it calls may copy by itself");
	default:
		return 0;
	}
}

static int settle(struct size_walk *walk)
{
	int err = 0;

	while (!err && walk->first_waiting < walk->waiting.count) {
		uint32_t at = walk->waiting.items[walk->first_waiting++];
		struct size_node *node = &walk->graph->nodes.items[at];

		if (walk->steps++ == STEPS_MOST)
			return refuse(walk, node->vaddr, "too many loops for a copy routine");
		node->is_waiting = false;
		if (node->visits < UINT8_MAX)
			node->visits++;
		err = follow(walk, at);
	}
	return err;
}

static int record_edges(struct size_walk *walk)
{
	int err = 0;

	walk->is_recording = true;
	for (uint32_t i = 0; !err && i < walk->graph->nodes.count; i++) {
		walk->graph->nodes.items[i].first_edge = (uint32_t)walk->graph->edges.count;
		err = follow(walk, i);
	}
	return err;
}

/* push %rax; ret is a jump: what it leads to may pass a gate as well. */
static int refuse_other_returns(struct size_walk *walk)
{
	const struct size_node *node;

	array_each (node, &walk->graph->nodes)
		if (node->end == END_RETURN && !size_state_has_stack(&node->before))
			return refuse(walk, node->vaddr, "where this returns to is not known");
	return 0;
}

static bool may_write(const struct size_op *op)
{
	return op->to.kind == OPERAND_MEMORY && op->action != OP_COMPARE && op->action != OP_TEST &&
	       op->action != OP_PUSH && op->action != OP_ADDRESS;
}

/* The routine would compare with what it has changed itself. */
static int refuse_own_writes(struct size_walk *walk)
{
	const struct gate_constant *constant;
	const struct size_node *node;

	array_each (node, &walk->graph->nodes) {
		const struct size_operand *to = &node->op.to;
		uint64_t bytes = to->bits && to->bits <= 64 ? to->bits / 8 : 64;
		struct size_value address;

		if (!may_write(&node->op))
			continue;
		address = size_state_address(&node->before, to);
		array_each (constant, walk->source.constants)
			if (value_is_constant(&address) &&
			    address.low < constant->vaddr + constant->bytes &&
			    constant->vaddr < address.low + bytes)
				return refuse(walk, node->vaddr, "it writes what it compares with");
	}
	return 0;
}

int size_graph_build(struct size_graph *graph, const struct code_view *code,
		     const struct memory_view *memory, const struct copy_registers *at_door,
		     const struct copy_door *doors, size_t door_count, struct size_span span,
		     gate_constants *constants, char reason[PLAN_REASON_BYTES])
{
	struct size_walk walk = {
		.graph = graph,
		.code = code,
		.memory = memory,
		.source = {code, memory, constants},
		.doors = doors,
		.door_count = door_count,
		.reason = reason,
	};
	const struct size_state state = size_state_at_door(at_door, span);
	int err = 0;

	*graph = (struct size_graph){.index = malloc(INDEX_SLOTS * sizeof(*graph->index))};
	if (!graph->index)
		return -ENOMEM;
	memset(graph->index, 0xff, INDEX_SLOTS * sizeof(*graph->index));
	for (size_t i = 0; !err && i < door_count; i++)
		err = arrive(&walk, NO_NODE, doors[i].vaddr, &state, true);
	if (!err)
		err = settle(&walk);
	if (!err)
		err = record_edges(&walk);
	if (!err)
		err = refuse_other_returns(&walk);
	if (!err)
		err = refuse_own_writes(&walk);
	array_release(&walk.waiting);
	return err;
}

void size_graph_release(struct size_graph *graph)
{
	array_release(&graph->nodes);
	array_release(&graph->edges);
	free(graph->index);
	graph->index = NULL;
}
