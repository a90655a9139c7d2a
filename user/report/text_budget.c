// SPDX-License-Identifier: GPL-2.0-only
/* The text report on what the budget left uncounted, and on what memwatch cost. */
#include "report/text_report.h"

#include <string.h>

#include "base/text.h"
#include "report/layout.h"

#define STEP_HANG  11    /* past the time that such a line begins with */
#define IN_BYTES   10000 /* gates below are told to the byte */
#define COST_BYTES (6 * TEXT_SHORT)

const char *text_at_least(char buf[TEXT_COPIED], uint64_t counted_bytes)
{
	char bytes[TEXT_SHORT];

	snprintf(buf, TEXT_COPIED, counted_bytes ? ">= %s" : "not counted",
		 text_bytes(bytes, counted_bytes));
	return buf;
}

/* ---- a step ---- */

/* "2,113 bytes", "1.00 MiB". Gives buf. */
static const char *gate_size(char buf[2 * TEXT_SHORT], uint64_t bytes)
{
	char size[TEXT_SHORT];

	if (bytes >= IN_BYTES)
		snprintf(buf, 2 * TEXT_SHORT, "%s", text_bytes(size, bytes));
	else
		snprintf(buf, 2 * TEXT_SHORT, "%s byte%s", text_count(size, bytes),
			 bytes == 1 ? "" : "s");
	return buf;
}

/* ": their probes cost 38 % of the target's time", as far as it is known. Gives buf. */
static const char *why_raised(char buf[COST_BYTES], const struct budget_step *step)
{
	const char *whose = step->function ? "its" : "their";
	char percent[TEXT_PERCENT], spent[TEXT_SHORT];

	*buf = '\0';
	if (!step->is_raised || !step->spent_ns)
		return buf;
	if (!step->during_ns)
		snprintf(buf, COST_BYTES, ": %s probes cost the target %s", whose,
			 text_duration(spent, step->spent_ns));
	/* It is an estimate, and can come out above what it is a part of. */
	else if (step->spent_ns >= step->during_ns)
		snprintf(buf, COST_BYTES, ": %s probes cost nearly all of the target's time",
			 whose);
	else
		snprintf(buf, COST_BYTES, ": %s probes cost %s of the target's time", whose,
			 text_percent(percent, step->spent_ns, step->during_ns));
	return buf;
}

/* What becomes of a process's copies. Gives buf. */
static const char *copies_from_here(char buf[COST_BYTES], const struct budget_step *step)
{
	char size[2 * TEXT_SHORT];

	if (step->to_gate_bytes == NO_GATE)
		snprintf(buf, COST_BYTES, "no copies are counted from here on");
	else if (!step->to_gate_bytes)
		snprintf(buf, COST_BYTES, "copies of all sizes are counted from here on");
	else if (step->is_raised)
		snprintf(buf, COST_BYTES, "copies under %s are not counted from here on",
			 gate_size(size, step->to_gate_bytes));
	else
		snprintf(buf, COST_BYTES, "copies of %s or more are counted from here on",
			 gate_size(size, step->to_gate_bytes));
	return buf;
}

void text_step(const struct text_report *text, struct page *page, const char *at,
	       const struct budget_step *step)
{
	static const char *const raised[] = {
		[WATCH_TIMED] = "is timed",
		[WATCH_COUNTED] = "is no longer timed, its calls are counted",
		[WATCH_DROPPED] = "is no longer watched",
	};
	static const char *const lowered[] = {
		[WATCH_TIMED] = "is timed again",
		[WATCH_COUNTED] = "is not timed, but its calls are counted again",
		[WATCH_DROPPED] = "is not watched",
	};
	char name[LAYOUT_NAME_BYTES], why[COST_BYTES], what[COST_BYTES];
	size_t columns = text->settings.columns, room = columns - STEP_HANG;

	why_raised(why, step);
	if (step->function) {
		layout_paragraph(page, STEP_HANG, columns, "%9s  %s %s%s", at,
				 layout_name(name, step->function,
					     room < NAME_COLUMNS ? room : NAME_COLUMNS),
				 (step->is_raised ? raised : lowered)[step->to_watch], why);
		return;
	}
	layout_name(name, step->comm, columns / 2);
	layout_paragraph(page, STEP_HANG, columns, "%9s  %s%s%d: %s%s", at, name,
			 *name ? " " : "process ", (int)step->pid, copies_from_here(what, step),
			 why);
}

