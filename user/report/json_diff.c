// SPDX-License-Identifier: GPL-2.0-only
/* Two runs side by side, as one line. */
#include "report/frame_label.h"
#include "report/json_report.h"

static const char *const run_keys[] = {[DIFF_SLOW] = "slow", [DIFF_FAST] = "fast"};

static const char *const verdict_words[] = {
	[DIFF_NOTHING_STALLS] = "nothing stalls",
	[DIFF_ALONE] = "stalls in slow alone",
	[DIFF_LONGER] = "stalls longer in slow",
	[DIFF_NOT_SLOWER] = "nothing stalls longer in slow",
};

static void add_frame(struct json_line *line, const char *key, const struct frame *frame)
{
	char label[FRAME_LABEL_BYTES];

	json_line_text(line, key, frame_label(label, frame));
	json_line_text(line, "symbol", frame->symbol);
	json_line_text(line, "module", frame->module);
}

static void add_run(struct json_line *line, const struct run_diff *diff, int run)
{
	const struct diffed_run *diffed = &diff->runs[run];
	struct json_line object = json_line_new(NULL);

	json_line_text(&object, "recording", diffed->name);
	json_line_text(&object, "command", diffed->command);
	json_line_count(&object, "wall_ns", diffed->summary->wall_ns);
	if (diffed->summary->is_partial)
		json_line_flag(&object, "cut_off", true);
	json_line_count(&object, "stalled_ns", diff->stalled_ns[run]);
	json_line_object(line, run_keys[run], &object);
}

static void add_figures(struct json_line *line, const char *key, const struct diff_figures *figures)
{
	struct json_line object = json_line_new(NULL);

	json_line_count(&object, "stalls", figures->stalls);
	json_line_count(&object, "total_ns", figures->total_ns);
	json_line_count(&object, "max_ns", figures->max_ns);
	json_line_count(&object, "copied_bytes", figures->copied_bytes);
	if (figures->is_at_least)
		json_line_flag(&object, "partly_counted", true);
	if (figures->calls_known)
		json_line_count(&object, "calls", figures->calls);
	json_line_object(line, key, &object);
}

static void add_culprits(struct json_line *line, const struct run_diff *diff)
{
	const struct diff_culprit *culprit;
	json_t *array = json_array();

	array_each (culprit, &diff->culprits) {
		struct json_line object = json_line_new(NULL);

		add_frame(&object, "culprit", &culprit->frame);
		for (int run = 0; run < DIFF_RUNS; run++)
			add_figures(&object, run_keys[run], &culprit->runs[run]);
		if (json_line_append(array, &object))
			line->error = -ENOMEM;
	}
	json_line_value(line, "culprits", array);
}

static void add_functions(struct json_line *line, const struct run_diff *diff)
{
	const struct diff_function *function;
	json_t *array = json_array();

	array_each (function, &diff->functions) {
		struct json_line object = json_line_new(NULL);

		add_frame(&object, "function", &function->frame);
		json_line_count(&object, "slow_ns", function->time_ns[DIFF_SLOW]);
		json_line_count(&object, "fast_ns", function->time_ns[DIFF_FAST]);
		if (json_line_append(array, &object))
			line->error = -ENOMEM;
	}
	json_line_value(line, "call_tree", array);
}

int json_send_diff(FILE *out, const struct run_diff *diff)
{
	struct json_line line = json_line_new("diff");

	json_line_count(&line, "schema", 1);
	for (int run = 0; run < DIFF_RUNS; run++)
		add_run(&line, diff, run);
	json_line_text(&line, "verdict", verdict_words[diff->verdict]);
	if (diff->worst)
		add_frame(&line, "culprit", &diff->worst->frame);
	add_culprits(&line, diff);
	add_functions(&line, diff);
	return json_line_send(&line, out);
}
