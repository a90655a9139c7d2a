/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the text report share; for text*.c alone. */
#ifndef REPORT_TEXT_REPORT_H
#define REPORT_TEXT_REPORT_H

#include "report/output.h"
#include "report/report.h"

enum paint {
	PAINT_NONE,
	PAINT_HEADING,
	PAINT_FINDING,
	PAINT_ALARM,
};

/* Why processes were not watched. */
#define TEXT_MISSED_ENDED   1u /* they ended before their probes were live */
#define TEXT_MISSED_CLOSING 2u /* the watch did */
#define TEXT_MISSED_REFUSED 4u /* anything else */

struct text_report {
	struct report report;
	FILE *out;
	struct text_settings settings;
	uint64_t start_ns; /* these four as the header had them */
	uint64_t gate_bytes;
	uint64_t min_bytes;
	uint64_t min_time_ns;
	unsigned missed;    /* TEXT_MISSED_*, of all processes that were not watched */
	bool live_shown;    /* a status line stands where the next line goes */
	bool titled;        /* the list's column titles are shown */
	bool titled_writes; /* with the column for writes */
	bool thread_named;  /* the list's last lines were of this thread */
	pid_t pid, tid;
	char comm[COMM_BYTES];
};

/* Text after it is shown in that colour, if there are colours at all; PAINT_NONE ends it. */
void text_paint(const struct text_report *text, struct page *page, enum paint paint);

/* The whole of the summary (text_summary.c). */
void text_summarize(const struct text_report *text, struct page *page,
		    const struct run_summary *summary);

/* "12 %", "1.2 %", "0.02 %". Gives buf. */
#define TEXT_PERCENT 24
const char *text_percent(char buf[TEXT_PERCENT], uint64_t part, uint64_t whole);

#endif
