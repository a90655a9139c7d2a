// SPDX-License-Identifier: GPL-2.0-only
#include "session/dry_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "report/plan_text.h"
#include "session/closing.h"
#include "session/watch.h"
#include "target/launch.h"
#include "target/process.h"

/* A process's plan in the words of the report. */
static int show_plan(pid_t pid, const struct process_plan *plan)
{
	struct plan_report report = {
		.pid = pid,
		.settled = plan->settled,
		.copies_covered = plan->copy_doors > 0,
		.refused = *plan->refused ? plan->refused : NULL,
	};
	ARRAY(struct plan_line) lines = {0};
	const struct planned_probe *probe;
	char comm[16];
	int err = 0;

	process_comm(pid, comm, sizeof(comm));
	report.comm = comm;
	array_each (probe, &plan->probes) {
		struct plan_line line = {
			.module = probe->module->path,
			.file_off = probe->point.file_off,
			.what = probe->what,
			.name = probe->name,
			.reason = probe->reason,
		};

		if (!err)
			err = array_push(&lines, line);
	}
	report.lines = lines.items;
	report.line_count = lines.count;
	if (!err)
		err = plan_text_print(stdout, &report);
	array_release(&lines);
	return err;
}

/* launch: the process is held at its entry point; or NULL. */
static int plan_process(pid_t pid, struct launch *launch, struct modules *modules,
			struct watchlist *watchlist)
{
	struct process_plan plan;
	int err = process_plan_make(pid, modules, watchlist, &plan);

	for (int i = 0; i < LAUNCH_RUNS_MOST && !err && launch && !plan.settled; i++) {
		if (launch_run_on(launch))
			break;
		process_plan_release(&plan);
		err = process_plan_make(pid, modules, watchlist, &plan);
	}
	if (err) {
		log_error("process %d can't be planned: %s", pid, strerror(-err));
		return err;
	}
	err = show_plan(pid, &plan);
	process_plan_release(&plan);
	return err;
}

int dry_run(const struct dry_run_settings *settings)
{
	struct launch launch = {.pid = -1};
	struct modules modules = {0};
	int err = 0;

	if (settings->command) {
		err = launch_hold(settings->command, settings->run_as, &launch);
		if (!err)
			err = plan_process(launch.pid, &launch, &modules, settings->watchlist);
	}
	for (size_t i = 0; !err && i < settings->pid_count; i++)
		err = plan_process(settings->pids[i], NULL, &modules, settings->watchlist);
	if (!err)
		err = closing_report_absent(settings->watchlist, &modules);
	launch_abandon(&launch);
	modules_release(&modules);
	return err ? 1 : 0;
}
