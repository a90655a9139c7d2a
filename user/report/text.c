// SPDX-License-Identifier: GPL-2.0-only
/*
 * The text report: what happens, line by line, for a reader at a terminal. The figures stand first
 * and are aligned; the names, which can have any length, stand at the end of the line.
 */
#include "report/text_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "report/layout.h"

#define DEFAULT_COLUMNS 80
#define LEAST_COLUMNS   40
#define EVENT_HANG      11  /* past the time that such a line begins with */
#define COMMAND_COLUMNS 400 /* of a command line: enough to know it again */

static struct text_report *text_of(struct report *report)
{
	/* report is the first member. */
	return (struct text_report *)report;
}

void text_paint(const struct text_report *text, struct page *page, enum paint paint)
{
	static const char *const codes[] = {
		[PAINT_NONE] = "\033[0m",
		[PAINT_HEADING] = "\033[2m",
		[PAINT_FINDING] = "\033[1m",
		[PAINT_ALARM] = "\033[1;31m",
	};

	if (text->settings.colour)
		fputs(codes[paint], page->stream);
}

const char *text_percent(char buf[TEXT_PERCENT], uint64_t part, uint64_t whole)
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0;

	if (percent > 0 && percent < 0.01)
		snprintf(buf, TEXT_PERCENT, "under 0.01 %%");
	else
		snprintf(buf, TEXT_PERCENT, "%.*f %%",
			 percent < 0.995  ? 2
			 : percent < 9.95 ? 1
					  : 0,
			 percent);
	return buf;
}

const char *text_since_start(char buf[TEXT_SHORT], const struct text_report *text, uint64_t at_ns)
{
	uint64_t ms = at_ns > text->start_ns ? (at_ns - text->start_ns) / NS_PER_MS : 0;

	snprintf(buf, TEXT_SHORT, "%llu.%03llu s", (unsigned long long)(ms / 1000),
		 (unsigned long long)(ms % 1000));
	return buf;
}

/* Every line of the report begins here: the status line makes way. */
static int begin(struct text_report *text, struct page *page)
{
	int error = page_open(page);

	if (error)
		return error;
	if (text->live_shown) {
		fputs("\r\033[K", page->stream);
		text->live_shown = false;
	}
	text_print_folded(text, page);
	return 0;
}

/* ---- what is watched ---- */

static void print_pids(struct page *page, const struct run_header *header, size_t columns,
		       const char *version)
{
	struct page list;
	int error = page_open(&list);

	if (error) {
		page->error = error;
		return;
	}
	for (size_t i = 0; i < header->pid_count; i++)
		fprintf(list.stream, "%s%d", i ? ", " : "", (int)header->pids[i]);
	error = page_close(&list);
	if (error)
		page->error = error;
	else
		layout_paragraph(page, LAYOUT_HANG, columns, "memwatch %s: watching %s %s", version,
				 header->pid_count == 1 ? "process" : "processes", list.text);
	free(list.text);
}

static int text_header(struct report *report, const struct run_header *header)
{
	struct text_report *text = text_of(report);
	char command[LAYOUT_NAME_BYTES], user[LAYOUT_NAME_BYTES];
	size_t columns = text->settings.columns;
	struct page page;
	int error;

	text->start_ns = header->start_ns;
	text->gate_bytes = header->gate_is_fixed ? header->gate_bytes : 0;
	text->min_bytes = header->min_bytes;
	text->min_time_ns = header->min_time_ns;
	if (text->settings.quiet)
		return 0;
	error = begin(text, &page);
	if (error)
		return error;
	if (!header->command)
		print_pids(&page, header, columns, header->version);
	else if (!header->run_as)
		layout_paragraph(&page, LAYOUT_HANG, columns, "memwatch %s: watching %s",
				 header->version,
				 layout_name(command, header->command, COMMAND_COLUMNS));
	else
		layout_paragraph(&page, LAYOUT_HANG, columns,
				 "memwatch %s: watching %s (as user %s)", header->version,
				 layout_name(command, header->command, COMMAND_COLUMNS),
				 layout_name(user, header->run_as, columns / 2));
	return page_send(&page, text->out);
}

