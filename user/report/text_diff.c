// SPDX-License-Identifier: GPL-2.0-only
/* Two runs side by side: a sentence, and tables of what differs. */
#include <string.h>

#include "report/text_report.h"

#define CULPRITS_MOST  10 /* but for -v */
#define FUNCTIONS_MOST 10
#define FIGURES_BYTES  (8 * TEXT_SHORT)
#define COMMAND_MOST   200 /* columns of a command line */

static const char *const run_words[] = {[DIFF_SLOW] = "SLOW", [DIFF_FAST] = "FAST"};

static void print_runs(const struct text_report *text, struct page *page,
		       const struct run_diff *diff)
{
	char name[LAYOUT_NAME_BYTES], command[LAYOUT_NAME_BYTES], wall[TEXT_SHORT];
	char stalled[TEXT_SHORT];
	size_t columns = text->settings.columns;

	for (int run = 0; run < DIFF_RUNS; run++) {
		const struct diffed_run *diffed = &diff->runs[run];

		layout_name(name, diffed->name, NAME_COLUMNS);
		if (diffed->command)
			layout_name(command, diffed->command, COMMAND_MOST);
		layout_paragraph(page, 6, columns, "%s  %s: %s, watched for %s%s, stalled for %s",
				 run_words[run], name,
				 diffed->command ? command : "processes that ran",
				 text_duration(wall, diffed->summary->wall_ns),
				 diffed->summary->is_partial ? " (then it is cut off)" : "",
				 text_duration(stalled, diff->stalled_ns[run]));
	}
	fputc('\n', page->stream);
}

/* "3 times, 1.62 s in all" */
static const char *times_in_all(char buf[4 * TEXT_SHORT], const struct diff_figures *figures)
{
	char count[TEXT_SHORT], total[TEXT_SHORT];

	if (figures->stalls == 1)
		snprintf(buf, 4 * TEXT_SHORT, "once, %s", text_duration(total, figures->total_ns));
	else
		snprintf(buf, 4 * TEXT_SHORT, "%s times, %s in all",
			 text_count(count, figures->stalls),
			 text_duration(total, figures->total_ns));
	return buf;
}

/* ", though FAST calls it 3 times", or "" where that is not known. Gives buf. */
static const char *called_in_fast(char buf[3 * TEXT_SHORT], const struct diff_figures *fast)
{
	char calls[TEXT_SHORT];

	*buf = '\0';
	if (fast->calls_known && fast->calls)
		snprintf(buf, 3 * TEXT_SHORT, ", though FAST calls it %s time%s",
			 text_count(calls, fast->calls), fast->calls == 1 ? "" : "s");
	return buf;
}

static void print_verdict(const struct text_report *text, struct page *page,
			  const struct run_diff *diff)
{
	char name[LAYOUT_NAME_BYTES], slow[4 * TEXT_SHORT], fast[4 * TEXT_SHORT];
	const struct diff_culprit *worst = diff->worst;
	size_t columns = text->settings.columns;

	text_paint(text, page, PAINT_FINDING);
	if (worst) {
		text_frame(name, &worst->frame, NAME_COLUMNS);
		times_in_all(slow, &worst->runs[DIFF_SLOW]);
	}
	if (diff->verdict == DIFF_ALONE)
		layout_paragraph(page, LAYOUT_HANG, columns, "%s stalls in SLOW alone: %s%s.", name,
				 slow, called_in_fast(fast, &worst->runs[DIFF_FAST]));
	else if (diff->verdict == DIFF_LONGER)
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "%s stalls longer in SLOW: %s, against %s in FAST.", name, slow,
				 times_in_all(fast, &worst->runs[DIFF_FAST]));
	else if (diff->verdict == DIFF_NOT_SLOWER)
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "Nothing stalls longer in SLOW than in FAST: are they given the "
				 "other way round?");
	else
		layout_paragraph(page, LAYOUT_HANG, columns, "Nothing stalls in either.");
	text_paint(text, page, PAINT_NONE);
}

