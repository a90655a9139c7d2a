/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a watch: what the kernel counted becomes the summary. */
#ifndef SESSION_CLOSING_H
#define SESSION_CLOSING_H

#include "receive/receive.h"
#include "session/processes.h"
#include "session/sampling.h"
#include "session/session.h"
#include "session/spending.h"

/* Says, once each, which names no watched process has so far, and what comes close. */
void closing_warn_pending(struct watchlist *watchlist, const struct modules *modules);

/* Says which names never came; -ENOENT where there is one, else 0. */
int closing_report_absent(const struct watchlist *watchlist, const struct modules *modules);

/* A status line from the counters as they are. */
void closing_show_live(const struct session_settings *settings, struct telling *telling,
		       uint64_t wall_ns);

/*
 * Stops counting, takes in what still travels and what is still open, and tells the outputs the
 * summary. 0; -ENOENT where a name that was asked for never came (said in one line each); or
 * negative errno.
 */
int closing_report(const struct session_settings *settings, struct processes *processes,
		   struct receiver *receiver, struct telling *telling,
		   const struct spending *spending, struct sampling *sampling, uint64_t start_ns);

#endif
