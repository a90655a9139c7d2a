// SPDX-License-Identifier: GPL-2.0-only
#include "plan/loop_state.h"

static const struct loop_place unknown = {.form = FORM_UNKNOWN};

void loop_state_init(struct loop_state *state)
{
	*state = (struct loop_state){0};
	loop_forms_init(&state->forms);
	for (uint8_t i = 0; i < LOOP_REGISTERS; i++)
		state->registers[i].number =
			i < CPU_REGISTERS ? place_of_register(&state->forms, i) : unknown;
	for (size_t i = 0; i < LOOP_INSNS_MOST; i++)
		state->loads[i] = unknown;
}

void loop_state_forget_loaded(struct loop_state *state)
{
	for (size_t i = 0; i < LOOP_REGISTERS; i++)
		state->registers[i].bytes = 0;
}

static struct loop_place address_of(struct loop_state *state, const struct size_operand *operand)
{
	struct loop_place address = place_constant(operand->constant), index;

	if (operand->kind != OPERAND_MEMORY)
		return unknown;
	if (operand->base < CPU_REGISTERS)
		address =
			place_sum(&state->forms, &address, &state->registers[operand->base].number);
	if (operand->index < CPU_REGISTERS) {
		index = place_times(&state->forms, &state->registers[operand->index].number,
				    1 << operand->scale_bits);
		address = place_sum(&state->forms, &address, &index);
	}
	return address;
}

void loop_state_start_round(struct loop_state *state)
{
	state->before = state->stores;
	state->stores.count = 0;
}

static bool overlaps(const struct loop_store *store, const struct loop_place *at, uint8_t bytes)
{
	return store->to.form == at->form && (at->constant - store->to.constant < store->bytes ||
					      store->to.constant - at->constant < bytes);
}

static const struct loop_store *last_store_at(const struct loop_stores *stores,
					      const struct loop_place *at, uint8_t bytes)
{
	for (size_t i = stores->count; i--;)
		if (overlaps(&stores->items[i], at, bytes))
			return &stores->items[i];
	return NULL;
}

/* What this round put there itself: -O1 has a copy's words go over the stack. */
static struct loop_value stored_value(const struct loop_state *state,
				      const struct loop_store *store, const struct loop_place *at,
				      uint8_t bytes)
{
	struct loop_value value = {
		.number = unknown, .source = store->from, .is_loaded = state->is_settled};
	uint64_t offset = at->constant - store->to.constant;

	if (offset < store->bytes && store->bytes - offset >= bytes) {
		value.source.constant += offset;
		value.bytes = bytes;
	}
	return value;
}

/*
 * A word at an address that is the same each round is taken to stay the same: a bound on the stack,
 * or a pointer in an object that is loaded anew since the compiler cannot know better.
 */
static struct loop_value load(struct loop_state *state, const struct size_operand *operand,
			      size_t index, uint8_t bytes)
{
	struct loop_value value = {.number = unknown, .source = address_of(state, operand)};
	bool stays = place_equals(&value.source, &state->loads[index]);
	const struct loop_store *store;

	state->loads[index] = value.source;
	if (!place_is_known(&value.source)) {
		value.is_loaded = state->is_settled;
		return value;
	}
	store = last_store_at(&state->stores, &value.source, bytes);
	if (store)
		return stored_value(state, store, &value.source, bytes);
	stays = stays && !last_store_at(&state->before, &value.source, bytes);
	value.is_loaded = !stays && state->is_settled;
	if (stays)
		value.number = place_of_word(&state->forms, &value.source, bytes);
	value.bytes = bytes;
	return value;
}

/* What stands in the register from from_byte on. */
static struct loop_value part_of(const struct loop_value *held, uint8_t from_byte)
{
	struct loop_value part = *held;

	part.bytes = held->bytes > from_byte ? held->bytes - from_byte : 0;
	part.source.constant += from_byte;
	return part;
}

