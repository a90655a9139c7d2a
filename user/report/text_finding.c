// SPDX-License-Identifier: GPL-2.0-only
/* The text report's sentences: what stalls, how, and which calls of which function it is. */
#include "report/text_report.h"

#include <string.h>

#include "base/text.h"
#include "report/frame_label.h"

#define LEAST_COST_SHARE 50 /* memwatch's part in a flush is said from 1/50 (2 %) on */
#define WHICH_BYTES      (LAYOUT_NAME_BYTES + 128)
#define EVIDENCE_BYTES   (2 * LAYOUT_NAME_BYTES + 128)

/* ", about 16.0 ms of it memwatch's own cost", or "" where that is no part to speak of. */
static const char *own_cost(char buf[3 * TEXT_SHORT], const struct finding *finding)
{
	char cost[TEXT_SHORT];

	*buf = '\0';
	/* It is an estimate, and can come out above what it is a part of. */
	if (finding->overhead_ns >= finding->duration_ns && finding->overhead_ns)
		snprintf(buf, 3 * TEXT_SHORT, ", most of it memwatch's own cost");
	else if (finding->overhead_ns >= finding->duration_ns / LEAST_COST_SHARE &&
		 finding->overhead_ns)
		snprintf(buf, 3 * TEXT_SHORT, ", about %s of it memwatch's own cost",
			 text_duration(cost, finding->overhead_ns));
	return buf;
}

/*
 * "copied 95.4 MiB in 26.1 ms (3.83 GB/s)". A rate that memwatch's own cost spoils is none of the
 * program's, and bytes of some flushes with the time of all give none, so it is left out. Gives
 * buf.
 */
static const char *deed(char buf[8 * TEXT_SHORT], const struct finding *finding)
{
	char took[TEXT_SHORT], bytes[TEXT_SHORT], rate[TEXT_SHORT], cost[3 * TEXT_SHORT];
	char whole[TEXT_SHORT], all[TEXT_SHORT];

	text_duration(took, finding->duration_ns);
	text_bytes(bytes, finding->copied_bytes);
	own_cost(cost, finding);
	if (!finding->whole_flushes)
		snprintf(buf, 8 * TEXT_SHORT,
			 "took %s%s, and what it copied was not counted in full", took, cost);
	else if (!finding->bytes_are_typical)
		snprintf(buf, 8 * TEXT_SHORT,
			 "took %s%s, and what it copied was counted in full in %s of %s only", took,
			 cost, text_count(whole, finding->whole_flushes),
			 text_count(all, finding->flushes));
	else if (finding->whole_flushes < finding->flushes)
		snprintf(buf, 8 * TEXT_SHORT, "copied %s (as counted in %s of %s) in %s%s", bytes,
			 text_count(whole, finding->whole_flushes),
			 text_count(all, finding->flushes), took, cost);
	else if (!finding->copied_bytes)
		snprintf(buf, 8 * TEXT_SHORT, "took %s%s, and no copy was counted in it", took,
			 cost);
	else if (*cost)
		snprintf(buf, 8 * TEXT_SHORT, "copied %s in %s%s", bytes, took, cost);
	else
		snprintf(buf, 8 * TEXT_SHORT, "copied %s in %s (%s)", bytes, took,
			 text_rate(rate, finding->copied_bytes, finding->duration_ns));
	return buf;
}

bool text_tells_of_writes(const struct finding *finding)
{
	return finding->found && finding->writes_function &&
	       (finding->calls_per_stall || finding->stalled_writes);
}

