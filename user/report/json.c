// SPDX-License-Identifier: GPL-2.0-only
/* JSON Lines, schema 1: a new field may come, none changes its meaning. */
#include <errno.h>
#include <stdlib.h>

#include "report/json_report.h"

#define SCHEMA 1

struct json_report {
	struct report report;
	FILE *out;
};

static FILE *out_of(struct report *report)
{
	/* report is the first member. */
	return ((struct json_report *)report)->out;
}

static json_t *pid_array(const pid_t *pids, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(array, json_integer(pids[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *string_array(const char *const *strings, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(array, json_line_string(strings[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static int show_header(struct report *report, const struct run_header *header)
{
	struct json_line line = json_line_new("header");

	json_line_count(&line, "schema", SCHEMA);
	json_line_text(&line, "version", header->version);
	json_line_count(&line, "start_unix_ns", header->start_unix_ns);
	json_line_text(&line, "clock", "monotonic");
	json_line_count(&line, "start_ns", header->start_ns);
	json_line_text(&line, "command", header->command);
	if (!header->command)
		json_line_value(&line, "pids", pid_array(header->pids, header->pid_count));
	json_line_text(&line, "run_as", header->run_as);
	if (header->budget_pct >= 0)
		json_line_real(&line, "budget_pct", header->budget_pct);
	if (header->gate_is_fixed)
		json_line_count(&line, "gate_bytes", header->gate_bytes);
	else
		json_line_text(&line, "gate", "auto");
	json_line_count(&line, "min_bytes", header->min_bytes);
	json_line_count(&line, "min_time_ns", header->min_time_ns);
	return json_line_send(&line, out_of(report));
}

static int show_child(struct report *report, const struct child_report *child)
{
	struct json_line line = json_line_new("child");

	json_line_count(&line, "pid", (uint64_t)child->pid);
	json_line_known(&line, "parent_pid", (uint64_t)child->parent_pid);
	json_line_text(&line, "comm", child->comm);
	json_line_text(&line, "event", child->event);
	json_line_count(&line, "at_ns", child->at_ns);
	if (child->watched)
		json_line_count(&line, "unwatched_ns", child->unwatched_ns);
	json_line_flag(&line, "watched", child->watched);
	json_line_text(&line, "reason", child->reason);
	return json_line_send(&line, out_of(report));
}

void json_add_thread(struct json_line *line, pid_t pid, pid_t tid, const char *comm)
{
	json_line_count(line, "pid", (uint64_t)pid);
	json_line_count(line, "tid", (uint64_t)tid);
	/* A thread that was gone before its name could be read has none. */
	if (*comm)
		json_line_text(line, "comm", comm);
}

void json_add_gate(struct json_line *line, const char *key, uint64_t gate_bytes)
{
	if (gate_bytes != NO_GATE)
		json_line_count(line, key, gate_bytes);
}

/* Absent where none was timed. */
static void add_timed(struct json_line *line, uint64_t copies, uint64_t bytes, uint64_t copy_ns)
{
	if (!copies)
		return;
	json_line_count(line, "copy_ns", copy_ns);
	json_line_count(line, "timed_copies", copies);
	json_line_count(line, "timed_bytes", bytes);
}

/* What was counted, and all that tells a reader where that is not all. */
static void add_copied(struct json_line *line, const struct flush *flush)
{
	json_line_count(line, "copied_bytes", flush->copied_bytes);
	json_line_count(line, "copies", flush->copies);
	json_add_gate(line, "gate_bytes", flush->gate_bytes);
	json_line_flag(line, "partly_counted", flush->partly_counted);
	json_line_flag(line, "gate_raised", flush->gate_raised);
	add_timed(line, flush->timed_copies, flush->timed_bytes, flush->copy_ns);
}

static int show_flush(struct report *report, const struct flush *flush)
{
	struct json_line line = json_line_new("flush");

	json_line_text(&line, "function", flush->function);
	json_line_text(&line, "symbol", flush->symbol);
	json_line_text(&line, "module", flush->module);
	json_add_thread(&line, flush->pid, flush->tid, flush->comm);
	json_line_known(&line, "goroutine_addr", flush->goroutine_addr);
	json_line_count(&line, "start_ns", flush->start_ns);
	json_line_count(&line, "duration_ns", flush->duration_ns);
	json_line_flag(&line, "unfinished", flush->unfinished);
	json_line_flag(&line, "recursive", flush->recursive);
	json_line_known(&line, "write_index", flush->write_index);
	if (flush->copies_known) {
		add_copied(&line, flush);
		json_line_count(&line, "probe_hits", flush->probe_hits);
		/* Hits that cost nothing: the costs were not calibrated. */
		if (flush->overhead_ns || !flush->probe_hits)
			json_line_count(&line, "overhead_ns", flush->overhead_ns);
	}
	json_add_stack(&line, flush->frames, flush->frame_count, flush->path_end);
	return json_line_send(&line, out_of(report));
}

static int show_copy(struct report *report, const struct large_copy *copy)
{
	struct json_line line = json_line_new("copy");

	json_line_text(&line, "routine", copy->routine);
	json_line_text(&line, "module", copy->module);
	json_add_thread(&line, copy->pid, copy->tid, copy->comm);
	json_line_count(&line, "start_ns", copy->start_ns);
	json_line_known(&line, "duration_ns", copy->duration_ns);
	json_line_count(&line, "bytes", copy->bytes);
	json_line_count(&line, "dst_addr", copy->dst_addr);
	json_line_count(&line, "src_addr", copy->src_addr);
	json_add_stack(&line, copy->frames, copy->frame_count, copy->path_end);
	return json_line_send(&line, out_of(report));
}

static const char *gate_word(uint64_t gate_bytes)
{
	if (gate_bytes == NO_GATE)
		return "none";
	return gate_bytes ? "large" : "every";
}

static int show_budget(struct report *report, const struct budget_step *step)
{
	static const char *const watches[] = {
		[WATCH_TIMED] = "timed", [WATCH_COUNTED] = "counted", [WATCH_DROPPED] = "dropped"};
	struct json_line line = json_line_new("budget");
	bool is_function = step->function;

	json_line_count(&line, "at_ns", step->at_ns);
	json_line_text(&line, "from",
		       is_function ? watches[step->from_watch] : gate_word(step->from_gate_bytes));
	json_line_text(&line, "to",
		       is_function ? watches[step->to_watch] : gate_word(step->to_gate_bytes));
	json_line_text(&line, "reason",
		       step->is_raised ? "its probes cost more than the budget allows"
				       : "the budget has room again");
	json_line_text(&line, "function", step->function);
	if (!is_function) {
		json_line_count(&line, "pid", (uint64_t)step->pid);
		json_line_text(&line, "comm", *step->comm ? step->comm : NULL);
		json_add_gate(&line, "from_gate_bytes", step->from_gate_bytes);
		json_add_gate(&line, "to_gate_bytes", step->to_gate_bytes);
	}
	json_line_count(&line, "spent_ns", step->spent_ns);
	json_line_count(&line, "took_ns", step->took_ns);
	if (step->during_ns)
		json_line_real(&line, "spent_pct",
			       100.0 * (double)step->spent_ns / (double)step->during_ns);
	return json_line_send(&line, out_of(report));
}

static int show_stall(struct report *report, const struct stall *stall)
{
	return json_send_stall(out_of(report), stall);
}

static int show_discovery(struct report *report, const struct discovery *discovery)
{
	return json_send_discovery(out_of(report), discovery);
}

/* Only what happened is a record: how far a run has come is none. */
static int show_live(struct report *report, const struct run_summary *so_far)
{
	(void)report;
	(void)so_far;
	return 0;
}

static int send_finding(FILE *out, const struct finding *finding)
{
	struct json_line line = json_line_new("finding");

	json_line_text(&line, "found_by", "flush");
	json_line_text(&line, "culprit", finding->function);
	json_line_text(&line, "lazy_caller", finding->writes_function);
	json_line_known(&line, "period_writes", finding->calls_per_stall);
	if (finding->bytes_are_typical)
		json_line_count(&line, "copied_bytes", finding->copied_bytes);
	json_line_count(&line, "whole_flushes", finding->whole_flushes);
	json_line_count(&line, "duration_ns", finding->duration_ns);
	json_line_known(&line, "overhead_ns", finding->overhead_ns);
	json_line_count(&line, "flushes", finding->flushes);
	json_line_known(&line, "other_write_ns", finding->other_write_ns);
	return json_line_send(&line, out);
}

/* Where no call ended there is no median of them. */
static void put_times(struct json_line *line, const struct function_summary *function)
{
	json_line_count(line, "total_ns", function->total_ns);
	if (!function->ended)
		return;
	json_line_count(line, "p50_ns", function->p50_ns);
	json_line_count(line, "p99_ns", function->p99_ns);
	json_line_count(line, "max_ns", function->max_ns);
}

static struct json_line function_object(const struct function_summary *function)
{
	struct json_line line = json_line_new(NULL);

	json_line_text(&line, "function", function->function);
	json_line_text(&line, "symbol", function->symbol);
	json_line_text(&line, "module", function->module);
	json_line_count(&line, "calls", function->calls);
	json_line_count(&line, "ended", function->ended);
	put_times(&line, function);
	json_line_count(&line, "copied_bytes", function->copied_bytes);
	json_line_count(&line, "copies", function->copies);
	json_line_count(&line, "outermost", function->outermost);
	json_line_count(&line, "whole_calls", function->whole_calls);
	json_line_count(&line, "whole_bytes", function->whole_bytes);
	json_line_known(&line, "estimated_bytes", function->estimated_bytes);
	json_line_known(&line, "error_bytes", function->error_bytes);
	json_line_flag(&line, "counted_only", function->is_counted_only);
	json_line_flag(&line, "dropped", function->is_dropped);
	json_line_count(&line, "unfinished", function->unfinished);
	json_line_count(&line, "abandoned", function->abandoned);
	json_line_known(&line, "cut_off", function->cut_off);
	json_line_known(&line, "untimed", function->untimed);
	json_line_count(&line, "lost", function->lost);
	json_line_count(&line, "reported", function->reported);
	if (function->unseen_starts)
		json_line_count(&line, "unseen_starts", function->unseen_starts);
	return line;
}

/* Of its calls, those that were told of are all that is known. */
static struct json_line partial_object(const struct function_summary *function)
{
	struct json_line line = json_line_new(NULL);

	json_line_text(&line, "function", function->function);
	json_line_text(&line, "symbol", function->symbol);
	json_line_text(&line, "module", function->module);
	json_line_count(&line, "reported", function->reported);
	put_times(&line, function);
	json_line_count(&line, "copied_bytes", function->copied_bytes);
	json_line_count(&line, "copies", function->copies);
	return line;
}

static void add_functions(struct json_line *line, const struct run_summary *summary)
{
	json_t *array = json_array();

	for (size_t i = 0; i < summary->function_count; i++) {
		const struct function_summary *summed = &summary->functions[i];
		struct json_line function =
			summary->is_partial ? partial_object(summed) : function_object(summed);

		if (json_line_append(array, &function))
			line->error = -ENOMEM;
	}
	json_line_value(line, "functions", array);
}

/* The classes that hold something: copies of from_bytes to to_bytes, both included. */
static void add_size_classes(struct json_line *line, const struct run_summary *summary)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < SIZE_CLASSES; i++) {
		struct json_line class;

		if (!summary->copies_by_class[i])
			continue;
		class = json_line_new(NULL);
		json_line_count(&class, "from_bytes", i ? 1ull << (i - 1) : 0);
		/* The last class holds larger ones, too; its 2^63 - 1 is as far as jansson counts.
		 */
		json_line_count(&class, "to_bytes", (1ull << i) - 1);
		json_line_count(&class, "copies", summary->copies_by_class[i]);
		json_line_count(&class, "bytes", summary->bytes_by_class[i]);
		if (json_line_append(array, &class))
			line->error = -ENOMEM;
	}
	json_line_value(line, "size_classes", array);
}

static void add_losses(struct json_line *line, const struct loss_counts *losses)
{
	struct json_line object = json_line_new(NULL);

	json_line_count(line, "lost_events",
			losses->ring_full + losses->span_table_full + losses->thread_state_failed +
				losses->goroutine_table_full + losses->malformed + losses->samples +
				losses->life_events);
	json_line_count(&object, "ring_full", losses->ring_full);
	json_line_count(&object, "span_table_full", losses->span_table_full);
	json_line_count(&object, "thread_state_failed", losses->thread_state_failed);
	json_line_count(&object, "goroutine_table_full", losses->goroutine_table_full);
	json_line_count(&object, "malformed", losses->malformed);
	json_line_count(&object, "samples", losses->samples);
	json_line_count(&object, "life_events", losses->life_events);
	json_line_object(line, "losses", &object);
}

static void add_cost(struct json_line *line, const struct run_summary *summary)
{
	double percent;

	json_line_count(line, "probe_hits", summary->probe_hits);
	json_line_known(line, "hit_cheap_ns", summary->hit_cheap_ns);
	json_line_known(line, "hit_stepped_ns", summary->hit_stepped_ns);
	if (summary->probe_hits && !summary->hit_cheap_ns && !summary->hit_stepped_ns)
		return;
	json_line_count(line, "overhead_ns", summary->overhead_ns);
	if (!summary->target_cpu_ns)
		return;
	/* It is an estimate, and can come out above what it is a part of. */
	percent = 100.0 * (double)summary->overhead_ns / (double)summary->target_cpu_ns;
	json_line_real(line, "overhead_pct", percent > 100 ? 100 : percent);
}

static void add_budget(struct json_line *line, const struct run_summary *summary)
{
	json_add_gate(line, "gate_bytes", summary->gate_bytes);
	if (summary->budget_pct < 0)
		return;
	json_line_real(line, "budget_pct", summary->budget_pct);
	json_line_known(line, "budget_credit_ns", summary->budget_credit_ns);
	json_line_count(line, "budget_steps", summary->budget_steps);
}

static void add_processes(struct json_line *line, const struct run_summary *summary)
{
	json_line_count(line, "processes_watched", summary->processes_watched);
	json_line_count(line, "processes_seen", summary->processes_seen);
	json_line_count(line, "worst_unwatched_ns", summary->worst_unwatched_ns);
}

/* Of a recording without its end: no counter is known. */
static int send_partial(FILE *out, const struct run_summary *summary)
{
	struct json_line line = json_line_new("summary");

	json_line_flag(&line, "cut_off", true);
	add_functions(&line, summary);
	json_line_count(&line, "wall_ns", summary->wall_ns);
	json_add_samples(&line, summary);
	json_line_text(&line, "writes_function", summary->writes_function);
	add_processes(&line, summary);
	return json_line_send(&line, out);
}

static int show_summary(struct report *report, const struct run_summary *summary)
{
	struct json_line line;
	int error = 0;

	if (summary->finding.found)
		error = send_finding(out_of(report), &summary->finding);
	if (error)
		return error;
	if (summary->is_partial)
		return send_partial(out_of(report), summary);
	line = json_line_new("summary");
	add_functions(&line, summary);
	json_line_count(&line, "wall_ns", summary->wall_ns);
	json_line_known(&line, "target_cpu_ns", summary->target_cpu_ns);
	add_losses(&line, &summary->losses);
	add_cost(&line, summary);
	add_budget(&line, summary);
	json_line_count(&line, "copies", summary->copies);
	json_line_count(&line, "copied_bytes", summary->copied_bytes);
	json_line_count(&line, "largest_copy_bytes", summary->largest_copy_bytes);
	json_line_count(&line, "large_copies", summary->large_copies);
	add_timed(&line, summary->timed_copies, summary->timed_bytes, summary->copy_ns);
	add_size_classes(&line, summary);
	json_add_samples(&line, summary);
	json_line_text(&line, "writes_function", summary->writes_function);
	json_line_count(&line, "writes", summary->writes);
	json_line_known(&line, "write_gap_ns", summary->write_gap_ns);
	json_line_count(&line, "unmatched_ends", summary->unmatched_ends);
	add_processes(&line, summary);
	json_line_value(&line, "watched", string_array(summary->watched, summary->watched_count));
	json_line_value(&line, "uncalled",
			string_array(summary->uncalled, summary->uncalled_count));
	return json_line_send(&line, out_of(report));
}

static int show_diff(struct report *report, const struct run_diff *diff)
{
	return json_send_diff(out_of(report), diff);
}

static void free_report(struct report *report)
{
	free(report);
}

struct report *report_json_new(FILE *out)
{
	static const struct report_ops ops = {
		.header = show_header,
		.child = show_child,
		.flush = show_flush,
		.copy = show_copy,
		.budget = show_budget,
		.stall = show_stall,
		.discovery = show_discovery,
		.live = show_live,
		.summary = show_summary,
		.diff = show_diff,
		.free = free_report,
	};
	struct json_report *json = calloc(1, sizeof(*json));

	if (!json)
		return NULL;
	json->report.ops = &ops;
	json->out = out;
	return &json->report;
}
