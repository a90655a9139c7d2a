/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose clock the sampler's is: that of the target's threads, as long as it costs them little, or,
 * while they give way to one another all the time, that of the CPUs.
 */
#ifndef SESSION_SAMPLING_H
#define SESSION_SAMPLING_H

#include "session/processes.h"
#include "session/session.h"

/* What one look after the other has seen. */
struct sampling_rate {
	uint64_t switch_ns;               /* what a switch costs while the clock is the threads' */
	double pct;                       /* of the target's time, that may be spent on that */
	bool is_wide;                     /* it is the CPUs' */
	uint64_t at_ns, cpu_ns, switches; /* at the latest look that said something */
	uint64_t calm_ns;                 /* as long as it has been worth going back */
	uint64_t charged_switches;        /* while it was the threads' */
};

/* True where it is time to change is_wide. at_ns: monotonic; the others are the target's sums. */
bool sampling_rate_look(struct sampling_rate *rate, uint64_t at_ns, uint64_t cpu_ns,
			uint64_t switches);

struct sampling {
	const struct session_settings *settings;
	struct processes *processes;
	bool looks; /* there is a choice */
	struct sampling_rate rate;
	uint64_t look_at_ns, pause_ns;
};

void sampling_init(struct sampling *sampling, const struct session_settings *settings,
		   struct processes *processes);

/* The process's threads, and those that these start. What can't be is said. */
void sampling_add(struct sampling *sampling, pid_t pid);

/* Looks, where that is due. Gives when (monotonic) the next look is; 0: never. */
uint64_t sampling_work(struct sampling *sampling);

/* At the end: what switches have cost the target, of so many that it made. */
uint64_t sampling_switching_ns(struct sampling *sampling, uint64_t switches);

#endif
