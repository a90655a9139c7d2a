/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the copies of a process are counted from: a few levels, each with the points that it needs
 * in each of the process's copy routines. The budget moves a process from one to another.
 */
#ifndef SESSION_GATES_H
#define SESSION_GATES_H

#include <stdbool.h>
#include <stdint.h>

enum gate_level {
	GATE_EVERY, /* every copy; in a routine where that would be single-stepped, all that can be
		       had without */
	GATE_LOW,   /* the lowest gate that proves 2 KiB or more */
	GATE_HIGH,  /* the lowest that large copies alone pass */
	GATE_NONE,  /* no copy is counted */
	GATE_LEVELS,
};

/* What the user asked for. */
struct gate_settings {
	bool is_fixed;       /* --gate N or --budget none: one level, which nothing moves */
	uint64_t from_bytes; /* then: the smallest copy that is counted */
	bool begins_low;     /* a function is timed: the credit pays for GATE_EVERY at first */
};

#endif
