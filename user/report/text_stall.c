// SPDX-License-Identifier: GPL-2.0-only
/* The text report on stalls that samples show, and on what counting calls around them told. */
#include "report/text_report.h"

#include <string.h>

#include "base/text.h"
#include "report/frame_label.h"

#define EVENT_HANG    11 /* past the time that such a line begins with */
#define CULPRITS_MOST 10 /* rows of the table, but for -v */
#define REMARK_BYTES  (8 * TEXT_SHORT)

/*
 * What was copied from the tick before the first sample to the last: "~954 MiB" where every copy
 * counts, else at least so much. None counted is none known: loops that copy are not. Gives buf.
 */
static const char *sampled_bytes(char buf[TEXT_COPIED], uint64_t bytes, uint64_t gate_bytes)
{
	char about[TEXT_SHORT];

	if (gate_bytes || !bytes)
		return text_at_least(buf, bytes);
	snprintf(buf, TEXT_COPIED, "~%s", text_bytes(about, bytes));
	return buf;
}

/*
 * Copies that follow one another closely are one stall by samples: of them, or of one function that
 * does other things as well, only the calls could tell. Below this share it is worth a word.
 */
#define IN_COPIES_PCT 75

const char *text_share_in_copies(char buf[TEXT_SHARE], uint64_t user_ns, uint64_t fault_ns,
				 uint64_t duration_ns)
{
	char percent[TEXT_PERCENT];

	*buf = '\0';
	if (user_ns + fault_ns < duration_ns / 100 * IN_COPIES_PCT)
		snprintf(buf, TEXT_SHARE, ", %s of it in copies",
			 text_percent(percent, user_ns + fault_ns, duration_ns));
	return buf;
}

/* ---- a line of the list ---- */

/* What else there is to say of a stall than its figures. Gives buf. */
static const char *stall_remark(char buf[REMARK_BYTES], const struct text_report *text,
				const struct stall *stall)
{
	char off[TEXT_SHORT], samples[TEXT_SHORT], share[TEXT_SHARE];
	bool verbose = text->settings.verbose;
	int length = snprintf(
		buf, REMARK_BYTES, "stall%s%s%s%s",
		stall->culprit && stall->culprit->is_inlined ? ", inlined" : "",
		stall->culprit  ? ""
		: stall->stacks ? ", its stacks have no function in common"
				: ", no stack was taken",
		stall->unfinished ? ", unfinished" : "",
		text_share_in_copies(share, stall->user_ns, stall->fault_ns, stall->duration_ns));

	/* Small copies that each have a probe: without memwatch there would be none to speak of. */
	if (stall->trap_ns > stall->user_ns + stall->fault_ns)
		length += snprintf(buf + length, REMARK_BYTES - (size_t)length,
				   ", mostly memwatch's probes");

	/* Of CPU time: who waited for a CPU at either end was not seen to. */
	if (stall->error_ns && verbose)
		length += snprintf(buf + length, REMARK_BYTES - (size_t)length, ", +- %s",
				   text_duration(off, stall->error_ns));
	if (verbose)
		snprintf(buf + length, REMARK_BYTES - (size_t)length, ", %s sample%s",
			 text_count(samples, stall->samples), stall->samples == 1 ? "" : "s");
	return buf;
}

void text_stall_line(struct text_report *text, struct page *page, const struct stall *stall)
{
	char at[TEXT_SHORT], took[TEXT_SHORT], about[TEXT_SHORT + 1], copied[TEXT_COPIED];
	char figures[TEXT_FIGURES], remark[REMARK_BYTES], label[FRAME_LABEL_BYTES];

	text_list_titles(text, page, false);
	text_list_thread(text, page, stall->pid, stall->tid, stall->comm);
	snprintf(about, sizeof(about), "%s%s", stall->error_ns ? "~" : "",
		 text_duration(took, stall->duration_ns));
	text_list_figures(
		figures, text,
		(const char *const[]){text_since_start(at, text, stall->start_ns), about,
				      sampled_bytes(copied, stall->copied_bytes, stall->gate_bytes),
				      NULL, "-", "-"});
	layout_row(page, text->settings.columns, figures,
		   stall->culprit ? frame_label(label, stall->culprit) : "?",
		   stall_remark(remark, text, stall));
	text_path(text, page, stall->frames, stall->frame_count, stall->path_end, stall->culprit);
}

/* ---- a discovery ---- */

/* ": 1 call a stall against 100,000", as far as both were counted. Gives buf. */
static const char *against(char buf[4 * TEXT_SHORT], const struct discovery *discovery)
{
	uint64_t flushes = frame_calls_per_stall(discovery, discovery->flush);
	uint64_t calls = frame_calls_per_stall(discovery, discovery->caller);
	char few[TEXT_SHORT], many[TEXT_SHORT];

	*buf = '\0';
	if (flushes && calls)
		snprintf(buf, 4 * TEXT_SHORT, ": %s call%s a stall against %s",
			 text_count(few, flushes), flushes == 1 ? "" : "s",
			 text_count(many, calls));
	return buf;
}

