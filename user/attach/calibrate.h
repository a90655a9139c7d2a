/* SPDX-License-Identifier: GPL-2.0-only */
/* What a hit costs on this machine: probes on two small routines of memwatch's own. */
#ifndef ATTACH_CALIBRATE_H
#define ATTACH_CALIBRATE_H

#include "attach/link.h"

struct calibration;

/*
 * Puts probes on memwatch's own routines and sees that a second thread's call is counted: before
 * Linux 6.11 (and stable backports) uprobe_multi's pid filter let only the first thread through.
 * 0; -EOPNOTSUPP where hits do not arrive; else why the link could not be made.
 * totals_map_fd: where the programs count MW_TOTALS_CALIBRATION.
 */
int calibration_begin(struct bpf_program *program, enum link_kind kind, int totals_map_fd,
		      struct calibration **calibration);

/* Measures, in a thread of its own, and takes the probes away. */
void calibration_start(struct calibration *calibration);

/* Waits for the measurement; zeros where it could not be made. Can be asked again. */
struct tracer_costs calibration_costs(struct calibration *calibration);
void calibration_free(struct calibration *calibration);

#endif
