// SPDX-License-Identifier: GPL-2.0-only
#include "plan/bodies.h"

#include <stdlib.h>

#include "plan/walk.h"

/* Instructions from one door: __memmove_ssse3 of glibc 2.35, the largest, has some 3,500. */
#define BODY_INSNS_MOST 32768

/* All that is reached from one door. */
struct door_reach {
	code_ranges runs;
	ARRAY(uint64_t) todo;
	size_t insns;
	bool is_open; /* it may reach anything */
};

static bool is_reached(const struct door_reach *reach, uint64_t vaddr)
{
	const struct code_range *run;

	array_each (run, &reach->runs) {
		if (range_covers(run, vaddr))
			return true;
	}
	return false;
}

/* A jump table's entries lie in the function of the jump. */
static int reach_around(const struct code_view *code, struct door_reach *reach, uint64_t vaddr)
{
	struct code_range function;

	if (function_at(code, vaddr, &function))
		return array_push(&reach->runs, function);
	reach->is_open = true;
	return 0;
}

/* False: control does not go on behind the instruction. */
static bool goes_on(const struct code_view *code, struct door_reach *reach, const struct insn *insn,
		    int *err)
{
	switch (insn->flow) {
	case FLOW_BRANCH:
		*err = array_push(&reach->todo, insn->target_vaddr);
		return true;
	case FLOW_JUMP:
		*err = array_push(&reach->todo, insn->target_vaddr);
		return false;
	case FLOW_JUMP_INDIRECT:
		*err = reach_around(code, reach, insn->vaddr);
		return false;
	case FLOW_JUMP_SLOT: /* leaves for another function */
	case FLOW_RETURN:
	case FLOW_STOP:
		return false;
	case FLOW_NEXT:
	case FLOW_CALL:
		return true;
	}
	return false;
}

static int follow_run(const struct code_view *code, struct door_reach *reach, uint64_t vaddr)
{
	struct code_range run = {vaddr, 0};
	bool more = true;
	int err = 0;

	while (!err && more && !is_reached(reach, run.vaddr + run.bytes)) {
		struct insn insn;

		if (reach->insns++ >= BODY_INSNS_MOST ||
		    code_decode(code, run.vaddr + run.bytes, &insn)) {
			err = reach_around(code, reach, run.vaddr + run.bytes);
			break;
		}
		run.bytes += insn.length;
		more = goes_on(code, reach, &insn, &err);
	}
	return err ? err : array_push(&reach->runs, run);
}

static int follow_door(const struct code_view *code, struct door_reach *reach, uint64_t vaddr)
{
	int err = array_push(&reach->todo, vaddr);

	while (!err && reach->todo.count) {
		uint64_t next_vaddr = reach->todo.items[--reach->todo.count];

		if (!is_reached(reach, next_vaddr))
			err = follow_run(code, reach, next_vaddr);
	}
	return err;
}

static bool share_code(const struct door_reach *a, const struct door_reach *b)
{
	const struct code_range *left, *right;

	if (a->is_open || b->is_open)
		return true;
	array_each (left, &a->runs) {
		array_each (right, &b->runs) {
			if (left->vaddr < right->vaddr + right->bytes &&
			    right->vaddr < left->vaddr + left->bytes)
				return true;
		}
	}
	return false;
}

/* Joins a door with all before it that share code with it, and those joined with them. */
static void join_body(const struct door_reach *reaches, size_t door, unsigned *bodies)
{
	bodies[door] = door;
	for (size_t i = 0; i < door; i++) {
		unsigned low = bodies[door], high = bodies[i];

		if (low == high || !share_code(&reaches[i], &reaches[door]))
			continue;
		if (low > high) {
			low = bodies[i];
			high = bodies[door];
		}
		for (size_t j = 0; j <= door; j++)
			bodies[j] = bodies[j] == high ? low : bodies[j];
	}
}

/* So far each has the number of its first door; gives them numbers without gaps. */
static void number_bodies(unsigned *bodies, size_t count)
{
	unsigned next = 0;

	for (size_t i = 0; i < count; i++)
		bodies[i] = bodies[i] == i ? next++ : bodies[bodies[i]];
}

int plan_bodies(const struct code_view *code, const struct copy_door *doors, size_t door_count,
		unsigned *bodies)
{
	struct door_reach *reaches = calloc(door_count ?: 1, sizeof(*reaches));
	int err = reaches ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < door_count; i++) {
		err = follow_door(code, &reaches[i], doors[i].vaddr);
		if (!err)
			join_body(reaches, i, bodies);
	}
	if (!err)
		number_bodies(bodies, door_count);
	for (size_t i = 0; reaches && i < door_count; i++) {
		array_release(&reaches[i].runs);
		array_release(&reaches[i].todo);
	}
	free(reaches);
	return err;
}
