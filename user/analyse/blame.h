/* SPDX-License-Identifier: GPL-2.0-only */
/* What the stacks of one stall have in common, and which way most of them go. */
#ifndef ANALYSE_BLAME_H
#define ANALYSE_BLAME_H

#include "analyse/function.h"

/* Different ways that are kept at a time; one that every fifth stack goes is always among them. */
#define BLAME_PATHS 4
/* In how many functions the culprit is searched: deeper and more various stalls are rare. */
#define BLAME_FUNCTIONS 512

struct seen_function {
	struct frame frame;
	uint64_t stacks;       /* that have it ... */
	uint64_t whole_stacks; /* ... and are STACK_WHOLE */
	uint64_t latest_stack; /* the number of the last of them, from 1 on */
	uint64_t depths;       /* the sum of its distances from the copy in them */
	uint64_t as_copier;    /* how many have it first: it calls the copy itself */
	uint64_t caller_state; /* in the last of them where it is known; 0: in none */
	uint64_t compared;     /* how many could be held against such a one before, ... */
	uint64_t other_calls;  /* ... and are of another call */
};

struct seen_path {
	struct call_path path;
	uint64_t votes;
};

/* All zero at first. */
struct blame {
	ARRAY(struct seen_function) functions;
	struct seen_path paths[BLAME_PATHS];
	uint64_t stacks, whole_stacks;
};

/* is_inlined: no copy routine, the innermost function copies by itself. 0 or -ENOMEM. */
int blame_add(struct blame *blame, const struct call_path *path, bool is_inlined);

/* The frames and paths live until the next blame_add(). NULL: there is none. */
const struct frame *blame_culprit(const struct blame *blame);
/* NULL: it is in no stack. */
const struct seen_function *blame_seen(const struct blame *blame, const struct frame *function);
const struct call_path *blame_path(const struct blame *blame, const struct frame *culprit);

/* All zero again. */
void blame_release(struct blame *blame);

#endif
