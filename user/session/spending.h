/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The overhead budget at work: looks at what the probes cost while they cost anything, asks the
 * budget, makes the moves and tells of them.
 */
#ifndef SESSION_SPENDING_H
#define SESSION_SPENDING_H

#include "session/budget.h"
#include "session/session.h"
#include "session/telling.h"

struct spending {
	const struct session_settings *settings;
	struct processes *processes;
	struct telling *telling; /* is told of each step */
	bool is_on;              /* there is a budget, and something that it may throttle */
	struct budget budget;
	uint64_t look_at_ns;  /* 0: with the next hit, of which the kernel tells */
	uint64_t check_at_ns; /* of the constants behind the gates; 0: none is due */
	uint64_t checked_at_ns;
	bool failure_said;
	uint64_t moves; /* that were reported */
	struct mw_function
		*functions; /* what the kernel counted of them; NULL before the first use */
};

void spending_init(struct spending *spending, const struct session_settings *settings,
		   struct processes *processes, struct telling *telling, uint64_t start_ns);
void spending_release(struct spending *spending);

/* A process's probes are live. */
void spending_on_process(struct spending *spending);
/* A function came to be watched: there is something to throttle, and flushes are worth a stay. */
void spending_on_function(struct spending *spending);
/* The kernel tells of a hit, as it was asked to. */
void spending_on_hit(struct spending *spending);

/* Does what is due. Gives when (monotonic) something is next; 0: nothing before the next hit. */
uint64_t spending_work(struct spending *spending);

/* What hits cost, as far as it is known by now. */
struct probe_costs spending_costs(const struct tracer *tracer);

/* Fills in what the run's budget and gates were, and what probes on their way out cost. */
void spending_summarize(const struct spending *spending, struct run_end *end);

#endif
