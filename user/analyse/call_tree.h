/* SPDX-License-Identifier: GPL-2.0-only */
/* The call paths of all samples, merged from where threads begin. */
#ifndef ANALYSE_CALL_TREE_H
#define ANALYSE_CALL_TREE_H

#include "analyse/function.h"
#include "analyse/result.h"

/*
 * Of a run of days, the first that came: what is found when there is no room left counts for the
 * innermost of its callers that has a node, or else for a node of the name "(others)".
 */
#define CALL_TREE_NODES 8192

struct call_tree {
	struct functions functions; /* the nodes' */
	uint64_t *own_ns;           /* by number; the last one is of "(others)" */
};

/* 0 or -ENOMEM. */
int call_tree_init(struct call_tree *tree);
void call_tree_release(struct call_tree *tree);

/* The number of the node where the path ends; it may have to do for a shorter one. */
uint32_t call_tree_find(struct call_tree *tree, const struct call_path *path);
void call_tree_add(struct call_tree *tree, uint32_t node, uint64_t time_ns);

typedef ARRAY(struct call_node) call_nodes;

/*
 * Appends the nodes, depth first, the heaviest callee first; their frames live as long as the tree.
 * 0 or -ENOMEM.
 */
int call_tree_list(const struct call_tree *tree, call_nodes *nodes);

#endif
