/* SPDX-License-Identifier: GPL-2.0-only */
/* What a hit costs on this machine: probes on two small routines of memwatch's own. */
#ifndef ATTACH_CALIBRATE_H
#define ATTACH_CALIBRATE_H

#include "attach/link.h"

/*
 * Puts probes on memwatch's own routines, sees that a second thread's call is counted (before Linux
 * 6.11 and stable backports, uprobe_multi's pid filter let only the first thread through), and
 * measures what a hit costs: some 5 ms in all. 0; -EOPNOTSUPP where hits do not arrive; else why
 * the link could not be made. The link is the caller's to remove; NULL after an error.
 * totals_map_fd: where the programs count MW_TOTALS_CALIBRATION.
 */
int calibrate(struct bpf_program *program, enum link_kind kind, int totals_map_fd,
	      struct tracer_costs *costs, struct probe_link **link);

#endif
