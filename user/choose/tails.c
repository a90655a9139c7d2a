// SPDX-License-Identifier: GPL-2.0-only
#include "choose/tails.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

/* A function in a chain of tail jumps; more than this many are not a chain but a state machine. */
#define TAIL_FUNCTIONS_MOST 16

struct tail_walk {
	tail_targets targets; /* found so far; worked off from the front */
	tail_bind_fn bind;
	void *context;
	shared_ends *ends;
	struct blind_jump *blind;
};

/* `jmp memcpy@plt` goes to a stub, which jumps through a slot that the loader binds. */
static int find_targets(const struct tail_walk *walk, struct module *module,
			const struct tail_jump *tail, tail_targets *targets)
{
	uint64_t slot_vaddr = tail->slot_vaddr;

	if (!slot_vaddr && plan_stub_slot(&module->code, tail->target_vaddr, &slot_vaddr))
		return array_push(targets, ((struct tail_target){module, tail->target_vaddr}));
	return walk->bind(walk->context, module, slot_vaddr, targets);
}

static int add_target(struct tail_walk *walk, const struct tail_target *target)
{
	const struct tail_target *known;

	array_each (known, &walk->targets) {
		if (known->module == target->module && known->vaddr == target->vaddr)
			return 0;
	}
	return walk->targets.count < TAIL_FUNCTIONS_MOST ? array_push(&walk->targets, *target) : 0;
}

static int add_targets(struct tail_walk *walk, struct module *module, const tail_jumps *tails)
{
	const struct tail_target *target;
	const struct tail_jump *tail;
	tail_targets found = {0};
	int err = 0;

	array_each (tail, tails) {
		found.count = 0;
		if (!err)
			err = find_targets(walk, module, tail, &found);
		if (!err && !found.count)
			log_detail("%s: the tail jump at 0x%lx leads out of what is known; calls "
				   "that leave there are not timed",
				   module->name, tail->vaddr);
		array_each (target, &found) {
			if (!err)
				err = add_target(walk, target);
		}
	}
	array_release(&found);
	return err;
}

static int add_end(struct tail_walk *walk, const struct tail_target *target,
		   const struct probe_point *point)
{
	struct shared_end end = {target->module, target->vaddr, *point}, *known;

	array_each (known, walk->ends) {
		if (known->module == end.module && known->point.vaddr == point->vaddr)
			return 0;
	}
	return array_push(walk->ends, end);
}

/* musl's code has bounds only where it has symbols: it comes without .eh_frame. */
static int plan_target(const struct tail_target *target, struct exit_plan *exits)
{
	code_ranges parts = {0};
	int err = module_function_parts(target->module, target->vaddr, &parts);

	if (!err)
		err = plan_exits(&target->module->code, &parts, exits);
	else if (err == -ENOENT)
		err = plan_reached_exits(&target->module->code, target->vaddr, exits);
	array_release(&parts);
	return err;
}

static void set_blind(struct tail_walk *walk, const struct tail_target *target,
		      const struct exit_plan *exits)
{
	struct blind_jump *blind = walk->blind;

	if (blind->module)
		return;
	*blind = (struct blind_jump){target->module, target->vaddr, exits->blind_vaddr, ""};
	if (!blind->vaddr)
		snprintf(blind->why, sizeof(blind->why), "%s", exits->note);
}

static int visit(struct tail_walk *walk, struct tail_target target)
{
	struct exit_plan exits = {0};
	struct probe_point *point;
	int err = plan_target(&target, &exits);
	bool is_known = !err;

	if (err && err != -ENOMEM)
		err = 0;
	if (!err && (!is_known || exits.blind_vaddr))
		set_blind(walk, &target, &exits);
	array_each (point, &exits.returns) {
		if (!err && is_known)
			err = add_end(walk, &target, point);
	}
	if (!err && is_known)
		err = add_targets(walk, target.module, &exits.tails);
	exit_plan_release(&exits);
	return err;
}

int tails_follow(struct module *module, const tail_jumps *tails, tail_bind_fn bind, void *context,
		 shared_ends *ends, struct blind_jump *blind)
{
	struct tail_walk walk = {.bind = bind, .context = context, .ends = ends, .blind = blind};
	int err;

	*blind = (struct blind_jump){0};
	err = add_targets(&walk, module, tails);
	for (size_t i = 0; !err && i < walk.targets.count; i++)
		err = visit(&walk, walk.targets.items[i]);
	array_release(&walk.targets);
	return err;
}
