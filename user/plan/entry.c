// SPDX-License-Identifier: GPL-2.0-only
#include "plan/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plan/walk.h"

/* Spills, a call and reloads: of at most 15 registers each. */
#define GROWTH_STEPS_MAX 64

/* What may lead control onto the stretch from the entry a second time. */
struct way_back {
	uint64_t inner_vaddr; /* lowest branch target past the entry; UINT64_MAX: none */
	uint64_t loop_vaddr;  /* a branch to the entry itself; 0: none */
	bool unknown;         /* there is code or a jump table whose targets are not known */
};

/*
 * The code that a function jumps to, as far as it was looked at. Jumps that lead to the same few
 * parts in turn must not have them read each time, nor a file made for it have all of it read.
 */
#define PARTS_KEPT 8
struct parts_seen {
	struct code_range parts[PARTS_KEPT];
	size_t count;
	size_t bytes;
};

/* No prologue is that long, and no stretch without a branch is looked at beyond it. */
#define STRETCH_BYTES_MOST 4096

static void note_target(struct way_back *back, const struct code_range *function,
			const struct insn *insn)
{
	if (insn->target_vaddr == function->vaddr)
		back->loop_vaddr = insn->vaddr;
	else if (range_covers(function, insn->target_vaddr) &&
		 insn->target_vaddr < back->inner_vaddr)
		back->inner_vaddr = insn->target_vaddr;
}

/* A .cold part, or whatever else the function jumps to, may jump back onto the stretch. */
static void scan_elsewhere(const struct code_view *code, const struct code_range *function,
			   const struct code_range *part, struct way_back *back)
{
	struct code_sweep sweep;
	struct insn insn;

	if (sweep_start(&sweep, code, part)) {
		back->unknown = true;
		return;
	}
	while (sweep_next(&sweep, &insn) > 0)
		/* The entry is no loop from there: it is recursion by a tail call. */
		if (insn_leads_elsewhere(&insn) && insn.target_vaddr != function->vaddr)
			note_target(back, function, &insn);
}

static bool is_seen(const struct parts_seen *seen, uint64_t vaddr)
{
	for (size_t i = 0; i < seen->count && i < PARTS_KEPT; i++)
		if (range_covers(&seen->parts[i], vaddr))
			return true;
	return false;
}

static void scan_target(const struct code_view *code, const struct code_range *function,
			uint64_t vaddr, struct parts_seen *seen, struct way_back *back)
{
	struct code_range part;

	if (range_covers(function, vaddr) || is_seen(seen, vaddr) ||
	    !function_at(code, vaddr, &part))
		return;
	if (part.bytes > FUNCTION_BYTES_MOST - seen->bytes) {
		back->unknown = true;
		return;
	}
	seen->bytes += part.bytes;
	seen->parts[seen->count++ % PARTS_KEPT] = part;
	scan_elsewhere(code, function, &part, back);
}

static void scan_function(const struct code_view *code, const struct code_range *function,
			  struct way_back *back)
{
	struct parts_seen seen = {0};
	struct code_sweep sweep;
	struct insn insn;
	int more;

	*back = (struct way_back){.inner_vaddr = UINT64_MAX};
	if (!function->bytes || sweep_start(&sweep, code, function)) {
		back->unknown = true;
		return;
	}
	while ((more = sweep_next(&sweep, &insn)) > 0) {
		if (insn.flow == FLOW_JUMP_INDIRECT)
			back->unknown = true;
		if (!insn_leads_elsewhere(&insn))
			continue;
		note_target(back, function, &insn);
		scan_target(code, function, insn.target_vaddr, &seen, back);
	}
	if (more < 0)
		back->unknown = true;
}

/* call runtime.morestack_noctxt with spills and reloads around it, and jmp to the entry. */
static bool grows_stack(const struct code_view *code, const struct code_range *function,
			uint64_t vaddr)
{
	bool has_call = false;
	struct insn insn;

	for (size_t i = 0; i < GROWTH_STEPS_MAX && range_covers(function, vaddr) &&
			   !code_decode(code, vaddr, &insn);
	     i++) {
		if (insn.flow == FLOW_JUMP)
			return has_call && insn.target_vaddr == function->vaddr;
		if (insn.flow == FLOW_CALL)
			has_call = true;
		else if (insn.flow != FLOW_NEXT)
			return false;
		vaddr += insn.length;
	}
	return false;
}

