// SPDX-License-Identifier: GPL-2.0-only
/* What the budget knows of the watched processes, and what it does to them. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "choose/module_memory.h"
#include "session/process.h"

static struct process_spending spending_of(const struct processes *processes,
					   const struct process *process)
{
	struct process_spending spending = {
		.pid = process->pid,
		.parent_pid = process->parent_pid,
		.copies_spent_ns = process_links_spent_ns(&process->links, processes->tracer),
		.level = process->level,
		.lowest = gate_settings_lowest(&processes->gates),
		.is_movable = !processes->gates.is_fixed && process->plan.copy_doors,
	};

	memcpy(spending.comm, process->comm, sizeof(spending.comm));
	memcpy(spending.gate_bytes, process->plan.gate_bytes, sizeof(spending.gate_bytes));
	return spending;
}

int processes_spending(const struct processes *processes, process_spendings *spendings)
{
	struct process **process;
	int err = 0;

	array_each (process, &processes->all) {
		if (!err && (*process)->live)
			err = array_push(spendings, spending_of(processes, *process));
	}
	return err;
}

/* Brings its links to what is in force now; where that can't be, nothing changes. */
static int renew_links(struct processes *processes, struct process *process)
{
	struct in_force force = process_in_force(processes, process);
	link_changes changes = {0};
	size_t added;
	int err;

	/* They are made anew with its next plan, which is on its way. */
	if (!process_plan_holds(process))
		return 0;
	err = process_links_prepare(&process->links, processes->tracer, process->pid,
				    &process->plan, &force, &changes, &added);
	if (!err)
		return process_change_links(processes, process,
					    process->plan.gate_bytes[process->level], &changes);
	process_links_discard(processes->tracer, &changes);
	return err;
}

/* Forked before it was raised, they are to begin where it is now. */
static void raise_newborn(struct processes *processes, pid_t parent_pid, enum gate_level level)
{
	struct process **process;

	array_each (process, &processes->all) {
		if ((*process)->parent_pid == parent_pid && !(*process)->live &&
		    (*process)->level < level)
			(*process)->level = level;
	}
}

int processes_set_gate_level(struct processes *processes, pid_t pid, enum gate_level level)
{
	struct process *process = processes_find(processes, pid);
	enum gate_level before;
	int err;

	if (!process || !process->live)
		return -ESRCH;
	before = process->level;
	process->level = level;
	err = renew_links(processes, process);
	if (err)
		process->level = before;
	else
		raise_newborn(processes, pid, level);
	return err;
}

int processes_throttle_function(struct processes *processes, unsigned function,
				enum function_watch watch)
{
	struct process **process;
	int err = 0, first_err = 0;

	if (function >= MW_MAX_FUNCTIONS)
		return -EINVAL;
	processes->watch[function] = watch;
	array_each (process, &processes->all) {
		if ((*process)->live)
			err = renew_links(processes, *process);
		/* One that is ending has nothing left to throttle. */
		if (err && err != -ESRCH && !first_err)
			first_err = err;
	}
	return first_err;
}

static bool constants_hold(const struct process *process)
{
	const struct planned_constant *planned;

	array_each (planned, &process->plan.constants) {
		/* Where it can't be read, it is ending, or what it is now is on its way. */
		if (!constant_holds(process->pid, planned->addr, &planned->constant))
			return false;
	}
	return true;
}

void processes_check_constants(struct processes *processes)
{
	struct process **process;

	array_each (process, &processes->all) {
		if ((*process)->live && !(*process)->try_at_ns && !constants_hold(*process))
			process_mark_due(*process, EVENT_REPLAN, clock_monotonic_ns());
	}
}
