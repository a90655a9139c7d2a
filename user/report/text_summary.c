// SPDX-License-Identifier: GPL-2.0-only
/* The end of the text report: the table of functions, and the run in sentences. */
#include "report/text_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/layout.h"

#define UNCALLED_MOST 10 /* lines of functions that nobody called, but for -v */

/* ---- the table ---- */

static bool has_namesake(const struct run_summary *summary, size_t index)
{
	for (size_t i = 0; i < summary->function_count; i++) {
		if (i != index &&
		    !strcmp(summary->functions[i].function, summary->functions[index].function))
			return true;
	}
	return false;
}

static void print_function(const struct text_report *text, struct page *page,
			   const struct run_summary *summary, size_t index, int copied_columns)
{
	const struct function_summary *function = &summary->functions[index];
	char calls[TEXT_SHORT], total[TEXT_SHORT], p50[TEXT_SHORT], p99[TEXT_SHORT];
	char worst[TEXT_SHORT], copied[TEXT_COPIED], figures[8 * TEXT_SHORT];
	char module[LAYOUT_NAME_BYTES], remark[LAYOUT_NAME_BYTES + 8] = "";
	bool timed = function->ended != 0;

	text_duration(total, function->total_ns);
	text_duration(p50, function->p50_ns);
	text_duration(p99, function->p99_ns);
	text_duration(worst, function->max_ns);
	text_copied(copied, function);
	snprintf(figures, sizeof(figures), "%9s  %8s  %8s  %8s  %8s  %*s",
		 text_count(calls, function->calls), timed ? total : "-", timed ? p50 : "-",
		 timed ? p99 : "-", timed ? worst : "-", copied_columns, timed ? copied : "-");
	if (has_namesake(summary, index))
		snprintf(remark, sizeof(remark), "in %s",
			 layout_name(module, function->module, text->settings.columns / 2 - 8));
	layout_row(page, text->settings.columns, figures, function->function, remark);
}

static void print_table(const struct text_report *text, struct page *page,
			const struct run_summary *summary)
{
	char copied[TEXT_COPIED];
	int columns = 8;

	if (!summary->function_count)
		return;
	/* What is not exact is marked, and wider. */
	for (size_t i = 0; i < summary->function_count; i++) {
		int width = (int)strlen(text_copied(copied, &summary->functions[i]));

		columns = width > columns ? width : columns;
	}
	text_paint(text, page, PAINT_HEADING);
	fprintf(page->stream, "\n%9s  %8s  %8s  %8s  %8s  %*s  FUNCTION\n", "CALLS", "TOTAL", "P50",
		"P99", "WORST", columns, "COPIED");
	text_paint(text, page, PAINT_NONE);
	for (size_t i = 0; i < summary->function_count; i++)
		print_function(text, page, summary, i, columns);
}

/* What the table's times leave out: a line for each function that has such calls. */
static void print_untimed(const struct text_report *text, struct page *page,
			  const struct function_summary *function)
{
	const struct {
		uint64_t calls;
		const char *words;
	} kinds[] = {
		{function->unfinished, "still open when their thread or the watch ended"},
		{function->abandoned, function->ends_unseen
					      ? "not seen to end, since not all its ends are "
						"known: in no figure but CALLS, so WORST may be "
						"more"
					      : "left by longjmp, an exception or an exit without "
						"a probe: in no figure but CALLS, so WORST may be "
						"more"},
		{function->cut_off, "open when the budget ended their timing: in no figure but "
				    "CALLS, so WORST may be more"},
		{function->lost, "lost, not timed"},
	};
	char name[LAYOUT_NAME_BYTES], count[TEXT_SHORT], list[512];
	size_t used = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!kinds[i].calls)
			continue;
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s %s",
					 used ? "; " : "", text_count(count, kinds[i].calls),
					 kinds[i].words);
	}
	if (used)
		layout_paragraph(page, LAYOUT_HANG, text->settings.columns, "Calls of %s: %s.",
				 layout_name(name, function->function, NAME_COLUMNS), list);
}

