/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DWARF expressions as frames use them: sums of registers and words of the stack. PLTs tell with
 * one whether the index was pushed, signal frames where the kernel put each register.
 */
#ifndef STACK_EXPRESSION_H
#define STACK_EXPRESSION_H

#include "stack/registers.h"

struct expression {
	const uint8_t *code;
	size_t bytes;
};

/*
 * first: what lies on its own stack before it starts; NULL: nothing. False where it is broken, goes
 * on for too long, or needs what is not known.
 */
bool expression_value(const struct expression *expression, const struct registers *registers,
		      struct taken_bytes *taken, const uint64_t *first, uint64_t *value);

#endif
