/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A report is told the results in the order they become known and shows them in one format.
 * Nothing is computed here that a result does not hold; only units, colour and layout are.
 * Each call gives 0 or negative errno (the output could not be written).
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdio.h>

#include "analyse/result.h"
#include "analyse/run_diff.h"

struct report;

struct report_ops {
	int (*header)(struct report *report, const struct run_header *header);
	int (*child)(struct report *report, const struct child_report *child);
	int (*flush)(struct report *report, const struct flush *flush);
	int (*copy)(struct report *report, const struct large_copy *copy);
	int (*budget)(struct report *report, const struct budget_step *step);
	int (*stall)(struct report *report, const struct stall *stall);
	int (*discovery)(struct report *report, const struct discovery *discovery);
	int (*live)(struct report *report, const struct run_summary *so_far); /* a status line */
	int (*summary)(struct report *report, const struct run_summary *summary);
	/* All that it is ever told. */
	int (*diff)(struct report *report, const struct run_diff *diff);
	void (*free)(struct report *report);
};

struct report {
	const struct report_ops *ops;
};

struct text_settings {
	bool colour; /* ANSI colours and a live status line: a terminal only */
	bool quiet;  /* the summary alone */
	bool verbose;
	unsigned columns; /* width; 80 where it is not known */
};

/* Both borrow out, which outlives the report. NULL where memory is out. */
struct report *report_text_new(FILE *out, const struct text_settings *settings);
struct report *report_json_new(FILE *out);

#endif
