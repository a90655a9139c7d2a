/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a run in figures, and the sentence that a person can repeat. */
#ifndef ANALYSE_SUMMARY_H
#define ANALYSE_SUMMARY_H

#include "analyse/flush.h"
#include "base/array.h"

/* What has to be kept of each reported flush for the summary: medians and the index of writes. */
struct flush_key {
	size_t function; /* index into the watched functions */
	pid_t pid, tid;
	uint64_t goroutine_addr;
	uint64_t start_ns;
	uint64_t duration_ns;
	uint64_t overhead_ns;
	uint64_t copied_bytes;
	uint64_t write_index;
	bool is_whole; /* as flush_is_whole() says; else copied_bytes is a lower bound */
	bool unfinished;
	bool in_write;  /* the write was still open when it began */
	bool recursive; /* its time and bytes are in the call around it, too */
};

struct tally {
	ARRAY(struct flush_key) flushes;
	uint64_t reported[MW_MAX_FUNCTIONS]; /* how many of them are of that function */
	uint64_t copyless;                   /* how many of them are known to have copied nothing */
	uint64_t left_out;                   /* flushes that are not to be shown: none of them */
};

/* Of one that is left out, the number alone is kept. 0 or -ENOMEM. */
int tally_add_flush(struct tally *tally, size_t function, const struct flush *flush);
void tally_release(struct tally *tally);

struct summary_input {
	const struct symbol_name *names; /* of the watched functions, by index */
	const struct mw_function *functions;
	size_t function_count;          /* at most MW_MAX_FUNCTIONS */
	const struct mw_totals *totals; /* summed over the CPUs */
	const char *writes_function;    /* NULL without --writes */
	struct probe_costs costs;
	uint64_t malformed; /* records the receiver refused */
	uint64_t wall_ns;
	uint64_t target_cpu_ns;
};

struct summary {
	struct run_summary result;
	ARRAY(struct function_summary) functions; /* result.functions points here */
};

/*
 * Fills all of summary->result that the input holds; the caller adds processes_*,
 * worst_unwatched_ns, watched, uncalled, is_copies_only, gate_* and budget_* (none as it is).
 * Functions with no call are left out, the rest are sorted by total_ns. 0 or -ENOMEM;
 * summary_release() frees it.
 */
int summarize(const struct summary_input *input, const struct tally *tally,
	      struct summary *summary);

/*
 * As summarize(), but only what needs no walk through the flushes: all counters, and none of the
 * functions or the finding. For a status line, however long the run.
 */
void summarize_live(const struct summary_input *input, const struct tally *tally,
		    struct run_summary *result);

void summary_release(struct summary *summary);

#endif
