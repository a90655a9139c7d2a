/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a target says about its own speed, one line a slice:
 *
 *     slice KIND START_NS END_NS CPU_NS COPIES
 *
 * START and END are CLOCK_MONOTONIC's, CPU what the thread ran meanwhile: what others on the
 * machine take from it is not in it.
 */
#ifndef BENCH_SLICES_H
#define BENCH_SLICES_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define SLICE_NS 20000000

struct slice {
	uint64_t start_ns, cpu_start_ns;
};

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline struct slice slice_begin(void)
{
	return (struct slice){now_ns(), clock_ns(CLOCK_THREAD_CPUTIME_ID)};
}

static inline void slice_end(const struct slice *slice, const char *kind, uint64_t copies)
{
	uint64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - slice->cpu_start_ns;

	printf("slice %s %llu %llu %llu %llu\n", kind, (unsigned long long)slice->start_ns,
	       (unsigned long long)now_ns(), (unsigned long long)cpu_ns,
	       (unsigned long long)copies);
	fflush(stdout);
}

#endif
