/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module's data as one process holds it: where the C library keeps the thresholds that its copy
 * routines compare sizes with.
 */
#ifndef CHOOSE_MODULE_MEMORY_H
#define CHOOSE_MODULE_MEMORY_H

#include "plan/gate.h"
#include "choose/planning.h"

struct module_memory {
	const struct planning *planning;
	const struct module *module;
	uint64_t bias_addr; /* what the process's addresses are above the file's */
	bool is_mapped;     /* else nothing can be read */
	/* Words that the program may write are read too: they are the C library's own, which sets
	 * them before main(). Any other program's may change between two copies. */
	bool is_settled;
	gate_constants *reads; /* all that was read, each word once */
};

/*
 * code_vaddr: of code of the module, by which its place is known. Words that are read are added to
 * reads, whose memory is the caller's.
 */
struct module_memory module_memory_of(const struct planning *planning, const struct module *module,
				      uint64_t code_vaddr, gate_constants *reads);

/* As the planner looks at it: lives as long as memory does. */
struct memory_view module_memory_view(const struct module_memory *memory);

/* Where the process has it; 0 where that is no data of the module. */
uint64_t module_memory_addr(const struct module_memory *memory, uint64_t vaddr);

/* Whether the process's words are still those. */
bool module_memory_holds(const struct module_memory *memory, const gate_constants *constants);

/* The same for one word at its address. 1: it holds value, 0: another, or negative errno. */
int constant_holds(pid_t pid, uint64_t addr, const struct gate_constant *constant);

#endif
