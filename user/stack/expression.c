// SPDX-License-Identifier: GPL-2.0-only
#include "stack/expression.h"

#include <dwarf.h>

#include "stack/cursor.h"

/* A PLT's has 11 operations and 3 values at once; one that branches may go on for ever. */
#define OPERATIONS_MOST 1000
#define VALUES_MOST     64

struct evaluation {
	struct cursor code;
	const uint8_t *start;
	const struct registers *registers;
	struct taken_bytes *taken;
	uint64_t values[VALUES_MOST];
	unsigned count;
	bool has_failed;
};

static void push(struct evaluation *evaluation, uint64_t value)
{
	if (evaluation->count == VALUES_MOST)
		evaluation->has_failed = true;
	else
		evaluation->values[evaluation->count++] = value;
}

static uint64_t pop(struct evaluation *evaluation)
{
	if (!evaluation->count) {
		evaluation->has_failed = true;
		return 0;
	}
	return evaluation->values[--evaluation->count];
}

/* How many values lie above it. */
static void pick(struct evaluation *evaluation, uint64_t above)
{
	if (above >= evaluation->count)
		evaluation->has_failed = true;
	else
		push(evaluation, evaluation->values[evaluation->count - 1 - above]);
}

static void push_register(struct evaluation *evaluation, uint64_t reg, int64_t offset)
{
	if (reg >= DWARF_REGISTERS || !reg_is_known(evaluation->registers, (unsigned)reg))
		evaluation->has_failed = true;
	else
		push(evaluation, evaluation->registers->values[reg] + (uint64_t)offset);
}

static void push_memory(struct evaluation *evaluation, size_t bytes)
{
	uint64_t value = 0;

	if (!bytes || bytes > sizeof(value) ||
	    !taken_read(evaluation->taken, pop(evaluation), bytes, &value))
		evaluation->has_failed = true;
	push(evaluation, value);
}

static void jump(struct evaluation *evaluation, bool is_taken)
{
	struct cursor *code = &evaluation->code;
	int16_t distance = (int16_t)cursor_fixed(code, 2);

	if (!is_taken)
		return;
	if (distance < evaluation->start - code->at || distance > code->end - code->at)
		evaluation->has_failed = true;
	else
		code->at += distance;
}

static void push_constant(struct evaluation *evaluation, uint8_t operation)
{
	struct cursor *code = &evaluation->code;

	switch (operation) {
	case DW_OP_addr:
	case DW_OP_const8u:
	case DW_OP_const8s:
		return push(evaluation, cursor_fixed(code, 8));
	case DW_OP_const1u:
		return push(evaluation, cursor_fixed(code, 1));
	case DW_OP_const1s:
		return push(evaluation, (uint64_t)(int8_t)cursor_fixed(code, 1));
	case DW_OP_const2u:
		return push(evaluation, cursor_fixed(code, 2));
	case DW_OP_const2s:
		return push(evaluation, (uint64_t)(int16_t)cursor_fixed(code, 2));
	case DW_OP_const4u:
		return push(evaluation, cursor_fixed(code, 4));
	case DW_OP_const4s:
		return push(evaluation, (uint64_t)(int32_t)cursor_fixed(code, 4));
	case DW_OP_constu:
		return push(evaluation, cursor_unsigned(code));
	case DW_OP_consts:
		return push(evaluation, (uint64_t)cursor_signed(code));
	}
	evaluation->has_failed = true;
}

/* Of one value. */
static void change_top(struct evaluation *evaluation, uint8_t operation)
{
	uint64_t value = pop(evaluation);

	switch (operation) {
	case DW_OP_abs:
		return push(evaluation, (int64_t)value < 0 ? -value : value);
	case DW_OP_neg:
		return push(evaluation, -value);
	case DW_OP_not:
		return push(evaluation, ~value);
	case DW_OP_plus_uconst:
		return push(evaluation, value + cursor_unsigned(&evaluation->code));
	}
	evaluation->has_failed = true;
}

static uint64_t shifted(uint8_t operation, uint64_t left, uint64_t by)
{
	if (operation == DW_OP_shra)
		return (uint64_t)((int64_t)left >> (by < 64 ? by : 63));
	if (by >= 64)
		return 0;
	return operation == DW_OP_shl ? left << by : left >> by;
}

