// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "plan/size_state.h"

/* The jump tables of glibc 2.31's memcpy-ssse3-back have 144 entries of 4 bytes. */
#define TABLE_BYTES_MOST 4096

/*
 * The word at vaddr; *value stays where the process may change it. Read once: each branch that
 * compares with it is to see the same.
 */
static int load_word(const struct size_source *source, uint64_t vaddr, uint8_t bytes,
		     struct size_value *value)
{
	struct gate_constant constant = {.vaddr = vaddr, .bytes = bytes};
	const struct gate_constant *known;

	array_each (known, source->constants) {
		if (known->vaddr != vaddr || known->bytes != bytes)
			continue;
		*value = value_constant(known->value);
		return 0;
	}
	if (!source->memory || !source->memory->read ||
	    !source->memory->read(source->memory->source, vaddr, &constant.value, bytes))
		return 0;
	*value = value_constant(constant.value);
	return array_push(source->constants, constant);
}

struct size_value size_state_address(const struct size_state *state,
				     const struct size_operand *operand)
{
	struct size_value address = value_constant(operand->constant), index;

	/* lea (%rcx,%rcx,2): three times the same, not any two of its values. */
	if (operand->base < CPU_REGISTERS && operand->base == operand->index) {
		index = value_times(&state->registers[operand->base],
				    1 + ((uint64_t)1 << operand->scale_bits), state->span);
		return value_add(&index, &address, state->span);
	}
	if (operand->base < CPU_REGISTERS)
		address = value_add(&state->registers[operand->base], &address, state->span);
	if (operand->index < CPU_REGISTERS) {
		index = value_shift_left(&state->registers[operand->index], operand->scale_bits,
					 state->span);
		address = value_add(&address, &index, state->span);
	}
	return address;
}

static bool is_in_table(const struct size_value *address)
{
	return address->kind == VALUE_RANGE && address->low < address->high &&
	       address->high - address->low < TABLE_BYTES_MOST;
}

static int load(const struct size_state *state, const struct size_operand *operand,
		const struct size_source *source, struct size_value *value)
{
	struct size_value address = size_state_address(state, operand);

	*value = value_between(0, mask_of_bits(operand->bits));
	if (operand->bits > 64)
		*value = value_any();
	else if (value_is_constant(&address))
		return load_word(source, address.low, operand->bits / 8, value);
	else if (is_in_table(&address) && operand->bits == 64)
		*value = (struct size_value){.kind = VALUE_TABLE,
					     .entry_bytes = 8,
					     .low = address.low,
					     .high = address.high,
					     .step = address.step};
	return 0;
}

int size_state_operand(const struct size_state *state, const struct size_operand *operand,
		       const struct size_source *source, struct size_value *value)
{
	*value = value_any();
	switch (operand->kind) {
	case OPERAND_REGISTER:
		*value = state->registers[operand->base];
		return 0;
	case OPERAND_CONSTANT:
		*value = value_constant(operand->constant);
		return 0;
	case OPERAND_MEMORY:
		return load(state, operand, source, value);
	case OPERAND_NONE:
	case OPERAND_ODD:
		break;
	}
	return 0;
}

/* movslq (%r11,%rcx,4),%rcx */
static bool reads_table(const struct size_state *state, const struct size_op *op,
			struct size_value *table)
{
	struct size_value address;

	if (op->from.kind != OPERAND_MEMORY || op->from.bits != 32 || op->to.bits != 64)
		return false;
	address = size_state_address(state, &op->from);
	if (!is_in_table(&address))
		return false;
	*table = (struct size_value){.kind = VALUE_TABLE,
				     .entry_bytes = 4,
				     .low = address.low,
				     .high = address.high,
				     .step = address.step};
	return true;
}

