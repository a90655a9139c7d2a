// SPDX-License-Identifier: GPL-2.0-only
#include "plan/walk.h"

#include <stdio.h>

/* How many jumps from function to function are followed. */
#define TAIL_CALLS_MAX 4
/* What is read to see whether a function comes back; glibc 2.36 has __chk_fail in 16. */
#define TAIL_BYTES_MOST 65536

int code_decode(const struct code_view *code, uint64_t vaddr, struct insn *insn)
{
	size_t bytes = 0;
	const uint8_t *at = code->read(code->source, vaddr, &bytes);

	return at ? insn_decode(at, bytes, vaddr, insn) : -EFAULT;
}

bool range_covers(const struct code_range *range, uint64_t vaddr)
{
	return vaddr >= range->vaddr && vaddr - range->vaddr < range->bytes;
}

bool function_at(const struct code_view *code, uint64_t vaddr, struct code_range *function)
{
	return code->bounds(code->source, vaddr, &function->vaddr, &function->bytes) &&
	       range_covers(function, vaddr);
}

int sweep_start(struct code_sweep *sweep, const struct code_view *code,
		const struct code_range *range)
{
	size_t bytes = 0;

	sweep->code = code->read(code->source, range->vaddr, &bytes);
	if (!sweep->code || bytes < range->bytes)
		return -EFAULT;
	if (range->bytes > FUNCTION_BYTES_MOST)
		return -E2BIG;
	sweep->vaddr = range->vaddr;
	sweep->end = range->vaddr + range->bytes;
	return 0;
}

int sweep_next(struct code_sweep *sweep, struct insn *insn)
{
	int err;

	if (sweep->vaddr == sweep->end)
		return 0;
	err = insn_decode(sweep->code, sweep->end - sweep->vaddr, sweep->vaddr, insn);
	if (err)
		return err;
	sweep->code += insn->length;
	sweep->vaddr += insn->length;
	return 1;
}

bool insn_leads_elsewhere(const struct insn *insn)
{
	return insn->flow == FLOW_JUMP || insn->flow == FLOW_BRANCH;
}

bool insn_is_padding(const struct code_view *code, const struct insn *insn)
{
	size_t bytes = 0;
	const uint8_t *at = code->read(code->source, insn->vaddr, &bytes);
	size_t i = 0;

	if (!at || bytes < insn->length)
		return false;
	while (i < insn->length && (at[i] == 0x66 || at[i] == 0x2e))
		i++;
	/* int3; xchg %ax,%ax; data16 cs nopw 0x0(%rax,%rax,1) */
	return i < insn->length && (at[i] == 0xcc || at[i] == 0x90 ||
				    (at[i] == 0x0f && i + 1 < insn->length && at[i + 1] == 0x1f));
}

/* bytes_left: functions that jump to one another a thousandfold must come to an end. */
static bool never_comes_back(const struct code_view *code, uint64_t vaddr, unsigned depth,
			     uint64_t *bytes_left)
{
	struct code_range function;
	struct code_sweep sweep;
	struct insn insn = {.flow = FLOW_NEXT};
	int more;

	if (depth == TAIL_CALLS_MAX || !function_at(code, vaddr, &function) ||
	    function.bytes > *bytes_left || sweep_start(&sweep, code, &function))
		return false;
	*bytes_left -= function.bytes;
	while ((more = sweep_next(&sweep, &insn)) > 0) {
		if (insn.flow == FLOW_RETURN || insn.flow == FLOW_JUMP_SLOT ||
		    insn.flow == FLOW_JUMP_INDIRECT)
			return false;
		if (insn_leads_elsewhere(&insn) && !range_covers(&function, insn.target_vaddr) &&
		    !never_comes_back(code, insn.target_vaddr, depth + 1, bytes_left))
			return false;
	}
	/* __memmove_chk, cmp and jb, runs on into memmove; one that ends in a call never does. */
	return !more && insn.flow != FLOW_NEXT && insn.flow != FLOW_BRANCH;
}

bool never_returns(const struct code_view *code, uint64_t vaddr)
{
	uint64_t bytes_left = TAIL_BYTES_MOST;

	return never_comes_back(code, vaddr, 0, &bytes_left);
}

struct probe_point point_at(const struct code_view *code, const struct insn *insn, const char *why)
{
	struct probe_point point = {.vaddr = insn->vaddr, .probe = insn->probe};
	char text[INSN_TEXT_BYTES];
	size_t bytes = 0;
	const uint8_t *at = code->read(code->source, insn->vaddr, &bytes);

	if (at)
		point.original = at[0];
	snprintf(point.reason, sizeof(point.reason), "%s: %.60s",
		 at ? insn_text(text, at, bytes, insn->vaddr) : "(bad)", why);
	return point;
}
