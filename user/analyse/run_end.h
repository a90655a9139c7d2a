/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a watch, in figures. Strings are borrowed. */
#ifndef ANALYSE_RUN_END_H
#define ANALYSE_RUN_END_H

#include "analyse/flush.h"

struct run_end {
	uint64_t at_ns;
	struct mw_function functions[MW_MAX_FUNCTIONS];
	struct mw_totals totals;
	struct probe_costs costs;
	uint64_t malformed;
	uint64_t wall_ns, target_cpu_ns;
	uint64_t retired_spent_ns; /* by probes on their way out, which no other figure has */
	uint64_t sample_ns;        /* what a look of the clock costs the target; 0: not known */
	uint64_t switching_ns;     /* what stopping and starting it with threads has cost */
	uint64_t processes_seen, processes_watched, worst_unwatched_ns;
	uint64_t budget_credit_ns, budget_steps, gate_bytes; /* these as in struct run_summary */
	bool is_copies_only;
	const char *writes_function;
	const char *const *watched;
	size_t watched_count;
	const char *const *uncalled;
	size_t uncalled_count;
	/*
	 * The watch's own end is not known: counters are those of the flushes that were told of,
	 * and what these can't tell is 0.
	 */
	bool is_partial;
};

/* Makes up such counters. */
void run_end_add_flush(struct run_end *end, unsigned function, const struct flush *flush);

#endif
