// SPDX-License-Identifier: GPL-2.0-only
#include "session/sampling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "receive/receive.h"
#include "session/process.h"

/* Nothing can be said of less; of a target that hardly runs, after so long. */
#define CPU_LEAST_NS  (20 * NS_PER_MS)
#define WALL_LEAST_NS (2 * NS_PER_S)
/*
 * It has to be far below what was too much, for so long, to go back. Two threads that compute on
 * one CPU switch some 300 times a second.
 */
#define CALM_SHARE 4
#define CALM_NS    (3 * NS_PER_S)
/* What a switch costs is nothing in so much wall time: others would pay more for the CPUs' ticks.
 */
#define NOTHING_ONE_IN 1000

/* How often to look: soon after a change, and less often at one that runs on as it did. */
#define PAUSE_LEAST_NS (100 * NS_PER_MS)
#define PAUSE_MOST_NS  (400 * NS_PER_MS)

/* ---- when ---- */

static uint64_t growth(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

bool sampling_rate_look(struct sampling_rate *rate, uint64_t at_ns, uint64_t cpu_ns,
			uint64_t switches)
{
	uint64_t wall_ns = growth(at_ns, rate->at_ns), ran_ns = growth(cpu_ns, rate->cpu_ns);
	uint64_t more = growth(switches, rate->switches), cost_ns = more * rate->switch_ns;
	double limit_ns = (double)ran_ns * rate->pct / 100;

	if (ran_ns < CPU_LEAST_NS && wall_ns < WALL_LEAST_NS)
		return false;
	rate->at_ns = at_ns;
	rate->cpu_ns = cpu_ns;
	rate->switches = switches;
	if (!rate->is_wide) {
		rate->charged_switches += more;
		rate->calm_ns = 0;
		return (double)cost_ns > limit_ns && cost_ns > wall_ns / NOTHING_ONE_IN;
	}
	if ((double)cost_ns * CALM_SHARE > limit_ns && cost_ns > wall_ns / NOTHING_ONE_IN / 2)
		rate->calm_ns = 0;
	else
		rate->calm_ns += wall_ns;
	return rate->calm_ns >= CALM_NS;
}

/* ---- what then ---- */

void sampling_init(struct sampling *sampling, const struct session_settings *settings,
		   struct processes *processes)
{
	*sampling = (struct sampling){
		.settings = settings,
		.processes = processes,
		.looks = settings->sample_period_ns != 0,
		.rate = {.switch_ns = tracer_costs(settings->tracer).switch_ns,
			 .pct = settings->sampling_pct,
			 .at_ns = clock_monotonic_ns()},
		.pause_ns = PAUSE_LEAST_NS,
	};
	sampling->look_at_ns = sampling->rate.at_ns + sampling->pause_ns;
}

void sampling_add(struct sampling *sampling, pid_t pid)
{
	int err = sampling->settings->sample_period_ns
			  ? tracer_sample(sampling->settings->tracer, pid)
			  : 0;

	/* Gates and spans go on without it; one that has ended is told of as such. */
	if (err && err != -ESRCH)
		log_warning("process %d can't be sampled, so stalls that nobody named are not "
			    "found: %s",
			    pid, strerror(-err));
}

struct sampled_process {
	pid_t pid;
	uint64_t since_ns; /* whom it forks from then on is sampled as well */
};
typedef ARRAY(struct sampled_process) sampled_processes;

static const struct sampled_process *find_sampled(const sampled_processes *sampled, pid_t pid)
{
	const struct sampled_process *one;

	array_each (one, sampled) {
		if (one->pid == pid)
			return one;
	}
	return NULL;
}

static int add_one(struct sampling *sampling, sampled_processes *sampled, pid_t pid)
{
	struct sampled_process one = {.pid = pid};

	sampling_add(sampling, pid);
	one.since_ns = clock_monotonic_ns();
	return array_push(sampled, one);
}

/*
 * Of a child that nobody knew of yet, whether it was forked before its parent was sampled: then it
 * has inherited nothing.
 */
static bool is_missed(const sampled_processes *sampled, const struct process *process)
{
	const struct sampled_process *parent = find_sampled(sampled, process->parent_pid);

	return !find_sampled(sampled, process->pid) && parent &&
	       process->since_ns < parent->since_ns;
}

static void add_all(struct sampling *sampling)
{
	struct processes *processes = sampling->processes;
	sampled_processes sampled = {0};
	struct process **process;
	bool is_complete = false;
	int err = 0;

	array_each (process, &processes->all) {
		if (!err)
			err = add_one(sampling, &sampled, (*process)->pid);
	}
	processes->take_life_events(processes->context);
	/* A child's own children come to light when it is added. */
	while (!err && !is_complete) {
		is_complete = true;
		array_each (process, &processes->all) {
			if (err || !is_missed(&sampled, *process))
				continue;
			err = add_one(sampling, &sampled, (*process)->pid);
			is_complete = false;
		}
	}
	if (err)
		log_warning("out of memory: some processes are not sampled");
	array_release(&sampled);
}

static void change(struct sampling *sampling)
{
	struct sampling_rate *rate = &sampling->rate;
	struct tracer *tracer = sampling->settings->tracer;
	int err = 0;

	if (rate->is_wide)
		tracer_sample_threads(tracer);
	else
		err = tracer_sample_cpus(tracer);
	/* It would be refused again. */
	if (err) {
		log_warning("the CPUs can't be sampled, so sampling slows threads that give way to "
			    "one another all the time: %s",
			    strerror(-err));
		sampling->looks = false;
		return;
	}
	rate->is_wide = !rate->is_wide;
	rate->calm_ns = 0;
	sampling->pause_ns = PAUSE_LEAST_NS;
	if (!rate->is_wide)
		add_all(sampling);
	log_detail("the sampler's clock is now that of the %s",
		   rate->is_wide ? "CPUs: the target's threads give way to one another all the time"
				 : "target's threads");
}

static void look(struct sampling *sampling, uint64_t now_ns)
{
	struct tracer_outlets outlets = tracer_outlets(sampling->settings->tracer);
	struct mw_totals *totals = malloc(sizeof(*totals));
	uint64_t looked_at_ns = sampling->rate.at_ns;

	if (totals && !counters_read_totals(outlets.totals_map_fd, totals) &&
	    sampling_rate_look(&sampling->rate, now_ns, processes_cpu_ns(sampling->processes),
			       totals->switches))
		change(sampling);
	else if (sampling->rate.at_ns != looked_at_ns && sampling->pause_ns < PAUSE_MOST_NS)
		sampling->pause_ns *= 2;
	free(totals);
}

uint64_t sampling_work(struct sampling *sampling)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (!sampling->looks)
		return 0;
	if (now_ns >= sampling->look_at_ns) {
		look(sampling, now_ns);
		sampling->look_at_ns = clock_monotonic_ns() + sampling->pause_ns;
	}
	return sampling->look_at_ns;
}

uint64_t sampling_switching_ns(struct sampling *sampling, uint64_t switches)
{
	struct sampling_rate *rate = &sampling->rate;

	if (!rate->is_wide && switches > rate->switches)
		rate->charged_switches += switches - rate->switches;
	rate->switches = switches;
	return rate->charged_switches * rate->switch_ns;
}
