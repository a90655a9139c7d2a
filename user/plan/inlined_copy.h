/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies that are no routine's: `rep movs`, and loops that load and store. From the code alone, and
 * without a guess: a loop that fills, compares, converts or computes with what it loads is none.
 */
#ifndef PLAN_INLINED_COPY_H
#define PLAN_INLINED_COPY_H

#include "plan/plan.h"

enum inlined_copy_kind {
	INLINED_NONE,
	INLINED_REP_MOVS,
	INLINED_LOOP,
};

struct inlined_copy {
	enum inlined_copy_kind kind;
	/* Of the instruction, or of all of the loop: the end is behind the last one. */
	uint64_t start_vaddr, end_vaddr;
	/* "loop at 0x12f0: movdqu (%rsi,%rax), %xmm0; ...; 16 bytes a round", or why not */
	char reason[PLAN_REASON_BYTES];
};

/*
 * What stands at vaddr, where an instruction starts: a loop is a straight line with ways out, in
 * each round of which all that is stored was loaded just before, at a place that is as far away in
 * all rounds; and what all rounds store has no gaps.
 * 0 or -ENOMEM; copy->kind says what it is.
 */
int plan_inlined_copy(const struct code_view *code, uint64_t vaddr, struct inlined_copy *copy);

#endif
