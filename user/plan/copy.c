// SPDX-License-Identifier: GPL-2.0-only
#include "plan/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plan/copy_line.h"
#include "plan/walk.h"

/* How far to look for loops where a routine's bounds are not known, as in musl's assembly. */
#define UNBOUNDED_BYTES 4096

/*
 * What is read of all doors' routines together: none of glibc 2.36's has 7,000 bytes, but a file
 * that is made to do harm may call all of itself memcpy.
 */
#define BODIES_BYTES_MOST ((uint64_t)128 << 10)

/* Lines that end in the same place, so that they share a part of their steps. */
struct line_group {
	const struct copy_line **lines;
	size_t *limits; /* steps of each line that are still open to choice */
	size_t count;
	const struct copy_registers *at_door;
};

static bool is_followed(const struct copy_lines *lines, uint64_t vaddr)
{
	const uint64_t *followed;

	array_each (followed, &lines->followed)
		if (*followed == vaddr)
			return true;
	return false;
}

static bool on_a_line(const struct copy_lines *lines, uint64_t vaddr)
{
	const struct copy_line *line;

	array_each (line, &lines->lines)
		if (copy_line_step(line, vaddr))
			return true;
	return false;
}

/* Control comes to vaddr by a way that is on no line: from there on a call may pass twice. */
static void spoil_from(struct copy_lines *lines, uint64_t vaddr)
{
	struct copy_line *line;

	array_each (line, &lines->lines) {
		struct line_step *step = copy_line_step(line, vaddr);

		while (step && step < line->steps.items + line->steps.count)
			step++->usable = false;
	}
}

/*
 * A jump into the middle of an instruction, as over a lock prefix: a breakpoint there would change
 * what the whole of it does.
 */
static void spoil_within(struct copy_lines *lines, const struct insn *insn)
{
	struct copy_line *line;
	struct line_step *step;

	array_each (line, &lines->lines)
		array_each (step, &line->steps)
			if (step->vaddr > insn->vaddr && step->vaddr - insn->vaddr < insn->length)
				step->usable = false;
}

static void spoil_by(struct copy_lines *lines, const struct code_view *code,
		     const struct insn *insn)
{
	spoil_within(lines, insn);
	if (is_followed(lines, insn->vaddr))
		return;
	/* A loop of the routine, or one door that calls or jumps to another late in its body. */
	if (insn->target_vaddr)
		spoil_from(lines, insn->target_vaddr);
	if (!on_a_line(lines, insn->vaddr) && !insn_is_padding(code, insn) &&
	    (insn->flow == FLOW_NEXT || insn->flow == FLOW_BRANCH || insn->flow == FLOW_CALL))
		spoil_from(lines, insn->vaddr + insn->length);
}

/* Nothing before it jumps past it, and it does not go on by itself. */
static bool ends_body(const struct insn *insn, uint64_t furthest_vaddr)
{
	return insn->vaddr + insn->length > furthest_vaddr && insn->flow != FLOW_NEXT &&
	       insn->flow != FLOW_BRANCH && insn->flow != FLOW_CALL;
}

/*
 * From the door to where its own code ends, to the next function that has a name, or to the first
 * bytes that are no code. What follows in a stripped file may call the routine.
 */
static struct code_range guess_bounds(const struct code_view *code, uint64_t vaddr)
{
	struct code_range body = {.vaddr = vaddr};
	uint64_t furthest_vaddr = vaddr;
	struct insn insn;

	while (body.bytes < UNBOUNDED_BYTES && !code_decode(code, vaddr + body.bytes, &insn)) {
		body.bytes += insn.length;
		if (insn_leads_elsewhere(&insn) && insn.target_vaddr > furthest_vaddr &&
		    insn.target_vaddr - vaddr < UNBOUNDED_BYTES)
			furthest_vaddr = insn.target_vaddr;
		if (ends_body(&insn, furthest_vaddr) ||
		    code->names_function(code->source, vaddr + body.bytes))
			break;
	}
	return body;
}

static int spoil_by_body(struct copy_lines *lines, const struct code_view *code,
			 const struct copy_door *door, uint64_t *bytes_left,
			 char reason[PLAN_REASON_BYTES])
{
	struct code_range body;
	struct code_sweep sweep = {.vaddr = door->vaddr};
	struct insn insn;
	int more;

	if (!function_at(code, door->vaddr, &body))
		body = guess_bounds(code, door->vaddr);
	if (body.bytes > *bytes_left) {
		snprintf(reason, PLAN_REASON_BYTES,
			 "%.40s at 0x%" PRIx64 ": %" PRIu64 " bytes are no copy routine",
			 door->name, door->vaddr, body.bytes);
		return -ENOTSUP;
	}
	*bytes_left -= body.bytes;
	more = sweep_start(&sweep, code, &body);
	while (!more) {
		more = sweep_next(&sweep, &insn);
		if (!more)
			return 0;
		if (more < 0)
			break;
		spoil_by(lines, code, &insn);
		more = 0;
	}
	snprintf(reason, PLAN_REASON_BYTES, "%.40s: no instruction at 0x%" PRIx64, door->name,
		 sweep.vaddr);
	return -ENOTSUP;
}

