// SPDX-License-Identifier: GPL-2.0-only
#include "session/sampling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "receive/receive.h"
#include "session/process.h"

/* Nothing can be said of less. */
#define CPU_LEAST_NS (20 * NS_PER_MS)
/* It has to be far below what was too much, for so long, to go back. */
#define CALM_SHARE 8
#define CALM_NS    (3 * NS_PER_S)

/* How often to look: soon after a change, and less often at one that runs on as it did. */
#define PAUSE_LEAST_NS (100 * NS_PER_MS)
#define PAUSE_MOST_NS  (400 * NS_PER_MS)

/* ---- when ---- */

bool sampling_rate_look(struct sampling_rate *rate, uint64_t cpu_ns, uint64_t switches)
{
	uint64_t ran_ns = cpu_ns > rate->cpu_ns ? cpu_ns - rate->cpu_ns : 0;
	uint64_t more = switches > rate->switches ? switches - rate->switches : 0;
	double cost_ns = (double)more * (double)rate->switch_ns;
	double limit_ns = (double)ran_ns * rate->pct / 100;

	if (ran_ns < CPU_LEAST_NS)
		return false;
	rate->cpu_ns = cpu_ns;
	rate->switches = switches;
	if (!rate->is_wide) {
		rate->charged_switches += more;
		rate->calm_cpu_ns = 0;
		return cost_ns > limit_ns;
	}
	if (cost_ns * CALM_SHARE > limit_ns)
		rate->calm_cpu_ns = 0;
	else
		rate->calm_cpu_ns += ran_ns;
	return rate->calm_cpu_ns >= CALM_NS;
}

/* ---- what then ---- */

void sampling_init(struct sampling *sampling, const struct session_settings *settings,
		   struct processes *processes)
{
	*sampling = (struct sampling){
		.settings = settings,
		.processes = processes,
		.is_on = settings->sample_period_ns != 0,
		.rate = {.switch_ns = tracer_costs(settings->tracer).switch_ns,
			 .pct = settings->sampling_pct},
		.pause_ns = PAUSE_LEAST_NS,
	};
	if (sampling->is_on)
		sampling->look_at_ns = clock_monotonic_ns() + sampling->pause_ns;
}

void sampling_add(struct sampling *sampling, pid_t pid)
{
	int err = sampling->is_on ? tracer_sample(sampling->settings->tracer, pid) : 0;

	/* Gates and spans go on without it; one that has ended is told of as such. */
	if (err && err != -ESRCH)
		log_warning("process %d can't be sampled, so stalls that nobody named are not "
			    "found: %s",
			    pid, strerror(-err));
}

static void add_all(struct sampling *sampling)
{
	struct process **process;

	array_each (process, &sampling->processes->all)
		sampling_add(sampling, (*process)->pid);
}

static void change(struct sampling *sampling)
{
	struct sampling_rate *rate = &sampling->rate;
	struct tracer *tracer = sampling->settings->tracer;
	int err = 0;

	sampling->pause_ns = PAUSE_LEAST_NS;
	if (rate->is_wide)
		tracer_sample_threads(tracer);
	else
		err = tracer_sample_cpus(tracer);
	if (err && !sampling->failure_said)
		log_warning("the CPUs can't be sampled, so sampling slows threads that give way to "
			    "one another all the time: %s",
			    strerror(-err));
	sampling->failure_said |= err != 0;
	if (err || rate->is_wide)
		add_all(sampling);
	rate->is_wide = !rate->is_wide && !err;
	log_detail("the sampler's clock is now that of the %s",
		   rate->is_wide ? "CPUs: the target's threads give way to one another all the time"
				 : "target's threads");
}

static void look(struct sampling *sampling)
{
	struct tracer_outlets outlets = tracer_outlets(sampling->settings->tracer);
	struct mw_totals *totals = malloc(sizeof(*totals));

	uint64_t looked_cpu_ns = sampling->rate.cpu_ns;

	if (totals && !counters_read_totals(outlets.totals_map_fd, totals) &&
	    sampling_rate_look(&sampling->rate, processes_cpu_ns(sampling->processes),
			       totals->switches))
		change(sampling);
	else if (sampling->rate.cpu_ns != looked_cpu_ns && sampling->pause_ns < PAUSE_MOST_NS)
		sampling->pause_ns *= 2;
	free(totals);
}

uint64_t sampling_work(struct sampling *sampling)
{
	if (!sampling->is_on)
		return 0;
	if (clock_monotonic_ns() >= sampling->look_at_ns) {
		look(sampling);
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
