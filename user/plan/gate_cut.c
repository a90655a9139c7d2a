// SPDX-License-Identifier: GPL-2.0-only
/*
 * A minimum cut. Each node is an arc, from where it is entered to where it is left, that costs what
 * a probe there does. No way may come back over the cut, since it would pass a second point: each
 * arc can be undone at no cost, so that the places before the cut are closed against what leads to
 * them. All that lies between the candidates, loops as well, falls together to single places.
 */
#include "plan/gate_cut.h"

#include <errno.h>
#include <stdlib.h>

/* Arcs looked at while the flow is found; glibc's routines take some thousands. */
#define STEPS_MOST   (20u << 20)
#define FLOW_ENDLESS (UINT64_MAX >> 1)

struct cut_arc {
	uint32_t from, to; /* places */
	uint32_t node;
	uint64_t cost;
	int64_t flow; /* below 0: it flows back */
};

/* An arc as it is seen from one of its places. */
struct cut_view {
	uint32_t arc;
	uint32_t next; /* of the same place; UINT32_MAX: none */
};

struct cut {
	uint32_t *parent; /* of the places that are one: 2 for each node, and the two below */
	uint32_t source, sink;
	size_t places;
	ARRAY(struct cut_arc) arcs;
	struct cut_view *views; /* 2 for each arc */
	uint32_t *first_view;   /* by place */
	uint32_t *came_by;      /* by place: the view it was found by; UINT32_MAX: it was not */
	uint32_t *queue;
	size_t steps;
};

static uint32_t place(struct cut *cut, uint32_t at)
{
	while (cut->parent[at] != at) {
		cut->parent[at] = cut->parent[cut->parent[at]];
		at = cut->parent[at];
	}
	return at;
}

static void unite(struct cut *cut, uint32_t a, uint32_t b)
{
	cut->parent[place(cut, a)] = place(cut, b);
}

static uint32_t entered(size_t node)
{
	return (uint32_t)(2 * node);
}

static uint32_t left(size_t node)
{
	return (uint32_t)(2 * node + 1);
}

static int lay_out(struct cut *cut, const struct cut_node *nodes, size_t count,
		   const struct size_edge *edges, size_t edge_count)
{
	for (uint32_t i = 0; i < cut->places; i++)
		cut->parent[i] = i;
	for (size_t i = 0; i < edge_count; i++)
		unite(cut, left(edges[i].from), entered(edges[i].to));
	for (size_t i = 0; i < count; i++) {
		if (nodes[i].cost == COST_NEVER)
			unite(cut, entered(i), left(i));
		if (nodes[i].is_door)
			unite(cut, cut->source, entered(i));
		if (nodes[i].is_end)
			unite(cut, cut->sink, left(i));
	}
	if (place(cut, cut->source) == place(cut, cut->sink))
		return -ENOENT;
	for (size_t i = 0; i < count; i++) {
		struct cut_arc arc = {
			.from = place(cut, entered(i)),
			.to = place(cut, left(i)),
			.node = (uint32_t)i,
			.cost = nodes[i].cost,
		};

		/* One in a loop: what leaves it leads to it. */
		if (arc.from != arc.to && array_push(&cut->arcs, arc))
			return -ENOMEM;
	}
	return 0;
}

static void add_view(struct cut *cut, uint32_t view, uint32_t at)
{
	cut->views[view] = (struct cut_view){view / 2, cut->first_view[at]};
	cut->first_view[at] = view;
}

static int prepare(struct cut *cut)
{
	cut->views = calloc(2 * cut->arcs.count + 1, sizeof(*cut->views));
	cut->first_view = calloc(cut->places, sizeof(*cut->first_view));
	cut->came_by = calloc(cut->places, sizeof(*cut->came_by));
	cut->queue = calloc(cut->places, sizeof(*cut->queue));
	if (!cut->views || !cut->first_view || !cut->came_by || !cut->queue)
		return -ENOMEM;
	for (size_t i = 0; i < cut->places; i++)
		cut->first_view[i] = UINT32_MAX;
	for (uint32_t i = 0; i < cut->arcs.count; i++) {
		add_view(cut, 2 * i, cut->arcs.items[i].from);
		add_view(cut, 2 * i + 1, cut->arcs.items[i].to);
	}
	return 0;
}

