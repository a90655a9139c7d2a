/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All ways through copy routines, and the sizes of the copies that take each: an analysis of
 * intervals that follows each branch from the doors on. What is not known goes both ways.
 */
#ifndef PLAN_SIZE_GRAPH_H
#define PLAN_SIZE_GRAPH_H

#include "plan/size_state.h"

enum size_end {
	END_NONE,
	END_RETURN,
	END_NEVER, /* nothing is copied for a caller that gets no answer: __chk_fail, ud2 */
};

/*
 * An instruction. Where copies come to it with their arguments in place, and others without, it is
 * two: Go's memmove begins anew with what a loop has left over.
 */
struct size_node {
	uint64_t vaddr;
	bool has_arguments;
	bool is_door, is_waiting;
	uint8_t visits;
	enum size_end end;
	struct size_op op;
	struct size_state before;
	uint32_t first_edge; /* of those that lead on from it, which follow one another */
	uint32_t next_alike; /* in the same slot of the index; UINT32_MAX: the last */
};

struct size_edge {
	uint32_t from, to;
};

struct size_graph {
	ARRAY(struct size_node) nodes; /* those nearest to a door first */
	ARRAY(struct size_edge) edges;
	uint32_t *index; /* by address; scratch of the analysis */
};

/*
 * From all doors on, for copies of span. What it reads of the process's memory joins *constants,
 * and what those hold already is not read again. 0, -ENOTSUP with reason, -ENOMEM.
 * size_graph_release() frees what it holds, also after an error.
 */
int size_graph_build(struct size_graph *graph, const struct code_view *code,
		     const struct memory_view *memory, const struct copy_registers *at_door,
		     const struct copy_door *doors, size_t door_count, struct size_span span,
		     gate_constants *constants, char reason[PLAN_REASON_BYTES]);
void size_graph_release(struct size_graph *graph);

/* Behind the last of the edges that lead on from a node. */
uint32_t size_graph_last_edge(const struct size_graph *graph, uint32_t node);

/* The node, or NULL. */
const struct size_node *size_graph_node(const struct size_graph *graph, uint64_t vaddr,
					bool has_arguments);

#endif
