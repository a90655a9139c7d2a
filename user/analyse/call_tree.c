// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/call_tree.h"

#include <errno.h>

#define OTHERS CALL_TREE_NODES

static const struct frame others = {.name = "(others)"};

int call_tree_init(struct call_tree *tree)
{
	tree->own_ns = calloc(CALL_TREE_NODES + 1, sizeof(*tree->own_ns));
	if (!tree->own_ns)
		return -ENOMEM;
	if (functions_init(&tree->functions, CALL_TREE_NODES)) {
		free(tree->own_ns);
		tree->own_ns = NULL;
		return -ENOMEM;
	}
	return 0;
}

void call_tree_release(struct call_tree *tree)
{
	functions_release(&tree->functions);
	free(tree->own_ns);
	tree->own_ns = NULL;
}

uint32_t call_tree_find(struct call_tree *tree, const struct call_path *path)
{
	uint32_t node = NO_FUNCTION;

	for (size_t i = path->frames.count; i--;) {
		uint32_t below = functions_number(&tree->functions, node, &path->frames.items[i]);

		if (below == NO_FUNCTION)
			break;
		node = below;
	}
	return node == NO_FUNCTION ? OTHERS : node;
}

void call_tree_add(struct call_tree *tree, uint32_t node, uint64_t time_ns)
{
	tree->own_ns[node] += time_ns;
}

/* ---- the list ---- */

/* What a node is on the way into the list. */
struct twig {
	uint64_t time_ns;
	uint32_t node;
	uint32_t first_callee; /* NO_FUNCTION: none */
	uint32_t next;         /* callee of the same caller */
};

static int compare_times(const void *left, const void *right)
{
	const struct twig *const *a = left, *const *b = right;

	if ((*a)->time_ns != (*b)->time_ns)
		return (*a)->time_ns < (*b)->time_ns ? -1 : 1;
	/* Backwards, too: the one that came first is linked last. */
	return (*a)->node > (*b)->node ? -1 : 1;
}

/* A callee has a higher number than its caller: backwards, its time is complete. */
static void sum_times(const struct call_tree *tree, struct twig *twigs)
{
	const struct functions *functions = &tree->functions;

	for (uint32_t i = functions->count; i--;) {
		uint32_t parent = functions->items[i].parent;

		twigs[i].node = i;
		twigs[i].first_callee = twigs[i].next = NO_FUNCTION;
		twigs[i].time_ns += tree->own_ns[i];
		if (parent != NO_FUNCTION)
			twigs[parent].time_ns += twigs[i].time_ns;
	}
}

/* Links each into its caller's callees, the lightest first, so that the heaviest is in front. */
static uint32_t link_twigs(const struct functions *functions, struct twig *twigs,
			   struct twig **order)
{
	uint32_t root = NO_FUNCTION;

	for (uint32_t i = 0; i < functions->count; i++)
		order[i] = &twigs[i];
	qsort(order, functions->count, sizeof(struct twig *), compare_times);
	for (uint32_t i = 0; i < functions->count; i++) {
		uint32_t parent = functions->items[order[i]->node].parent;
		uint32_t *front = parent == NO_FUNCTION ? &root : &twigs[parent].first_callee;

		order[i]->next = *front;
		*front = order[i]->node;
	}
	return root;
}

static int list_twigs(const struct call_tree *tree, const struct twig *twigs, uint32_t node,
		      call_nodes *nodes)
{
	size_t depth = 0;

	while (node != NO_FUNCTION) {
		struct call_node listed = {
			.frame = &tree->functions.items[node].frame,
			.depth = depth,
			.time_ns = twigs[node].time_ns,
			.own_ns = tree->own_ns[node],
		};

		if (array_push(nodes, listed))
			return -ENOMEM;
		if (twigs[node].first_callee != NO_FUNCTION) {
			node = twigs[node].first_callee;
			depth++;
			continue;
		}
		/* Up to where a callee of the same caller is left. */
		while (node != NO_FUNCTION && twigs[node].next == NO_FUNCTION) {
			node = tree->functions.items[node].parent;
			depth--;
		}
		if (node != NO_FUNCTION)
			node = twigs[node].next;
	}
	return 0;
}

int call_tree_list(const struct call_tree *tree, call_nodes *nodes)
{
	const struct functions *functions = &tree->functions;
	struct call_node rest = {.frame = &others};
	struct twig *twigs = calloc(functions->count + 1, sizeof(*twigs));
	struct twig **order = calloc(functions->count + 1, sizeof(*order));
	int error = -ENOMEM;

	if (twigs && order) {
		sum_times(tree, twigs);
		error = list_twigs(tree, twigs, link_twigs(functions, twigs, order), nodes);
	}
	rest.time_ns = rest.own_ns = tree->own_ns[OTHERS];
	if (!error && rest.time_ns)
		error = array_push(nodes, rest);
	free(twigs);
	free(order);
	return error;
}
