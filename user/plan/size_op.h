/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an instruction does with the general registers, as far as the analysis of sizes follows it.
 * Pure: bytes in, value out. Decoding is Zydis's.
 */
#ifndef PLAN_SIZE_OP_H
#define PLAN_SIZE_OP_H

#include "plan/decode.h"

enum size_action {
	OP_OTHER,   /* what it writes is not known afterwards */
	OP_MOVE,    /* mov, movzx, movsx: `from` is as wide as it says, the rest is filled up */
	OP_ADDRESS, /* lea */
	OP_CHOOSE,  /* cmovcc */
	OP_EXCHANGE,
	OP_ADD,
	OP_SUBTRACT,
	OP_COMPARE,
	OP_AND,
	OP_TEST,
	OP_XOR,
	OP_SHIFT_LEFT,
	OP_SHIFT_RIGHT,
	OP_NEGATE,
	OP_INVERT,
	OP_INCREMENT,
	OP_DECREMENT,
	OP_PUSH,
	OP_POP,
	OP_LEAVE, /* mov %rbp,%rsp; pop %rbp */
};

enum size_operand_kind {
	OPERAND_NONE,
	OPERAND_REGISTER,
	OPERAND_CONSTANT,
	OPERAND_MEMORY,
	OPERAND_ODD, /* %ah, %fs:0x10, %xmm0 */
};

struct size_operand {
	enum size_operand_kind kind;
	uint8_t bits;
	uint8_t base, index; /* of memory; base: the register itself; CPU_REGISTERS: none */
	uint8_t scale_bits;  /* the index counts 1 << scale_bits times */
	uint64_t constant;   /* or displacement; what %rip adds is in it */
};

/* The conditions of jcc as the processor numbers them; the odd ones are the even ones' contrary. */
enum cpu_condition {
	CONDITION_BELOW = 2,
	CONDITION_EQUAL = 4,
	CONDITION_BELOW_OR_EQUAL = 6,
	CONDITION_SIGN = 8,
	CONDITION_LESS = 12,
	CONDITION_LESS_OR_EQUAL = 14,
	CONDITION_NONE = 16, /* not by flags: loop, jrcxz */
};

struct size_op {
	struct insn insn;
	enum size_action action;
	struct size_operand to, from;
	struct size_operand third; /* vinserti128 $1,(%rsi),%ymm0,%ymm0: what stands in memory */
	bool sign_extends;
	bool changes_flags; /* any that a jcc reads, but parity */
	uint8_t condition;  /* of FLOW_BRANCH */
};

/* 0, or -EILSEQ where the bytes are no instruction or end within one. */
int size_op_decode(const uint8_t *code, size_t bytes, uint64_t vaddr, struct size_op *op);

#endif