/* ---- what the table's figures lack ---- */

static bool is_counted_in_full(const struct function_summary *function)
{
	return function->whole_calls >= function->outermost;
}

/* Else what all calls copied is more than what those did of which the figures are. */
static bool are_all_timed(const struct function_summary *function)
{
	return !function->untimed && !function->is_dropped;
}

const char *text_copied(char buf[TEXT_COPIED], const struct function_summary *function)
{
	char bytes[TEXT_SHORT];

	if (!are_all_timed(function) && is_counted_in_full(function))
		snprintf(buf, TEXT_COPIED, ">= %s", text_bytes(bytes, function->copied_bytes));
	else if (!are_all_timed(function))
		text_at_least(buf, function->copied_bytes);
	else if (is_counted_in_full(function))
		snprintf(buf, TEXT_COPIED, "%s", text_bytes(bytes, function->copied_bytes));
	else if (function->estimated_bytes)
		snprintf(buf, TEXT_COPIED, "~%s", text_bytes(bytes, function->estimated_bytes));
	else
		text_at_least(buf, function->copied_bytes);
	return buf;
}

/* "40 calls", of the calls that the bytes are of. Gives buf. */
static const char *outermost_words(char buf[6 * TEXT_SHORT],
				   const struct function_summary *function)
{
	char all[TEXT_SHORT], inner[TEXT_SHORT], besides[3 * TEXT_SHORT] = "";
	uint64_t recursive =
		function->ended > function->outermost ? function->ended - function->outermost : 0;

	if (recursive)
		snprintf(besides, sizeof(besides), " (and %s recursive one%s within them)",
			 text_count(inner, recursive), recursive == 1 ? "" : "s");
	snprintf(buf, 6 * TEXT_SHORT, "%s%s call%s%s", text_count(all, function->outermost),
		 are_all_timed(function) ? "" : " timed", function->outermost == 1 ? "" : "s",
		 besides);
	return buf;
}

static void print_estimate(const struct text_report *text, struct page *page,
			   const struct function_summary *function, const char *name)
{
	char whole[TEXT_SHORT], all[TEXT_SHORT], counted[TEXT_SHORT], about[TEXT_SHORT];
	char off[TEXT_SHORT], error[4 * TEXT_SHORT], calls[6 * TEXT_SHORT];

	text_count(whole, function->whole_calls);
	text_count(all, function->outermost);
	text_bytes(about, function->estimated_bytes);
	/* The whole ones are no random choice: most are the first ones of the run. */
	if (!function->error_bytes)
		snprintf(error, sizeof(error), "; too few were to tell how far that is off");
	else
		snprintf(error, sizeof(error), " +- %s (95 %%, if the others are like them)",
			 text_bytes(off, function->error_bytes));
	layout_paragraph(page, LAYOUT_HANG, text->settings.columns,
			 "%s: %s of %s %s counted in full, %s; %s %s copied about %s%s.", name,
			 whole, outermost_words(calls, function),
			 function->whole_calls == 1 ? "was" : "were",
			 text_bytes(counted, function->whole_bytes),
			 are_all_timed(function) ? "all" : "these", all, about, error);
}

