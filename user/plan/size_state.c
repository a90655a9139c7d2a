// SPDX-License-Identifier: GPL-2.0-only
#include "plan/size_state.h"

struct size_state size_state_at_door(const struct copy_registers *in, struct size_span span)
{
	struct size_state state = {.span = span};

	for (size_t i = 0; i < CPU_REGISTERS; i++)
		state.registers[i] = value_any();
	state.registers[in->dst] = (struct size_value){.kind = VALUE_LINEAR, .dst = 1};
	state.registers[in->src] = (struct size_value){.kind = VALUE_LINEAR, .src = 1};
	state.registers[in->size] = (struct size_value){.kind = VALUE_LINEAR, .size = 1};
	state.registers[CPU_RSP] = (struct size_value){.kind = VALUE_LINEAR, .stack = 1};
	return state;
}

/* One argument, or %rsp as it was, and nothing else. */
static bool is_whole(const struct size_value *value)
{
	return value->kind == VALUE_LINEAR && !value->offset &&
	       value->dst + value->src + value->size + value->stack == 1 &&
	       (value->dst == 1 || value->src == 1 || value->size == 1 || value->stack == 1) &&
	       !value->dst + !value->src + !value->size + !value->stack == 3;
}

bool size_state_has_stack(const struct size_state *state)
{
	const struct size_value *stack = &state->registers[CPU_RSP];

	return is_whole(stack) && stack->stack;
}

struct held_arguments size_state_held(const struct size_state *state)
{
	struct held_arguments held = {0};

	if (!size_state_has_stack(state))
		return held;
	for (unsigned i = 0; i < CPU_REGISTERS; i++) {
		const struct size_value *value = &state->registers[i];

		if (!is_whole(value))
			continue;
		held.dst |= value->dst ? CPU_BIT(i) : 0;
		held.src |= value->src ? CPU_BIT(i) : 0;
		held.size |= value->size ? CPU_BIT(i) : 0;
	}
	return held;
}

static bool join_values(struct size_value *into, struct size_span of_into,
			const struct size_value *from, struct size_span of_from, bool is_late)
{
	struct size_value both = value_join(into, of_into, from, of_from);
	bool changes = !value_equals(&both, into);

	if (changes)
		*into = is_late ? value_any() : both;
	return changes;
}

static bool join_flags(struct size_flags *into, struct size_span of_into,
		       const struct size_flags *from, struct size_span of_from, bool is_late)
{
	bool changes = false;

	if (!into->known)
		return false;
	if (!from->known || into->bits != from->bits) {
		into->known = false;
		return true;
	}
	if (into->held_in != from->held_in && into->held_in != CPU_REGISTERS) {
		into->held_in = CPU_REGISTERS;
		changes = true;
	}
	if (into->has_order && !from->has_order) {
		into->has_order = false;
		changes = true;
	}
	changes |= join_values(&into->a, of_into, &from->a, of_from, is_late);
	changes |= join_values(&into->b, of_into, &from->b, of_from, is_late);
	return changes;
}

bool size_state_join(struct size_state *into, const struct size_state *from, bool is_late)
{
	struct size_span old = into->span;
	bool changes = false;

	for (size_t i = 0; i < CPU_REGISTERS; i++)
		changes |= join_values(&into->registers[i], old, &from->registers[i], from->span,
				       is_late);
	changes |= join_flags(&into->flags, old, &from->flags, from->span, is_late);
	if (from->span.least < old.least) {
		into->span.least = is_late ? 0 : from->span.least;
		changes = true;
	}
	if (from->span.most > old.most) {
		into->span.most = is_late ? COPY_BYTES_MOST : from->span.most;
		changes = true;
	}
	if (from->rareness < into->rareness) {
		into->rareness = from->rareness;
		changes = true;
	}
	return changes;
}
