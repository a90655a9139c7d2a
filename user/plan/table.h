/* SPDX-License-Identifier: GPL-2.0-only */
/* Is an indirect jump a switch's jump table, or does it leave the function? */
#ifndef PLAN_TABLE_H
#define PLAN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_verdict {
	TABLE_OFFSETS,  /* adds an offset from a table: a switch */
	TABLE_POINTERS, /* through a table of pointers: a switch, or a call of one of many handlers
			 */
	TABLE_NONE,     /* through a lone pointer, or after the frame was taken down */
};

/*
 * Judges the jump that ends a basic block from all of the block's bytes. after_call: a call comes
 * right before the block, so that it may start by dropping that call's stack arguments.
 */
enum table_verdict table_judge(const uint8_t *block, size_t bytes, bool after_call);

#endif