/* "; it is watched like --flush", or why not. Gives buf. */
static const char *what_follows(char buf[LAYOUT_NAME_BYTES + 32], const struct discovery *discovery)
{
	char reason[LAYOUT_NAME_BYTES];

	if (discovery->is_watched)
		return strcpy(buf, "; it is watched like --flush");
	snprintf(buf, LAYOUT_NAME_BYTES + 32, "; it is not watched%s%s",
		 discovery->reason ? ": " : "",
		 discovery->reason ? layout_name(reason, discovery->reason, 4 * NAME_COLUMNS) : "");
	return buf;
}

/* Where one function carries out what another one defers. */
static void print_pair(const struct text_report *text, struct page *page, const char *at,
		       const struct discovery *discovery)
{
	size_t columns = text->settings.columns, room = columns - EVENT_HANG;
	char flush[LAYOUT_NAME_BYTES], caller[LAYOUT_NAME_BYTES];
	char ratio[4 * TEXT_SHORT], rest[LAYOUT_NAME_BYTES + 32];

	layout_paragraph(page, EVENT_HANG, columns, "%9s  %s carries out what %s defers%s%s", at,
			 text_frame(flush, discovery->flush, room),
			 text_frame(caller, discovery->caller, room), against(ratio, discovery),
			 what_follows(rest, discovery));
}

/* Where but one of the two was found. */
static void print_one(const struct text_report *text, struct page *page, const char *at,
		      const struct discovery *discovery)
{
	uint64_t calls = frame_calls_per_stall(discovery, discovery->caller);
	char name[LAYOUT_NAME_BYTES], rest[LAYOUT_NAME_BYTES + 32], count[TEXT_SHORT];
	size_t columns = text->settings.columns, room = columns - EVENT_HANG;

	if (discovery->flush)
		layout_paragraph(page, EVENT_HANG, columns,
				 "%9s  %s is called once a stall; who defers its work was not "
				 "found%s",
				 at, text_frame(name, discovery->flush, room),
				 what_follows(rest, discovery));
	else
		layout_paragraph(page, EVENT_HANG, columns,
				 "%9s  %s%s calls of %s stall%s; what they defer is carried out by "
				 "no function of its own",
				 at, calls ? "1 in " : "some",
				 calls ? text_count(count, calls) : "",
				 text_frame(name, discovery->caller, room), calls ? "s" : "");
}

static void print_none(const struct text_report *text, struct page *page, const char *at,
		       const struct discovery *discovery)
{
	char name[LAYOUT_NAME_BYTES] = "?", reason[LAYOUT_NAME_BYTES] = "";
	size_t columns = text->settings.columns;

	if (discovery->culprit)
		text_frame(name, discovery->culprit, columns - EVENT_HANG);
	if (discovery->reason)
		layout_name(reason, discovery->reason, 4 * NAME_COLUMNS);
	layout_paragraph(page, EVENT_HANG, columns,
			 "%9s  who defers what is copied under %s was not found%s%s", at, name,
			 *reason ? ": " : "", reason);
}

void text_discovery_line(const struct text_report *text, struct page *page,
			 const struct discovery *discovery)
{
	char at[TEXT_SHORT];

	text_since_start(at, text, discovery->at_ns);
	if (discovery->flush && discovery->caller)
		print_pair(text, page, at, discovery);
	else if (discovery->flush || discovery->caller)
		print_one(text, page, at, discovery);
	else
		print_none(text, page, at, discovery);
}

/* ---- the table ---- */

static size_t stalling_culprits(const struct stall_summary *stalls)
{
	size_t count = 0;

	/* The others have samples in short stretches alone, and no stall. */
	for (size_t i = 0; i < stalls->culprit_count; i++)
		count += stalls->culprits[i].stalls != 0;
	return count;
}

static void print_culprit(const struct text_report *text, struct page *page,
			  const struct culprit *culprit, int copied_columns)
{
	char stalls[TEXT_SHORT], total[TEXT_SHORT], p50[TEXT_SHORT], worst[TEXT_SHORT];
	char copied[TEXT_COPIED], figures[8 * TEXT_SHORT], label[FRAME_LABEL_BYTES];

	snprintf(figures, sizeof(figures), "%9s  %8s  %8s  %8s  %*s",
		 text_count(stalls, culprit->stalls), text_duration(total, culprit->total_ns),
		 text_duration(p50, culprit->p50_ns), text_duration(worst, culprit->max_ns),
		 copied_columns, sampled_bytes(copied, culprit->copied_bytes, culprit->gate_bytes));
	layout_row(page, text->settings.columns, figures,
		   culprit->frame ? frame_label(label, culprit->frame) : "?",
		   !culprit->frame              ? "no function in common"
		   : culprit->frame->is_inlined ? "inlined"
						: "");
}

