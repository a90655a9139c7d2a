/* SPDX-License-Identifier: GPL-2.0-only */
/* What the patterns of the watchlist name in a file, and the probes that this takes. */
#ifndef CHOOSE_MATCHING_H
#define CHOOSE_MATCHING_H

#include "choose/modules.h"

/* Plans the functions of the module that patterns name. 0 or -ENOMEM; the rest is told in words. */
int module_match_names(struct module *module, struct watchlist *watchlist);

/*
 * For patterns whose name no file has so far: the functions into which it was inlined. They are
 * timed in its place; calls can't be counted that way. To be asked once all that a process has
 * mapped was matched by name: a walk through DWARF is long. Each module is searched once.
 */
int module_match_inlined(struct module *module, struct watchlist *watchlist);

/*
 * The place that a pattern without a name speaks of is at vaddr of the module: plans the function
 * that begins there, or takes it as one more copy routine. Where none begins, the pattern has no
 * match and says why: a probe there may split an instruction, which kills the target.
 */
int module_match_place(struct module *module, struct pattern *pattern, uint64_t vaddr,
		       struct watchlist *watchlist);

/*
 * A function that nobody named: its calls are timed from the next plan of its processes on, as with
 * --flush. symbol: NULL: none, or it is what is shown. 0, -ENOTSUP (it can't be; told in words),
 * -ENOSPC (there are too many) or -ENOMEM.
 */
int module_watch_function(struct module *module, uint64_t vaddr, const char *shown,
			  const char *symbol, struct watchlist *watchlist);

void planned_function_release(struct planned_function *function);

#endif
