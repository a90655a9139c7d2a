// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ends of a function whose bounds nobody states: musl's in a stripped static program, which has
 * no .eh_frame for them. Control is followed from its first instruction. Whatever follows a call
 * that never comes back (abort) is other code, or none at all, and no byte of data may bear a
 * probe: so each function that is called is looked at, too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan/plan.h"
#include "plan/walk.h"

/* Instructions, of the function and of all that are called by it: some 10 ms. */
#define REACH_INSNS_MOST 65536
#define CALL_DEPTH_MOST  64

enum come_back {
	COMES_BACK,
	COMES_NEVER,
	COMES_UNSURE,
	COMES_OPEN, /* it is being looked at */
};

struct callee {
	uint64_t vaddr;
	enum come_back verdict;
};

struct reach {
	const struct code_view *code;
	ARRAY(struct callee)
	callees; /* those that are open, in the order of their calls, as well */
	size_t insns;
	size_t depth;
	size_t open_met; /* the outermost open callee that was met, as an index; SIZE_MAX: none */
};

/* What is reached of one function. */
struct flow {
	struct reach *reach;
	bool is_callee; /* of interest is whether it comes back, not where it ends */
	code_ranges runs;
	ARRAY(uint64_t) todo;
	bool returns;
	uint64_t unsure_vaddr;   /* what follows this instruction is not known; 0: none */
	uint64_t indirect_vaddr; /* the first indirect jump; 0: none */
};

static int come_back_of(struct reach *reach, uint64_t vaddr, enum come_back *verdict);

static bool is_reached(const struct flow *flow, uint64_t vaddr)
{
	const struct code_range *run;

	array_each (run, &flow->runs)
		if (range_covers(run, vaddr))
			return true;
	return false;
}

/* Another function, as far as is known: its ends are its own, and a caller's to follow. */
static bool is_elsewhere(const struct flow *flow, uint64_t vaddr)
{
	const struct code_view *code = flow->reach->code;
	struct code_range function;
	uint64_t slot_vaddr;

	return !flow->is_callee &&
	       (code->names_function(code->source, vaddr) || function_at(code, vaddr, &function) ||
		!plan_stub_slot(code, vaddr, &slot_vaddr));
}

static int add_target(struct flow *flow, uint64_t vaddr)
{
	return is_elsewhere(flow, vaddr) ? 0 : array_push(&flow->todo, vaddr);
}

/* A call by a pointer comes back: compilers know no other, and let code follow it. */
static int judge_call(struct flow *flow, const struct insn *insn, bool *goes_on)
{
	enum come_back verdict = COMES_BACK;
	int err = 0;

	if (insn->target_vaddr)
		err = come_back_of(flow->reach, insn->target_vaddr, &verdict);
	*goes_on = verdict == COMES_BACK;
	if (verdict == COMES_UNSURE)
		flow->unsure_vaddr = insn->vaddr;
	return err;
}

static int judge_insn(struct flow *flow, const struct insn *insn, bool *goes_on)
{
	*goes_on = insn->flow == FLOW_NEXT || insn->flow == FLOW_BRANCH;
	switch (insn->flow) {
	case FLOW_BRANCH:
	case FLOW_JUMP:
		return add_target(flow, insn->target_vaddr);
	case FLOW_CALL:
		return judge_call(flow, insn, goes_on);
	case FLOW_JUMP_INDIRECT:
		if (!flow->indirect_vaddr)
			flow->indirect_vaddr = insn->vaddr;
		flow->returns = true;
		return 0;
	case FLOW_RETURN:
		flow->returns = true;
		return 0;
	case FLOW_JUMP_SLOT: /* to abort, perhaps */
		if (flow->is_callee)
			flow->unsure_vaddr = insn->vaddr;
		return 0;
	case FLOW_NEXT:
	case FLOW_STOP:
		return 0;
	}
	return 0;
}

/* From vaddr on, up to where control does not go on to the next instruction. */
static int follow_run(struct flow *flow, uint64_t vaddr)
{
	struct code_range run = {.vaddr = vaddr};
	bool goes_on = true;
	struct insn insn;
	int err = 0;

	while (!err && goes_on && !is_reached(flow, vaddr) &&
	       (!run.bytes || !is_elsewhere(flow, vaddr))) {
		if (flow->reach->insns++ == REACH_INSNS_MOST ||
		    code_decode(flow->reach->code, vaddr, &insn)) {
			flow->unsure_vaddr = vaddr;
			break;
		}
		vaddr += insn.length;
		run.bytes += insn.length;
		err = judge_insn(flow, &insn, &goes_on);
	}
	return err || !run.bytes ? err : array_push(&flow->runs, run);
}

