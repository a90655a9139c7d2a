// SPDX-License-Identifier: GPL-2.0-only
#include "plan/plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "plan/table.h"
#include "plan/walk.h"

/* In a stripped file a tail call may look like a .cold part: that chain must end somewhere. */
#define PARTS_MAX 64

/* Nobody sets that many probes for one function. */
#define RETURNS_MAX 4096

/* The sweep over one part. */
struct part_scan {
	const struct code_view *code;
	struct exit_plan *plan;
	uint64_t block_vaddr; /* the first instruction after the last that was no FLOW_NEXT */
	bool after_call;      /* ... and that one was a call */
	bool framed;          /* the stack pointer has been moved on the way, in address order */
};

static bool in_parts(const struct exit_plan *plan, uint64_t vaddr)
{
	struct code_range *part;

	array_each (part, &plan->parts)
		if (range_covers(part, vaddr))
			return true;
	return false;
}

static int add_tail(struct part_scan *scan, const struct insn *insn, uint64_t target_vaddr)
{
	struct tail_jump tail = {
		.vaddr = insn->vaddr, .target_vaddr = target_vaddr, .slot_vaddr = insn->slot_vaddr};

	return array_push(&scan->plan->tails, tail);
}

static int add_return(struct part_scan *scan, const struct insn *insn)
{
	struct probe_point point, *known;

	/* Parts overlap where a symbol ends within what .eh_frame takes for one function. */
	array_each (known, &scan->plan->returns)
		if (known->vaddr == insn->vaddr)
			return 0;
	if (scan->plan->returns.count == RETURNS_MAX) {
		snprintf(scan->plan->note, sizeof(scan->plan->note), "it has more than %d returns",
			 RETURNS_MAX);
		return -ENOTSUP;
	}
	point = point_at(scan->code, insn, "a return; single-stepped");
	if (insn->probe == PROBE_STEPPED)
		return array_push(&scan->plan->returns, point);
	snprintf(scan->plan->note, sizeof(scan->plan->note), /* iretq, lock ret */
		 "the return at 0x%" PRIx64 " bears no probe", insn->vaddr);
	return -ENOTSUP;
}

/*
 * jmp or jcc: within the function, into a .cold part that has no name here, or away. A PLT stub
 * (jmp free@plt) is away, though its only bounds are those of the whole PLT, an unnamed stretch.
 */
static int add_target(struct part_scan *scan, const struct insn *insn)
{
	const struct code_view *code = scan->code;
	uint64_t target = insn->target_vaddr, slot_vaddr;
	struct code_range part;

	if (in_parts(scan->plan, target))
		return 0;
	if (!plan_stub_slot(code, target, &slot_vaddr))
		return add_tail(scan, insn, target);
	if (scan->plan->parts.count < PARTS_MAX && function_at(code, target, &part) &&
	    !code->names_function(code->source, target) &&
	    !code->names_function(code->source, part.vaddr))
		return array_push(&scan->plan->parts, part);
	return add_tail(scan, insn, target);
}

/*
 * jmp *%rax may be a switch or a tail call, and only a tail call is an end. With the offset or
 * pointer read from an indexed table it is a switch:
 *	movslq (%rdx,%rax,4),%rax; add %rdx,%rax; jmp *%rax
 *	jmp *table(,%rax,8)
 * but the second is also how `return handlers[i](x)` reads where there is no frame to take down.
 */
static bool stays_inside(const struct part_scan *scan, const struct insn *insn)
{
	size_t bytes = 0;
	const uint8_t *block = scan->code->read(scan->code->source, scan->block_vaddr, &bytes);
	size_t length = insn->vaddr + insn->length - scan->block_vaddr;
	enum table_verdict verdict;

	if (!block || bytes < length)
		return false;
	verdict = table_judge(block, length, scan->after_call);
	return verdict == TABLE_OFFSETS || (verdict == TABLE_POINTERS && scan->framed);
}

static void add_indirect(struct part_scan *scan, const struct insn *insn)
{
	struct exit_plan *plan = scan->plan;

	if (plan->blind_vaddr || stays_inside(scan, insn))
		return;
	plan->blind_vaddr = insn->vaddr;
	snprintf(plan->note, sizeof(plan->note),
		 "a call that ends by the indirect jump at 0x%" PRIx64 " is not seen to end",
		 insn->vaddr);
}