/*
 * Go's functions begin with `cmp 0x10(%r14),%rsp; jbe` (a large frame has a jb before it), to code
 * that grows the stack and starts the function anew: what is before the frame is made may be
 * executed twice, the second time on another stack. Gives where the frame is made; 0: no such code.
 */
static uint64_t behind_stack_check(const struct code_view *code, const struct code_range *function)
{
	uint64_t vaddr = function->vaddr, behind = 0;
	struct insn insn;

	while (range_covers(function, vaddr) && !code_decode(code, vaddr, &insn)) {
		if (vaddr == behind && insn.flow == FLOW_NEXT && insn.destroys & DESTROYS_RSP)
			return behind;
		if (insn.flow != FLOW_NEXT && insn.flow != FLOW_BRANCH)
			break;
		if (insn.destroys & DESTROYS_RSP)
			break;
		vaddr += insn.length;
		if (insn.flow == FLOW_NEXT)
			continue;
		if (!grows_stack(code, function, insn.target_vaddr))
			break;
		behind = vaddr;
	}
	return 0;
}

/*
 * The entry itself is passed by each call and, unless it heads a loop, by nothing else. A later
 * instruction may also be passed by a jump table that leads back to it. Not so a push or sub
 * that makes the frame: compilers put no prologue into a loop.
 */
static bool passes_once(const struct insn *insn, const struct code_range *function,
			const struct way_back *back)
{
	if (insn->vaddr == function->vaddr)
		return true;
	if (insn->vaddr >= back->inner_vaddr)
		return false;
	return !back->unknown || (insn->flow == FLOW_NEXT && insn->destroys & DESTROYS_RSP);
}

/* False where the stretch from vaddr has no instruction that bears a probe. */
static bool choose(const struct code_view *code, const struct code_range *function, uint64_t vaddr,
		   const struct way_back *back, struct insn *best)
{
	bool found = false;
	struct insn insn;

	while ((!function->bytes || range_covers(function, vaddr)) &&
	       vaddr - function->vaddr < STRETCH_BYTES_MOST && !code_decode(code, vaddr, &insn)) {
		if (passes_once(&insn, function, back) &&
		    (insn.probe == PROBE_EMULATED || (insn.probe == PROBE_STEPPED && !found))) {
			*best = insn;
			found = true;
		}
		/*
		 * push %rbp; jne ...: the probe fires before they take effect, so they will do,
		 * but nothing after them.
		 */
		if (best->probe == PROBE_EMULATED || insn.flow != FLOW_NEXT ||
		    insn.destroys & DESTROYS_RSP)
			break;
		vaddr += insn.length;
	}
	return found;
}

static void explain_refusal(const struct code_view *code, const struct code_range *function,
			    struct probe_point *point)
{
	struct insn insn;
	int err = code_decode(code, function->vaddr, &insn);

	*point = (struct probe_point){.vaddr = function->vaddr};
	if (err == -EFAULT)
		snprintf(point->reason, sizeof(point->reason), "the entry is not in code");
	else if (err)
		snprintf(point->reason, sizeof(point->reason), "the entry is no instruction");
	else
		*point = point_at(code, &insn,
				  insn.probe == PROBE_HARMFUL
					  ? "a probe on it harms the target, none later will do"
					  : "the kernel refuses a probe on it, none later will do");
}

/*
 * Where a loop leads back to the entry, there is no point that only calls pass. The entry is taken
 * all the same, and the reason says so: a self-tail-call is a call, and a loop that starts at a
 * function's first instruction is the body of a leaf that nobody watches for its duration.
 */
int plan_entry(const struct code_view *code, struct code_range function, struct probe_point *point)
{
	struct insn best = {.probe = PROBE_REFUSED};
	uint64_t behind_check = behind_stack_check(code, &function);
	struct way_back back;
	size_t used;

	scan_function(code, &function, &back);
	if (!choose(code, &function, behind_check ? behind_check : function.vaddr, &back, &best)) {
		explain_refusal(code, &function, point);
		return -ENOTSUP;
	}
	*point = point_at(code, &best,
			  best.probe == PROBE_EMULATED
				  ? "emulated"
				  : "single-stepped, as no emulated one is passed just once");
	used = strlen(point->reason);
	if (behind_check)
		snprintf(point->reason + used, sizeof(point->reason) - used,
			 "; behind the check of the stack's size");
	else if (back.loop_vaddr)
		snprintf(point->reason + used, sizeof(point->reason) - used,
			 "; rounds of the loop from +0x%" PRIx64 " count as calls",
			 back.loop_vaddr - function.vaddr);
	return 0;
}
