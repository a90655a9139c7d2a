// SPDX-License-Identifier: GPL-2.0-only
#include "choose/copy_points.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "plan/bodies.h"
#include "choose/copy_bodies.h"

/*
 * A copy of a MiB took 24 us here, 44 bytes a ns, all of it in the L2 cache. Those that this is
 * asked of are larger: none is faster than this.
 */
#define COPY_BYTES_PER_NS 64
/* How much longer than what its end costs a copy takes whose end is seen. */
#define END_WORTH 20

/* ---- doors that can be counted ---- */

/* A body is named by the best known of its doors: memmove before __memcpy_chk. */
static const char *routine_name(const copy_doors *doors)
{
	const struct copy_door *door;

	array_each (door, doors) {
		if (!strcmp(door->name, "memmove"))
			return door->name;
	}
	return doors->items[0].name;
}

/* Adds the door to those planned so far, where all of them still have a point then. */
static int add_singly(struct planning *planning, struct module *module, struct live_door *live,
		      copy_doors *doors)
{
	char *reason = planning->plan->refused, text[PLAN_REASON_BYTES + 40];
	probe_points points = {0};
	int err = array_push(doors, live->door);

	if (!err)
		err = copy_body_points(module, doors, live->is_go, &points, reason);
	array_release(&points);
	if (err != -ENOTSUP)
		return err;
	snprintf(text, sizeof(text), "can't be counted: %s", reason);
	door_leave_out(live, text);
	doors->count--;
	return 0;
}

/*
 * One after the other: who has no point, or takes away that of those before it, is left out. Those
 * that the user names do not come before the C library's: they may call it.
 */
static int plan_singly(struct planning *planning, struct module *module, bool is_go,
		       live_doors *all, copy_doors *doors, probe_points *points)
{
	char reason[PLAN_REASON_BYTES];
	struct live_door *live;
	int err = 0;

	doors->count = 0;
	for (int recognised = 1; recognised >= 0; recognised--)
		array_each (live, all) {
			if (!err && live->module == module && live->is_go == is_go &&
			    !live->left_out && live->recognised == recognised)
				err = add_singly(planning, module, live, doors);
		}
	if (err || !doors->count)
		return err;
	return copy_body_points(module, doors, is_go, points, reason);
}

static int collect_doors(const struct module *module, bool is_go, const live_doors *all,
			 copy_doors *doors)
{
	const struct live_door *live;
	const struct copy_door *known;
	int err = 0;

	array_each (live, all) {
		bool is_new = live->module == module && live->is_go == is_go && !live->left_out;

		array_each (known, doors)
			is_new &= known->vaddr != live->door.vaddr;
		if (!err && is_new)
			err = array_push(doors, live->door);
	}
	return err;
}

/* ---- probes ---- */

#define LOOSE_BYTES 200

/* One routine's body, and what its probes have in common. */
struct body_probes {
	struct planning *planning;
	struct module *module;
	const struct known_body *body;
	const live_doors *all; /* of the process */
	unsigned routine;
	bool recognised; /* by its code */
	char *loose;     /* of all bodies: which let smaller copies pass than were asked for */
};

/* What one probe is told beyond its place. */
struct copy_probe {
	enum mw_point_kind kind;
	unsigned flags;
	enum gate_level level;
	uint64_t gate_bytes;
	bool by_session;
	const char *neighbours; /* NULL: nothing is to be said of them */
};

/* The same point, with the same meaning, for another level. */
static struct planned_probe *known_probe(struct process_plan *plan,
					 const struct planned_probe *added)
{
	struct planned_probe *known;

	array_each (known, &plan->probes) {
		if (known != added && known->module == added->module &&
		    known->point.file_off == added->point.file_off &&
		    known->point.cookie == added->point.cookie &&
		    known->by_session == added->by_session)
			return known;
	}
	return NULL;
}

static int add_note(struct process_plan *plan, struct planned_probe *probe, const char *neighbours)
{
	struct gate_note note;
	int err;

	if (!neighbours || !*neighbours)
		return 0;
	snprintf(note.neighbours, sizeof(note.neighbours), "%s", neighbours);
	err = array_push(&plan->notes, note);
	probe->note = err ? 0 : plan->notes.count;
	return err;
}

static int add_probe(const struct body_probes *of, const struct probe_point *point,
		     const struct copy_probe *how)
{
	struct process_plan *plan = of->planning->plan;
	const char *name = of->planning->watchlist->routines.items[of->routine].function;
	unsigned flags = how->flags | (of->body->is_go ? MW_POINT_GO : 0);
	struct planned_probe *probe, *known;
	size_t used;
	int err = planning_add_probe(of->planning, of->module, point, how->kind, flags, of->routine,
				     name);

	if (err)
		return err;
	probe = &plan->probes.items[plan->probes.count - 1];
	probe->by_session = how->by_session;
	known = known_probe(plan, probe);
	if (known) {
		plan->probes.count--;
		known->gate_bytes[how->level] = how->gate_bytes;
		return 0;
	}
	for (unsigned i = 0; i < GATE_LEVELS; i++)
		probe->gate_bytes[i] = MW_NO_GATE;
	probe->gate_bytes[how->level] = how->gate_bytes;
	used = strlen(probe->reason);
	if (of->recognised)
		snprintf(probe->reason + used, sizeof(probe->reason) - used,
			 "; recognised by its code");
	return add_note(plan, probe, how->neighbours);
}

