/* SPDX-License-Identifier: GPL-2.0-only */
/* What the planning of one process hands from step to step, and what each step asks of it. */
#ifndef CHOOSE_PLANNING_H
#define CHOOSE_PLANNING_H

#include "choose/watch.h"
#include "target/maps.h"

struct planning {
	pid_t pid;
	struct target_maps maps;
	struct modules *modules;
	struct watchlist *watchlist;
	const struct copy_settings *copies;
	struct process_plan *plan;
};

/* Code of a module in this process. */
struct place {
	struct module *module;
	uint64_t vaddr;
};

/* Where this process has it; 0: not mapped. */
uint64_t planning_addr(const struct planning *planning, const struct module *module,
		       uint64_t vaddr);

/* Where a runtime address lies in a mapped file; NULL where that is no code of a module. */
struct module *planning_module_at(const struct planning *planning, uint64_t addr, uint64_t *vaddr);

/*
 * What a slot holds once the loader, or the first call through it, has bound it. -EAGAIN: not
 * yet, or by no code that is in a file; -ENOENT: it is not mapped; or why it can't be read.
 */
int planning_slot(const struct planning *planning, const struct module *module, uint64_t slot_vaddr,
		  struct place *place);

/* name: of the function or routine; the watchlist's. */
int planning_add_probe(struct planning *planning, struct module *module,
		       const struct probe_point *point, enum mw_point_kind kind, unsigned flags,
		       unsigned index, const char *name);

#endif