/* Which call of the writes stalls, as far as the finding tells. Gives buf. */
static const char *which_write(char buf[WHICH_BYTES], const struct run_summary *summary)
{
	const struct finding *finding = &summary->finding;
	char name[LAYOUT_NAME_BYTES], count[TEXT_SHORT], all[TEXT_SHORT];

	layout_name(name, finding->writes_function, NAME_COLUMNS);
	text_count(count, finding->calls_per_stall);
	if (!finding->calls_per_stall)
		snprintf(buf, WHICH_BYTES, "%s of %s calls of %s stalled",
			 text_count(count, finding->stalled_writes),
			 text_count(all, summary->writes), name);
	else if (finding->flushes == 1)
		snprintf(buf, WHICH_BYTES, "Call %s of %s stalled", count, name);
	else if (finding->calls_per_stall == 1)
		snprintf(buf, WHICH_BYTES, "Each call of %s stalls", name);
	else
		snprintf(buf, WHICH_BYTES, "1 in %s calls of %s stalls", count, name);
	return buf;
}

/* ---- what counting calls told ---- */

static bool is_discovered(const struct discovery *discovery)
{
	return discovery->flush || discovery->caller;
}

/* Which call of the function that defers the work stalls. Gives buf. */
static const char *which_caller(char buf[WHICH_BYTES], const struct discovery *discovery)
{
	uint64_t about = frame_calls_per_stall(discovery, discovery->caller);
	char name[LAYOUT_NAME_BYTES], count[TEXT_SHORT];

	text_frame(name, discovery->caller, NAME_COLUMNS);
	if (discovery->is_irregular && about)
		snprintf(buf, WHICH_BYTES,
			 "Calls of %s stall at uneven distances, typically of %s calls", name,
			 text_count(count, about));
	else if (discovery->is_irregular)
		snprintf(buf, WHICH_BYTES, "Calls of %s stall at uneven distances", name);
	else if (discovery->period_calls)
		/* One distance is no law: it says what was, and not what will be. */
		snprintf(buf, WHICH_BYTES, "1 in %s calls of %s %s",
			 text_count(count, discovery->period_calls), name,
			 discovery->stalls > 1 ? "stalls" : "stalled");
	else if (about)
		snprintf(buf, WHICH_BYTES, "About 1 in %s calls of %s stalls",
			 text_count(count, about), name);
	else
		snprintf(buf, WHICH_BYTES, "Some calls of %s stall", name);
	return buf;
}

/* "write_str 100,000 a stall", if its calls were counted. Gives what was appended. */
static size_t list_calls(char *list, size_t bytes, const struct discovery *discovery,
			 const struct frame *frame, bool is_first)
{
	uint64_t calls = frame_calls_per_stall(discovery, frame);
	char name[LAYOUT_NAME_BYTES], count[TEXT_SHORT];
	int length;

	if (!calls)
		return 0;
	length = snprintf(list, bytes, "%s%s %s%s", is_first ? ": " : ", ",
			  text_frame(name, frame, NAME_COLUMNS), text_count(count, calls),
			  is_first ? " a stall" : "");
	return (size_t)length;
}

/* " (found by counting calls: write_str 100,000 a stall, PyUnicode_Join 1)". Gives buf. */
static const char *evidence(char buf[EVIDENCE_BYTES], const struct discovery *discovery)
{
	size_t length = (size_t)snprintf(buf, EVIDENCE_BYTES, " (found by counting calls");
	size_t caller = list_calls(buf + length, EVIDENCE_BYTES - length, discovery,
				   discovery->caller, true);

	length += caller;
	length += list_calls(buf + length, EVIDENCE_BYTES - length, discovery, discovery->flush,
			     !caller);
	snprintf(buf + length, EVIDENCE_BYTES - length, ")");
	return buf;
}

