/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One instruction's effect on what is known of a copy routine's destination, source and size: in
 * which registers they are, and what was made of them.
 */
#ifndef PLAN_ARGUMENT_USE_H
#define PLAN_ARGUMENT_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/decode.h"

/* What a value was made of, as bits; none: of nothing that matters. */
enum {
	FROM_DESTINATION = 1 << 0,
	FROM_SOURCE = 1 << 1,
	FROM_SIZE = 1 << 2,
	FROM_CONTENTS = 1 << 3, /* what was loaded through one of the pointers */
};

#define VECTOR_REGISTERS 32

/* general: by enum cpu_register. */
struct argument_state {
	uint8_t general[CPU_REGISTERS];
	uint8_t vector[VECTOR_REGISTERS];
	uint8_t flags;
	uint8_t stack;                     /* of all that was stored there */
	uint64_t loaded_at[CPU_REGISTERS]; /* the variable that it holds; 0: not known */
};

/* What the instruction did, for the whole routine. */
struct argument_events {
	bool copies, does_other, by_size;
	bool hands_on;       /* a call or jump out, with each argument in its register */
	uint64_t slot_vaddr; /* ... the variable that it goes through; 0: none */
};

void argument_state_init(struct argument_state *state);
/* Both ways meet: what either says may be so. True where that is more than into said before. */
bool argument_state_join(struct argument_state *into, const struct argument_state *other);

/* insn: what code[0] decodes to. */
void argument_step(struct argument_state *state, const uint8_t *code, size_t bytes,
		   const struct insn *insn, struct argument_events *events);

#endif
