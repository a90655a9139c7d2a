/* SPDX-License-Identifier: GPL-2.0-only */
/* What the budget's consumers spend in a unit of time: ns of probes per ns. Pure. */
#ifndef SESSION_BUDGET_RATE_H
#define SESSION_BUDGET_RATE_H

#include "base/clock.h"
#include "session/budget.h"

/*
 * From a decision until nothing hits the former probes any more, whatever the target does meanwhile
 * and however busy the machine is: what was spent before tells nothing of what they cost now.
 */
#define BUDGET_SWAP_NS (30 * NS_PER_MS)
/* Of which the removal alone. */
#define BUDGET_REMOVAL_NS (20 * NS_PER_MS)

/* Of what was spent between the latest two looks. */
double budget_rate(const struct budget *budget, uint64_t recent_ns);

/*
 * What was spent lately says nothing of the new level: its former probes are still there, or the
 * interval began with the decision. Linux 6.1 takes 0.1 s for each probe that a plain link loses,
 * and memwatch waits for it.
 */
bool budget_is_settling(const struct budget *budget, uint64_t settled_at_ns);

/*
 * What it may cost at any moment from now on: as much as it did in its bursts. Between them there
 * is time to leave a gate that the next one could not pay.
 */
double budget_process_rate(const struct budget *budget, const struct budget_process *process);
double budget_function_rate(const struct budget *budget, const struct budget_function *function);
double budget_total_rate(const struct budget *budget);

/*
 * At so large a part of the present cost for each call or copy. What is no longer spent on probes
 * the target spends on making more calls: where nine tenths of the time are probes, half their cost
 * leaves eight tenths.
 */
double budget_rate_at(double rate, double part);

/* Of a process on another level, by the sizes of the latest copies. */
double budget_predicted_rate(const struct budget *budget, const struct budget_process *process,
			     enum gate_level level);

#endif