static bool begins_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* TEXT_MISSED_* of a process that is not watched. */
static unsigned missed_kind(const struct child_report *child)
{
	if (child->reason && begins_with(child->reason, "it ended"))
		return TEXT_MISSED_ENDED;
	if (child->reason && begins_with(child->reason, "the watch ended"))
		return TEXT_MISSED_CLOSING;
	return TEXT_MISSED_REFUSED;
}

/*
 * A pipeline of short shells would flood the screen: what is as expected, and children that were
 * over too soon, are for -v, and the summary counts them.
 */
static bool is_child_shown(const struct text_report *text, const struct child_report *child)
{
	if (text->settings.quiet)
		return false;
	if (text->settings.verbose)
		return true;
	if (child->watched)
		return false;
	return !child->parent_pid || missed_kind(child) == TEXT_MISSED_REFUSED;
}

/* What just happened to the process, between commas; empty where it was found as it is. */
static const char *child_origin(char buf[2 * TEXT_SHORT], const struct child_report *child)
{
	*buf = '\0';
	if (!strcmp(child->event, "exec"))
		snprintf(buf, 2 * TEXT_SHORT, ", after its exec,");
	else if (!strcmp(child->event, "library"))
		snprintf(buf, 2 * TEXT_SHORT, ", which loaded a library,");
	else if (child->parent_pid)
		snprintf(buf, 2 * TEXT_SHORT, ", forked from %d,", (int)child->parent_pid);
	return buf;
}

static int text_child(struct report *report, const struct child_report *child)
{
	struct text_report *text = text_of(report);
	char comm[LAYOUT_NAME_BYTES], reason[LAYOUT_NAME_BYTES], origin[2 * TEXT_SHORT];
	char at[TEXT_SHORT], unwatched[TEXT_SHORT];
	size_t columns = text->settings.columns;
	struct page page;
	int error;

	if (!child->watched)
		text->missed |= missed_kind(child);
	if (!is_child_shown(text, child))
		return 0;
	error = begin(text, &page);
	if (error)
		return error;
	text_since_start(at, text, child->at_ns);
	layout_name(comm, child->comm, columns);
	child_origin(origin, child);
	if (!child->watched) {
		text_paint(text, &page, PAINT_ALARM);
		layout_paragraph(
			&page, EVENT_HANG, columns, "%9s  process %d (%s)%s is NOT WATCHED: %s", at,
			(int)child->pid, comm, origin,
			layout_name(reason, child->reason ? child->reason : "reason unknown",
				    4 * columns));
		text_paint(text, &page, PAINT_NONE);
	} else if (*origin) {
		layout_paragraph(&page, EVENT_HANG, columns,
				 "%9s  process %d (%s)%s unwatched for %s", at, (int)child->pid,
				 comm, origin, text_duration(unwatched, child->unwatched_ns));
	} else {
		layout_paragraph(&page, EVENT_HANG, columns, "%9s  process %d (%s) is watched", at,
				 (int)child->pid, comm);
	}
	text->thread_named = false;
	return page_send(&page, text->out);
}

/* ---- the list of flushes and large copies ---- */

const char *text_list_figures(char buf[TEXT_FIGURES], const struct text_report *text,
			      const char *const fields[6])
{
	int length = snprintf(buf, TEXT_FIGURES, "%9s  %8s  %*s", fields[0], fields[1],
			      fields[3] ? 8 : 8 + 2 + 7, fields[2]);

	if (fields[3])
		length += snprintf(buf + length, TEXT_FIGURES - (size_t)length, "  %7s", fields[3]);
	length += snprintf(buf + length, TEXT_FIGURES - (size_t)length, "  %9s", fields[4]);
	if (text->titled_writes)
		snprintf(buf + length, TEXT_FIGURES - (size_t)length, "  %9s", fields[5]);
	return buf;
}

/* Titles before the first line, and again once there are writes to show. */
void text_list_titles(struct text_report *text, struct page *page, bool writes)
{
	static const char *const titles[] = {"TIME", "TOOK", "COPIED", "COPIES", "RATE", "WRITE"};
	char figures[TEXT_FIGURES];

	if (text->titled && (text->titled_writes || !writes))
		return;
	text->titled = true;
	text->titled_writes = writes;
	text_paint(text, page, PAINT_HEADING);
	fprintf(page->stream, "\n%s  FUNCTION\n", text_list_figures(figures, text, titles));
	text_paint(text, page, PAINT_NONE);
	text->thread_named = false;
}