/* All that was counted, for who wants to judge it. */
static void print_evidence(const struct text_report *text, struct page *page,
			   const struct discovery *discovery)
{
	char calls[TEXT_SHORT], within[TEXT_SHORT], stalls[TEXT_SHORT], figures[4 * TEXT_SHORT];
	char label[FRAME_LABEL_BYTES];

	if (!text->settings.verbose || !discovery->function_count)
		return;
	text_paint(text, page, PAINT_HEADING);
	fprintf(page->stream, "%11s  %8s  COUNTED FUNCTION (%s stall%s)\n", "CALLS", "IN STALL",
		text_count(stalls, discovery->stalls), discovery->stalls == 1 ? "" : "s");
	text_paint(text, page, PAINT_NONE);
	for (size_t i = 0; i < discovery->function_count; i++) {
		const struct counted_function *counted = &discovery->functions[i];

		snprintf(figures, sizeof(figures), "%11s  %8s",
			 text_count(calls, counted->calls_per_stall),
			 text_count(within, counted->calls_within));
		layout_row(page, text->settings.columns, figures,
			   frame_label(label, counted->frame),
			   counted->frame->is_inlined ? "inlined" : "");
	}
}

static const struct culprit *culprit_of(const struct run_summary *summary,
					const struct frame *frame)
{
	for (size_t i = 0; i < summary->stalls.culprit_count; i++) {
		const struct culprit *culprit = &summary->stalls.culprits[i];

		if (culprit->stalls && frame_labels_alike(culprit->frame, frame))
			return culprit;
	}
	return NULL;
}

/* Who carries out what the caller defers: a function of its own, or a part of the caller. */
static const char *who_flushes(char buf[LAYOUT_NAME_BYTES + 64], const struct discovery *discovery)
{
	char name[LAYOUT_NAME_BYTES];

	if (discovery->flush)
		snprintf(buf, LAYOUT_NAME_BYTES + 64, "%s carries out what was deferred",
			 text_frame(name, discovery->flush, NAME_COLUMNS));
	else if (!discovery->culprit || frame_labels_alike(discovery->culprit, discovery->caller))
		snprintf(buf, LAYOUT_NAME_BYTES + 64, "it carries out itself what was deferred");
	else
		snprintf(buf, LAYOUT_NAME_BYTES + 64, "what was deferred is carried out under %s",
			 text_frame(name, discovery->culprit, NAME_COLUMNS));
	return buf;
}

/* Of one whose flush is not what the finding speaks of. */
static void print_discovery(const struct text_report *text, struct page *page,
			    const struct run_summary *summary, const struct discovery *discovery)
{
	const struct culprit *culprit = culprit_of(summary, discovery->culprit);
	char which[WHICH_BYTES], flush[LAYOUT_NAME_BYTES + 64], found[EVIDENCE_BYTES];
	char p50[TEXT_SHORT], typical[3 * TEXT_SHORT] = "";
	size_t columns = text->settings.columns;

	evidence(found, discovery);
	if (culprit)
		snprintf(typical, sizeof(typical), ", typically in about %s",
			 text_duration(p50, culprit->p50_ns));
	text_paint(text, page, PAINT_FINDING);
	if (discovery->caller)
		layout_paragraph(page, LAYOUT_HANG, columns, "%s: %s%s%s.",
				 which_caller(which, discovery), who_flushes(flush, discovery),
				 typical, found);
	else
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "%s is called once a stall%s; who defers its work was not "
				 "found%s.",
				 text_frame(flush, discovery->flush, NAME_COLUMNS), typical, found);
	text_paint(text, page, PAINT_NONE);
	if (!discovery->is_watched && discovery->reason)
		layout_paragraph(page, LAYOUT_HANG, columns, "It was not watched: %s.",
				 layout_name(which, discovery->reason, 4 * NAME_COLUMNS));
}

static bool is_same_or_none(const struct frame *a, const struct frame *b)
{
	return a && b ? frame_labels_alike(a, b) : !a && !b;
}

/* Whether it says no more than one before it: it was counted again, or in another process. */
static bool is_repeated(const struct run_summary *summary, size_t index)
{
	const struct discovery *discovery = &summary->discoveries[index];

	for (size_t i = 0; i < index; i++) {
		const struct discovery *before = &summary->discoveries[i];

		if (is_discovered(before) && is_same_or_none(before->flush, discovery->flush) &&
		    (!discovery->caller || frame_labels_alike(before->caller, discovery->caller)))
			return true;
	}
	return false;
}