/* ---- ends of copies ---- */

enum copy_end { END_UNSEEN, END_AT_RETURNS, END_BY_SESSION };

/* Entry alone is half the cost; an end is seen where the shortest copy with one takes 20 ends. */
static enum copy_end end_of(const struct body_probes *of, const struct routine_level *level)
{
	const struct copy_settings *copies = of->planning->copies;
	uint64_t worth_bytes = END_WORTH * copies->stepped_ns * COPY_BYTES_PER_NS;
	bool at_returns = level->has_gate && level->gate.returns.count && copies->stepped_ns;
	const struct gate_return *end;

	array_each (end, &level->gate.returns)
		at_returns &= end->least_bytes >= worth_bytes && end->point.probe <= PROBE_STEPPED;
	if (at_returns)
		return END_AT_RETURNS;
	/* A return probe of the kernel's kills a Go program. */
	return copies->has_sessions && !of->body->is_go ? END_BY_SESSION : END_UNSEEN;
}

static int add_gate(const struct body_probes *of, const struct gate_plan *plan,
		    struct copy_probe how)
{
	const struct gate_point *gate;
	int err = 0;

	array_each (gate, &plan->points) {
		how.neighbours = gate->neighbours;
		if (!err)
			err = add_probe(of, &gate->point, &how);
	}
	return err;
}

static int add_returns(const struct body_probes *of, const struct gate_plan *plan,
		       struct copy_probe how)
{
	const struct gate_return *point;
	int err = 0;

	how.kind = MW_POINT_COPY_END;
	how.flags = 0;
	array_each (point, &plan->returns) {
		if (!err)
			err = add_probe(of, &point->point, &how);
	}
	return err;
}

static int add_level(const struct body_probes *of, enum gate_level at)
{
	const struct routine_level *level = &of->body->levels.at[at];
	enum copy_end end = end_of(of, level);
	struct copy_probe how = {
		.kind = MW_POINT_COPY,
		.flags = end == END_UNSEEN ? 0 : MW_POINT_TIMED,
		.level = at,
		.gate_bytes = level->from_bytes,
		.by_session = end == END_BY_SESSION,
	};
	uint64_t *from_bytes = &of->planning->plan->gate_bytes[at];
	const struct probe_point *point;
	int err = 0;

	if (!level->is_counted)
		return 0;
	if (*from_bytes == MW_NO_GATE || *from_bytes < level->from_bytes)
		*from_bytes = level->from_bytes;
	if (level->has_gate)
		err = add_gate(of, &level->gate, how);
	if (!err && end == END_AT_RETURNS)
		err = add_returns(of, &level->gate, how);
	array_each (point, &of->body->copies) {
		if (!err && !level->has_gate)
			err = add_probe(of, point, &how);
	}
	return err;
}

/* ---- telling ---- */

static int note_uncounted(const struct body_probes *of, enum gate_level level, const char *name)
{
	struct uncounted_routine routine = {.module = of->module, .name = name, .level = level};

	snprintf(routine.reason, sizeof(routine.reason), "%s",
		 level == GATE_LOW ? of->body->levels.reason : "");
	return array_push(&of->planning->plan->uncounted, routine);
}

/* Never in silence: once for each file, whatever processes have it. */
static void tell_gateless(const struct body_probes *of)
{
	const struct gate_settings *gates = &of->planning->copies->gates;
	const struct routine_levels *levels = &of->body->levels;
	const char *name = of->body->doors.items[0].name;

	if (!*levels->reason || of->module->gateless_said)
		return;
	of->module->gateless_said = true;
	if (gates->is_fixed)
		log_note("%s in %s: no gate lets copies of %" PRIu64 " bytes or more pass alone "
			 "(%s); each of its copies costs a probe hit",
			 name, of->module->path, gates->from_bytes, levels->reason);
	else if (gates->begins_low)
		log_note("%s in %s: no gate separates its sizes (%s); its copies are not counted "
			 "under a budget; --gate 0 counts them",
			 name, of->module->path, levels->reason);
	else
		log_note("%s in %s: no gate separates its sizes (%s); its copies are counted only "
			 "as long as the budget has room for each; --gate 0 counts all",
			 name, of->module->path, levels->reason);
}

