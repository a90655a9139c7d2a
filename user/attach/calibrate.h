/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probes on small routines of memwatch's own: do links work on this machine, and what does a hit
 * cost? The links that are made here are the caller's to remove.
 */
#ifndef ATTACH_CALIBRATE_H
#define ATTACH_CALIBRATE_H

#include "attach/link.h"

/*
 * Sees that a second thread's call is counted (before Linux 6.11 and stable backports,
 * uprobe_multi's pid filter let only the first thread through). 0; -EOPNOTSUPP where hits do not
 * arrive; else why the link could not be made. totals_map_fd: where the programs count
 * MW_TOTALS_CALIBRATION. *link is NULL after an error.
 */
int calibrate_try_links(const struct link_maker *maker, int totals_map_fd,
			struct probe_link **link);

/*
 * The same for sessions: one call that is to be timed is, and one that is not gets no return probe.
 */
int calibrate_try_sessions(const struct link_maker *maker, int totals_map_fd,
			   struct probe_link **link);

/* Measures, while the links stand: some 30 ms, mostly asleep. has_sessions: both do. */
struct tracer_costs calibrate_measure(bool has_sessions);

#endif