static bool is_found_for(const struct run_summary *summary, const struct frame *culprit)
{
	for (size_t i = 0; i < summary->discovery_count; i++) {
		const struct discovery *discovery = &summary->discoveries[i];

		if (is_discovered(discovery) && (frame_labels_alike(discovery->culprit, culprit) ||
						 frame_labels_alike(discovery->flush, culprit) ||
						 frame_labels_alike(discovery->caller, culprit)))
			return true;
	}
	return false;
}

/* Of several that came to nothing, the last one says why; a later one may have found it. */
static bool is_last_word(const struct run_summary *summary, size_t index)
{
	const struct frame *culprit = summary->discoveries[index].culprit;

	for (size_t i = index + 1; i < summary->discovery_count; i++) {
		if (frame_labels_alike(summary->discoveries[i].culprit, culprit))
			return false;
	}
	return !is_found_for(summary, culprit);
}

static void print_undiscovered(const struct text_report *text, struct page *page,
			       const struct discovery *discovery)
{
	char name[LAYOUT_NAME_BYTES], reason[LAYOUT_NAME_BYTES];

	if (!discovery->culprit)
		return;
	layout_paragraph(
		page, LAYOUT_HANG, text->settings.columns,
		"Who defers what is copied under %s was not found%s%s.",
		text_frame(name, discovery->culprit, NAME_COLUMNS), discovery->reason ? ": " : "",
		discovery->reason ? layout_name(reason, discovery->reason, 4 * NAME_COLUMNS) : "");
}

/* ---- the finding ---- */

/* The discovery that led to the flushes of which the finding speaks; NULL: none. */
static const struct discovery *behind_finding(const struct run_summary *summary)
{
	char label[FRAME_LABEL_BYTES];

	for (size_t i = 0; summary->finding.found && i < summary->discovery_count; i++) {
		const struct discovery *discovery = &summary->discoveries[i];

		if (discovery->flush &&
		    !strcmp(frame_label(label, discovery->flush), summary->finding.function))
			return discovery;
	}
	return NULL;
}

static void print_finding(const struct text_report *text, struct page *page,
			  const struct run_summary *summary, const struct discovery *discovery)
{
	const struct finding *finding = &summary->finding;
	char name[LAYOUT_NAME_BYTES], which[WHICH_BYTES] = "", what[8 * TEXT_SHORT];
	char count[TEXT_SHORT], other[TEXT_SHORT], others[4 * TEXT_SHORT] = "";
	char found[EVIDENCE_BYTES] = "";
	size_t columns = text->settings.columns;
	bool once = finding->flushes == 1;

	layout_name(name, finding->function, NAME_COLUMNS);
	deed(what, finding);
	if (text_tells_of_writes(finding))
		which_write(which, summary);
	else if (discovery && discovery->caller)
		which_caller(which, discovery);
	if (discovery)
		evidence(found, discovery);
	if (text_tells_of_writes(finding) && finding->other_write_ns &&
	    finding->calls_per_stall != 1)
		snprintf(others, sizeof(others),
			 "; a typical other call took under %s (with memwatch's probe in it)",
			 text_duration(other, finding->other_write_ns));
	text_paint(text, page, PAINT_FINDING);
	if (*which)
		layout_paragraph(page, LAYOUT_HANG, columns, "%s: %s %s%s%s%s.", which, name,
				 once ? "" : "typically ", what, others, found);
	else if (once)
		layout_paragraph(page, LAYOUT_HANG, columns, "%s stalled once: it %s%s.", name,
				 what, found);
	else
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "%s stalled %s times: typically it %s%s.", name,
				 text_count(count, finding->flushes), what, found);
	text_paint(text, page, PAINT_NONE);
}

/* ---- stalls that nothing else explains ---- */

