/* SPDX-License-Identifier: GPL-2.0-only */
/* What discovery knows of the watched processes' code, and what it does to them. */
#ifndef SESSION_PROCESS_CODE_H
#define SESSION_PROCESS_CODE_H

#include "session/processes.h"

/* The file whose code the process has at addr; NULL: none that is known. */
struct module *process_module_at(const struct processes *processes, pid_t pid, uint64_t addr);

/* Functions came to be watched: all processes get the probes that they lack. */
void processes_watch_anew(struct processes *processes);

#endif
