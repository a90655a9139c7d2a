/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WORKLOADS_TRUTH_H
#define WORKLOADS_TRUTH_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* What a workload knows about one of its own stalls. */
struct truth_record {
	uint64_t start_ns; /* CLOCK_MONOTONIC, read on entry to the stalling function */
	uint64_t duration_ns;
	uint64_t bytes;
	uint64_t copies;
	uint64_t write_index; /* counts from 1 on each thread */
	int tid;              /* as the workload's own PID namespace numbers it */
};

/* The stalls of one thread, in order. */
struct truth {
	struct truth_record *records;
	size_t count;
	size_t room;
};

static inline uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * Makes room for that many records, and touches it all: truth_add() then is a plain store that
 * neither allocates nor faults. Returns 0 or -ENOMEM.
 */
int truth_init(struct truth *truth, size_t room);
void truth_free(struct truth *truth);

/* Adding more records than there is room for is a bug in the workload, and aborts. */
void truth_add(struct truth *truth, struct truth_record record);

/* Each record becomes one JSON object on its own line. */
void truth_write(const struct truth *truth, FILE *file);

/*
 * Opened before the run, so that a bad path is found before the work is done. A NULL path is no
 * file: truth_open() succeeds with *file NULL, and truth_close() has nothing to do. Both return
 * 0, or a negative errno if what was written may be incomplete.
 */
int truth_open(const char *path, FILE **file);
int truth_close(FILE *file);

#endif