/* Even views run along their arc, odd ones against it. */
static uint64_t room(const struct cut *cut, uint32_t view)
{
	const struct cut_arc *arc = &cut->arcs.items[view / 2];

	return view % 2 ? FLOW_ENDLESS : arc->cost - (uint64_t)arc->flow;
}

/* Finds all that can be reached from the source, with came_by. -E2BIG: that took too long. */
static int search(struct cut *cut)
{
	uint32_t first = 0, count = 0, source = place(cut, cut->source);

	for (size_t i = 0; i < cut->places; i++)
		cut->came_by[i] = UINT32_MAX;
	cut->queue[count++] = source;
	while (first < count) {
		uint32_t view = cut->first_view[cut->queue[first++]];

		for (; view != UINT32_MAX; view = cut->views[view].next) {
			const struct cut_arc *arc = &cut->arcs.items[view / 2];
			uint32_t to = view % 2 ? arc->from : arc->to;

			if (++cut->steps > STEPS_MOST)
				return -E2BIG;
			if (to == source || cut->came_by[to] != UINT32_MAX || !room(cut, view))
				continue;
			cut->came_by[to] = view;
			cut->queue[count++] = to;
		}
	}
	return 0;
}

/* The place that a view was taken from. */
static uint32_t before(const struct cut *cut, uint32_t view)
{
	const struct cut_arc *arc = &cut->arcs.items[view / 2];

	return view % 2 ? arc->to : arc->from;
}

/* Sends what fits along the way that was found. -ENOENT: any amount does. */
static int send(struct cut *cut)
{
	uint32_t source = place(cut, cut->source), sink = place(cut, cut->sink);
	uint64_t most = FLOW_ENDLESS;

	for (uint32_t at = sink; at != source; at = before(cut, cut->came_by[at]))
		if (room(cut, cut->came_by[at]) < most)
			most = room(cut, cut->came_by[at]);
	if (most == FLOW_ENDLESS)
		return -ENOENT;
	for (uint32_t at = sink; at != source; at = before(cut, cut->came_by[at])) {
		struct cut_arc *arc = &cut->arcs.items[cut->came_by[at] / 2];

		arc->flow += cut->came_by[at] % 2 ? -(int64_t)most : (int64_t)most;
	}
	return 0;
}

static int find_flow(struct cut *cut)
{
	int err = search(cut);

	while (!err && cut->came_by[place(cut, cut->sink)] != UINT32_MAX) {
		err = send(cut);
		if (!err)
			err = search(cut);
	}
	return err;
}

static void choose(const struct cut *cut, uint32_t source, struct cut_node *nodes)
{
	const struct cut_arc *arc;

	array_each (arc, &cut->arcs) {
		bool from = arc->from == source || cut->came_by[arc->from] != UINT32_MAX;
		bool to = arc->to == source || cut->came_by[arc->to] != UINT32_MAX;

		nodes[arc->node].is_chosen = from && !to;
	}
}

int gate_cut(struct cut_node *nodes, size_t count, const struct size_edge *edges, size_t edge_count)
{
	struct cut cut = {
		.places = 2 * count + 2,
		.source = (uint32_t)(2 * count),
		.sink = (uint32_t)(2 * count + 1),
	};
	int err = -ENOMEM;

	cut.parent = calloc(cut.places, sizeof(*cut.parent));
	if (!cut.parent)
		goto out;
	err = lay_out(&cut, nodes, count, edges, edge_count);
	if (!err)
		err = prepare(&cut);
	if (!err)
		err = find_flow(&cut);
	if (!err)
		choose(&cut, place(&cut, cut.source), nodes);
out:
	free(cut.parent);
	array_release(&cut.arcs);
	free(cut.views);
	free(cut.first_view);
	free(cut.came_by);
	free(cut.queue);
	return err;
}