/* movhps 8(%rsi),%xmm0: with the low half from (%rsi) they are 16 bytes from there. */
static void put_part(struct loop_value *to, const struct loop_value *rest,
		     const struct loop_value *part, uint8_t at_byte)
{
	struct loop_place end = rest->source;
	struct loop_value whole = *rest;

	end.constant += at_byte;
	if (!at_byte) {
		whole = *part;
		/* movlps (%rsi),%xmm0, after the high half */
		if (place_equals(&rest->source, &part->source) && rest->bytes > part->bytes)
			whole.bytes = rest->bytes;
	} else if (rest->bytes >= at_byte && place_equals(&end, &part->source)) {
		whole.bytes = at_byte + part->bytes;
	} else if (rest->bytes > at_byte) {
		whole.bytes = at_byte;
	}
	whole.number = unknown;
	whole.is_loaded = rest->is_loaded || part->is_loaded;
	*to = whole;
}

static const char *put_store(struct loop_state *state, const struct loop_store *store,
			     const struct loop_value *value)
{
	if (state->is_settled && value->bytes < store->bytes)
		return "stores what the loop has not loaded just before";
	if (state->is_settled && !place_is_known(&store->to))
		return "stores at an address of which nothing is known";
	if (state->stores.count == LOOP_STORES_MOST)
		return "is one store too many";
	state->stores.items[state->stores.count++] = *store;
	return NULL;
}

static const char *move(struct loop_state *state, const struct loop_op *op, size_t index)
{
	const struct loop_value zero = {.number = unknown, .source = unknown};
	const struct loop_move *move = &op->move;
	struct loop_value value = zero;

	if (move->load.kind != OPERAND_NONE)
		value = load(state, &move->load, index, move->bytes);
	else if (move->from < LOOP_REGISTERS)
		value = part_of(&state->registers[move->from], move->from_byte);
	if (value.bytes > move->bytes)
		value.bytes = move->bytes;
	if (move->store.kind != OPERAND_NONE) {
		const struct loop_store store = {op->op.insn.vaddr, address_of(state, &move->store),
						 value.source, move->bytes};

		return put_store(state, &store, &value);
	}
	if (!move->keeps_number)
		value.number = unknown;
	if (move->rest < LOOP_REGISTERS)
		put_part(&state->registers[move->to], &state->registers[move->rest], &value,
			 move->to_byte);
	else
		state->registers[move->to] = value;
	return NULL;
}

/* movs, lods, stos */
static void advance(struct loop_state *state, const struct loop_move *move)
{
	const struct loop_place bytes = place_constant(move->bytes);

	for (uint8_t i = 0; i < CPU_REGISTERS; i++)
		if (move->advances & CPU_BIT(i))
			state->registers[i] = (struct loop_value){
				.number = place_sum(&state->forms, &state->registers[i].number,
						    &bytes)};
}

static struct loop_value operand_value(struct loop_state *state, const struct size_operand *operand,
				       size_t index)
{
	struct loop_value value = {.number = unknown, .source = unknown};

	switch (operand->kind) {
	case OPERAND_REGISTER:
		return state->registers[operand->base];
	case OPERAND_CONSTANT:
		value.number = place_constant(operand->constant);
		return value;
	case OPERAND_MEMORY:
		return load(state, operand, index, operand->bits / 8);
	case OPERAND_ODD: /* %ah, %fs:0x28 */
		value.is_loaded = state->is_settled;
		break;
	case OPERAND_NONE:
		break;
	}
	return value;
}

static struct loop_place result_of(struct loop_state *state, const struct size_op *op,
				   const struct loop_place *a, const struct loop_place *b)
{
	struct loop_forms *forms = &state->forms;
	const struct loop_place one = place_constant(1), minus_one = place_constant(UINT64_MAX);
	struct loop_place negative;

	switch (op->action) {
	case OP_MOVE:
		return *b;
	case OP_ADDRESS:
		return address_of(state, &op->from);
	case OP_ADD:
		return place_sum(forms, a, b);
	case OP_SUBTRACT:
		negative = place_times(forms, b, -1);
		return place_sum(forms, a, &negative);
	case OP_INCREMENT:
		return place_sum(forms, a, &one);
	case OP_DECREMENT:
		return place_sum(forms, a, &minus_one);
	case OP_NEGATE:
		return place_times(forms, a, -1);
	case OP_INVERT:
		negative = place_times(forms, a, -1);
		return place_sum(forms, &negative, &minus_one);
	case OP_SHIFT_LEFT:
		return op->from.kind == OPERAND_CONSTANT && op->from.constant < 31
			       ? place_times(forms, a, 1 << op->from.constant)
			       : unknown;
	default:
		return unknown;
	}
}