/* An end that others have as well tells nothing where no call is known to be open. */
static void print_unseen_starts(const struct text_report *text, struct page *page,
				const struct function_summary *function)
{
	char name[LAYOUT_NAME_BYTES], count[TEXT_SHORT];

	if (function->unseen_starts)
		layout_paragraph(
			page, LAYOUT_HANG, text->settings.columns,
			"Calls of %s that had begun before the probes of %s process%s "
			"were live are not in its figures, since it ends in code that others "
			"call as well.",
			layout_name(name, function->function, NAME_COLUMNS),
			text_count(count, function->unseen_starts),
			function->unseen_starts == 1 ? "" : "es");
}

/* Of a pattern that takes many, most may be so. */
static void print_uncalled(const struct text_report *text, struct page *page,
			   const struct run_summary *summary)
{
	size_t shown = summary->uncalled_count, columns = text->settings.columns;
	char name[LAYOUT_NAME_BYTES], count[TEXT_SHORT];

	if (shown > UNCALLED_MOST && !text->settings.verbose)
		shown = UNCALLED_MOST - 1;
	for (size_t i = 0; i < shown; i++)
		layout_paragraph(page, LAYOUT_HANG, columns, "%s: not called while it was watched.",
				 layout_name(name, summary->uncalled[i], NAME_COLUMNS));
	if (shown < summary->uncalled_count)
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "Likewise not called: %s more watched functions (-v names them).",
				 text_count(count, summary->uncalled_count - shown));
}

static void print_notes(const struct text_report *text, struct page *page,
			const struct run_summary *summary)
{
	char count[TEXT_SHORT], least[TEXT_SHORT];

	for (size_t i = 0; i < summary->function_count; i++)
		text_function_gaps(text, page, &summary->functions[i]);
	for (size_t i = 0; i < summary->function_count; i++)
		print_untimed(text, page, &summary->functions[i]);
	for (size_t i = 0; i < summary->function_count; i++)
		print_unseen_starts(text, page, &summary->functions[i]);
	print_uncalled(text, page, summary);
	if (summary->left_out)
		layout_paragraph(page, LAYOUT_HANG, text->settings.columns,
				 "Calls of %s or longer without a copy, of functions with others "
				 "inlined: %s, in the table alone.",
				 text_duration(least, text->min_time_ns),
				 text_count(count, summary->left_out));
	if (summary->unmatched_ends)
		layout_paragraph(page, LAYOUT_HANG, text->settings.columns,
				 "Calls that had begun before they were watched: %s, not timed.",
				 text_count(count, summary->unmatched_ends));
}

/* ---- what there is to say without a finding ---- */

static void print_watched(const struct text_report *text, struct page *page,
			  const struct run_summary *summary)
{
	size_t columns = text->settings.columns;
	char name[LAYOUT_NAME_BYTES];

	if (summary->watched_count)
		fprintf(page->stream, "Watched:\n");
	for (size_t i = 0; i < summary->watched_count; i++)
		layout_paragraph(page, LAYOUT_HANG, columns, "  %s",
				 layout_name(name, summary->watched[i], columns - 2));
}

static void print_nothing_found(const struct text_report *text, struct page *page,
				const struct run_summary *summary)
{
	char least[TEXT_SHORT];

	/* A flush whose record was lost is in the table only. */
	layout_paragraph(page, LAYOUT_HANG, text->settings.columns,
			 "No watched call of %s or longer%s came to its end%s.",
			 text_duration(least, text->min_time_ns),
			 summary->left_out ? " in which a copy was counted" : "",
			 summary->losses.ring_full || summary->losses.malformed
				 ? ", as far as memwatch can tell: events were lost"
				 : "");
	print_watched(text, page, summary);
}