static const struct line_step *step_from_end(const struct line_group *group, size_t line,
					     size_t back)
{
	size_t limit = group->limits[line];

	return back < limit ? &group->lines[line]->steps.items[limit - 1 - back] : NULL;
}

/* How many of their last open steps all lines of the group have in common. */
static size_t shared_steps(const struct line_group *group)
{
	for (size_t back = 0;; back++) {
		const struct line_step *first = step_from_end(group, 0, back);

		for (size_t i = 0; i < group->count; i++) {
			const struct line_step *step = step_from_end(group, i, back);

			if (!first || !step || step->vaddr != first->vaddr)
				return back;
		}
	}
}

/* What all lines of the group hold at a step that they share. */
static struct held_arguments shared_arguments(const struct line_group *group, uint64_t vaddr)
{
	struct held_arguments held = copy_line_step(group->lines[0], vaddr)->held;

	for (size_t i = 1; i < group->count; i++)
		held = held_by_both(&held, &copy_line_step(group->lines[i], vaddr)->held);
	return held;
}

/* The convention's own register, where it still holds the argument. */
static uint8_t pick_register(unsigned held, uint8_t preferred)
{
	return held & CPU_BIT(preferred) ? preferred : (uint8_t)__builtin_ctz(held);
}

static struct copy_registers pick_registers(const struct line_group *group, uint64_t vaddr)
{
	struct copy_registers in = *group->at_door;
	struct held_arguments held = shared_arguments(group, vaddr);

	in.dst = pick_register(held.dst, in.dst);
	in.src = pick_register(held.src, in.src);
	in.size = pick_register(held.size, in.size);
	return in;
}

/* The earliest emulated one of the shared steps, else the earliest that is stepped. */
static const struct line_step *cheapest(const struct line_group *group, size_t shared)
{
	const struct line_step *best = NULL;
	struct held_arguments held;

	for (size_t back = shared; back-- > 0;) {
		const struct line_step *step = step_from_end(group, 0, back);

		held = shared_arguments(group, step->vaddr);
		if (!step->usable || !all_held(&held))
			continue;
		if (step->probe == PROBE_EMULATED)
			return step;
		if (step->probe == PROBE_STEPPED && !best)
			best = step;
	}
	return best;
}

static int add_point(const struct code_view *code, const struct line_group *group,
		     const struct line_step *step, probe_points *points,
		     char reason[PLAN_REASON_BYTES])
{
	const struct probe_point *known;
	const char *kind = step->probe == PROBE_EMULATED ? "emulated" : "single-stepped";
	char why[PLAN_REASON_BYTES] = "";
	struct probe_point point;
	struct insn insn;
	size_t used = 0;

	/* Of two lines that go apart and meet again: one of them may lead past both points. */
	array_each (known, points) {
		if (known->vaddr != step->vaddr)
			continue;
		snprintf(reason, PLAN_REASON_BYTES,
			 "%.40s at 0x%" PRIx64 " shares its way with another routine in parts",
			 group->lines[0]->door->name, group->lines[0]->door->vaddr);
		return -ENOTSUP;
	}
	for (size_t i = 0; i < group->count && used < 40; i++)
		used += snprintf(why + used, sizeof(why) - used, "%s%.20s", i ? ", " : "",
				 group->lines[i]->door->name);
	snprintf(why + used, sizeof(why) - used, "%s; %s", group->count > 1 ? " pass" : " passes",
		 kind);
	if (code_decode(code, step->vaddr, &insn))
		return -ENOTSUP;
	point = point_at(code, &insn, why);
	point.in = pick_registers(group, step->vaddr);
	return array_push(points, point);
}

static int explain_group(const struct line_group *group, char reason[PLAN_REASON_BYTES])
{
	size_t i = 0;

	while (i + 1 < group->count && group->limits[i])
		i++;
	snprintf(reason, PLAN_REASON_BYTES,
		 "%.40s at 0x%" PRIx64 ": no instruction that each call passes once, that bears a "
		 "probe and has the arguments in place",
		 group->lines[i]->door->name, group->lines[i]->door->vaddr);
	return -ENOTSUP;
}

