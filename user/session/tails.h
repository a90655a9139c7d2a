/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a watched call ends when its function leaves by a tail jump: at the returns of the function
 * that it jumps to, which may be in another module, and may jump on in turn.
 */
#ifndef SESSION_TAILS_H
#define SESSION_TAILS_H

#include "session/modules.h"

struct shared_end {
	struct module *module;
	struct probe_point point;
};
typedef ARRAY(struct shared_end) shared_ends;

/* Finds what the loader binds a symbol to in the process; NULL where it is not known. */
typedef struct module *(*tail_symbol_fn)(void *context, const char *symbol, uint64_t *vaddr);

/* Appends the ends; a tail that leads nowhere known is left out. 0 or -ENOMEM. */
int tails_follow(struct module *module, const tail_jumps *tails, tail_symbol_fn find_symbol,
		 void *context, shared_ends *ends);

#endif