/* xor %eax,%eax */
static bool clears(const struct size_op *op)
{
	return (op->action == OP_XOR || op->action == OP_SUBTRACT) &&
	       op->to.kind == OPERAND_REGISTER && op->from.kind == OPERAND_REGISTER &&
	       op->to.base == op->from.base && op->to.bits >= 32;
}

/* Of 32 bits the others become 0: the number is the same, but once in 4G rounds. */
static void write_result(struct loop_state *state, const struct size_op *op,
			 const struct loop_place *result)
{
	const struct loop_value other = {.number = unknown, .source = unknown};

	for (uint8_t i = 0; i < CPU_REGISTERS; i++)
		if (op->insn.destroys & CPU_BIT(i))
			state->registers[i] = other;
	if (op->to.kind == OPERAND_REGISTER && op->insn.destroys & CPU_BIT(op->to.base) &&
	    op->to.bits >= 32)
		state->registers[op->to.base].number = *result;
}

/* inc leaves the carry as it is, a shift by nothing all of them. */
static bool keeps_flags(const struct size_op *op)
{
	switch (op->action) {
	case OP_ADD:
	case OP_SUBTRACT:
	case OP_COMPARE:
	case OP_AND:
	case OP_TEST:
	case OP_XOR:
	case OP_NEGATE:
		return false;
	default:
		return true;
	}
}

static const char *count(struct loop_state *state, const struct loop_op *loop_op, size_t index)
{
	const struct size_op *op = &loop_op->op;
	bool compares = op->action == OP_COMPARE || op->action == OP_TEST;
	struct loop_value a = operand_value(state, &op->to, index), b = {0}, third;
	struct loop_place result;
	bool is_loaded;

	/* lea reads no memory. */
	if (op->action != OP_ADDRESS)
		b = operand_value(state, &op->from, index);
	third = operand_value(state, &op->third, index);
	is_loaded = op->from.kind != OPERAND_NONE && b.is_loaded;
	is_loaded |= op->third.kind != OPERAND_NONE && third.is_loaded;
	is_loaded |= op->to.kind != OPERAND_REGISTER && a.is_loaded;
	for (uint8_t i = 0; i < CPU_REGISTERS; i++)
		is_loaded |= loop_op->reads & CPU_BIT(i) && state->registers[i].is_loaded;
	if (clears(op)) {
		result = place_constant(0);
		is_loaded = false;
	} else {
		result = result_of(state, op, &a.number, &b.number);
	}
	if (!compares && (is_loaded || (loop_op->reads_flags && state->flags_loaded)))
		return "computes with what is loaded";
	if (op->changes_flags)
		state->flags_loaded = is_loaded || (state->flags_loaded && keeps_flags(op));
	if (!compares)
		write_result(state, op, &result);
	return NULL;
}

/* loop: counts %rcx down */
static void branch(struct loop_state *state, const struct insn *insn)
{
	const struct loop_place minus_one = place_constant(UINT64_MAX);
	struct loop_value *counter = &state->registers[CPU_RCX];

	if (insn->flow != FLOW_BRANCH || !(insn->destroys & CPU_BIT(CPU_RCX)))
		return;
	counter->number = place_sum(&state->forms, &counter->number, &minus_one);
	counter->bytes = 0;
}

const char *loop_state_step(struct loop_state *state, const struct loop_op *op, size_t index)
{
	const char *fault;

	switch (op->action) {
	case LOOP_IDLES:
		branch(state, &op->op.insn);
		return NULL;
	case LOOP_MOVES:
		fault = move(state, op, index);
		advance(state, &op->move);
		return fault;
	case LOOP_COUNTS:
		return count(state, op, index);
	case LOOP_OTHER:
		break;
	}
	return "does more than to move and to count";
}

bool loop_state_chooses(const struct loop_state *state, const struct loop_op *branch)
{
	return state->flags_loaded ||
	       (branch->op.condition == CONDITION_NONE && state->registers[CPU_RCX].is_loaded);
}
