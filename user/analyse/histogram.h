/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the kernel's time classes (bpf/event.h): 1/16 of an octave each, so 3 % from the truth.
 */
#ifndef ANALYSE_HISTOGRAM_H
#define ANALYSE_HISTOGRAM_H

#include <stdint.h>

#include "bpf/event.h"

/* The lowest time of a class, and of the next one. */
uint64_t time_class_floor_ns(unsigned time_class);
/* The class that a time is counted in. */
unsigned time_class_of_ns(uint64_t ns);

/*
 * The time that `share` (0..1) of all counted ones do not exceed: the middle of its class, and
 * never above max_ns, which is known exactly (0: no maximum known). 0 where nothing was counted.
 */
uint64_t time_classes_percentile_ns(const __u64 classes[MW_TIME_CLASSES], double share,
				    uint64_t max_ns);

#endif