/* What the time went into is worth a line where it is not the copying itself. */
static void print_faults(const struct text_report *text, struct page *page,
			 const struct culprit *culprit)
{
	char name[LAYOUT_NAME_BYTES], percent[TEXT_PERCENT];
	uint64_t cpu_ns = culprit->user_ns + culprit->fault_ns;

	if (!culprit->frame || !culprit->fault_ns || culprit->fault_ns < cpu_ns / 2)
		return;
	layout_paragraph(page, LAYOUT_HANG, text->settings.columns,
			 "%s: %s of its time in copies went into page faults of the memory that "
			 "it copied to or from.",
			 text_frame(name, culprit->frame, text->settings.columns),
			 text_percent(percent, culprit->fault_ns, cpu_ns));
}

void text_culprits(const struct text_report *text, struct page *page,
		   const struct run_summary *summary)
{
	const struct stall_summary *stalls = &summary->stalls;
	size_t count = stalling_culprits(stalls), shown = 0;
	char copied[TEXT_COPIED], left[TEXT_SHORT];
	int columns = 8;

	if (!count)
		return;
	for (size_t i = 0; i < stalls->culprit_count; i++) {
		int width = (int)strlen(sampled_bytes(copied, stalls->culprits[i].copied_bytes,
						      stalls->culprits[i].gate_bytes));

		columns = width > columns ? width : columns;
	}
	text_paint(text, page, PAINT_HEADING);
	fprintf(page->stream, "\n%9s  %8s  %8s  %8s  %*s  CULPRIT (by samples)\n", "STALLS",
		"TOTAL", "P50", "WORST", columns, "COPIED");
	text_paint(text, page, PAINT_NONE);
	for (size_t i = 0; i < stalls->culprit_count; i++) {
		if (!stalls->culprits[i].stalls)
			continue;
		if (shown == CULPRITS_MOST && !text->settings.verbose)
			break;
		print_culprit(text, page, &stalls->culprits[i], columns);
		shown++;
	}
	if (shown < count)
		layout_paragraph(page, LAYOUT_HANG, text->settings.columns,
				 "Likewise stalled: %s more functions (-v names them).",
				 text_count(left, count - shown));
	for (size_t i = 0; i < stalls->culprit_count && i < CULPRITS_MOST; i++)
		print_faults(text, page, &stalls->culprits[i]);
}

/* ---- what was sampled ---- */

/* It is what the budget did not allow, so it must not hide in the sum. */
static void print_counting_cost(const struct text_report *text, struct page *page,
				const struct run_summary *summary)
{
	uint64_t cost_ns = 0;
	char cost[TEXT_SHORT];

	for (size_t i = 0; i < summary->discovery_count; i++)
		cost_ns += summary->discoveries[i].cost_ns;
	if (cost_ns)
		layout_paragraph(page, LAYOUT_HANG, text->settings.columns,
				 "To find who defers work, calls were counted at a cost of about "
				 "%s beyond the budget.",
				 text_duration(cost, cost_ns));
}

void text_samples(const struct text_report *text, struct page *page,
		  const struct run_summary *summary)
{
	char samples[TEXT_SHORT], period[TEXT_SHORT], copies[TEXT_SHORT], stacks[TEXT_SHORT];
	char traps[TEXT_SHORT], in_traps[3 * TEXT_SHORT] = "", cost[TEXT_SHORT];
	char costs[3 * TEXT_SHORT] = "";
	size_t columns = text->settings.columns;

	if (!summary->is_sampled)
		return;
	text_duration(period, summary->sample_period_ns);
	if (!summary->samples) {
		layout_paragraph(page, LAYOUT_HANG, columns,
				 "Samples taken: none, of one each %s of CPU time.", period);
		return;
	}
	if (summary->trap_samples)
		snprintf(in_traps, sizeof(in_traps), ", %s in memwatch's own traps",
			 text_count(traps, summary->trap_samples));
	if (summary->sampling_ns)
		snprintf(costs, sizeof(costs), "; they cost the target about %s",
			 text_duration(cost, summary->sampling_ns));
	layout_paragraph(page, LAYOUT_HANG, columns,
			 "Samples taken, one each %s of CPU time: %s, %s of them in copies%s, with "
			 "%s stacks%s.",
			 period, text_count(samples, summary->samples),
			 summary->copy_samples ? text_count(copies, summary->copy_samples) : "none",
			 in_traps, text_count(stacks, summary->stacks), costs);
	print_counting_cost(text, page, summary);
}