static struct size_value moved(const struct size_state *state, const struct size_op *op,
			       const struct size_value *from)
{
	struct size_value value = value_low_bits(from, state->span, op->from.bits), bounds;
	struct size_value table;

	/* mov $-1,%rax: the decoder has extended it. */
	if (op->from.kind == OPERAND_CONSTANT)
		return *from;
	if (!op->sign_extends)
		return value;
	if (reads_table(state, op, &table))
		return table;
	bounds = value_bounds(&value, state->span);
	/* Where the sign is not known to be clear, the rest may be filled with ones. */
	if (op->from.bits < 64 && bounds.high > mask_of_bits(op->from.bits - 1))
		return value_is_constant(&bounds) && op->from.bits == 32
			       ? value_constant((uint64_t)(int64_t)(int32_t)bounds.low)
			       : value_any();
	return value;
}

static struct size_value exclusive_or(const struct size_op *op, const struct size_value *a,
				      const struct size_value *b)
{
	if (op->to.kind == OPERAND_REGISTER && op->from.kind == OPERAND_REGISTER &&
	    op->to.base == op->from.base)
		return value_constant(0);
	if (value_is_constant(a) && value_is_constant(b))
		return value_constant(a->low ^ b->low);
	return value_any();
}

static struct size_value shifted(const struct size_op *op, const struct size_value *a,
				 const struct size_value *b, struct size_span span)
{
	struct size_value value = value_low_bits(a, span, op->to.bits);

	if (!value_is_constant(b))
		return value_any();
	if (op->action == OP_SHIFT_LEFT)
		return value_shift_left(&value, b->low & (op->to.bits == 64 ? 63 : 31), span);
	return value_shift_right(&value, b->low & (op->to.bits == 64 ? 63 : 31), span);
}

/* What the first operand holds afterwards, before it is cut to its width. */
static struct size_value result_of(const struct size_state *state, const struct size_op *op,
				   const struct size_value *a, const struct size_value *b)
{
	const struct size_value one = value_constant(1), minus_one = value_constant(UINT64_MAX);
	struct size_value negative;

	switch (op->action) {
	case OP_MOVE:
		return moved(state, op, b);
	case OP_ADDRESS: /* 67 8d ..., lea (%edi),%eax, is none */
		return op->from.kind == OPERAND_MEMORY ? size_state_address(state, &op->from)
						       : value_any();
	case OP_CHOOSE:
		return value_join(a, state->span, b, state->span);
	case OP_EXCHANGE:
		return *b;
	case OP_ADD:
		return value_add(a, b, state->span);
	case OP_SUBTRACT:
		negative = value_negate(b, state->span);
		return value_add(a, &negative, state->span);
	case OP_AND:
	case OP_TEST:
		return op->to.kind == OPERAND_REGISTER && op->from.kind == OPERAND_REGISTER &&
				       op->to.base == op->from.base
			       ? *a
			       : value_and(a, b, state->span);
	case OP_XOR:
		return exclusive_or(op, a, b);
	case OP_SHIFT_LEFT:
	case OP_SHIFT_RIGHT:
		return shifted(op, a, b, state->span);
	case OP_NEGATE:
		return value_negate(a, state->span);
	case OP_INVERT:
		negative = value_negate(a, state->span);
		return value_add(&negative, &minus_one, state->span);
	case OP_INCREMENT:
		return value_add(a, &one, state->span);
	case OP_DECREMENT:
		return value_add(a, &minus_one, state->span);
	default:
		return value_any();
	}
}

/* Of a linear value the flags know the low bits by themselves (see size_branch.c). */
static struct size_value compared(const struct size_value *value, struct size_span span,
				  unsigned bits)
{
	return value->kind == VALUE_LINEAR ? *value : value_low_bits(value, span, bits);
}