static void print_figures(const struct text_report *text, struct page *page,
			  const struct diff_culprit *culprit, int run)
{
	const struct diff_figures *figures = &culprit->runs[run];
	char calls[TEXT_SHORT], stalls[TEXT_SHORT], total[TEXT_SHORT], worst[TEXT_SHORT];
	char copied[TEXT_COPIED], line[FIGURES_BYTES], name[LAYOUT_NAME_BYTES];
	bool is_there = figures->stalls || figures->calls;

	if (!is_there)
		strcpy(copied, "-");
	else if (figures->is_at_least)
		text_at_least(copied, figures->copied_bytes);
	else
		text_bytes(copied, figures->copied_bytes);
	snprintf(line, sizeof(line), "%s  %9s  %9s  %8s  %8s  %11s", run_words[run],
		 figures->calls_known ? text_count(calls, figures->calls) : "-",
		 text_count(stalls, figures->stalls),
		 is_there ? text_duration(total, figures->total_ns) : "-",
		 is_there ? text_duration(worst, figures->max_ns) : "-", copied);
	if (run == DIFF_SLOW)
		layout_row(page, text->settings.columns, line,
			   text_frame(name, &culprit->frame, text->settings.columns), "");
	else
		fprintf(page->stream, "%s\n", line);
}

static bool stalls_anywhere(const struct diff_culprit *culprit)
{
	return culprit->runs[DIFF_SLOW].stalls || culprit->runs[DIFF_FAST].stalls;
}

static void print_culprits(const struct text_report *text, struct page *page,
			   const struct run_diff *diff)
{
	const struct diff_culprit *culprit;
	size_t shown = 0;

	array_each (culprit, &diff->culprits) {
		if (!stalls_anywhere(culprit) && !text->settings.verbose)
			continue;
		if (shown == CULPRITS_MOST && !text->settings.verbose)
			break;
		if (!shown++) {
			text_paint(text, page, PAINT_HEADING);
			fprintf(page->stream, "\n%4s  %9s  %9s  %8s  %8s  %11s  CULPRIT\n", "RUN",
				"CALLS", "STALLS", "TOTAL", "WORST", "COPIED");
			text_paint(text, page, PAINT_NONE);
		}
		for (int run = 0; run < DIFF_RUNS; run++)
			print_figures(text, page, culprit, run);
	}
}

static void print_functions(const struct text_report *text, struct page *page,
			    const struct run_diff *diff)
{
	char slow[TEXT_SHORT], fast[TEXT_SHORT], figures[FIGURES_BYTES], name[LAYOUT_NAME_BYTES];
	const struct diff_function *function;
	size_t shown = 0;

	array_each (function, &diff->functions) {
		uint64_t slow_ns = function->time_ns[DIFF_SLOW];
		uint64_t fast_ns = function->time_ns[DIFF_FAST];

		if (slow_ns == fast_ns || (shown == FUNCTIONS_MOST && !text->settings.verbose))
			break;
		if (!shown++) {
			text_paint(text, page, PAINT_HEADING);
			fprintf(page->stream, "\n%9s  %9s  TIME IN COPIES BELOW (by samples)\n",
				"SLOW", "FAST");
			text_paint(text, page, PAINT_NONE);
		}
		snprintf(figures, sizeof(figures), "%9s  %9s",
			 slow_ns ? text_duration(slow, slow_ns) : "-",
			 fast_ns ? text_duration(fast, fast_ns) : "-");
		layout_row(page, text->settings.columns, figures,
			   text_frame(name, &function->frame, text->settings.columns), "");
	}
}

void text_diff(const struct text_report *text, struct page *page, const struct run_diff *diff)
{
	if (!text->settings.quiet)
		print_runs(text, page, diff);
	print_verdict(text, page, diff);
	print_culprits(text, page, diff);
	if (!text->settings.quiet)
		print_functions(text, page, diff);
}