/* The thread has a line of its own when it changes: in most runs once. */
void text_list_thread(struct text_report *text, struct page *page, pid_t pid, pid_t tid,
		      const char *comm)
{
	char name[LAYOUT_NAME_BYTES];

	if (text->thread_named && text->pid == pid && text->tid == tid &&
	    !strncmp(text->comm, comm, COMM_BYTES))
		return;
	text->thread_named = true;
	text->pid = pid;
	text->tid = tid;
	memcpy(text->comm, comm, COMM_BYTES);
	layout_name(name, comm, text->settings.columns / 2);
	text_paint(text, page, PAINT_HEADING);
	if (pid == tid)
		fprintf(page->stream, "%s%s%d:\n", name, *name ? " " : "process ", (int)pid);
	else
		fprintf(page->stream, "%s%s%d/%d:\n", name, *name ? " " : "process ", (int)pid,
			(int)tid);
	text_paint(text, page, PAINT_NONE);
}

static int text_flush(struct report *report, const struct flush *flush)
{
	static const char *const remarks[] = {"", "unfinished", "recursive",
					      "unfinished, recursive"};
	struct text_report *text = text_of(report);
	char at[TEXT_SHORT], took[TEXT_SHORT], copied[TEXT_COPIED], copies[TEXT_SHORT];
	char rate[TEXT_SHORT], write[TEXT_SHORT], figures[TEXT_FIGURES];
	const char *fields[] = {text_since_start(at, text, flush->start_ns),
				text_duration(took, flush->duration_ns),
				"?",
				"?",
				"?",
				flush->write_index ? text_count(write, flush->write_index) : "-"};
	struct page page;
	int error;

	if (text->settings.quiet || text_fold_flush(text, flush))
		return 0;
	error = begin(text, &page);
	if (error)
		return error;
	text_list_titles(text, &page, flush->write_index != 0);
	text_list_thread(text, &page, flush->pid, flush->tid, flush->comm);
	if (flush->copies_known && (flush->partly_counted || flush->gate_raised)) {
		fields[2] = text_at_least(copied, flush->copied_bytes);
		fields[3] = NULL;
		fields[4] = "-";
	} else if (flush->copies_known) {
		fields[2] = text_bytes(copied, flush->copied_bytes);
		fields[3] = text_count(copies, flush->copies);
		fields[4] = text_rate(rate, flush->copied_bytes, flush->duration_ns);
	}
	text_list_figures(figures, text, fields);
	layout_row(&page, text->settings.columns, figures, flush->function,
		   remarks[flush->unfinished | flush->recursive << 1]);
	text_path(text, &page, flush->frames, flush->frame_count, flush->path_end, NULL);
	return page_send(&page, text->out);
}

static int text_copy(struct report *report, const struct large_copy *copy)
{
	struct text_report *text = text_of(report);
	char at[TEXT_SHORT], took[TEXT_SHORT] = "no flush", bytes[TEXT_SHORT];
	char rate[TEXT_SHORT] = "-", figures[TEXT_FIGURES], addresses[3 * TEXT_SHORT] = "";
	/* Where TOOK has no room for it. */
	const char *outside = copy->duration_ns ? "no flush" : "";
	char remark[4 * TEXT_SHORT];
	struct page page;
	int error;

	if (text->settings.quiet || text_fold_copy(text, copy))
		return 0;
	error = begin(text, &page);
	if (error)
		return error;
	text_list_titles(text, &page, false);
	text_list_thread(text, &page, copy->pid, copy->tid, copy->comm);
	if (copy->duration_ns) {
		text_duration(took, copy->duration_ns);
		text_rate(rate, copy->bytes, copy->duration_ns);
	}
	text_list_figures(figures, text,
			  (const char *const[]){text_since_start(at, text, copy->start_ns), took,
						text_bytes(bytes, copy->bytes), "1", rate, "-"});
	if (text->settings.verbose)
		snprintf(addresses, sizeof(addresses), "%#llx -> %#llx",
			 (unsigned long long)copy->src_addr, (unsigned long long)copy->dst_addr);
	snprintf(remark, sizeof(remark), "%s%s%s", outside, *outside && *addresses ? ", " : "",
		 addresses);
	layout_row(&page, text->settings.columns, figures, copy->routine, remark);
	/* Whoever called the routine tells its path from others. */
	text_path(text, &page, copy->frames, copy->frame_count, copy->path_end,
		  copy->frame_count > 1 ? &copy->frames[1] : NULL);
	return page_send(&page, text->out);
}

