// SPDX-License-Identifier: GPL-2.0-only
#include "stack/row.h"

#include <dwarf.h>

#include "stack/cursor.h"
#include "stack/expression.h"

/* gcc 12 and clang 14 remember one row at a time, before an epilogue in the middle. */
#define REMEMBERED_MOST 8

struct program {
	const struct elf_unwind *unwind;
	struct cursor code;
	uint64_t vaddr;  /* where the row that is being made begins */
	uint64_t wanted; /* the place whose row it is to be */
	struct row row;
	struct row first; /* as the shared instructions left it */
	struct row remembered[REMEMBERED_MOST];
	unsigned depth;
	bool has_failed;
};

/* ---- reading ---- */

/* A rule for registers that nobody follows (%xmm0) goes nowhere. */
static void set_rule(struct program *program, uint64_t reg, const struct row_rule *rule)
{
	if (reg < DWARF_REGISTERS)
		program->row.rules[reg] = *rule;
}

static void set_offset(struct program *program, uint64_t reg, enum rule_kind kind, int64_t offset)
{
	struct row_rule rule = {.kind = kind};

	rule.offset = (int64_t)((uint64_t)offset * (uint64_t)program->unwind->data_factor);
	set_rule(program, reg, &rule);
}

static void set_kind(struct program *program, uint64_t reg, enum rule_kind kind)
{
	set_rule(program, reg, &(struct row_rule){.kind = kind});
}

static struct row_rule read_expression(struct program *program, enum rule_kind kind)
{
	struct row_rule rule = {.kind = kind};
	uint64_t bytes = cursor_unsigned(&program->code);

	program->has_failed |= bytes > UINT32_MAX;
	rule.bytes = (uint32_t)bytes;
	rule.expression = cursor_block(&program->code, rule.bytes);
	return rule;
}

static void restore(struct program *program, uint64_t reg)
{
	if (reg < DWARF_REGISTERS)
		program->row.rules[reg] = program->first.rules[reg];
}

static void set_cfa(struct program *program, uint64_t reg, int64_t offset)
{
	program->has_failed |= reg >= DWARF_REGISTERS;
	program->row.cfa = (struct row_rule){.kind = RULE_REGISTER, .reg = (uint8_t)reg};
	program->row.cfa.offset = offset;
}

/* One of both alone is changed only where the CFA was such a sum before. */
static void change_cfa(struct program *program, uint64_t reg, int64_t offset)
{
	program->has_failed |= program->row.cfa.kind != RULE_REGISTER;
	set_cfa(program, reg, offset);
}

static void remember(struct program *program)
{
	if (program->depth == REMEMBERED_MOST)
		program->has_failed = true;
	else
		program->remembered[program->depth++] = program->row;
}

static void recall(struct program *program)
{
	if (!program->depth)
		program->has_failed = true;
	else
		program->row = program->remembered[--program->depth];
}

static void read_cfa(struct program *program, uint8_t instruction)
{
	struct cursor *code = &program->code;
	int64_t factor = program->unwind->data_factor;
	const struct row_rule *cfa = &program->row.cfa;
	uint64_t reg;

	switch (instruction) {
	case DW_CFA_def_cfa:
		reg = cursor_unsigned(code);
		return set_cfa(program, reg, (int64_t)cursor_unsigned(code));
	case DW_CFA_def_cfa_sf:
		reg = cursor_unsigned(code);
		return set_cfa(program, reg,
			       (int64_t)((uint64_t)cursor_signed(code) * (uint64_t)factor));
	case DW_CFA_def_cfa_register:
		return change_cfa(program, cursor_unsigned(code), cfa->offset);
	case DW_CFA_def_cfa_offset:
		return change_cfa(program, cfa->reg, (int64_t)cursor_unsigned(code));
	case DW_CFA_def_cfa_offset_sf:
		return change_cfa(program, cfa->reg,
				  (int64_t)((uint64_t)cursor_signed(code) * (uint64_t)factor));
	case DW_CFA_def_cfa_expression:
		program->row.cfa = read_expression(program, RULE_EXPRESSION);
		return;
	}
	program->has_failed = true;
}

