/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the text report share; for text*.c alone. */
#ifndef REPORT_TEXT_REPORT_H
#define REPORT_TEXT_REPORT_H

#include "base/text.h"
#include "report/layout.h"
#include "report/output.h"
#include "report/report.h"

enum paint {
	PAINT_NONE,
	PAINT_HEADING,
	PAINT_FINDING,
	PAINT_ALARM,
};

#define NAME_COLUMNS 60 /* of a name within a sentence */

/* Why processes were not watched. */
#define TEXT_MISSED_ENDED   1u /* they ended before their probes were live */
#define TEXT_MISSED_CLOSING 2u /* the watch did */
#define TEXT_MISSED_REFUSED 4u /* anything else */

/* What has no line of its own, since too much of its kind came in a second. */
struct folded_lines {
	uint64_t second_ns; /* when the second began in which `lines` of them have one */
	unsigned lines;
	uint64_t count;            /* these six: of the line that is still to be shown for them */
	uint64_t sum, least, most; /* bytes of copies, ns of flushes */
	uint64_t first_ns, last_ns;
};

#define TEXT_LINES_MOST 100 /* of each kind a second, but for -v */
#define TEXT_PATHS_MOST 64  /* that are shown, but for -v */

struct text_report {
	struct report report;
	FILE *out;
	struct text_settings settings;
	uint64_t start_ns;   /* these four as the header had them */
	uint64_t gate_bytes; /* 0: not fixed, too */
	uint64_t min_bytes;
	uint64_t min_time_ns;
	uint64_t first_step_ns; /* of the budget; 0: none so far */
	unsigned missed;        /* TEXT_MISSED_*, of all processes that were not watched */
	bool live_shown;        /* a status line stands where the next line goes */
	bool titled;            /* the list's column titles are shown */
	bool titled_writes;     /* with the column for writes */
	bool thread_named;      /* the list's last lines were of this thread */
	pid_t pid, tid;
	char comm[COMM_BYTES];
	struct folded_lines folded_copies;
	struct folded_lines folded_flushes; /* those of which no copy was counted */
	const char *folded_function;        /* of these; NULL: of several */
	struct folded_lines folded_stalls;
	bool folded_alike;               /* all of these have one culprit, and it is known: ... */
	struct frame folded_culprit;     /* ... this one */
	uint64_t paths[TEXT_PATHS_MOST]; /* hashes of the call paths that were shown */
	size_t path_count;
};

/* Text after it is shown in that colour, if there are colours at all; PAINT_NONE ends it. */
void text_paint(const struct text_report *text, struct page *page, enum paint paint);

/* "12.345 s" since the start. Gives buf. */
const char *text_since_start(char buf[TEXT_SHORT], const struct text_report *text, uint64_t at_ns);

/*
 * The list (these are in text.c): column titles where they are due, with the column for writes or
 * without, then the thread where it is not that of the line before, then the figures of a line.
 * Where fields[3] is NULL, fields[2] takes both columns. The last gives buf.
 */
#define TEXT_FIGURES (8 * TEXT_SHORT)
void text_list_titles(struct text_report *text, struct page *page, bool writes);
void text_list_thread(struct text_report *text, struct page *page, pid_t pid, pid_t tid,
		      const char *comm);
const char *text_list_figures(char buf[TEXT_FIGURES], const struct text_report *text,
			      const char *const fields[6]);

/* A stall's line, and what became of counting calls around stalls (text_stall.c). */
void text_stall_line(struct text_report *text, struct page *page, const struct stall *stall);
void text_discovery_line(const struct text_report *text, struct page *page,
			 const struct discovery *discovery);

/* The table of culprits, and what was sampled at what cost. */
void text_culprits(const struct text_report *text, struct page *page,
		   const struct run_summary *summary);
void text_samples(const struct text_report *text, struct page *page,
		  const struct run_summary *summary);

/* The calls that led to copies (text_tree.c). */
void text_tree(const struct text_report *text, struct page *page,
	       const struct run_summary *summary);

/* A frame's function (these are in text_path.c) in at most so many columns. Gives buf. */
const char *text_frame(char buf[LAYOUT_NAME_BYTES], const struct frame *frame, size_t columns);

/*
 * The call path of a line of the list, below it: with -v the whole of it, else only where none
 * like it, from the culprit (NULL: the first frame) outward, has been shown.
 */
void text_path(struct text_report *text, struct page *page, const struct frame *frames,
	       size_t count, enum stack_end end, const struct frame *culprit);

/* What stalls, how, who defers it, and who else does: the sentences (text_finding.c). */
void text_findings(const struct text_report *text, struct page *page,
		   const struct run_summary *summary);

/* Whether these speak of the writes. */
bool text_tells_of_writes(const struct finding *finding);

/* True where it is to have no line of its own (these are in text_fold.c) ... */
bool text_fold_copy(struct text_report *text, const struct large_copy *copy);
bool text_fold_flush(struct text_report *text, const struct flush *flush);
bool text_fold_stall(struct text_report *text, const struct stall *stall);

/* ... and one line for all that had none so far, if there are any. */
void text_print_folded(struct text_report *text, struct page *page);

/* The whole of the summary (text_summary.c). */
void text_summarize(const struct text_report *text, struct page *page,
		    const struct run_summary *summary);

/* The whole of it (text_diff.c). */
void text_diff(const struct text_report *text, struct page *page, const struct run_diff *diff);

/* A step of the budget (these are in text_budget.c), at the time that `at` shows. */
void text_step(const struct text_report *text, struct page *page, const char *at,
	       const struct budget_step *step);

/* ">= 5.00 MiB", or "not counted" where nothing was. Gives buf. */
#define TEXT_COPIED 48
const char *text_at_least(char buf[TEXT_COPIED], uint64_t counted_bytes);

/* What a function's calls copied: exactly, estimated ("~9.32 GiB") or at least. Gives buf. */
const char *text_copied(char buf[TEXT_COPIED], const struct function_summary *function);

/* What the budget left out of a function's line in the table, if anything. */
void text_function_gaps(const struct text_report *text, struct page *page,
			const struct function_summary *function);

/* Which copies are in no figure of the summary. */
void text_count_gaps(const struct text_report *text, struct page *page,
		     const struct run_summary *summary);

/* What memwatch cost the target. */
void text_cost(const struct text_report *text, struct page *page,
	       const struct run_summary *summary);

/* "12 %", "1.2 %", "0.02 %". Gives buf. */
#define TEXT_PERCENT 24
const char *text_percent(char buf[TEXT_PERCENT], uint64_t part, uint64_t whole);

/* ", 56 % of it in copies" of a stall that was not in copies all the time, or "". Gives buf. */
#define TEXT_SHARE (TEXT_PERCENT + 24)
const char *text_share_in_copies(char buf[TEXT_SHARE], uint64_t user_ns, uint64_t fault_ns,
				 uint64_t duration_ns);

#endif
