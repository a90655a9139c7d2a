// SPDX-License-Identifier: GPL-2.0-only
#include "session/budget_rate.h"

#include <math.h>

bool budget_is_settling(const struct budget *budget, uint64_t settled_at_ns)
{
	return settled_at_ns > budget->at_ns ||
	       settled_at_ns + budget->interval_ns >= budget->at_ns + BUDGET_SWAP_NS;
}

double budget_rate(const struct budget *budget, uint64_t recent_ns)
{
	return (double)recent_ns / (double)budget->interval_ns;
}

double budget_process_rate(const struct budget *budget, const struct budget_process *process)
{
	if (budget_is_settling(budget, process->settled_at_ns))
		return process->new_rate;
	return fmax(budget_rate(budget, process->recent_ns), process->peak_rate);
}

double budget_function_rate(const struct budget *budget, const struct budget_function *function)
{
	return budget_is_settling(budget, function->settled_at_ns)
		       ? function->new_rate
		       : budget_rate(budget, function->recent_ns);
}

double budget_total_rate(const struct budget *budget)
{
	double sum = budget_rate(budget, budget->ended_recent_ns);
	const struct budget_process *process;

	array_each (process, &budget->processes)
		sum += budget_process_rate(budget, process);
	for (size_t i = 0; i < budget->function_count; i++)
		sum += budget_function_rate(budget, &budget->functions[i]);
	return sum;
}

/* How many of the latest copies were of at least so many bytes; a class counts whole. */
static uint64_t copies_from(const struct budget *budget, uint64_t gate_bytes)
{
	uint64_t copies = 0;

	if (gate_bytes == MW_NO_GATE)
		return 0;
	for (unsigned i = 0; i < MW_SIZE_CLASSES; i++) {
		if ((uint64_t)1 << i > gate_bytes)
			copies += budget->recent_copies[i];
	}
	return copies;
}

double budget_rate_at(double rate, double part)
{
	double rest = fmax(1 - rate, 0), then = rate * part;

	return then > 0 ? fmax(rate, 1) * then / (then + rest) : 0;
}

double budget_predicted_rate(const struct budget *budget, const struct budget_process *process,
			     enum gate_level level)
{
	uint64_t now = copies_from(budget, process->gate_bytes[process->level]);
	uint64_t then = copies_from(budget, process->gate_bytes[level]);

	if (process->gate_bytes[level] == MW_NO_GATE)
		return 0;
	/* What hits its points are copies that the gate is not meant for. */
	if (!now)
		return budget_process_rate(budget, process);
	return budget_rate_at(budget_process_rate(budget, process), (double)then / (double)now);
}
