// SPDX-License-Identifier: GPL-2.0-only
#include "session/process_code.h"

#include "base/clock.h"
#include "session/process.h"

struct module *process_module_at(const struct processes *processes, pid_t pid, uint64_t addr)
{
	const struct process *process = processes_find(processes, pid);
	const struct planned_mapping *mapping;

	if (!process || !process->live)
		return NULL;
	array_each (mapping, &process->plan.mappings) {
		if (addr >= mapping->start_addr && addr < mapping->end_addr)
			return mapping->module;
	}
	return NULL;
}

void processes_watch_anew(struct processes *processes)
{
	struct process **process;

	processes->gates.begins_low = false;
	array_each (process, &processes->all) {
		if ((*process)->live && !(*process)->try_at_ns)
			process_mark_due(*process, EVENT_REPLAN, clock_monotonic_ns());
	}
}
