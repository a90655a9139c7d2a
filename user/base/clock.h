/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

/* CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns() and of every *_ns stamp in memwatch. */
uint64_t clock_monotonic_ns(void);

/* What the calling thread has run; its waits for a CPU are not in it. */
uint64_t clock_thread_cpu_ns(void);

/* Nanoseconds since 1970. */
uint64_t clock_unix_ns(void);

#endif