/* How many were looked at tells how well it is known. */
static void print_no_stall(const struct text_report *text, struct page *page,
			   const struct run_summary *summary)
{
	char least[TEXT_SHORT], samples[TEXT_SHORT];

	text_duration(least, text->min_time_ns);
	if (!summary->samples)
		layout_paragraph(page, LAYOUT_HANG, text->settings.columns,
				 "No stall of %s or longer in copies was seen, but no sample was "
				 "taken.",
				 least);
	else
		layout_paragraph(
			page, LAYOUT_HANG, text->settings.columns,
			"No stall of %s or longer in copies was seen in %s sample%s%s.", least,
			text_count(samples, summary->samples), summary->samples == 1 ? "" : "s",
			summary->losses.samples ? ", as far as memwatch can tell: samples were lost"
						: "");
}

static void print_unseen(const struct text_report *text, struct page *page, bool is_sampled)
{
	layout_paragraph(
		page, LAYOUT_HANG, text->settings.columns, "%s",
		is_sampled
			? "memwatch cannot see: copies in the kernel, loops of the program's own "
			  "that "
			  "copy, and what happened before it watched."
			: "memwatch cannot see: copies that the compiler inlined, rep movs in the "
			  "program itself, copies in the kernel, calls that were inlined into "
			  "their "
			  "callers, and what happened before it watched.");
}

/* ---- counts, losses, cost ---- */

static void print_copies(const struct text_report *text, struct page *page,
			 const struct run_summary *summary)
{
	char copies[TEXT_SHORT], bytes[TEXT_SHORT], largest[TEXT_SHORT], least[TEXT_SHORT];
	char outside[TEXT_SHORT], took[TEXT_SHORT], rate[TEXT_SHORT];
	size_t columns = text->settings.columns;

	if (!summary->copies) {
		layout_paragraph(page, LAYOUT_HANG, columns, "Copies counted: none.");
		return;
	}
	layout_paragraph(
		page, LAYOUT_HANG, columns, "Copies counted: %s, %s together, the largest %s.",
		text_count(copies, summary->copies), text_bytes(bytes, summary->copied_bytes),
		text_bytes(largest, summary->largest_copy_bytes));
	if (summary->timed_copies)
		layout_paragraph(page, LAYOUT_HANG, columns, "Copies timed: %s, %s in %s (%s).",
				 text_count(copies, summary->timed_copies),
				 text_bytes(bytes, summary->timed_bytes),
				 text_duration(took, summary->copy_ns),
				 text_rate(rate, summary->timed_bytes, summary->copy_ns));
	if (summary->large_copies)
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "Copies of %s or more outside any flush: %s.",
				 text_bytes(least, text->min_bytes),
				 text_count(outside, summary->large_copies));
}

static void print_sizes(const struct text_report *text, struct page *page,
			const struct run_summary *summary)
{
	char copies[TEXT_SHORT], bytes[TEXT_SHORT], from[TEXT_SHORT], below[TEXT_SHORT];

	if (!summary->copies)
		return;
	fprintf(page->stream, "Copies by size:\n");
	text_paint(text, page, PAINT_HEADING);
	fprintf(page->stream, "%11s  %8s  SIZE\n", "COPIES", "BYTES");
	text_paint(text, page, PAINT_NONE);
	for (unsigned i = 0; i < SIZE_CLASSES; i++) {
		if (!summary->copies_by_class[i])
			continue;
		fprintf(page->stream, "%11s  %8s  ",
			text_count(copies, summary->copies_by_class[i]),
			text_bytes(bytes, summary->bytes_by_class[i]));
		text_bytes(from, i ? 1ull << (i - 1) : 0);
		/* The smallest two hold one size each, the last one all that is larger. */
		if (i < 2)
			fprintf(page->stream, "%s\n", from);
		else if (i == SIZE_CLASSES - 1)
			fprintf(page->stream, "%s or more\n", from);
		else
			fprintf(page->stream, "%s to under %s\n", from,
				text_bytes(below, 1ull << i));
	}
}