static int scan_insn(struct part_scan *scan, const struct insn *insn)
{
	int err = 0;

	if (insn->repeats_movs && !scan->plan->rep_movs_vaddr)
		scan->plan->rep_movs_vaddr = insn->vaddr;
	switch (insn->flow) {
	case FLOW_RETURN:
		err = add_return(scan, insn);
		break;
	case FLOW_BRANCH:
	case FLOW_JUMP:
		err = add_target(scan, insn);
		break;
	case FLOW_JUMP_SLOT:
		err = add_tail(scan, insn, 0);
		break;
	case FLOW_JUMP_INDIRECT:
		add_indirect(scan, insn);
		break;
	case FLOW_NEXT:
		scan->framed = scan->framed || insn->destroys & DESTROYS_RSP;
		return 0;
	case FLOW_CALL:
	case FLOW_STOP:
		break;
	}
	scan->block_vaddr = insn->vaddr + insn->length;
	scan->after_call = insn->flow == FLOW_CALL;
	return err;
}

/*
 * glibc's __memcpy_chk ends in `jb __chk_fail` and runs on into the function behind it. A call at
 * the end is one that never comes back (abort), and padding tells nothing.
 */
static int add_running_on(struct part_scan *scan, const struct insn *last)
{
	uint64_t next = last->vaddr + last->length;

	if ((last->flow != FLOW_NEXT && last->flow != FLOW_BRANCH) || in_parts(scan->plan, next))
		return 0;
	return add_tail(scan, last, next);
}

static int scan_part(const struct code_view *code, struct exit_plan *plan, size_t index)
{
	struct code_range part = plan->parts.items[index];
	struct part_scan scan = {.code = code, .plan = plan, .block_vaddr = part.vaddr};
	struct insn insn, last = {.flow = FLOW_STOP};
	struct code_sweep sweep = {.vaddr = part.vaddr};
	int err = sweep_start(&sweep, code, &part);

	scan.framed = index > 0; /* a .cold part starts with the frame in place */
	while (!err) {
		int more = sweep_next(&sweep, &insn);

		if (!more)
			return add_running_on(&scan, &last);
		err = more < 0 ? more : scan_insn(&scan, &insn);
		if (!err && !insn_is_padding(code, &insn))
			last = insn;
	}
	if (err != -EFAULT && err != -EILSEQ)
		return err;
	snprintf(plan->note, sizeof(plan->note), "what stands at 0x%" PRIx64 " is %s", sweep.vaddr,
		 err == -EFAULT ? "not all code" : "no instruction");
	return -ENOTSUP;
}

/* All parts together: those of a file that is made to do harm may be many, and overlap. */
static int check_size(struct exit_plan *plan, size_t upto)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < upto; i++)
		if (__builtin_add_overflow(bytes, plan->parts.items[i].bytes, &bytes))
			bytes = UINT64_MAX;
	if (bytes <= FUNCTION_BYTES_MOST)
		return 0;
	snprintf(plan->note, sizeof(plan->note),
		 "it states a size of %" PRIu64 " bytes: no function is that large", bytes);
	return -ENOTSUP;
}

int plan_exits(const struct code_view *code, const code_ranges *parts, struct exit_plan *plan)
{
	const struct code_range *part;
	int err = 0;

	*plan = (struct exit_plan){0};
	if (parts->count > PARTS_MAX) {
		snprintf(plan->note, sizeof(plan->note),
			 "it has %zu parts: no function has so many", parts->count);
		return -ENOTSUP;
	}
	array_each (part, parts) {
		err = array_push(&plan->parts, *part);
		if (err)
			return err;
	}
	/* Scanning may add parts. */
	for (size_t i = 0; !err && i < plan->parts.count; i++) {
		err = check_size(plan, i + 1);
		if (!err)
			err = scan_part(code, plan, i);
		if (i < parts->count)
			plan->own_returns = plan->returns.count;
	}
	return err;
}

void exit_plan_release(struct exit_plan *plan)
{
	array_release(&plan->returns);
	array_release(&plan->tails);
	array_release(&plan->parts);
}

int plan_stub_slot(const struct code_view *code, uint64_t vaddr, uint64_t *slot_vaddr)
{
	size_t bytes = 0;
	const uint8_t *at = code->read(code->source, vaddr, &bytes);
	struct insn insn;

	/* f3 0f 1e fa, endbr64 */
	if (at && bytes >= 4 && at[0] == 0xf3 && at[1] == 0x0f && at[2] == 0x1e && at[3] == 0xfa)
		vaddr += 4;
	if (code_decode(code, vaddr, &insn) || insn.flow != FLOW_JUMP_SLOT)
		return -ENOENT;
	*slot_vaddr = insn.slot_vaddr;
	return 0;
}