/* Moves the lines that end as line `first` does to first and behind it; gives how many they are. */
static size_t gather(struct line_group *group, size_t first)
{
	const struct line_step *step = step_from_end(group, first, 0);
	size_t next = first + 1;

	for (size_t i = next; i < group->count; i++) {
		const struct copy_line *line = group->lines[i];
		size_t limit = group->limits[i];

		if (step_from_end(group, i, 0)->vaddr != step->vaddr)
			continue;
		group->lines[i] = group->lines[next];
		group->limits[i] = group->limits[next];
		group->lines[next] = line;
		group->limits[next++] = limit;
	}
	return next - first;
}

static int choose(const struct code_view *code, struct line_group *group, probe_points *points,
		  char reason[PLAN_REASON_BYTES]);

/* Chooses for each set of lines with a common end by itself. */
static int choose_apart(const struct code_view *code, struct line_group *group,
			probe_points *points, char reason[PLAN_REASON_BYTES])
{
	int err = 0;

	for (size_t i = 0; i < group->count; i++)
		if (!group->limits[i])
			return explain_group(group, reason);
	for (size_t first = 0; !err && first < group->count;) {
		size_t count = gather(group, first);
		struct line_group part = {group->lines + first, group->limits + first, count,
					  group->at_door};

		err = choose(code, &part, points, reason);
		first += count;
	}
	return err;
}

/*
 * One point where all lines of the group are one; where that stretch offers none, a point on each
 * of the ways that lead to it.
 */
static int choose(const struct code_view *code, struct line_group *group, probe_points *points,
		  char reason[PLAN_REASON_BYTES])
{
	size_t shared = shared_steps(group);
	const struct line_step *step = cheapest(group, shared);

	if (step)
		return add_point(code, group, step, points, reason);
	for (size_t i = 0; i < group->count; i++)
		group->limits[i] -= shared;
	return choose_apart(code, group, points, reason);
}

static int choose_points(const struct code_view *code, const struct copy_lines *lines,
			 probe_points *points, char reason[PLAN_REASON_BYTES])
{
	size_t count = lines->lines.count;
	struct line_group group = {
		.lines = calloc(count, sizeof(*group.lines)),
		.limits = calloc(count, sizeof(*group.limits)),
		.count = count,
		.at_door = &lines->at_door,
	};
	int err = -ENOMEM;

	if (!group.lines || !group.limits)
		goto out;
	for (size_t i = 0; i < count; i++) {
		group.lines[i] = &lines->lines.items[i];
		group.limits[i] = lines->lines.items[i].steps.count;
	}
	err = choose_apart(code, &group, points, reason);
out:
	free(group.lines);
	free(group.limits);
	return err;
}

static int plan_doors(const struct code_view *code, const struct copy_registers *at_door,
		      const struct copy_door *doors, size_t door_count, probe_points *points,
		      char reason[PLAN_REASON_BYTES])
{
	uint64_t bytes_left = BODIES_BYTES_MOST;
	struct copy_lines lines;
	probe_points chosen = {0};
	int err;

	*reason = '\0';
	err = copy_lines_build(&lines, code, at_door, doors, door_count, reason);
	for (size_t i = 0; !err && i < door_count; i++)
		err = spoil_by_body(&lines, code, &doors[i], &bytes_left, reason);
	if (!err && door_count)
		err = choose_points(code, &lines, &chosen, reason);
	copy_lines_release(&lines);
	if (err)
		array_release(&chosen);
	else
		*points = chosen;
	return err;
}

int plan_copies(const struct code_view *code, const struct copy_door *doors, size_t door_count,
		probe_points *points, char reason[PLAN_REASON_BYTES])
{
	return plan_doors(code, &COPY_IN_C, doors, door_count, points, reason);
}

/*
 * runtime.memmove of Go 1.19 gets its first mov, which is single-stepped. It begins with
 * three movs; then `tail: test %rbx,%rbx; je` starts the choice by size, to which copies of more
 * than 256 bytes come back with what is left of them. No branch stands before tail, and behind it
 * a short copy looks like the rest of a long one: points there would count the long one twice. (The
 * jne behind `cmp $0x100,%rbx; jbe` is passed once by each of more than 256 bytes, by no other.)
 */
int plan_go_copies(const struct code_view *code, const struct copy_door *doors, size_t door_count,
		   probe_points *points, char reason[PLAN_REASON_BYTES])
{
	for (size_t i = 0; i < door_count; i++) {
		if (!plan_reads_stack_arguments(code, doors[i].vaddr))
			continue;
		snprintf(reason, PLAN_REASON_BYTES,
			 "%.40s at 0x%" PRIx64
			 " takes its arguments from the stack, as in Go before 1.17",
			 doors[i].name, doors[i].vaddr);
		return -ENOTSUP;
	}
	return plan_doors(code, &COPY_IN_GO, doors, door_count, points, reason);
}