static int text_budget(struct report *report, const struct budget_step *step)
{
	struct text_report *text = text_of(report);
	char at[TEXT_SHORT];
	struct page page;
	int error;

	if (!text->first_step_ns)
		text->first_step_ns = step->at_ns;
	if (text->settings.quiet)
		return 0;
	error = begin(text, &page);
	if (error)
		return error;
	text_step(text, &page, text_since_start(at, text, step->at_ns), step);
	text->thread_named = false;
	return page_send(&page, text->out);
}

static int text_stall(struct report *report, const struct stall *stall)
{
	struct text_report *text = text_of(report);
	struct page page;
	int error;

	if (text->settings.quiet || text_fold_stall(text, stall))
		return 0;
	error = begin(text, &page);
	if (error)
		return error;
	text_stall_line(text, &page, stall);
	return page_send(&page, text->out);
}

static int text_discovery(struct report *report, const struct discovery *discovery)
{
	struct text_report *text = text_of(report);
	struct page page;
	int error;

	/* The summary has those as well that came to nothing. */
	if (text->settings.quiet ||
	    (!discovery->flush && !discovery->caller && !text->settings.verbose))
		return 0;
	error = begin(text, &page);
	if (error)
		return error;
	text_discovery_line(text, &page, discovery);
	text->thread_named = false;
	return page_send(&page, text->out);
}

/* ---- the status line and the end ---- */

static int text_live(struct report *report, const struct run_summary *so_far)
{
	struct text_report *text = text_of(report);
	char flushes[TEXT_SHORT], copied[TEXT_SHORT], writes[TEXT_SHORT], cost[TEXT_SHORT];
	char line[8 * TEXT_SHORT];
	struct page page;
	int error, length;

	if (!text->settings.colour || text->settings.quiet)
		return 0;
	error = page_open(&page);
	if (error)
		return error;
	length = snprintf(
		line, sizeof(line), "%6.1f s  flushes: %s  copied: %s  memwatch's cost: %s",
		(double)so_far->wall_ns / (double)NS_PER_S, text_count(flushes, so_far->flushes),
		text_bytes(copied, so_far->copied_bytes), text_duration(cost, so_far->overhead_ns));
	if (so_far->writes)
		snprintf(line + length, sizeof(line) - (size_t)length, "  writes: %s",
			 text_count(writes, so_far->writes));
	/* A full line would wrap, and then only its second half could be cleared. */
	fprintf(page.stream, "\r%.*s\033[K", (int)text->settings.columns - 1, line);
	text->live_shown = true;
	return page_send(&page, text->out);
}

static int text_summary(struct report *report, const struct run_summary *summary)
{
	struct text_report *text = text_of(report);
	struct page page;
	int error = begin(text, &page);

	if (error)
		return error;
	text_summarize(text, &page, summary);
	return page_send(&page, text->out);
}

static int text_diff_runs(struct report *report, const struct run_diff *diff)
{
	struct text_report *text = text_of(report);
	struct page page;
	int error = begin(text, &page);

	if (error)
		return error;
	text_diff(text, &page, diff);
	return page_send(&page, text->out);
}

static void text_free(struct report *report)
{
	free(text_of(report));
}

struct report *report_text_new(FILE *out, const struct text_settings *settings)
{
	static const struct report_ops ops = {
		.header = text_header,
		.child = text_child,
		.flush = text_flush,
		.copy = text_copy,
		.budget = text_budget,
		.stall = text_stall,
		.discovery = text_discovery,
		.live = text_live,
		.summary = text_summary,
		.diff = text_diff_runs,
		.free = text_free,
	};
	struct text_report *text = calloc(1, sizeof(*text));

	if (!text)
		return NULL;
	text->report.ops = &ops;
	text->out = out;
	text->settings = *settings;
	if (!text->settings.columns)
		text->settings.columns = DEFAULT_COLUMNS;
	else if (text->settings.columns < LEAST_COLUMNS)
		text->settings.columns = LEAST_COLUMNS;
	return &text->report;
}
