/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an instruction does, as far as the search for inlined copies follows it: which bytes it
 * moves from where to where, or that it only counts. Pure: bytes in, value out. Decoding is
 * Zydis's.
 */
#ifndef PLAN_LOOP_OP_H
#define PLAN_LOOP_OP_H

#include "plan/size_op.h"

enum loop_action {
	LOOP_OTHER,  /* anything that a loop which copies does not do */
	LOOP_IDLES,  /* nop, prefetch, jcc: nothing changes, but for %rcx in `loop` */
	LOOP_MOVES,  /* brings bytes as they are from one place to another */
	LOOP_COUNTS, /* works on general registers: size_op says how */
};

/* All that can hold what is copied: general registers by their numbers, then %zmm and %mm. */
#define LOOP_VECTOR    CPU_REGISTERS
#define LOOP_MMX       (LOOP_VECTOR + 32)
#define LOOP_REGISTERS (LOOP_MMX + 8)

struct loop_move {
	struct size_operand load, store; /* OPERAND_NONE: from or to a register */
	uint8_t from, to;                /* LOOP_REGISTERS: none */
	uint8_t rest;                    /* whose other bytes `to` then has; LOOP_REGISTERS: 0s */
	uint8_t bytes;
	uint8_t from_byte, to_byte; /* where they stand in a register */
	bool keeps_number;          /* what `to` holds then is the number that was read */
	unsigned advances;          /* movs, lods, stos: CPU_BIT()s that go on by `bytes` */
};

struct loop_op {
	struct size_op op;
	enum loop_action action;
	struct loop_move move;
	unsigned reads;   /* CPU_BIT()s of what it reads, but for addresses of memory */
	bool reads_flags; /* but for parity, and as a branch */
};

/* 0, or -EILSEQ where the bytes are no instruction or end within one. */
int loop_op_decode(const uint8_t *code, size_t bytes, uint64_t vaddr, struct loop_op *op);

#endif
