/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock that looks where threads are. It is a perf event of each thread that is there when the
 * process is added, and is inherited by the threads and children that these start: it ticks while
 * they run and costs nobody else. But the kernel stops and starts it with each switch to another
 * thread; for those that switch all the time, it can be an event of each CPU instead, which has no
 * price for them but its ticks, and ticks in everybody's time.
 */
#ifndef ATTACH_SAMPLER_H
#define ATTACH_SAMPLER_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sampler;

/*
 * What a tick takes from a thread that copies, in ns of its CPU time, until it is measured: a bound
 * for this kind of machine, by which the period is chosen.
 */
uint64_t sampler_tick_typical_ns(void);

/* What it takes to stop it for one thread and start it for another, likewise. */
uint64_t sampler_switch_typical_ns(void);

struct sampler_settings {
	const struct bpf_program *program;
	uint64_t period_ns; /* of the thread's CPU time */
	bool follows;       /* children as well */
};

/* NULL where memory is out. */
struct sampler *sampler_new(const struct sampler_settings *settings);

/*
 * Looks at all threads of the process from now on. Threads that end meanwhile are no error. 0,
 * -ESRCH, or why the kernel refuses: -EACCES, -EMFILE, ...; then some may be looked at.
 */
int sampler_add(struct sampler *sampler, pid_t pid);

/*
 * From threads to CPUs, and back: then those that are watched have to be added anew. 0, or why the
 * kernel refuses: then nothing has changed.
 */
int sampler_widen(struct sampler *sampler);
void sampler_narrow(struct sampler *sampler);

/* One thread's clock by itself, stopped. A descriptor or negative errno. */
int sampler_event_open(const struct sampler_settings *settings, pid_t tid);
int sampler_event_start(int fd);
void sampler_event_stop(int fd);

/* No more ticks, from anybody. NULL is fine. */
void sampler_free(struct sampler *sampler);

#endif
