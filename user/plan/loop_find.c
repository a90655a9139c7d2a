// SPDX-License-Identifier: GPL-2.0-only
#include "plan/loop_find.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "plan/walk.h"

/* Loops around one instruction, from the innermost on: what jumps back may be no loop's end. */
#define CANDIDATES_MOST 8
/* How much is read behind an instruction of whose function nothing is known. */
#define BYTES_BEHIND 4096

struct candidates {
	struct code_range ranges[CANDIDATES_MOST]; /* the smallest first */
	size_t count;
};

static int refuse(char reason[PLAN_REASON_BYTES], uint64_t vaddr, const char *why)
{
	snprintf(reason, PLAN_REASON_BYTES, "0x%" PRIx64 " %s", vaddr, why);
	return -ENOENT;
}

static void add_candidate(struct candidates *candidates, struct code_range range)
{
	size_t at = candidates->count;

	while (at && candidates->ranges[at - 1].bytes > range.bytes)
		at--;
	if (at == CANDIDATES_MOST)
		return;
	if (candidates->count < CANDIDATES_MOST)
		candidates->count++;
	for (size_t i = candidates->count - 1; i > at; i--)
		candidates->ranges[i] = candidates->ranges[i - 1];
	candidates->ranges[at] = range;
}

/* Does it lead back over vaddr? */
static void look_at_jump(struct candidates *candidates, const struct insn *insn, uint64_t vaddr)
{
	uint64_t end_vaddr = insn->vaddr + insn->length;

	if (insn_leads_elsewhere(insn) && insn->target_vaddr <= vaddr && vaddr <= insn->vaddr &&
	    end_vaddr - insn->target_vaddr <= LOOP_BYTES_MOST)
		add_candidate(candidates, (struct code_range){insn->target_vaddr,
							      end_vaddr - insn->target_vaddr});
}

/* In the whole function, whose bounds are known: so are the starts of its instructions. */
static int find_in_function(const struct code_view *code, const struct code_range *function,
			    uint64_t vaddr, struct candidates *candidates,
			    char reason[PLAN_REASON_BYTES])
{
	struct code_sweep sweep;
	struct insn insn;
	bool starts = false;
	int more = 0;

	if (sweep_start(&sweep, code, function))
		return refuse(reason, function->vaddr, "starts a function that cannot be read");
	while ((more = sweep_next(&sweep, &insn)) > 0) {
		starts |= insn.vaddr == vaddr;
		if (insn.target_vaddr >= function->vaddr)
			look_at_jump(candidates, &insn, vaddr);
	}
	if (more < 0)
		return refuse(reason, sweep.vaddr, "does not decode");
	return starts ? 0 : refuse(reason, vaddr, "is not the start of an instruction");
}

/* From vaddr on. What stands there may be no function's code any more; then nothing is found. */
static void find_behind(const struct code_view *code, uint64_t vaddr, struct candidates *candidates)
{
	struct insn insn;
	uint64_t at = vaddr;

	while (at - vaddr < LOOP_BYTES_MOST && !code_decode(code, at, &insn)) {
		look_at_jump(candidates, &insn, vaddr);
		at += insn.length;
	}
}

static bool is_within(const struct straight_loop *loop, uint64_t vaddr)
{
	return vaddr >= loop->start_vaddr && vaddr < loop->end_vaddr;
}

/* A branch may lead out of the loop; the last one leads back to the start. */
static const char *branch_fault(const struct straight_loop *loop, const struct insn *insn)
{
	bool is_last = insn->vaddr + insn->length == loop->end_vaddr;

	if (is_last)
		return insn_leads_elsewhere(insn) && insn->target_vaddr == loop->start_vaddr
			       ? NULL
			       : "is not where the loop around it ends";
	switch (insn->flow) {
	case FLOW_NEXT:
		return NULL;
	case FLOW_BRANCH:
		return is_within(loop, insn->target_vaddr) ? "branches within the loop" : NULL;
	case FLOW_CALL:
		return "calls, within the loop";
	default:
		return "leaves the straight line of the loop";
	}
}

/* Decodes all of the loop, of which vaddr must be an instruction. */
static int read_loop(const struct code_view *code, const struct code_range *range, uint64_t vaddr,
		     struct straight_loop *loop, char reason[PLAN_REASON_BYTES])
{
	size_t bytes = 0;
	const uint8_t *at = code->read(code->source, range->vaddr, &bytes);
	uint64_t next = range->vaddr;
	bool has_vaddr = false;