static bool is_explained(const struct run_summary *summary, const struct culprit *culprit)
{
	char label[FRAME_LABEL_BYTES];

	return is_found_for(summary, culprit->frame) ||
	       (summary->finding.found && culprit->frame &&
		!strcmp(summary->finding.function, frame_label(label, culprit->frame)));
}

/* " (--flush PyUnicode_Join times each call)", where a shell takes it as it is. Gives buf. */
static const char *how_to_time(char buf[WHICH_BYTES], const struct frame *frame)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_.:+-@";
	char pattern[FRAME_LABEL_BYTES];
	const char *name = frame_flush_pattern(pattern, frame);

	*buf = '\0';
	if (name && !name[strspn(name, plain)] && strlen(name) <= NAME_COLUMNS)
		snprintf(buf, WHICH_BYTES, " (--flush %s times each call)", name);
	return buf;
}

/* "PyUnicode_Join in python3.11": nobody named it, so its file is news. Gives buf. */
static const char *culprit_words(char buf[2 * LAYOUT_NAME_BYTES], const struct frame *frame)
{
	char name[LAYOUT_NAME_BYTES], module[LAYOUT_NAME_BYTES];
	bool is_told = frame->name && frame->module;

	snprintf(buf, 2 * LAYOUT_NAME_BYTES, "%s%s%s", text_frame(name, frame, NAME_COLUMNS),
		 is_told ? " in " : "",
		 is_told ? layout_name(module, frame->module, NAME_COLUMNS) : "");
	return buf;
}

/* The worst of them: the others are in the table. */
static void print_worst(const struct text_report *text, struct page *page,
			const struct run_summary *summary)
{
	const struct stall_summary *stalls = &summary->stalls;
	char name[2 * LAYOUT_NAME_BYTES], count[TEXT_SHORT], p50[TEXT_SHORT], hint[WHICH_BYTES];
	size_t columns = text->settings.columns, i = 0;
	const struct culprit *worst;
	char share[TEXT_SHARE];

	while (i < stalls->culprit_count &&
	       (!stalls->culprits[i].stalls || is_explained(summary, &stalls->culprits[i])))
		i++;
	if (i == stalls->culprit_count)
		return;
	worst = &stalls->culprits[i];
	text_count(count, worst->stalls);
	text_duration(p50, worst->p50_ns);
	text_share_in_copies(share, worst->user_ns, worst->fault_ns, worst->total_ns);
	text_paint(text, page, PAINT_FINDING);
	if (!worst->frame)
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "Stalls in copies of no function in common: %s, typically of "
				 "about %s.",
				 count, p50);
	else if (worst->stalls == 1)
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "%s stalled once in copies: for about %s%s, by samples%s.",
				 culprit_words(name, worst->frame), p50, share,
				 how_to_time(hint, worst->frame));
	else
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "%s stalled %s times in copies: typically for about %s%s, by "
				 "samples%s.",
				 culprit_words(name, worst->frame), count, p50, share,
				 how_to_time(hint, worst->frame));
	text_paint(text, page, PAINT_NONE);
}

void text_findings(const struct text_report *text, struct page *page,
		   const struct run_summary *summary)
{
	const struct discovery *behind = behind_finding(summary);

	if (summary->finding.found)
		print_finding(text, page, summary, behind);
	if (behind)
		print_evidence(text, page, behind);
	for (size_t i = 0; i < summary->discovery_count; i++) {
		const struct discovery *discovery = &summary->discoveries[i];

		if (!is_discovered(discovery) || discovery == behind || is_repeated(summary, i))
			continue;
		print_discovery(text, page, summary, discovery);
		print_evidence(text, page, discovery);
	}
	print_worst(text, page, summary);
	for (size_t i = 0; i < summary->discovery_count; i++) {
		if (!is_discovered(&summary->discoveries[i]) && is_last_word(summary, i))
			print_undiscovered(text, page, &summary->discoveries[i]);
	}
}
