// SPDX-License-Identifier: GPL-2.0-only
#include "session/budget_book.h"

#include <string.h>

static void update_process(const struct budget *budget, struct budget_process *process,
			   const struct process_spending *spending)
{
	uint64_t spent_ns = budget->settings.copies_are_fixed ? 0 : spending->copies_spent_ns;

	process->recent_ns = growth(spent_ns, process->spent_ns);
	process->spent_ns = spent_ns;
	process->parent_pid = spending->parent_pid;
	process->level = spending->level;
	process->lowest = spending->lowest;
	process->is_movable = spending->is_movable && !budget->settings.copies_are_fixed;
	memcpy(process->gate_bytes, spending->gate_bytes, sizeof(process->gate_bytes));
}

/*
 * Those that ended go, new ones come; both lists are in the order of the pids. Gives what those
 * that went had been charged.
 */
static uint64_t update_processes(struct budget *budget, const struct budget_figures *figures)
{
	uint64_t charged_ns = 0;
	const struct budget_process *before;
	ARRAY(struct budget_process) next = {0};
	const struct process_spending *spending;
	size_t known = 0;

	array_each (before, &budget->processes)
		charged_ns += before->spent_ns;
	array_each (spending, figures->processes) {
		struct budget_process process = {
			.pid = spending->pid,
			.stay_since_ns = figures->at_ns,
			.stay_cpu_ns = figures->cpu_ns,
			.stay_whole_calls = budget->whole_calls,
		};

		while (known < budget->processes.count &&
		       budget->processes.items[known].pid < spending->pid)
			known++;
		if (known < budget->processes.count &&
		    budget->processes.items[known].pid == spending->pid)
			process = budget->processes.items[known];
		charged_ns -= process.spent_ns;
		update_process(budget, &process, spending);
		/* Without memory it is seen anew next time, and charged for all it spent. */
		if (array_push(&next, process))
			break;
	}
	array_release(&budget->processes);
	memcpy(&budget->processes, &next, sizeof(next));
	return charged_ns;
}

static void update_functions(struct budget *budget, const struct budget_figures *figures)
{
	for (size_t i = 0; i < figures->function_count; i++) {
		struct budget_function *function = &budget->functions[i];

		function->recent_ns = growth(figures->function_spent_ns[i], function->spent_ns);
		function->spent_ns = figures->function_spent_ns[i];
	}
	budget->function_count = figures->function_count;
}

static uint64_t recent_sum(const struct budget *budget)
{
	uint64_t sum_ns = budget->ended_recent_ns;
	const struct budget_process *process;

	array_each (process, &budget->processes)
		sum_ns += process->recent_ns;
	for (size_t i = 0; i < budget->function_count; i++)
		sum_ns += budget->functions[i].recent_ns;
	return sum_ns;
}

uint64_t budget_book(struct budget *budget, const struct budget_figures *figures)
{
	uint64_t ended_ns = growth(figures->ended_spent_ns, budget->ended_spent_ns);

	budget->ended_spent_ns = figures->ended_spent_ns;
	ended_ns = growth(ended_ns, update_processes(budget, figures));
	budget->ended_recent_ns = budget->settings.copies_are_fixed ? 0 : ended_ns;
	update_functions(budget, figures);
	return recent_sum(budget);
}
