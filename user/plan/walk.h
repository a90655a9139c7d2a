/* SPDX-License-Identifier: GPL-2.0-only */
/* Walking over code: what entry.c, exits.c and the copy planner share. */
#ifndef PLAN_WALK_H
#define PLAN_WALK_H

#include "plan/plan.h"

/* The instruction at vaddr. 0, -EFAULT: vaddr is not code, -EILSEQ: it is no instruction. */
int code_decode(const struct code_view *code, uint64_t vaddr, struct insn *insn);

bool range_covers(const struct code_range *range, uint64_t vaddr);

/* The function that contains vaddr; false where that is not known. */
bool function_at(const struct code_view *code, uint64_t vaddr, struct code_range *function);

/* A linear sweep: one instruction after the other, wherever control goes. */
struct code_sweep {
	const uint8_t *code;
	uint64_t vaddr; /* of what comes next */
	uint64_t end;
};

/*
 * The largest function that is read. gcc's own code for matching patterns, in gcc 12's cc1plus, has
 * 311,460 bytes in one; a file that is made to do harm may call all of itself one function.
 */
#define FUNCTION_BYTES_MOST ((size_t)4 << 20)

/* 0, -EFAULT where not all of the range is code, -E2BIG where no function is that large. */
int sweep_start(struct code_sweep *sweep, const struct code_view *code,
		const struct code_range *range);
/* 1: one more instruction, 0: the end, -EILSEQ: what stands at sweep->vaddr does not decode. */
int sweep_next(struct code_sweep *sweep, struct insn *insn);

/* True for jmp and jcc with a target that the instruction itself states. */
bool insn_leads_elsewhere(const struct insn *insn);

/* Space between functions: int3, and nops of all lengths. */
bool insn_is_padding(const struct code_view *code, const struct insn *insn);

/*
 * True where the function at vaddr has no way back to its caller: no ret and no jump out, but to
 * another such. Then it copies nothing for anyone: __chk_fail.
 */
bool never_returns(const struct code_view *code, uint64_t vaddr);

/* A point on insn, with "TEXT: WHY" as its reason. */
struct probe_point point_at(const struct code_view *code, const struct insn *insn, const char *why);

#endif
