/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which probe goes where, and why. Pure functions of code bytes at a pretend address: no /proc,
 * no libbpf, no files. A plan never guesses: what cannot be proven from the bytes is refused
 * with a reason in words.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "plan/decode.h"

#define PLAN_REASON_BYTES 160

/*
 * A window on a module's code. `read` gives the bytes from vaddr on, and how many there are to the
 * end of the executable segment; NULL where vaddr is not code.
 */
struct code_view {
	const uint8_t *(*read)(const void *source, uint64_t vaddr, size_t *bytes);
	/* The bounds of the function that contains vaddr; false where they are not known. */
	bool (*bounds)(const void *source, uint64_t vaddr, uint64_t *start, uint64_t *bytes);
	/* True where a named function starts at exactly vaddr: a jump to it leaves this one. */
	bool (*names_function)(const void *source, uint64_t vaddr);
	const void *source;
};

struct code_range {
	uint64_t vaddr;
	uint64_t bytes;
};
typedef ARRAY(struct code_range) code_ranges;

/* Numbers of the registers (enum cpu_register) that hold a copy's arguments. */
struct copy_registers {
	uint8_t dst, src, size;
};

/* One place for a probe. */
struct probe_point {
	uint64_t vaddr;
	uint8_t original;               /* the byte that stands there now */
	enum probe_kind probe;          /* PROBE_EMULATED or PROBE_STEPPED, never the others */
	struct copy_registers in;       /* of plan_copies() alone: where the arguments are there */
	char reason[PLAN_REASON_BYTES]; /* "jb 0x18: every door passes it; emulated" */
};
typedef ARRAY(struct probe_point) probe_points;

/* ---- entries (plan/entry.c) ---- */

/*
 * The one point at which each call of the function passes exactly once, with the stack pointer
 * still as it was at the call. On the straight line from the entry it takes an emulated
 * instruction (push, nop, jcc, jmp, call) before the entry itself, as long as %rsp is untouched
 * before it and no branch in the function leads to an instruction on that stretch. Where a check
 * of the stack's size may start the function anew (Go), it is the first instruction behind it.
 * -ENOTSUP: no point can be probed; point->reason says why.
 */
int plan_entry(const struct code_view *code, struct code_range function, struct probe_point *point);

/* ---- ends (plan/exits.c) ---- */

/* A jump out of the function in its tail position: the call ends where the target returns. */
struct tail_jump {
	uint64_t vaddr;        /* of the jump */
	uint64_t target_vaddr; /* in the same module, or 0 */
	uint64_t slot_vaddr;   /* else the pointer it goes through (a PLT's), or 0 */
};
typedef ARRAY(struct tail_jump) tail_jumps;

struct exit_plan {
	probe_points returns; /* a point on each ret */
	/*
	 * The first own_returns of them stand in the parts that were given; the others in unnamed
	 * code, which may be a .cold part or a function that others call as well.
	 */
	size_t own_returns;
	tail_jumps tails;             /* to follow, by the caller: they may lead to other modules */
	code_ranges parts;            /* all that was scanned: the function and its .cold parts */
	uint64_t rep_movs_vaddr;      /* the first inlined copy; 0: none */
	uint64_t blind_vaddr;         /* first indirect jump that may leave unseen; 0: none */
	char note[PLAN_REASON_BYTES]; /* what the exits miss, in words; empty: nothing */
};

/*
 * Scans the whole function (all parts given, plus unnamed code that its branches lead to: a
 * stripped .cold part) for its ends. Jump tables need no resolving, since every ret in the
 * ranges is found by a linear sweep; an indirect jump that is no jump table (one with %rsp back at
 * its entry value, by the pops and adds before it) is blind.
 * -ENOTSUP: not decodable (note says where), -ENOMEM. exit_plan_release() frees what it holds.
 */
int plan_exits(const struct code_view *code, const code_ranges *parts, struct exit_plan *plan);
/*
 * The same where nobody states the function's bounds, by following control from vaddr on: none of
 * the returns is its own for certain. An indirect jump is blind, even that of a jump table.
 * -ENOTSUP: where it goes on is not known (note says why).
 */
int plan_reached_exits(const struct code_view *code, uint64_t vaddr, struct exit_plan *plan);
void exit_plan_release(struct exit_plan *plan);

/*
 * A tail jump's target in the same module may be a PLT stub (endbr64; bnd jmp *slot(%rip)): gives
 * its slot. 0, or -ENOENT where the code at vaddr is no such stub.
 */
int plan_stub_slot(const struct code_view *code, uint64_t vaddr, uint64_t *slot_vaddr);

/* ---- copy routines (plan/copy.c) ---- */

struct copy_door {
	const char *name; /* "memmove", for the reasons */
	uint64_t vaddr;
};

/*
 * The fewest, cheapest points such that a call through any of the doors passes exactly one, with
 * destination, source and size still in registers: point->in says in which. Doors that run into one
 * body (mempcpy jumps to memmove's `cmp; jb`, __memcpy_chk falls through into it) share one point.
 * -ENOTSUP with reason, where a door has no such point; -ENOMEM.
 */
int plan_copies(const struct code_view *code, const struct copy_door *doors, size_t door_count,
		probe_points *points, char reason[PLAN_REASON_BYTES]);

/* The same for routines that are called as Go calls them since 1.17: %rax, %rbx, %rcx. */
int plan_go_copies(const struct code_view *code, const struct copy_door *doors, size_t door_count,
		   probe_points *points, char reason[PLAN_REASON_BYTES]);

/*
 * True where the code at vaddr, a routine's that has no locals of its own on the stack, reads from
 * there before its first branch or call: what its caller left. All of Go before 1.17, and since
 * then the wrapper that lets assembly call a function of Go's. That calls the function proper,
 * which counts.
 */
bool plan_reads_stack_arguments(const struct code_view *code, uint64_t vaddr);

#endif