static void read_rule(struct program *program, uint8_t instruction)
{
	struct cursor *code = &program->code;
	uint64_t reg = cursor_unsigned(code), from;
	struct row_rule rule;

	switch (instruction) {
	case DW_CFA_undefined:
		return set_kind(program, reg, RULE_UNDEFINED);
	case DW_CFA_same_value:
		return set_kind(program, reg, RULE_SAME);
	case DW_CFA_restore_extended:
		return restore(program, reg);
	case DW_CFA_offset_extended:
		return set_offset(program, reg, RULE_AT_CFA, (int64_t)cursor_unsigned(code));
	case DW_CFA_offset_extended_sf:
		return set_offset(program, reg, RULE_AT_CFA, cursor_signed(code));
	case DW_CFA_val_offset:
		return set_offset(program, reg, RULE_CFA, (int64_t)cursor_unsigned(code));
	case DW_CFA_val_offset_sf:
		return set_offset(program, reg, RULE_CFA, cursor_signed(code));
	case DW_CFA_GNU_negative_offset_extended:
		return set_offset(program, reg, RULE_AT_CFA, (int64_t)(0 - cursor_unsigned(code)));
	case DW_CFA_register:
		from = cursor_unsigned(code);
		program->has_failed |= from >= DWARF_REGISTERS;
		rule = (struct row_rule){.kind = RULE_REGISTER, .reg = (uint8_t)from};
		return set_rule(program, reg, &rule);
	case DW_CFA_expression:
		rule = read_expression(program, RULE_AT_EXPRESSION);
		return set_rule(program, reg, &rule);
	case DW_CFA_val_expression:
		rule = read_expression(program, RULE_EXPRESSION);
		return set_rule(program, reg, &rule);
	}
	program->has_failed = true;
}

static void advance(struct program *program, uint64_t steps)
{
	program->vaddr += steps * program->unwind->code_factor;
}

static void read_instruction(struct program *program, uint8_t instruction)
{
	struct cursor *code = &program->code;
	uint8_t low = instruction & 0x3f;

	switch (instruction & 0xc0) {
	case DW_CFA_advance_loc:
		return advance(program, low);
	case DW_CFA_offset:
		return set_offset(program, low, RULE_AT_CFA, (int64_t)cursor_unsigned(code));
	case DW_CFA_restore:
		return restore(program, low);
	}
	switch (instruction) {
	case DW_CFA_nop:
		return;
	case DW_CFA_advance_loc1:
		return advance(program, cursor_fixed(code, 1));
	case DW_CFA_advance_loc2:
		return advance(program, cursor_fixed(code, 2));
	case DW_CFA_advance_loc4:
		return advance(program, cursor_fixed(code, 4));
	case DW_CFA_remember_state:
		return remember(program);
	case DW_CFA_restore_state:
		return recall(program);
	case DW_CFA_GNU_args_size:
		cursor_unsigned(code);
		return;
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_def_cfa_register:
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf:
	case DW_CFA_def_cfa_expression:
		return read_cfa(program, instruction);
	}
	/* DW_CFA_set_loc, which nobody writes, is among those that fail. */
	read_rule(program, instruction);
}

/* Up to the row that holds the wanted place. */
static bool run(struct program *program, const uint8_t *start, const uint8_t *end)
{
	program->code = (struct cursor){.at = start, .end = end};
	while (program->code.at < end && program->vaddr <= program->wanted) {
		uint8_t instruction = (uint8_t)cursor_fixed(&program->code, 1);

		read_instruction(program, instruction);
		if (program->has_failed || program->code.has_failed)
			return false;
	}
	return true;
}

