/* SPDX-License-Identifier: GPL-2.0-only */
/* From the kernel's records to flushes and large copies, with names and costs put to them. */
#ifndef ANALYSE_FLUSH_H
#define ANALYSE_FLUSH_H

#include "analyse/result.h"
#include "bpf/event.h"

/* What an index in a record stands for. */
struct symbol_name {
	const char *function; /* as it is shown */
	const char *symbol;   /* as the file has it; NULL: the same, or several */
	const char *module;
	bool is_host;     /* another function was inlined into it, and it is timed in its place */
	bool ends_unseen; /* some of its ways out bear no probe */
	enum watch_kind watch; /* of a function, where the budget's last step of it has put it */
	bool was_throttled;    /* it was not always timed: some step has ended that */
	/* Processes that ran before their probes were live, where all its ends are others' too. */
	uint64_t unseen_starts;
};

/* Calibrated costs of one hit of a probe; 0 while they are not known. */
struct probe_costs {
	uint64_t cheap_ns;
	uint64_t stepped_ns;
};

uint64_t probe_costs_sum_ns(const struct probe_costs *costs, uint64_t cheap_hits,
			    uint64_t stepped_hits);

struct flush flush_from_span(const struct mw_span *span, const struct symbol_name *name,
			     const struct probe_costs *costs);

/*
 * A call that the end of the watch found open: totals are its strand's running totals now, or NULL
 * where they could not be read (then copies_known is false). watched is its process's gate now;
 * NULL: nothing can have moved it.
 */
struct flush flush_from_open_span(const struct mw_span_key *key, const struct mw_open_span *span,
				  const struct mw_strand_line *totals,
				  const struct mw_watched *watched, uint64_t now_ns,
				  const struct symbol_name *name, const struct probe_costs *costs);

/* Its bytes are those of all its copies, or of all from gate_bytes on: the budget touched none. */
bool flush_is_whole(const struct flush *flush);

struct large_copy large_copy_from_record(const struct mw_copy *copy,
					 const struct symbol_name *name);

#endif