/* Of two values, the upper one the second. */
static void join_two(struct evaluation *evaluation, uint8_t operation)
{
	uint64_t right = pop(evaluation), left = pop(evaluation);
	int64_t signed_left = (int64_t)left, signed_right = (int64_t)right;

	switch (operation) {
	case DW_OP_and:
		return push(evaluation, left & right);
	case DW_OP_or:
		return push(evaluation, left | right);
	case DW_OP_xor:
		return push(evaluation, left ^ right);
	case DW_OP_plus:
		return push(evaluation, left + right);
	case DW_OP_minus:
		return push(evaluation, left - right);
	case DW_OP_mul:
		return push(evaluation, left * right);
	case DW_OP_shl:
	case DW_OP_shr:
	case DW_OP_shra:
		return push(evaluation, shifted(operation, left, right));
	case DW_OP_eq:
		return push(evaluation, left == right);
	case DW_OP_ne:
		return push(evaluation, left != right);
	case DW_OP_lt:
		return push(evaluation, signed_left < signed_right);
	case DW_OP_le:
		return push(evaluation, signed_left <= signed_right);
	case DW_OP_gt:
		return push(evaluation, signed_left > signed_right);
	case DW_OP_ge:
		return push(evaluation, signed_left >= signed_right);
	}
	/* Division, and what would be a location. */
	evaluation->has_failed = true;
}

static void swap(struct evaluation *evaluation)
{
	uint64_t upper = pop(evaluation), lower = pop(evaluation);

	push(evaluation, upper);
	push(evaluation, lower);
}

static void rotate(struct evaluation *evaluation)
{
	uint64_t first = pop(evaluation), second = pop(evaluation), third = pop(evaluation);

	push(evaluation, first);
	push(evaluation, third);
	push(evaluation, second);
}

static void execute(struct evaluation *evaluation, uint8_t operation)
{
	struct cursor *code = &evaluation->code;

	if (operation >= DW_OP_lit0 && operation <= DW_OP_lit31)
		return push(evaluation, operation - DW_OP_lit0);
	if (operation >= DW_OP_breg0 && operation <= DW_OP_breg31)
		return push_register(evaluation, operation - DW_OP_breg0, cursor_signed(code));
	if (operation == DW_OP_addr || (operation >= DW_OP_const1u && operation <= DW_OP_consts))
		return push_constant(evaluation, operation);
	switch (operation) {
	case DW_OP_bregx: {
		uint64_t reg = cursor_unsigned(code);

		return push_register(evaluation, reg, cursor_signed(code));
	}
	case DW_OP_dup:
		return pick(evaluation, 0);
	case DW_OP_over:
		return pick(evaluation, 1);
	case DW_OP_pick:
		return pick(evaluation, cursor_fixed(code, 1));
	case DW_OP_drop:
		pop(evaluation);
		return;
	case DW_OP_swap:
		return swap(evaluation);
	case DW_OP_rot:
		return rotate(evaluation);
	case DW_OP_deref:
		return push_memory(evaluation, sizeof(uint64_t));
	case DW_OP_deref_size:
		return push_memory(evaluation, cursor_fixed(code, 1));
	case DW_OP_skip:
		return jump(evaluation, true);
	case DW_OP_bra:
		return jump(evaluation, pop(evaluation) != 0);
	case DW_OP_nop:
		return;
	case DW_OP_abs:
	case DW_OP_neg:
	case DW_OP_not:
	case DW_OP_plus_uconst:
		return change_top(evaluation, operation);
	}
	join_two(evaluation, operation);
}

bool expression_value(const struct expression *expression, const struct registers *registers,
		      struct taken_bytes *taken, const uint64_t *first, uint64_t *value)
{
	struct evaluation evaluation = {
		.code = {.at = expression->code, .end = expression->code + expression->bytes},
		.start = expression->code,
		.registers = registers,
		.taken = taken,
	};

	if (first)
		push(&evaluation, *first);
	for (unsigned i = 0; evaluation.code.at < evaluation.code.end; i++) {
		if (i == OPERATIONS_MOST)
			return false;
		execute(&evaluation, (uint8_t)cursor_fixed(&evaluation.code, 1));
		if (evaluation.has_failed || evaluation.code.has_failed)
			return false;
	}
	*value = pop(&evaluation);
	return !evaluation.has_failed;
}