/* Where the finding does not speak of the writes, they are told here. */
static void print_writes(const struct text_report *text, struct page *page,
			 const struct run_summary *summary)
{
	char name[LAYOUT_NAME_BYTES], count[TEXT_SHORT], gap[TEXT_SHORT];
	char typical[4 * TEXT_SHORT] = "";

	if (!summary->writes_function || text_tells_of_writes(&summary->finding))
		return;
	if (summary->write_gap_ns)
		snprintf(typical, sizeof(typical),
			 "; from one to the next typically %s (with memwatch's probe in it)",
			 text_duration(gap, summary->write_gap_ns));
	layout_paragraph(page, LAYOUT_HANG, text->settings.columns, "Calls of %s counted: %s%s.",
			 layout_name(name, summary->writes_function, NAME_COLUMNS),
			 summary->writes ? text_count(count, summary->writes) : "none", typical);
}

static void print_losses(const struct text_report *text, struct page *page,
			 const struct loss_counts *losses)
{
	const struct {
		uint64_t count;
		const char *words;
	} kinds[] = {
		{losses->ring_full,
		 "events found no room in memwatch's buffer: that many flushes or large copies "
		 "have "
		 "no line; what is said of the typical flush is without them. The table and the "
		 "counts of copies are complete."},
		{losses->samples,
		 "samples of copies found no room in memwatch's buffer: stalls may be missing or "
		 "look shorter than they were, and the calls that led to copies lack them."},
		{losses->life_events,
		 "forks, execs, exits or loaded libraries could not be told of: as many processes "
		 "may be missing, or watched for less than their time."},
		{losses->span_table_full,
		 "calls found no room in memwatch's table of open calls: their times and bytes "
		 "are missing everywhere but in the counts of copies."},
		{losses->thread_state_failed,
		 "probe hits could not be counted, for lack of kernel memory: all figures are too "
		 "low by what they would have told."},
		{losses->goroutine_table_full,
		 "probe hits could not be counted, since their goroutines found no room in "
		 "memwatch's table of them: all figures are too low by what they would have told."},
		{losses->malformed,
		 "events reached memwatch damaged and were left out: as many flushes, large copies "
		 "or processes are missing."},
	};
	char count[TEXT_SHORT];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!kinds[i].count)
			continue;
		text_paint(text, page, PAINT_ALARM);
		layout_paragraph(page, LAYOUT_HANG, text->settings.columns, "LOST: %s %s",
				 text_count(count, kinds[i].count), kinds[i].words);
		text_paint(text, page, PAINT_NONE);
	}
}

/* " (60 ended before their probes were live)", as far as it is known. Gives buf. */
static const char *why_missed(char buf[4 * TEXT_SHORT], const struct text_report *text,
			      const struct run_summary *summary)
{
	static const char *const words[] = {
		[TEXT_MISSED_ENDED] = "ended before their probes were live",
		[TEXT_MISSED_CLOSING] = "had no live probes when the watch ended",
		[TEXT_MISSED_ENDED | TEXT_MISSED_CLOSING] =
			"ended, or the watch did, before their probes were live",
		[TEXT_MISSED_REFUSED] = "could not be watched",
		[TEXT_MISSED_REFUSED | TEXT_MISSED_ENDED] =
			"ended before their probes were live, or could not be watched",
		[TEXT_MISSED_REFUSED | TEXT_MISSED_CLOSING] =
			"had no live probes when the watch ended, or could not be watched",
		[TEXT_MISSED_REFUSED | TEXT_MISSED_CLOSING | TEXT_MISSED_ENDED] =
			"ended, or the watch did, before their probes were live, or could not be "
			"watched",
	};
	char count[TEXT_SHORT];

	*buf = '\0';
	if (text->missed && summary->processes_seen > summary->processes_watched)
		snprintf(buf, 4 * TEXT_SHORT, " (%s %s)",
			 text_count(count, summary->processes_seen - summary->processes_watched),
			 words[text->missed]);
	return buf;
}

