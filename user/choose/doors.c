// SPDX-License-Identifier: GPL-2.0-only
#include "choose/doors.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "plan/recognise.h"
#include "choose/copy_points.h"
#include "target/process.h"

/* How many functions are looked at to see where one routine's copies come to. */
#define FORWARDS_MOST 16

static struct live_door *door_at(const live_doors *doors, const struct place *place)
{
	struct live_door *live;

	array_each (live, doors) {
		if (live->module == place->module && live->door.vaddr == place->vaddr)
			return live;
	}
	return NULL;
}

/* Two names of one routine stay two: a tail jump may go by either. */
static int add_live_door(live_doors *doors, const struct live_door *added)
{
	struct live_door *known;

	array_each (known, doors) {
		if (known->module != added->module || known->door.vaddr != added->door.vaddr ||
		    strcmp(known->door.name, added->door.name) != 0)
			continue;
		known->by_ifunc &= added->by_ifunc;
		return 0;
	}
	return array_push(doors, *added);
}

/* -EAGAIN: not bound yet, or bound to the stub that will look it up. */
static int implementation_of(const struct planning *planning, const struct module *module,
			     uint64_t slot_vaddr, struct place *place)
{
	int err = planning_slot(planning, module, slot_vaddr, place);
	uint64_t stub_slot;

	if (!err && !plan_stub_slot(&place->module->code, place->vaddr, &stub_slot))
		return -EAGAIN;
	return err;
}

static int resolve_door(struct planning *planning, struct module *module,
			const struct elf_copy_door *door, live_doors *doors)
{
	struct live_door live = {
		.module = module,
		.door = {door->name, door->vaddr},
		.is_go = door->is_go,
		.direct = door->direct,
		.by_ifunc = !door->direct,
	};
	struct place place;
	int err;

	if (!door->direct) {
		err = implementation_of(planning, module, door->vaddr, &place);
		if (err == -EAGAIN)
			planning->plan->settled = false;
		if (err)
			return err == -EAGAIN || err == -ENOENT ? 0 : err;
		live.module = place.module;
		live.door.vaddr = place.vaddr;
	}
	return add_live_door(doors, &live);
}

/* ---- programs that carry their routines without a name ---- */

static int recognise_slots(struct planning *planning, struct module *module, live_doors *doors)
{
	elf_addresses slots = {0};
	uint64_t *slot;
	int err = elf_find_ifunc_slots(module->image, &slots);

	array_each (slot, &slots) {
		struct live_door live = {.recognised = true, .by_ifunc = true};
		struct place place;

		if (err)
			break;
		err = implementation_of(planning, module, *slot, &place);
		if (err == -EAGAIN)
			planning->plan->settled = false;
		if (!err)
			live.door.name = plan_recognise_copy(&place.module->code, place.vaddr);
		if (live.door.name) {
			live.module = place.module;
			live.door.vaddr = place.vaddr;
			err = add_live_door(doors, &live);
		}
		if (err == -EAGAIN || err == -ENOENT)
			err = 0;
	}
	array_release(&slots);
	return err;
}

static int recognise_musl(struct module *module, uint64_t code_vaddr, live_doors *doors)
{
	const struct copy_door *door;
	copy_doors found = {0};
	int err = plan_find_musl_copies(&module->code, code_vaddr, &found);

	array_each (door, &found) {
		struct live_door live = {
			.module = module, .door = *door, .direct = true, .recognised = true};

		if (!err)
			err = add_live_door(doors, &live);
	}
	array_release(&found);
	return err;
}

/* The program itself, where it is static: no loader was mapped for it. */
static struct module *static_program(const struct planning *planning, uint64_t *entry_vaddr)
{
	uint64_t base_addr = 0, entry_addr;
	int err = process_auxv(planning->pid, AT_BASE, &base_addr);

	if ((err && err != -ENOENT) || base_addr ||
	    process_auxv(planning->pid, AT_ENTRY, &entry_addr))
		return NULL;
	return planning_module_at(planning, entry_addr, entry_vaddr);
}

/* --copy LIB:+OFF in a file without symbols adds one that has none. */
static bool any_has_name(const live_doors *doors)
{
	const struct live_door *live;

	array_each (live, doors) {
		if (!live->direct || elf_symbol_at(live->module->image, live->door.vaddr))
			return true;
	}
	return false;
}

static int recognise_doors(struct planning *planning, live_doors *doors)
{
	uint64_t entry_vaddr;
	struct module *program = static_program(planning, &entry_vaddr);
	size_t before = doors->count;
	int err;

	if (!program)
		return 0;
	err = recognise_slots(planning, program, doors);
	if (!err && doors->count == before && planning->plan->settled)
		err = recognise_musl(program, elf_image_code_start(program->image, entry_vaddr),
				     doors);
	if (doors->count > before && !program->recognised_said) {
		program->recognised_said = true;
		log_note("the copy routines of %s have no names; they were recognised by their "
			 "code",
			 program->path);
	}
	return err;
}

/* ---- routines that hand their copies on ---- */

void door_leave_out(struct live_door *live, const char *why)
{
	const uint64_t *said;

	live->left_out = true;
	array_each (said, &live->module->doors_said) {
		if (*said == live->door.vaddr)
			return;
	}
	/* Where memory is short, it is said again. */
	if (array_push(&live->module->doors_said, live->door.vaddr))
		return;
	log_note("%s in %s %s", live->door.name, live->module->path, why);
}

