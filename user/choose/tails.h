/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a watched call ends when its function leaves by a tail jump: at the returns of the function
 * that it jumps to, which may be in another module, and may jump on in turn.
 */
#ifndef CHOOSE_TAILS_H
#define CHOOSE_TAILS_H

#include "choose/modules.h"

struct shared_end {
	struct module *module;
	uint64_t function_vaddr; /* in which it lies: where a tail jump led to */
	struct probe_point point;
};
typedef ARRAY(struct shared_end) shared_ends;

/* Where a call may end unseen. */
struct blind_jump {
	struct module *module;
	uint64_t function_vaddr; /* in which it lies: where a tail jump led to */
	uint64_t vaddr;          /* 0: no end of the function is known */
	char why[PLAN_REASON_BYTES];
};

struct tail_target {
	struct module *module;
	uint64_t vaddr;
};
typedef ARRAY(struct tail_target) tail_targets;

/*
 * Appends what the pointer at slot_vaddr of the module leads to in the process; every candidate
 * where the loader has not bound it yet. An end too many is never matched to a call. 0 or -ENOMEM.
 */
typedef int (*tail_bind_fn)(void *context, const struct module *module, uint64_t slot_vaddr,
			    tail_targets *targets);

/*
 * Appends the ends; a tail that leads nowhere known is left out. 0 or -ENOMEM. *blind: the first
 * indirect jump of a followed function by which a call may leave unseen, or the first such function
 * that can't be read; module NULL: none.
 */
int tails_follow(struct module *module, const tail_jumps *tails, tail_bind_fn bind, void *context,
		 shared_ends *ends, struct blind_jump *blind);

#endif
