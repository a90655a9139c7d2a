// SPDX-License-Identifier: GPL-2.0-only
#include "session/dry_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "session/closing.h"
#include "session/plan_lines.h"
#include "choose/watch.h"
#include "target/launch.h"

/* launch: the process is held at its entry point; or NULL. */
static int plan_process(const struct dry_run_settings *settings, pid_t pid, struct launch *launch,
			struct modules *modules)
{
	const struct copy_settings copies = {.gates = settings->gates,
					     .stepped_ns = settings->costs.stepped_ns};
	struct process_plan plan;
	int err = process_plan_make(pid, modules, settings->watchlist, &copies, &plan);

	for (int i = 0; i < LAUNCH_RUNS_MOST && !err && launch && !plan.settled; i++) {
		if (launch_run_on(launch))
			break;
		process_plan_release(&plan);
		err = process_plan_make(pid, modules, settings->watchlist, &copies, &plan);
	}
	if (err) {
		log_error("process %d can't be planned: %s", pid, strerror(-err));
		return err;
	}
	err = plan_lines_print(stdout, pid, &plan, &settings->gates, settings->costs);
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
			err = plan_process(settings, launch.pid, &launch, &modules);
	}
	for (size_t i = 0; !err && i < settings->pid_count; i++)
		err = plan_process(settings, settings->pids[i], NULL, &modules);
	if (!err)
		err = closing_report_absent(settings->watchlist, &modules);
	launch_abandon(&launch);
	modules_release(&modules);
	return err ? 1 : 0;
}
