/* SPDX-License-Identifier: GPL-2.0-only */
/* The straight ways through copy routines, from their doors to the first choice that they make. */
#ifndef PLAN_COPY_LINE_H
#define PLAN_COPY_LINE_H

#include "plan/plan.h"

struct line_step {
	uint64_t vaddr;
	enum probe_kind probe;
	bool usable; /* size, destination, source and stack are as at the door, and passed once */
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
};

/*
 * The lines of all doors. A door may have more than one: where a branch
 * leads on to another door's line on one side, each side becomes a line of its own.
 * -ENOTSUP with reason, -ENOMEM. copy_lines_release() frees what it holds, also after an error.
 */
int copy_lines_build(struct copy_lines *lines, const struct code_view *code,
		     const struct copy_door *doors, size_t door_count,
		     char reason[PLAN_REASON_BYTES]);
void copy_lines_release(struct copy_lines *lines);

/* The step at vaddr, or NULL. */
struct line_step *copy_line_step(const struct copy_line *line, uint64_t vaddr);

#endif