static void set_flags(struct size_state *state, const struct size_op *op,
		      const struct size_value *a, const struct size_value *b,
		      const struct size_value *result)
{
	const struct size_value zero = value_constant(0);
	struct size_flags *flags = &state->flags;
	bool is_register = op->to.kind == OPERAND_REGISTER;
	unsigned bits = op->to.bits;

	*flags = (struct size_flags){
		.known = bits <= 64, .bits = (uint8_t)bits, .held_in = CPU_REGISTERS};
	if (is_register && op->action != OP_SUBTRACT)
		flags->held_in = op->to.base;
	switch (op->action) {
	case OP_COMPARE:
	case OP_SUBTRACT:
		flags->a = compared(a, state->span, bits);
		flags->b = compared(b, state->span, bits);
		flags->has_order = true;
		return;
	case OP_AND:
	case OP_TEST:
		/* Neither carries nor overflows: as if it were compared with 0. */
		flags->has_order = true;
		if (op->action == OP_TEST && !value_equals(result, a))
			flags->held_in = CPU_REGISTERS;
		break;
	case OP_ADD:
	case OP_INCREMENT:
	case OP_DECREMENT:
		break;
	case OP_SHIFT_LEFT:
	case OP_SHIFT_RIGHT:
		/* A shift by nothing leaves them alone. */
		if (value_is_constant(b) && b->low & (bits == 64 ? 63 : 31))
			break;
		/* fallthrough */
	default:
		flags->known = false;
		return;
	}
	flags->a = compared(result, state->span, bits);
	flags->b = zero;
}

static void write_register(struct size_state *state, const struct size_operand *operand,
			   const struct size_value *value)
{
	if (operand->kind != OPERAND_REGISTER)
		return;
	/* Of 32 bits the others become 0; fewer leave what stood there before. */
	state->registers[operand->base] =
		operand->bits >= 32 ? value_low_bits(value, state->span, operand->bits)
				    : value_any();
}

/* stack: what %rsp was before; of leave, %rbp. */
static void move_stack(struct size_state *state, const struct size_op *op,
		       const struct size_value *stack)
{
	const struct size_value by = value_constant(op->action == OP_PUSH ? -8 : 8);

	/* pop %rsp */
	if (op->action == OP_POP && op->to.kind == OPERAND_REGISTER && op->to.base == CPU_RSP)
		return;
	state->registers[CPU_RSP] = value_add(stack, &by, state->span);
}

static bool writes_nothing(const struct size_op *op)
{
	/* 66 90, xchg %ax,%ax, stands between functions and before loops. */
	return op->action == OP_COMPARE || op->action == OP_TEST || op->action == OP_PUSH ||
	       (op->action == OP_EXCHANGE && op->to.kind == OPERAND_REGISTER &&
		op->from.kind == OPERAND_REGISTER && op->to.base == op->from.base &&
		op->to.bits != 32);
}

/* What both operands hold before; that of a store is of no interest, nor that of a lea. */
static int read_operands(const struct size_state *state, const struct size_op *op,
			 const struct size_source *source, struct size_value *a,
			 struct size_value *b)
{
	int err = 0;

	*a = *b = value_any();
	if (op->action == OP_OTHER)
		return 0;
	if (op->action != OP_MOVE && op->action != OP_POP && op->action != OP_PUSH &&
	    op->action != OP_LEAVE)
		err = size_state_operand(state, &op->to, source, a);
	if (!err && op->action != OP_ADDRESS)
		err = size_state_operand(state, &op->from, source, b);
	return err;
}

int size_state_step(struct size_state *state, const struct size_op *op,
		    const struct size_source *source)
{
	struct size_value a, b, result;
	struct size_state before = *state;
	int err = read_operands(state, op, source, &a, &b);

	if (err)
		return err;
	result = result_of(state, op, &a, &b);
	for (unsigned i = 0; i < CPU_REGISTERS; i++) {
		if (!(op->insn.destroys & CPU_BIT(i)))
			continue;
		state->registers[i] = value_any();
		if (state->flags.held_in == i)
			state->flags.held_in = CPU_REGISTERS;
	}
	if (op->changes_flags)
		set_flags(state, op, &a, &b, &result);
	if (writes_nothing(op))
		memcpy(state->registers, before.registers, sizeof(state->registers));
	else if (op->action != OP_OTHER && op->action != OP_POP && op->action != OP_LEAVE)
		write_register(state, &op->to, &result);
	if (op->action == OP_EXCHANGE && !writes_nothing(op))
		write_register(state, &op->from, &a);
	if (op->action == OP_PUSH || op->action == OP_POP)
		move_stack(state, op, &before.registers[CPU_RSP]);
	if (op->action == OP_LEAVE)
		move_stack(state, op, &before.registers[CPU_RBP]);
	return 0;
}