static bool is_copy_name(const live_doors *doors, const char *symbol)
{
	const struct live_door *live;

	array_each (live, doors) {
		if (symbol && !strcmp(live->door.name, symbol))
			return true;
	}
	return false;
}

/* A door, and all that its copies are handed on to. */
struct forward_walk {
	struct planning *planning;
	live_doors *doors;
	struct place from;
	size_t functions; /* looked at so far */
	bool copies;      /* one that hands copies on does some by itself, too */
	bool hands_on;    /* to another door */
};

static int walk_forwards(struct forward_walk *walk, const struct place *place);

/*
 * A variable that the first call sets, by dlsym() as a rule: who does not copy by itself leaves it
 * to somebody.
 */
static bool unbound_leads(const struct forward_walk *walk, const struct module *module,
			  uint64_t slot_vaddr, bool from_copies)
{
	const char *symbol = elf_slot_symbol(module->image, slot_vaddr);

	return symbol ? is_copy_name(walk->doors, symbol) : !from_copies;
}

/*
 * Goes on from a function to whom it hands copies on. What a slot leads to may become a door: a
 * routine that goes by a pointer has its implementations without names.
 */
static int walk_forward(struct forward_walk *walk, struct module *module,
			const struct copy_forward *forward, bool from_copies)
{
	struct place place = {module, forward->target_vaddr};
	uint64_t slot_vaddr = forward->slot_vaddr;
	struct live_door live = {0};
	int err;

	if (place.vaddr && plan_stub_slot(&module->code, place.vaddr, &slot_vaddr))
		slot_vaddr = 0;
	if (slot_vaddr) {
		err = planning_slot(walk->planning, module, slot_vaddr, &place);
		if (err) {
			walk->hands_on |= unbound_leads(walk, module, slot_vaddr, from_copies);
			return err == -ENOMEM ? err : 0;
		}
	}
	if (door_at(walk->doors, &place)) {
		walk->hands_on |=
			place.module != walk->from.module || place.vaddr != walk->from.vaddr;
		return 0;
	}
	live.door.name = slot_vaddr ? plan_recognise_copy(&place.module->code, place.vaddr) : NULL;
	if (!live.door.name)
		return walk_forwards(walk, &place);
	walk->hands_on = true;
	live.module = place.module;
	live.door.vaddr = place.vaddr;
	return add_live_door(walk->doors, &live);
}

/* Through helpers that are no doors themselves, too. */
static int walk_forwards(struct forward_walk *walk, const struct place *place)
{
	bool handed_on = walk->hands_on;
	struct copy_forward *forward;
	struct copy_nature nature;
	int err;

	if (walk->functions++ >= FORWARDS_MOST)
		return 0;
	walk->hands_on = false;
	err = copy_nature_of(&place->module->code, place->vaddr, &nature);
	array_each (forward, &nature.forwards) {
		if (!err)
			err = walk_forward(walk, place->module, forward, nature.copies);
	}
	walk->copies |= walk->hands_on && nature.copies;
	walk->hands_on |= handed_on;
	copy_nature_release(&nature);
	return err;
}

static int judge_door(struct planning *planning, size_t index, live_doors *doors)
{
	const struct live_door from = doors->items[index];
	struct forward_walk walk = {
		.planning = planning,
		.doors = doors,
		.from = {from.module, from.door.vaddr},
	};
	int err = walk_forwards(&walk, &walk.from);

	/* By index: doors may have grown. */
	if (!err && walk.copies) {
		door_leave_out(
			&doors->items[index],
			"copies by itself and hands copies on as well: only those are counted");
	} else if (!err && walk.hands_on) {
		doors->items[index].left_out = true;
		log_detail("%s in %s hands its copies on: they are counted where that leads",
			   from.door.name, from.module->path);
	}
	return err;
}

/*
 * Go's assembly calls runtime.memmove through a wrapper, which has its name in .gopclntab. With
 * nothing but wrappers it is a Go that passes all arguments on the stack, as the plan will say.
 */
static bool is_go_wrapper(const live_doors *doors, const struct live_door *live)
{
	const struct live_door *other;

	if (!plan_reads_stack_arguments(&live->module->code, live->door.vaddr))
		return false;
	array_each (other, doors) {
		if (other->is_go && other->module == live->module &&
		    !plan_reads_stack_arguments(&other->module->code, other->door.vaddr))
			return true;
	}
	return false;
}

static int judge_doors(struct planning *planning, live_doors *doors)
{
	int err = 0;

	for (size_t i = 0; !err && i < doors->count; i++) {
		struct live_door *live = &doors->items[i];

		if (live->is_go)
			live->left_out = is_go_wrapper(doors, live);
		else if (live->direct)
			err = judge_door(planning, i, doors);
	}
	return err;
}

int doors_plan(struct planning *planning, live_doors *doors)
{
	struct elf_copy_door *door;
	struct module **module;
	int err = 0;

	array_each (module, &planning->plan->modules) {
		array_each (door, &(*module)->doors) {
			if (!err)
				err = resolve_door(planning, *module, door, doors);
		}
	}
	if (!err && !any_has_name(doors))
		err = recognise_doors(planning, doors);
	if (!err)
		err = judge_doors(planning, doors);
	array_each (module, &planning->plan->modules) {
		if (!err)
			err = copy_points_plan(planning, *module, false, doors);
		if (!err)
			err = copy_points_plan(planning, *module, true, doors);
	}
	return err;
}
