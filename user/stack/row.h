/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A row of the table that call frame information stands for: how the caller's registers are found
 * from one place in the code.
 */
#ifndef STACK_ROW_H
#define STACK_ROW_H

#include "elf/unwind.h"
#include "stack/registers.h"

enum rule_kind {
	RULE_NONE, /* nothing is said of it */
	RULE_SAME,
	RULE_UNDEFINED,
	RULE_AT_CFA,        /* saved at CFA + offset */
	RULE_CFA,           /* it is CFA + offset */
	RULE_REGISTER,      /* register + offset */
	RULE_AT_EXPRESSION, /* saved where the expression says */
	RULE_EXPRESSION,    /* it is what the expression says */
};

struct row_rule {
	uint8_t kind; /* enum rule_kind */
	uint8_t reg;
	uint32_t bytes; /* of the expression */
	union {
		int64_t offset;
		const uint8_t *expression;
	};
};

/* The CFA is where the caller's stack pointer is after the return. */
struct row {
	struct row_rule cfa; /* RULE_REGISTER or RULE_EXPRESSION */
	struct row_rule rules[DWARF_REGISTERS];
	uint32_t ruled; /* bit n: rules[n] says something */
	bool is_signal;
	bool no_search; /* of code without a row: its caller is not to be searched for */
};

/* False where the instructions are broken, or are none of those that compilers write. */
bool row_read(const struct elf_unwind *unwind, uint64_t vaddr, struct row *row);

enum row_result {
	ROW_CALLER, /* the caller's registers are found */
	ROW_END,    /* there is no caller, it says */
	ROW_FAILED, /* what it needs is not known */
};

/* The registers of the caller of a function that has these. */
enum row_result row_apply(const struct row *row, const struct registers *registers,
			  struct taken_bytes *taken, struct registers *caller);

#endif
