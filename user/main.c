// SPDX-License-Identifier: GPL-2.0-only
/* memwatch: the order of the stages. */
#include <stdlib.h>

#include "attach/privileges.h"
#include "base/log.h"
#include "elf/truncated.h"
#include "options.h"
#include "session/compare.h"
#include "session/demo.h"
#include "session/dry_run.h"
#include "session/recording_file.h"
#include "session/replay.h"
#include "session/session.h"
#include "target/inherited.h"
#include "target/process.h"

static struct tracer_settings tracer_settings_of(const struct options *options)
{
	return (struct tracer_settings){
		.min_bytes = options->min_bytes,
		.min_time_ns = options->min_time_ns,
		.follow = options->follow,
		.links = options->links,
		.time_copies = options->time_copies,
		.sample_period_ns = options_sample_period_ns(options),
		.quiet_ns = options_quiet_ns(options),
	};
}

static struct output_settings output_settings_of(const struct options *options)
{
	bool records = options->mode == MODE_RECORD;

	return (struct output_settings){
		.out_path = records ? NULL : options->out_path,
		.no_text = records,
		.json_path = options->json_path,
		.launched = options->command,
		.quiet = options->quiet,
		.verbose = options->verbose,
	};
}

static int watch(struct options *options, struct outputs *outputs,
		 struct recording_writer *recording, struct tracer *tracer, struct launch *launch,
		 const struct identity *identity)
{
	char *command = launch ? launch_command_line(launch, options->command) : NULL;
	struct gate_settings gates = options_gates(options);
	struct run_header header = {
		.version = MEMWATCH_VERSION,
		.command = command,
		.run_as = launch && identity->differs ? identity->name : NULL,
		.pids = options->pids.items,
		.pid_count = options->pids.count,
		.gate_is_fixed = gates.is_fixed,
		.gate_bytes = gates.from_bytes,
		.budget_pct = options->budget_pct,
		.min_bytes = options->min_bytes,
		.min_time_ns = options->min_time_ns,
	};
	struct session_settings settings = {
		.tracer = tracer,
		.outputs = outputs,
		.recording = recording,
		.watchlist = &options->watchlist,
		.header = &header,
		.gates = gates,
		.sample_period_ns = options_sample_period_ns(options),
		.quiet_ns = options_quiet_ns(options),
		.discovers = options_discovers(options),
		.sampling_pct = options_sampling_pct(options),
		.launch = launch,
		.pids = options->pids.items,
		.pid_count = options->pids.count,
		.duration_ns = options->duration_ns,
	};
	int status = session_run(&settings);

	free(command);
	return status;
}

/* At the attach: -v of each probe what a hit costs, --writes where that is much. */
static bool tells_costs(const struct options *options)
{
	const struct pattern *pattern;

	array_each (pattern, &options->watchlist.patterns) {
		if (pattern->role == ROLE_WRITES)
			return true;
	}
	return options->verbose;
}

static int trace(struct options *options, const struct identity *identity)
{
	struct tracer_settings tracer_settings = tracer_settings_of(options);
	struct output_settings output_settings = output_settings_of(options);
	struct recording_writer *recording = NULL;
	struct tracer *tracer = NULL;
	struct launch launch = {.pid = -1};
	struct outputs outputs = {0};
	int status = 1;

	if (outputs_open(&outputs, &output_settings, identity))
		return 1;
	if (options->mode == MODE_RECORD &&
	    recording_file_open(options->out_path, identity, &outputs, &recording))
		goto out;
	if (tracer_open(&tracer_settings, &tracer))
		goto out;
	if (tells_costs(options))
		tracer_await_costs(tracer);
	if (options->command && launch_hold(options->command, identity, &launch))
		goto out;
	status = watch(options, &outputs, recording, tracer, options->command ? &launch : NULL,
		       identity);
out:
	tracer_close(tracer);
	if (!recording_file_close(options->out_path, recording) && !status)
		status = 1;
	if (!outputs_close(&outputs) && !status)
		status = 1;
	return status;
}

/* What the kernel refuses to measure is left open; a plan needs no kernel. */
static int plan_only(struct options *options, const struct identity *identity)
{
	struct dry_run_settings settings = {
		.watchlist = &options->watchlist,
		.gates = options_gates(options),
		.command = options->command,
		.run_as = identity,
		.pids = options->pids.items,
		.pid_count = options->pids.count,
	};

	if (tracer_measure(options->links, &settings.costs))
		log_detail("what a hit costs here could not be measured");
	return dry_run(&settings);
}

/* Else it tells of what was recorded, which needs neither processes nor rights. */
static bool watches(const struct options *options)
{
	return options->mode == MODE_WATCH || options->mode == MODE_RECORD;
}

static int tell_again(const struct options *options, const struct identity *identity)
{
	struct report_settings report = {
		.replay =
			{
				.path = options->recordings[0],
				.sets_min_time = options->min_time_is_set,
				.min_time_ns = options->min_time_ns,
			},
		.outputs = output_settings_of(options),
	};
	struct compare_settings compare = {
		.slow = options->recordings[0],
		.fast = options->recordings[1],
		.sets_min_time = options->min_time_is_set,
		.min_time_ns = options->min_time_ns,
		.outputs = report.outputs,
	};

	return options->mode == MODE_DIFF ? compare_recordings(&compare, identity)
					  : replay_report(&report, identity);
}

static int run(struct options *options)
{
	struct identity identity;

	if (identity_of_caller(&identity)) {
		log_error("SUDO_UID=%s is no user of this machine; unset it to run as root",
			  getenv("SUDO_UID"));
		return 1;
	}
	if (!watches(options))
		return tell_again(options, &identity);
	return options->dry_run ? plan_only(options, &identity) : trace(options, &identity);
}

int main(int argc, char *argv[])
{
	enum options_result parsed;
	struct options options;
	struct demo demo;
	int status;

	inherited_keep();
	elf_survive_truncation();
	parsed = options_parse(argc, argv, &options);
	status = parsed == OPTIONS_DONE ? 0 : parsed == OPTIONS_WRONG ? 2 : 1;
	if (parsed != OPTIONS_RUN)
		goto out;
	log_set_level(options.verbose ? LOG_DETAIL : options.quiet ? LOG_WARNING : LOG_NOTE);
	if (watches(&options) &&
	    (privileges_check() || processes_check(options.pids.items, options.pids.count)))
		goto out;
	if (options.demo) {
		if (demo_prepare(&demo, &options.watchlist))
			goto out;
		options.command = demo.command;
	}
	status = run(&options);
out:
	options_release(&options);
	return status;
}
