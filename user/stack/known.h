/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of user/stack/ share: processes, what they map, and places in it. */
#ifndef STACK_KNOWN_H
#define STACK_KNOWN_H

#include "stack/code_file.h"
#include "stack/perf_map.h"
#include "stack/place_cache.h"
#include "stack/registers.h"
#include "stack/row.h"
#include "stack/stack.h"
#include "stack/strings.h"

struct code_mapping {
	uint64_t start_addr, end_addr, file_off;
	const char *module;     /* NULL: no file backs it */
	struct code_file *file; /* NULL: no file, or none that can be looked at */
};

typedef ARRAY(struct code_mapping) code_mappings;

struct process {
	pid_t pid;
	code_mappings mappings; /* by address */
	struct perf_map perf_map;
};

struct stacks {
	stack_debug_finder find_debug;
	stack_jitted_fn on_jitted; /* NULL: nobody wants to know */
	void *jitted_context;
	ARRAY(struct process *) processes;
	ARRAY(struct code_file *) files; /* the longest known first */
	uint64_t last_file_id;
	struct place_cache rows;  /* struct row; without a CFA: there is none */
	struct place_cache names; /* struct named_place */
	struct strings strings;
};

/* An address in a process, as its file knows it. */
struct place {
	uint64_t addr;
	bool is_caller; /* it is where a call returns to: what called is before */
	const struct code_mapping *mapping; /* NULL: no code is mapped there */
	struct code_file *file;             /* with its image; NULL: none that tells anything */
	uint64_t vaddr;                     /* of addr, less one byte for a caller */
};

/* NULL: no mappings of that process are known. */
struct process *process_find(struct stacks *stacks, pid_t pid);

void place_find(struct stacks *stacks, const struct process *process, uint64_t addr, bool is_caller,
		struct place *place);

/* ---- one step up (stack/step.c) ---- */

enum step {
	STEP_CALLER, /* the registers are the caller's, and is_exact tells how its place is found */
	STEP_WHOLE,
	STEP_CUT,
	STEP_LOST,
};

/* A frame on the way up. */
struct walk {
	struct stacks *stacks;
	const struct process *process;
	struct taken_bytes taken;
	struct registers registers;
	bool is_exact;  /* it was executing at rip: it is the innermost, or a signal came there */
	bool is_signal; /* it is the kernel's call of a handler */
	struct place place; /* of rip */
};

/* walk->is_signal is of the frame before the step. */
enum step walk_step(struct walk *walk);

/* ---- names (stack/names.c) ---- */

/* Appends the frames at the place, those of inlined functions first. 0 or -ENOMEM. */
int names_add(struct stacks *stacks, struct process *process, const struct place *place,
	      struct call_path *path);

/* Likewise, without names. */
int names_add_plain(const struct place *place, struct call_path *path);

#endif
