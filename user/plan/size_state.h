/* SPDX-License-Identifier: GPL-2.0-only */
/* What holds before an instruction of a copy routine, and what the instruction makes of it. */
#ifndef PLAN_SIZE_STATE_H
#define PLAN_SIZE_STATE_H

#include "plan/copy_line.h"
#include "plan/gate.h"
#include "plan/size_op.h"
#include "plan/size_value.h"

/* The flags are those of a - b in `bits` bits. */
struct size_flags {
	bool known;
	bool has_order; /* else only whether it is zero, and its sign: inc, add, shr */
	uint8_t bits;
	uint8_t held_in; /* the register that holds a, or CPU_REGISTERS */
	struct size_value a, b;
};

struct size_state {
	struct size_span span;
	struct size_value registers[CPU_REGISTERS];
	struct size_flags flags;
	uint8_t rareness; /* how many branches that few copies take lie behind it, up to one */
};

/* What the routine is read from. */
struct size_source {
	const struct code_view *code;
	const struct memory_view *memory;
	gate_constants *constants; /* those that were read */
};

/* At a door: the arguments where the convention has them. */
struct size_state size_state_at_door(const struct copy_registers *in, struct size_span span);

/* Whether %rsp is what it was at the door. */
bool size_state_has_stack(const struct size_state *state);

/* The registers that hold each argument; all 0 where %rsp is not what it was at the door. */
struct held_arguments size_state_held(const struct size_state *state);

/*
 * Widens `into` by what comes from elsewhere: true where that changed it. is_late: then what
 * changes is given up, so that it comes to an end.
 */
bool size_state_join(struct size_state *into, const struct size_state *from, bool is_late);

/* What it is after an instruction; of a branch, on both sides. 0, -ENOMEM */
int size_state_step(struct size_state *state, const struct size_op *op,
		    const struct size_source *source);

/* Narrows it to the calls for which the branch goes this way. False: it goes so for none. */
bool size_state_take(struct size_state *state, const struct size_op *branch, bool jumps);

/* Where an operand that is OPERAND_MEMORY lies, before the instruction. */
struct size_value size_state_address(const struct size_state *state,
				     const struct size_operand *operand);

/* What an operand holds, before the instruction. 0, -ENOMEM */
int size_state_operand(const struct size_state *state, const struct size_operand *operand,
		       const struct size_source *source, struct size_value *value);

#endif
