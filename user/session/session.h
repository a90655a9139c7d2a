/* SPDX-License-Identifier: GPL-2.0-only */
/* A whole watch: from the first probe to the last line of the report. */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "attach/tracer.h"
#include "choose/gates.h"
#include "session/outputs.h"
#include "choose/watchlist.h"
#include "record/writer.h"
#include "target/launch.h"

struct session_settings {
	struct tracer *tracer;
	struct outputs *outputs;
	struct recording_writer *recording; /* NULL: nothing is recorded */
	struct watchlist *watchlist;
	const struct run_header *header; /* all but the times, which the session sets */
	struct gate_settings gates;
	uint64_t sample_period_ns; /* 0: nothing is sampled */
	uint64_t quiet_ns;         /* as in struct stall_settings */
	bool discovers;            /* functions behind stalls that nobody named */
	double sampling_pct;       /* of the target's time, as it may cost: it is in the budget */
	struct launch *launch;     /* held at its entry point; NULL for an attach */
	const pid_t *pids;         /* for an attach; checked by the caller */
	size_t pid_count;
	uint64_t duration_ns; /* 0: until it ends */
};

/*
 * Watches until the command or all the processes have ended, the time is up or a signal says so;
 * then reports, and takes the probes away. Gives the exit status: the command's, or 0; 1 for a
 * failure, of which one line was logged.
 */
int session_run(const struct session_settings *settings);

#endif
