// SPDX-License-Identifier: GPL-2.0-only
#include "session/plan_lines.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "target/process.h"

#define UNCOUNTED_BYTES 240

/* A report with what it borrows. */
struct plan_lines {
	ARRAY(struct plan_line) first;               /* all that is set where the process begins */
	ARRAY(struct plan_line) copies[GATE_LEVELS]; /* those of copies above that */
	struct plan_step steps[GATE_LEVELS];
	char uncounted[GATE_LEVELS][UNCOUNTED_BYTES];
	char comm[16];
	struct plan_report report;
};

/* All functions are timed: nothing has been throttled yet. */
static const enum function_watch all_timed[MW_MAX_FUNCTIONS];

static struct plan_line line_of(const struct process_plan *plan, const struct planned_probe *probe,
				const struct tracer_costs *costs)
{
	return (struct plan_line){
		.module = probe->module->path,
		.file_off = probe->point.file_off,
		.what = probe->what,
		.name = probe->name,
		.reason = probe->reason,
		.neighbours = probe->note ? plan->notes.items[probe->note - 1].neighbours : NULL,
		.hit_ns = probe->cost == PROBE_EMULATED ? costs->cheap_ns : costs->stepped_ns,
	};
}

static bool is_of_copies(const struct planned_probe *probe)
{
	enum mw_point_kind kind = MW_COOKIE_KIND(probe->point.cookie);

	return kind == MW_POINT_COPY || kind == MW_POINT_COPY_END;
}

static int add_lines(struct plan_lines *lines, const struct process_plan *plan,
		     enum gate_level level, bool is_first, const struct tracer_costs *costs)
{
	const struct in_force force = {.level = level, .watch = all_timed};
	const struct planned_probe *probe;
	struct link_point point;
	int err = 0;

	array_each (probe, &plan->probes) {
		if (err || !probe_in_force(probe, &force, &point))
			continue;
		if (is_first)
			err = array_push(&lines->first, line_of(plan, probe, costs));
		else if (is_of_copies(probe))
			err = array_push(&lines->copies[level], line_of(plan, probe, costs));
	}
	return err;
}

static void add_step(struct plan_lines *lines, const struct process_plan *plan,
		     enum gate_level level)
{
	struct plan_step *step = &lines->steps[lines->report.step_count++];
	char *list = lines->uncounted[level];
	const struct uncounted_routine *routine;

	array_each (routine, &plan->uncounted) {
		char name[120];

		if (routine->level != level)
			continue;
		snprintf(name, sizeof(name), "%s in %s", routine->name, routine->module->name);
		text_list_add(list, UNCOUNTED_BYTES, "", name);
	}
	*step = (struct plan_step){
		.is_counted = plan->gate_bytes[level] != MW_NO_GATE,
		.from_bytes = plan->gate_bytes[level],
		.uncounted = *list && plan->gate_bytes[level] != MW_NO_GATE ? list : NULL,
		.lines = lines->copies[level].items,
		.line_count = lines->copies[level].count,
	};
}

static void plan_lines_release(struct plan_lines *lines)
{
	array_release(&lines->first);
	for (unsigned i = 0; i < GATE_LEVELS; i++)
		array_release(&lines->copies[i]);
}

static int plan_lines_make(struct plan_lines *lines, pid_t pid, const struct process_plan *plan,
			   const struct gate_settings *gates, const struct tracer_costs *costs)
{
	enum gate_level first = gate_settings_lowest(gates);
	enum gate_level last = gates->is_fixed ? first : GATE_NONE;
	int err = 0;

	memset(lines, 0, sizeof(*lines));
	for (unsigned level = first; !err && level <= last; level++) {
		/* One of several levels that count nothing is enough. */
		if (level != first && level != last && plan->gate_bytes[level] == MW_NO_GATE)
			continue;
		err = add_lines(lines, plan, level, level == first, costs);
		add_step(lines, plan, level);
	}
	if (!process_comm(pid, lines->comm))
		strcpy(lines->comm, "?");
	lines->report.pid = pid;
	lines->report.comm = lines->comm;
	lines->report.lines = lines->first.items;
	lines->report.line_count = lines->first.count;
	lines->report.steps = lines->steps;
	lines->report.settled = plan->settled;
	lines->report.copies_covered = plan->copy_doors > 0;
	lines->report.refused = *plan->refused ? plan->refused : NULL;
	if (err)
		plan_lines_release(lines);
	return err;
}

int plan_lines_print(FILE *out, pid_t pid, const struct process_plan *plan,
		     const struct gate_settings *gates, struct tracer_costs costs)
{
	struct plan_lines lines;
	int err = plan_lines_make(&lines, pid, plan, gates, &costs);

	if (err)
		return err;
	err = plan_text_print(out, &lines.report);
	plan_lines_release(&lines);
	return err;
}

static void log_plan_line(void *context, const char *line)
{
	(void)context;
	log_detail("%s", line);
}

int plan_lines_log(pid_t pid, const struct process_plan *plan, const struct gate_settings *gates,
		   struct tracer_costs costs)
{
	struct plan_lines lines;
	int err;

	if (!log_shows(LOG_DETAIL))
		return 0;
	err = plan_lines_make(&lines, pid, plan, gates, &costs);
	if (err)
		return err;
	plan_text_each(&lines.report, log_plan_line, NULL);
	plan_lines_release(&lines);
	return 0;
}