bool row_read(const struct elf_unwind *unwind, uint64_t vaddr, struct row *row)
{
	struct program program = {
		.unwind = unwind,
		.vaddr = unwind->range.vaddr,
		.wanted = vaddr,
	};

	if (unwind->return_register != DWARF_RIP ||
	    !run(&program, unwind->shared, unwind->shared_end))
		return false;
	program.first = program.row;
	if (!run(&program, unwind->own, unwind->own_end))
		return false;
	*row = program.row;
	row->is_signal = unwind->is_signal;
	for (unsigned reg = 0; reg < DWARF_REGISTERS; reg++)
		row->ruled |= (uint32_t)(row->rules[reg].kind != RULE_NONE) << reg;
	return row->cfa.kind != RULE_NONE;
}

/* ---- applying ---- */

static bool find_cfa(const struct row *row, const struct registers *registers,
		     struct taken_bytes *taken, uint64_t *cfa)
{
	struct expression expression = {row->cfa.expression, row->cfa.bytes};

	if (row->cfa.kind == RULE_EXPRESSION)
		return expression_value(&expression, registers, taken, NULL, cfa);
	if (!reg_is_known(registers, row->cfa.reg))
		return false;
	*cfa = registers->values[row->cfa.reg] + (uint64_t)row->cfa.offset;
	return true;
}

/*
 * Where a register was saved below the stack pointer, it was popped, and has that value again:
 *	pop %rbx
 *	ret		; still "saved at CFA - 16", since gcc says nothing of the pop
 */
static bool find_saved(uint64_t addr, unsigned reg, const struct registers *registers,
		       struct taken_bytes *taken, uint64_t *value)
{
	bool is_below = reg_is_known(registers, DWARF_RSP) && addr < registers->values[DWARF_RSP];

	if (!is_below)
		return taken_word(taken, addr, value);
	*value = registers->values[reg];
	return reg != DWARF_RIP && reg_is_known(registers, reg);
}

static bool find_register(const struct row *row, unsigned reg, uint64_t cfa,
			  const struct registers *registers, struct taken_bytes *taken,
			  uint64_t *value)
{
	const struct row_rule *rule = &row->rules[reg];
	struct expression expression = {rule->expression, rule->bytes};
	unsigned from = rule->kind == RULE_REGISTER ? rule->reg : reg;
	uint64_t addr;

	switch ((enum rule_kind)rule->kind) {
	case RULE_AT_CFA:
		return find_saved(cfa + (uint64_t)rule->offset, reg, registers, taken, value);
	case RULE_CFA:
		*value = cfa + (uint64_t)rule->offset;
		return true;
	case RULE_AT_EXPRESSION:
		return expression_value(&expression, registers, taken, &cfa, &addr) &&
		       taken_word(taken, addr, value);
	case RULE_EXPRESSION:
		return expression_value(&expression, registers, taken, &cfa, value);
	case RULE_NONE:
	case RULE_UNDEFINED:
		return false;
	case RULE_SAME:
	case RULE_REGISTER:
		break;
	}
	*value = registers->values[from];
	return reg_is_known(registers, from);
}

enum row_result row_apply(const struct row *row, const struct registers *registers,
			  struct taken_bytes *taken, struct registers *caller)
{
	uint32_t left = row->ruled & ~(1u << DWARF_RIP);
	struct taken_bytes unneeded;
	uint64_t cfa, value;

	if (row->rules[DWARF_RIP].kind == RULE_UNDEFINED)
		return ROW_END;
	if (!find_cfa(row, registers, taken, &cfa) ||
	    !find_register(row, DWARF_RIP, cfa, registers, taken, &value))
		return ROW_FAILED;
	*caller = *registers;
	caller->known &= REGS_KEPT & ~left;
	reg_set(caller, DWARF_RIP, value);
	if (!(left >> DWARF_RSP & 1))
		reg_set(caller, DWARF_RSP, cfa);
	/* Of these, only what is needed further up need be known. */
	unneeded = *taken;
	for (; left; left &= left - 1) {
		unsigned reg = (unsigned)__builtin_ctz(left);

		if (find_register(row, reg, cfa, registers, &unneeded, &value))
			reg_set(caller, reg, value);
	}
	return reg_is_known(caller, DWARF_RSP) ? ROW_CALLER : ROW_FAILED;
}
