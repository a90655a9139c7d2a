/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WORKLOADS_ARGUMENTS_H
#define WORKLOADS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum argument_kind {
	ARGUMENT_COUNT,    /* 300000 */
	ARGUMENT_BYTES,    /* 4096, 64K, 1MiB, 10kB */
	ARGUMENT_DURATION, /* 250us, 5ms, 2s; kept in nanoseconds */
	ARGUMENT_TEXT,
	ARGUMENT_FLAG,
};

/* One long option, and where its value goes: the member that fits the kind. */
struct argument {
	const char *name;
	enum argument_kind kind;
	uint64_t *number;
	uint64_t min;
	uint64_t max;
	const char **text;
	bool *flag;
	const char *help;
};

/* Exit statuses that the workloads share. */
enum {
	EXIT_WRONG = 1, /* it ran, and failed or computed something wrong */
	EXIT_USAGE = 2, /* it did not run */
};

/*
 * Reads the command line into what the table points at. Returns true when the program should
 * run. Otherwise the help or one line about the mistake has been printed, and *exit_status says
 * how to end. --help need not be in the table.
 */
bool arguments_read(int argc, char **argv, const struct argument *table, size_t count,
		    int *exit_status);

/*
 * Carries out --wait: says so on stderr, then blocks until SIGUSR1. The signal stays blocked
 * afterwards, so a second one does no harm. Call it before any thread starts.
 */
void wait_for_signal(const char *program);

/* Carries out --pause. */
void pause_for(uint64_t pause_ns);

#endif
