// SPDX-License-Identifier: GPL-2.0-only
#include "choose/copy_bodies.h"

#include <errno.h>
#include <string.h>

/* The bodies of one file that are remembered: some, under some sets of GLIBC_TUNABLES. */
#define BODIES_KNOWN_MOST 16

int copy_body_points(const struct module *module, const copy_doors *doors, bool is_go,
		     probe_points *points, char reason[PLAN_REASON_BYTES])
{
	return (is_go ? plan_go_copies : plan_copies)(&module->code, doors->items, doors->count,
						      points, reason);
}

static bool same_doors(const copy_doors *a, const copy_doors *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (a->items[i].vaddr != b->items[i].vaddr)
			return false;
	}
	return true;
}

/* ---- the planner's view of a body ---- */

struct body_view {
	const struct module *module;
	const struct known_body *body;
	struct memory_view memory;
};

static int body_sizes(const void *context, gate_sizes *sizes, char reason[PLAN_REASON_BYTES])
{
	const struct body_view *view = context;

	return plan_gate_sizes(&view->module->code, &view->memory, view->body->is_go,
			       view->body->doors.items, view->body->doors.count, sizes, reason);
}

static int body_gate(const void *context, uint64_t from_bytes, struct gate_plan *plan,
		     char reason[PLAN_REASON_BYTES])
{
	const struct body_view *view = context;

	return plan_gate(&view->module->code, &view->memory, view->body->is_go,
			 view->body->doors.items, view->body->doors.count, from_bytes, plan,
			 reason);
}

static bool is_stepped(const probe_points *points)
{
	const struct probe_point *point;

	array_each (point, points) {
		if (point->probe != PROBE_EMULATED)
			return true;
	}
	return false;
}

static int plan_body(struct planning *planning, struct module *module, struct known_body *body)
{
	struct module_memory memory =
		module_memory_of(planning, module, body->doors.items[0].vaddr, &body->words);
	struct body_view view = {module, body, module_memory_view(&memory)};
	struct gated_routine routine = {body_sizes, body_gate, &view, false};
	char reason[PLAN_REASON_BYTES];
	int err = copy_body_points(module, &body->doors, body->is_go, &body->copies, reason);

	if (err)
		return err;
	/*
	 * A program of Go's sets its flags (runtime.useAVXmemmove, in Go 1.19) when it already
	 * runs, after a launched one was planned: gates must hold either way.
	 */
	memory.is_mapped &= !body->is_go;
	memory.is_settled = body->is_libcs;
	routine.is_stepped = is_stepped(&body->copies);
	return routine_levels_choose(&routine, &planning->copies->gates, &body->levels);
}

static int make_body(struct planning *planning, struct module *module, const copy_doors *doors,
		     bool is_go, bool is_libcs, struct known_body **made)
{
	struct known_body *body = calloc(1, sizeof(*body));
	const struct copy_door *door;
	int err = 0;

	if (!body)
		return -ENOMEM;
	body->is_go = is_go;
	body->is_libcs = is_libcs;
	array_each (door, doors) {
		if (!err)
			err = array_push(&body->doors, *door);
	}
	if (!err)
		err = plan_body(planning, module, body);
	if (!err)
		err = array_push(&module->bodies, body);
	if (err)
		known_body_free(body);
	else
		*made = body;
	return err;
}

int copy_body_get(struct planning *planning, struct module *module, const copy_doors *doors,
		  bool is_go, bool is_libcs, const struct known_body **found)
{
	struct known_body **each, *made;
	int err;

	array_each (each, &module->bodies) {
		struct module_memory memory =
			module_memory_of(planning, module, doors->items[0].vaddr, NULL);

		if ((*each)->is_go != is_go || (*each)->is_libcs != is_libcs ||
		    !same_doors(&(*each)->doors, doors) ||
		    !module_memory_holds(&memory, &(*each)->words))
			continue;
		*found = *each;
		return 0;
	}
	if (module->bodies.count == BODIES_KNOWN_MOST) {
		known_body_free(module->bodies.items[0]);
		module->bodies.count--;
		memmove(module->bodies.items, module->bodies.items + 1,
			module->bodies.count * sizeof(*module->bodies.items));
	}
	err = make_body(planning, module, doors, is_go, is_libcs, &made);
	if (!err)
		*found = made;
	return err;
}