static int follow_flow(struct flow *flow, uint64_t vaddr)
{
	int err = array_push(&flow->todo, vaddr);

	while (!err && flow->todo.count && !(flow->is_callee && flow->returns))
		err = follow_run(flow, flow->todo.items[--flow->todo.count]);
	array_release(&flow->todo);
	return err;
}

static int look_at_callee(struct reach *reach, uint64_t vaddr, enum come_back *verdict)
{
	struct flow flow = {.reach = reach, .is_callee = true};
	int err;

	reach->depth++;
	err = follow_flow(&flow, vaddr);
	reach->depth--;
	array_release(&flow.runs);
	*verdict = flow.returns ? COMES_BACK : flow.unsure_vaddr ? COMES_UNSURE : COMES_NEVER;
	return err;
}

/*
 * One that is open does not come back by a call of itself. What was found by that about those
 * between is not for good: once the open one is known to come back, they may, too.
 */
static int come_back_of(struct reach *reach, uint64_t vaddr, enum come_back *verdict)
{
	struct callee *known;
	size_t at = reach->callees.count;
	int err;

	array_each (known, &reach->callees) {
		if (known->vaddr != vaddr)
			continue;
		*verdict = known->verdict;
		if (known->verdict != COMES_OPEN)
			return 0;
		*verdict = COMES_NEVER;
		if ((size_t)(known - reach->callees.items) < reach->open_met)
			reach->open_met = known - reach->callees.items;
		return 0;
	}
	*verdict = COMES_UNSURE;
	if (reach->depth == CALL_DEPTH_MOST)
		return 0;
	err = array_push(&reach->callees, ((struct callee){vaddr, COMES_OPEN}));
	if (!err)
		err = look_at_callee(reach, vaddr, verdict);
	if (err)
		return err;
	reach->callees.items[at].verdict = *verdict;
	if (reach->open_met < at && *verdict != COMES_BACK)
		reach->callees.count = at;
	else if (reach->open_met >= at)
		reach->open_met = SIZE_MAX;
	return 0;
}

static int compare_runs(const void *left, const void *right)
{
	const struct code_range *a = left, *b = right;

	return (a->vaddr > b->vaddr) - (a->vaddr < b->vaddr);
}

/* Runs that touch or overlap become one. */
static void join_runs(code_ranges *runs)
{
	struct code_range *run;
	size_t joined = 0;

	if (runs->count)
		qsort(runs->items, runs->count, sizeof(*runs->items), compare_runs);
	array_each (run, runs) {
		struct code_range *last = joined ? &runs->items[joined - 1] : NULL;

		if (!last || run->vaddr > last->vaddr + last->bytes)
			runs->items[joined++] = *run;
		else if (run->vaddr + run->bytes > last->vaddr + last->bytes)
			last->bytes = run->vaddr + run->bytes - last->vaddr;
	}
	runs->count = joined;
}

int plan_reached_exits(const struct code_view *code, uint64_t vaddr, struct exit_plan *plan)
{
	struct reach reach = {.code = code, .open_met = SIZE_MAX};
	struct flow flow = {.reach = &reach};
	int err = follow_flow(&flow, vaddr);

	*plan = (struct exit_plan){0};
	if (!err && flow.unsure_vaddr) {
		snprintf(plan->note, sizeof(plan->note),
			 "no one states its bounds, and whether it goes on at 0x%" PRIx64
			 " is not known",
			 flow.unsure_vaddr);
		err = -ENOTSUP;
	}
	join_runs(&flow.runs);
	if (!err)
		err = plan_exits(code, &flow.runs, plan);
	/* A jump table would have to be resolved here: what it leads to was not reached. */
	if (!err && !plan->blind_vaddr)
		plan->blind_vaddr = flow.indirect_vaddr;
	plan->own_returns = 0;
	array_release(&flow.runs);
	array_release(&reach.callees);
	return err;
}
