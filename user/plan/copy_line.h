/* SPDX-License-Identifier: GPL-2.0-only */
/* The straight ways through copy routines, from their doors to the first choice that they make. */
#ifndef PLAN_COPY_LINE_H
#define PLAN_COPY_LINE_H

#include "plan/plan.h"

/*
 * The registers that hold each argument, as CPU_BIT()s; 0: none does any more. Surely so, since a
 * probe reads them: argument_use.h says what a register's value may have been made of.
 */
struct held_arguments {
	unsigned dst, src, size;
};

struct line_step {
	uint64_t vaddr;
	enum probe_kind probe;
	struct held_arguments held; /* before it */
	bool usable; /* size, destination and source are held, the stack is as at the door, and it
			is passed once */
};

/*
 * What every call through the door executes first, one instruction after the other. Two lines that
 * meet are one from there on.
 */
struct copy_line {
	const struct copy_door *door;
	ARRAY(struct line_step) steps;
};

struct copy_lines {
	ARRAY(struct copy_line) lines;
	/* Jumps and branches both of whose ways the lines account for. */
	ARRAY(uint64_t) followed;
	struct copy_registers at_door; /* where each call has its arguments */
};

/* The conventions of C (System V) and of Go (ABIInternal). */
#define COPY_IN_C  ((struct copy_registers){.dst = CPU_RDI, .src = CPU_RSI, .size = CPU_RDX})
#define COPY_IN_GO ((struct copy_registers){.dst = CPU_RAX, .src = CPU_RBX, .size = CPU_RCX})

/*
 * The lines of all doors. A door may have more than one: where a branch leads on to another door's
 * line on one side, each side becomes a line of its own.
 * -ENOTSUP with reason, -ENOMEM. copy_lines_release() frees what it holds, also after an error.
 */
int copy_lines_build(struct copy_lines *lines, const struct code_view *code,
		     const struct copy_registers *at_door, const struct copy_door *doors,
		     size_t door_count, char reason[PLAN_REASON_BYTES]);
void copy_lines_release(struct copy_lines *lines);

/* What both hold; an argument that they hold in different registers has none. */
struct held_arguments held_by_both(const struct held_arguments *a, const struct held_arguments *b);
bool all_held(const struct held_arguments *held);

/* The step at vaddr, or NULL. */
struct line_step *copy_line_step(const struct copy_line *line, uint64_t vaddr);

#endif