/* Where there is no estimate: none was counted in full, or too few of those that take long. */
static void print_lower_bound(const struct text_report *text, struct page *page,
			      const struct function_summary *function, const char *name)
{
	char whole[TEXT_SHORT], bytes[TEXT_SHORT], calls[6 * TEXT_SHORT];
	char counted[2 * TEXT_SHORT] = "";

	if (function->copied_bytes)
		snprintf(counted, sizeof(counted), ", but for %s of it",
			 text_bytes(bytes, function->copied_bytes));
	layout_paragraph(
		page, LAYOUT_HANG, text->settings.columns,
		"%s: %s of %s %s counted in full%s, so what they copied is not known%s.", name,
		function->whole_calls ? text_count(whole, function->whole_calls) : "none",
		outermost_words(calls, function), function->whole_calls > 1 ? "were" : "was",
		function->whole_calls ? ", too few of those that took long" : "", counted);
}

/* What is of the timed calls alone, and which calls are in no figure at all. */
static void print_throttling(const struct text_report *text, struct page *page,
			     const struct function_summary *function, const char *name)
{
	char timed[TEXT_SHORT], calls[TEXT_SHORT];
	size_t columns = text->settings.columns;

	if (!function->is_throttled)
		return;
	text_count(timed, function->ended);
	text_count(calls, function->calls);
	/* Counting would have cost as much: it went straight from timed to dropped. */
	if (function->is_dropped && !function->untimed)
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "%s was called too often to be watched within the budget: it was "
				 "given up after %s calls, and the rest is in no figure.",
				 name, calls);
	else
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "%s was called too often to be timed within the budget%s: %s of "
				 "%s calls were timed, and TOTAL, P50, P99, WORST and COPIED are "
				 "of these alone%s.",
				 name, function->is_counted_only ? "" : " all along", timed, calls,
				 function->is_dropped ? "; then it was given up, and the rest is "
							"in no figure"
						      : "");
}

void text_function_gaps(const struct text_report *text, struct page *page,
			const struct function_summary *function)
{
	char name[LAYOUT_NAME_BYTES];

	layout_name(name, function->function, NAME_COLUMNS);
	print_throttling(text, page, function, name);
	if (is_counted_in_full(function))
		return;
	if (function->estimated_bytes)
		print_estimate(text, page, function, name);
	else
		print_lower_bound(text, page, function, name);
}

/* From which size on copies were counted, where the budget left that alone. */
static void print_least(const struct text_report *text, struct page *page,
			const struct run_summary *summary)
{
	uint64_t gate_bytes = text->gate_bytes ? text->gate_bytes : summary->gate_bytes;
	size_t columns = text->settings.columns;
	char size[2 * TEXT_SHORT];

	if (gate_bytes == NO_GATE)
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "Copies by routines in which nothing tells large ones from small "
				 "ones are not counted (--gate 0 counts every one).");
	else if (gate_bytes)
		/* Each routine of each process has a gate of its own. */
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "Copies under %s are not %scounted (--gate 0 counts every one).",
				 gate_size(size, gate_bytes),
				 !text->gate_bytes && summary->processes_watched > 1 ? "all " : "");
}

void text_count_gaps(const struct text_report *text, struct page *page,
		     const struct run_summary *summary)
{
	char steps[TEXT_SHORT], first[TEXT_SHORT], wall[TEXT_SHORT], when[4 * TEXT_SHORT] = "";

	print_least(text, page, summary);
	if (!summary->budget_steps)
		return;
	/* Who reads the summary alone has not seen the steps. */
	if (text->first_step_ns > text->start_ns)
		snprintf(when, sizeof(when), ", %safter %s of %s",
			 summary->budget_steps > 1 ? "first " : "",
			 text_duration(first, text->first_step_ns - text->start_ns),
			 text_duration(wall, summary->wall_ns));
	layout_paragraph(page, LAYOUT_HANG, text->settings.columns,
			 "To stay within its budget, memwatch changed what it counts %s time%s%s "
			 "(--budget none counts all).",
			 text_count(steps, summary->budget_steps),
			 summary->budget_steps == 1 ? "" : "s", when);
}

/* ---- what it cost ---- */