	loop->start_vaddr = range->vaddr;
	loop->end_vaddr = range->vaddr + range->bytes;
	if (!at || bytes < range->bytes)
		return refuse(reason, range->vaddr, "is not code");
	for (loop->count = 0; next < loop->end_vaddr; loop->count++) {
		struct loop_insn *insn = &loop->insns[loop->count];
		const char *fault;

		if (loop->count == LOOP_INSNS_MOST)
			return refuse(reason, range->vaddr, "starts a loop that is too long");
		if (loop_op_decode(at, loop->end_vaddr - next, next, &insn->op))
			return refuse(reason, next, "does not decode");
		insn->is_entered = false;
		has_vaddr |= next == vaddr;
		fault = branch_fault(loop, &insn->op.op.insn);
		if (fault)
			return refuse(reason, next, fault);
		at += insn->op.op.insn.length;
		next += insn->op.op.insn.length;
	}
	return has_vaddr ? 0 : refuse(reason, vaddr, "is not the start of an instruction");
}

/* A jump from outside, into the loop, or into the nops before it. */
static int note_jump(struct straight_loop *loop, const struct insn *jump, uint64_t nops_vaddr,
		     char reason[PLAN_REASON_BYTES])
{
	uint64_t leads_to = jump->target_vaddr;

	if (leads_to >= nops_vaddr && leads_to < loop->start_vaddr)
		leads_to = loop->start_vaddr;
	if (!is_within(loop, leads_to) || is_within(loop, jump->vaddr))
		return 0;
	loop->is_entered_from_behind |= jump->vaddr >= loop->end_vaddr;
	for (size_t i = 0; i < loop->count; i++) {
		if (loop->insns[i].op.op.insn.vaddr != leads_to)
			continue;
		loop->insns[i].is_entered = loop->has_entry = true;
		return 0;
	}
	return refuse(reason, jump->vaddr, "leads into an instruction of the loop");
}

/*
 * jmp 3f; nopw 0x0(%rax,%rax,1); 1: ...: nothing comes to 1 from before it. Finds where the nops
 * start; has_way: what stands before them does go on. False where the loop does not start with an
 * instruction of its function.
 */
static bool look_before(const struct code_view *code, const struct straight_loop *loop,
			uint64_t *nops_vaddr, bool *has_way)
{
	uint64_t at = loop->function.vaddr;
	struct insn insn;

	*nops_vaddr = at;
	*has_way = true;
	while (at < loop->start_vaddr && !code_decode(code, at, &insn)) {
		at += insn.length;
		if (insn_is_padding(code, &insn))
			continue;
		*has_way = insn.flow == FLOW_NEXT || insn.flow == FLOW_BRANCH ||
			   insn.flow == FLOW_CALL;
		*nops_vaddr = at;
	}
	return at == loop->start_vaddr;
}

/* Where control comes into the loop; to its start if nothing is known. */
static int note_entries(const struct code_view *code, struct straight_loop *loop,
			char reason[PLAN_REASON_BYTES])
{
	uint64_t at = loop->function.vaddr, nops_vaddr;
	struct insn insn;
	bool has_way;
	int err = 0;

	loop->is_entered_from_behind = loop->has_entry = false;
	if (!look_before(code, loop, &nops_vaddr, &has_way))
		return refuse(reason, loop->start_vaddr, "is not the start of an instruction");
	while (!err && range_covers(&loop->function, at) && !code_decode(code, at, &insn)) {
		if (insn_leads_elsewhere(&insn))
			err = note_jump(loop, &insn, nops_vaddr, reason);
		at += insn.length;
	}
	loop->insns[0].is_entered |= has_way || !loop->has_entry;
	return err;
}

int loop_find(const struct code_view *code, uint64_t vaddr, struct straight_loop *loop,
	      char reason[PLAN_REASON_BYTES])
{
	struct candidates candidates = {.count = 0};
	char other_reason[PLAN_REASON_BYTES];
	int err = 0;

	loop->has_bounds = function_at(code, vaddr, &loop->function);
	if (loop->has_bounds)
		err = find_in_function(code, &loop->function, vaddr, &candidates, reason);
	else
		find_behind(code, vaddr, &candidates);
	if (err)
		return err;
	if (!candidates.count)
		return refuse(reason, vaddr, "stands in no loop");
	/* The reason of the smallest is the one to give. */
	err = -ENOENT;
	for (size_t i = 0; err && i < candidates.count; i++)
		err = read_loop(code, &candidates.ranges[i], vaddr, loop,
				i ? other_reason : reason);
	if (err)
		return err;
	if (!loop->has_bounds)
		loop->function = (struct code_range){
			loop->start_vaddr, loop->end_vaddr - loop->start_vaddr + BYTES_BEHIND};
	return note_entries(code, loop, reason);
}