static void print_watch(const struct text_report *text, struct page *page,
			const struct run_summary *summary)
{
	char watched[TEXT_SHORT], seen[TEXT_SHORT], worst[TEXT_SHORT], wall[TEXT_SHORT];
	char processes[6 * TEXT_SHORT] = "", missed[4 * TEXT_SHORT], gap[4 * TEXT_SHORT] = "";

	if (summary->processes_seen > 1 || summary->processes_watched != summary->processes_seen)
		snprintf(processes, sizeof(processes), ", %s of %s processes%s",
			 text_count(watched, summary->processes_watched),
			 text_count(seen, summary->processes_seen),
			 why_missed(missed, text, summary));
	if (summary->worst_unwatched_ns)
		snprintf(gap, sizeof(gap), "; the longest unwatched start of a followed one: %s",
			 text_duration(worst, summary->worst_unwatched_ns));
	layout_paragraph(page, LAYOUT_HANG, text->settings.columns, "Watched for %s%s%s.",
			 text_duration(wall, summary->wall_ns), processes, gap);
}

static bool has_stalls(const struct run_summary *summary)
{
	for (size_t i = 0; i < summary->stalls.culprit_count; i++) {
		if (summary->stalls.culprits[i].stalls)
			return true;
	}
	return false;
}

/* What there is to say of stalls. Where no function was named, there can't be any flushes. */
static void print_end(const struct text_report *text, struct page *page,
		      const struct run_summary *summary)
{
	bool is_found = summary->finding.found || has_stalls(summary);

	if (summary->is_copies_only && summary->copies && !summary->is_sampled)
		return;
	fputc('\n', page->stream);
	text_findings(text, page, summary);
	if (!is_found && summary->is_sampled)
		print_no_stall(text, page, summary);
	if (!summary->is_copies_only && !summary->finding.found)
		print_nothing_found(text, page, summary);
	else if (!is_found && !summary->copies)
		print_watched(text, page, summary);
	if (!is_found || summary->copyless_flushes)
		print_unseen(text, page, summary->is_sampled);
}

/* Of a recording without its end. */
static void print_partial(const struct text_report *text, struct page *page,
			  const struct run_summary *summary)
{
	size_t columns = text->settings.columns;
	char least[TEXT_SHORT], wall[TEXT_SHORT];

	print_table(text, page, summary);
	text_culprits(text, page, summary);
	text_tree(text, page, summary);
	fputc('\n', page->stream);
	text_findings(text, page, summary);
	if (!summary->finding.found && !has_stalls(summary))
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "No stall of %s or longer was told of.",
				 text_duration(least, text->min_time_ns));
	fputc('\n', page->stream);
	text_paint(text, page, PAINT_ALARM);
	layout_paragraph(page, LAYOUT_HANG, columns,
			 "The recording is cut off after %s: the table is of the calls of %s or "
			 "longer that had ended by then. How many others there were, how many "
			 "copies, what was lost and what memwatch cost is not known.",
			 text_duration(wall, summary->wall_ns),
			 text_duration(least, text->min_time_ns));
	text_paint(text, page, PAINT_NONE);
	print_watch(text, page, summary);
}

void text_summarize(const struct text_report *text, struct page *page,
		    const struct run_summary *summary)
{
	if (summary->is_partial) {
		print_partial(text, page, summary);
		return;
	}
	print_table(text, page, summary);
	print_notes(text, page, summary);
	text_culprits(text, page, summary);
	text_tree(text, page, summary);
	print_end(text, page, summary);
	fputc('\n', page->stream);
	print_losses(text, page, &summary->losses);
	print_copies(text, page, summary);
	text_count_gaps(text, page, summary);
	if (text->settings.verbose || (summary->is_copies_only && !has_stalls(summary)))
		print_sizes(text, page, summary);
	if (summary->is_copies_only && !summary->is_sampled)
		layout_paragraph(page, LAYOUT_HANG, text->settings.columns,
				 "To learn which calls of a function copied how much, and how long "
				 "they took, name it with --flush.");
	print_writes(text, page, summary);
	print_watch(text, page, summary);
	text_samples(text, page, summary);
	text_cost(text, page, summary);
}
