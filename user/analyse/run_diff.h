/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two runs side by side, a slow one and a fast one: what stalls in one of them alone, or for
 * longer. Pure. Functions are the same where their names and modules are; those without a name
 * where they begin at the same place of the same module.
 */
#ifndef ANALYSE_RUN_DIFF_H
#define ANALYSE_RUN_DIFF_H

#include "analyse/result.h"
#include "base/array.h"

enum { DIFF_SLOW, DIFF_FAST, DIFF_RUNS };

/* What is compared. Strings and summaries are borrowed. */
struct diffed_run {
	const char *name;    /* of its recording */
	const char *command; /* NULL: it was attached to */
	const struct run_summary *summary;
};

/* What a culprit came to in one run. */
struct diff_figures {
	uint64_t stalls; /* that were told of */
	uint64_t total_ns, max_ns;
	uint64_t copied_bytes;
	bool is_at_least; /* so many: others were not counted */
	bool calls_known; /* they were counted */
	uint64_t calls;
};

struct diff_culprit {
	struct frame frame; /* at no certain address */
	struct diff_figures runs[DIFF_RUNS];
};

/* The time of all samples in copies that were made below a function. */
struct diff_function {
	struct frame frame;
	size_t depth; /* the least at which it was; 0: where threads begin */
	uint64_t time_ns[DIFF_RUNS];
};

enum diff_verdict {
	DIFF_NOTHING_STALLS, /* in either */
	DIFF_ALONE,          /* the worst stalls in the slow run and not in the fast one */
	DIFF_LONGER,         /* in both, longer in the slow one */
	DIFF_NOT_SLOWER,     /* nothing stalls longer in the slow run */
};

struct run_diff {
	struct diffed_run runs[DIFF_RUNS];
	enum diff_verdict verdict;
	const struct diff_culprit *worst;      /* NULL: none is */
	uint64_t stalled_ns[DIFF_RUNS];        /* all culprits together */
	ARRAY(struct diff_culprit) culprits;   /* the largest difference of time first */
	ARRAY(struct diff_function) functions; /* likewise, callers first */
};

/* Fills an all-zero diff. 0 or -ENOMEM; run_diff_release() in either case. */
int run_diff_make(const struct diffed_run runs[DIFF_RUNS], struct run_diff *diff);
void run_diff_release(struct run_diff *diff);

#endif