/* "800 ns or 12.0 us", or the one of them that is known. Gives buf. */
static const char *hit_costs(char buf[3 * TEXT_SHORT], const struct run_summary *summary)
{
	char cheap[TEXT_SHORT], stepped[TEXT_SHORT];

	text_duration(cheap, summary->hit_cheap_ns);
	text_duration(stepped, summary->hit_stepped_ns);
	if (summary->hit_cheap_ns && summary->hit_stepped_ns)
		snprintf(buf, 3 * TEXT_SHORT, "%s or %s each", cheap, stepped);
	else
		snprintf(buf, 3 * TEXT_SHORT, "%s each", summary->hit_cheap_ns ? cheap : stepped);
	return buf;
}

/* "; --writes is not charged to it", where that is why more was spent than there was, or "". */
static const char *uncharged_words(const struct run_summary *summary)
{
	double paid_ns = summary->budget_pct / 100 * (double)summary->target_cpu_ns +
			 (double)summary->budget_credit_ns;

	if ((double)summary->overhead_ns <= paid_ns)
		return "";
	if (summary->gate_is_fixed)
		return summary->writes ? "; --gate is fixed, and neither that nor --writes is "
					 "charged to it"
				       : "; --gate is fixed and not charged to it";
	return summary->writes ? "; --writes is not charged to it" : "";
}

/* ", of a budget of 2 % plus 200 ms", or "" where there is none. Gives buf. */
static const char *budget_words(char buf[COST_BYTES], const struct run_summary *summary)
{
	char credit[TEXT_SHORT], plus[2 * TEXT_SHORT] = "";

	*buf = '\0';
	if (summary->budget_pct < 0)
		return buf;
	if (summary->budget_credit_ns)
		snprintf(plus, sizeof(plus), " plus %s",
			 text_duration(credit, summary->budget_credit_ns));
	snprintf(buf, COST_BYTES, ", of a budget of %g %%%s%s", summary->budget_pct, plus,
		 uncharged_words(summary));
	return buf;
}

/* The last line of the report, for who reads no other. */
static void print_share(const struct text_report *text, struct page *page,
			const struct run_summary *summary)
{
	char percent[TEXT_PERCENT], budget[COST_BYTES];
	bool is_all = summary->overhead_ns > summary->target_cpu_ns;

	layout_paragraph(
		page, LAYOUT_HANG, text->settings.columns, "memwatch cost %s of its time%s.",
		is_all ? "nearly all"
		       : text_percent(percent, summary->overhead_ns, summary->target_cpu_ns),
		budget_words(budget, summary));
}

void text_cost(const struct text_report *text, struct page *page, const struct run_summary *summary)
{
	char hits[TEXT_SHORT], cost[TEXT_SHORT], cpu[TEXT_SHORT], each[3 * TEXT_SHORT];
	size_t columns = text->settings.columns;
	/* What sampling cost stands beside the samples. */
	uint64_t hits_ns = summary->overhead_ns - (summary->sampling_ns < summary->overhead_ns
							   ? summary->sampling_ns
							   : summary->overhead_ns);

	text_count(hits, summary->probe_hits);
	hit_costs(each, summary);
	if (summary->probe_hits && !summary->hit_cheap_ns && !summary->hit_stepped_ns) {
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "memwatch's probes were hit %s times; what a hit cost is not "
				 "known.",
				 hits);
		return;
	}
	if (!summary->probe_hits)
		layout_paragraph(page, LAYOUT_HANG, columns, "The target hit none of the probes.");
	/* Hits that were measured on a busy machine come out too dear. */
	else if (summary->target_cpu_ns && hits_ns > summary->target_cpu_ns)
		layout_paragraph(
			page, LAYOUT_HANG, columns,
			"The target had %s of CPU time and hit probes %s times; at %s, as "
			"measured at the start, that would have taken more than there was.",
			text_duration(cpu, summary->target_cpu_ns), hits, each);
	else
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "The target spent about %s in %s probe hits (%s).",
				 text_duration(cost, hits_ns), hits, each);
	if (summary->target_cpu_ns)
		print_share(text, page, summary);
}