/* Of those that pass the gate that was asked for, though they are smaller. */
static void list_loose_gate(const struct body_probes *of)
{
	const struct routine_level *level = &of->body->levels.at[GATE_EVERY];
	const char *name = of->planning->watchlist->routines.items[of->routine].function;
	char from[TEXT_SHORT], text[100];

	if (!of->planning->copies->gates.is_fixed || !level->has_gate ||
	    level->gate.least_bytes >= level->from_bytes)
		return;
	if (level->gate.least_bytes)
		snprintf(text, sizeof(text), "%.40s: from %s bytes on", name,
			 text_count(from, level->gate.least_bytes));
	else
		snprintf(text, sizeof(text), "%.40s: all", name);
	text_list_add(of->loose, LOOSE_BYTES, "", text);
}

/* Such a gate costs as much as a lower one would, which nobody would think. */
static void tell_loose_gates(const struct body_probes *of)
{
	char from[TEXT_SHORT];

	if (!*of->loose || of->module->loose_said)
		return;
	of->module->loose_said = true;
	log_note("--gate of %s bytes: smaller copies may pass the gates of %s as well (%s): each "
		 "that does costs a probe hit and is not counted",
		 text_count(from, of->planning->copies->gates.from_bytes), of->module->path,
		 of->loose);
}

static int note_levels(const struct body_probes *of)
{
	const struct routine_levels *levels = &of->body->levels;
	const char *name = of->planning->watchlist->routines.items[of->routine].function;
	int err = 0;

	tell_gateless(of);
	list_loose_gate(of);
	if (of->planning->copies->gates.is_fixed)
		return 0;
	for (unsigned i = GATE_LOW; !err && i < GATE_NONE; i++) {
		if (!levels->at[i].is_counted)
			err = note_uncounted(of, i, name);
	}
	return err;
}

/* ---- a module ---- */

static int add_constants(struct planning *planning, const struct module *module,
			 const struct known_body *body)
{
	struct module_memory memory =
		module_memory_of(planning, module, body->doors.items[0].vaddr, NULL);
	const struct gate_constant *constant;
	int err = 0;

	for (unsigned i = 0; i < GATE_LEVELS; i++)
		array_each (constant, &body->levels.at[i].gate.constants) {
			struct planned_constant planned = {
				module_memory_addr(&memory, constant->vaddr), *constant};

			if (!err && planned.addr)
				err = array_push(&planning->plan->constants, planned);
		}
	return err;
}

/* A program's own routine may look at a variable that the program sets at any time. */
static bool is_libcs(const struct body_probes *of, const copy_doors *doors)
{
	const struct copy_door *door;
	const struct live_door *live;

	array_each (live, of->all) {
		array_each (door, doors) {
			if (live->module == of->module && live->door.vaddr == door->vaddr &&
			    !live->by_ifunc)
				return false;
		}
	}
	return true;
}

static int plan_body(const struct body_probes *common, const copy_doors *doors, bool is_go)
{
	struct body_probes of = *common;
	int err = watchlist_routine(of.planning->watchlist, routine_name(doors), of.module->name,
				    &of.routine);

	if (!err)
		err = copy_body_get(of.planning, of.module, doors, is_go, is_libcs(common, doors),
				    &of.body);
	for (unsigned i = 0; !err && i < GATE_LEVELS; i++)
		err = add_level(&of, i);
	if (!err)
		err = add_constants(of.planning, of.module, of.body);
	return err ? err : note_levels(&of);
}

/* Names and thresholds differ from body to body: glibc 2.36 has memcpy@GLIBC_2.2.5 beside the
 * chosen one. */
static int plan_bodies_apart(const struct body_probes *common, const copy_doors *doors, bool is_go)
{
	unsigned *bodies = calloc(doors->count, sizeof(*bodies)), count = 0;
	copy_doors one = {0};
	int err = bodies ? plan_bodies(&common->module->code, doors->items, doors->count, bodies)
			 : -ENOMEM;

	for (unsigned body = 0; !err && body <= count; body++) {
		one.count = 0;
		for (size_t i = 0; !err && i < doors->count; i++) {
			count = bodies[i] > count ? bodies[i] : count;
			if (bodies[i] == body)
				err = array_push(&one, doors->items[i]);
		}
		if (!err)
			err = plan_body(common, &one, is_go);
	}
	array_release(&one);
	free(bodies);
	return err;
}

int copy_points_plan(struct planning *planning, struct module *module, bool is_go, live_doors *all)
{
	char loose[LOOSE_BYTES] = "";
	struct body_probes common = {
		.planning = planning, .module = module, .all = all, .loose = loose};
	const struct live_door *live;
	copy_doors doors = {0};
	probe_points points = {0};
	int err = collect_doors(module, is_go, all, &doors);

	if (err || !doors.count)
		goto out;
	err = copy_body_points(module, &doors, is_go, &points, planning->plan->refused);
	if (err == -ENOTSUP)
		err = plan_singly(planning, module, is_go, all, &doors, &points);
	if (err || !doors.count)
		goto out;
	array_each (live, all)
		common.recognised |= live->module == module && live->recognised;
	err = plan_bodies_apart(&common, &doors, is_go);
	tell_loose_gates(&common);
	planning->plan->copy_doors += doors.count;
out:
	array_release(&points);
	array_release(&doors);
	return err;
}
