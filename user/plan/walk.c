// SPDX-License-Identifier: GPL-2.0-only
#include "plan/walk.h"

#include <stdio.h>

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
