/* SPDX-License-Identifier: GPL-2.0-only */
/* What the sampler and discovery know of the watched processes' code, and what they do to them. */
#ifndef SESSION_PROCESS_CODE_H
#define SESSION_PROCESS_CODE_H

#include "session/process.h"
#include "stack/stack.h"

/* The file whose code the process has at addr; NULL: none that is known. */
struct module *process_module_at(const struct processes *processes, pid_t pid, uint64_t addr);

/* The mapping as those who walk stacks need it; strings are the module's. */
struct stack_mapping stack_mapping_of(const struct planned_mapping *planned);

/* Functions came to be watched: all processes get the probes that they lack. */
void processes_watch_anew(struct processes *processes);

/*
 * Looks what code of no file the process has by now, which a JIT makes at any time, and has it told
 * of with all else.
 */
void processes_renew_code(struct processes *processes, pid_t pid);

/* Tells the sampler where the process copies: its routines, and loops of its own. */
void process_tell_code(struct processes *processes, struct process *process);

/*
 * The sampler found threads again and again at a place that is no copy routine: where it is in a
 * loop that copies, what it finds there from now on is a copy.
 */
void processes_on_place(struct processes *processes, const struct mw_risen *risen);

#endif
