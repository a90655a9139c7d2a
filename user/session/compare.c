// SPDX-License-Identifier: GPL-2.0-only
#include "session/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "session/replay.h"

/* A report that keeps the summary, instead of showing it, as long as what it borrows lives. */
struct kept_run {
	struct report report;
	struct replay *replay; /* owns all that is borrowed */
	const char *command;
	struct run_summary summary;
	struct function_summary *functions; /* which live for the call alone */
	struct outputs outputs;             /* this one is all of them */
};

static struct kept_run *run_of(struct report *report)
{
	/* report is the first member. */
	return (struct kept_run *)report;
}

static int keep_header(struct report *report, const struct run_header *header)
{
	run_of(report)->command = header->command;
	return 0;
}

static int keep_summary(struct report *report, const struct run_summary *summary)
{
	struct kept_run *run = run_of(report);

	run->functions = calloc(summary->function_count + 1, sizeof(*run->functions));
	if (!run->functions)
		return -ENOMEM;
	if (summary->function_count)
		memcpy(run->functions, summary->functions,
		       summary->function_count * sizeof(*run->functions));
	run->summary = *summary;
	run->summary.functions = run->functions;
	return 0;
}

static const struct report_ops keeping = {.header = keep_header, .summary = keep_summary};

static int keep_run(struct kept_run *run, const struct compare_settings *settings, const char *path)
{
	struct replay_settings replay = {
		.path = path,
		.sets_min_time = settings->sets_min_time,
		.min_time_ns = settings->min_time_ns,
	};
	int err = replay_open(&replay, &run->replay);

	if (err)
		return err;
	run->report.ops = &keeping;
	run->outputs.all[0] = (struct output){.report = &run->report, .name = path};
	run->outputs.count = 1;
	err = replay_tell(run->replay, &run->outputs);
	return !err && !run->functions ? -ENOMEM : err;
}

static int show(const struct kept_run runs[DIFF_RUNS], const char *const paths[DIFF_RUNS],
		const struct compare_settings *settings, const struct identity *owner)
{
	const struct diffed_run diffed[] = {
		[DIFF_SLOW] = {settings->slow, runs[DIFF_SLOW].command, &runs[DIFF_SLOW].summary},
		[DIFF_FAST] = {settings->fast, runs[DIFF_FAST].command, &runs[DIFF_FAST].summary},
	};
	struct run_diff diff = {0};
	struct outputs outputs;
	int err = replay_open_outputs(&outputs, &settings->outputs, owner, paths, DIFF_RUNS);

	if (err)
		return err;
	err = run_diff_make(diffed, &diff);
	if (err)
		log_error("the recordings can't be compared: %s", strerror(-err));
	else
		outputs_diff(&outputs, &diff);
	run_diff_release(&diff);
	return outputs_close(&outputs) ? err : -EIO;
}

int compare_recordings(const struct compare_settings *settings, const struct identity *owner)
{
	const char *const paths[] = {
		[DIFF_SLOW] = settings->slow,
		[DIFF_FAST] = settings->fast,
	};
	struct kept_run runs[DIFF_RUNS] = {0};
	int err = 0;

	for (int run = 0; !err && run < DIFF_RUNS; run++)
		err = keep_run(&runs[run], settings, paths[run]);
	if (!err)
		err = show(runs, paths, settings, owner);
	for (int run = 0; run < DIFF_RUNS; run++) {
		replay_close(runs[run].replay);
		free(runs[run].functions);
	}
	return err ? 1 : 0;
}
