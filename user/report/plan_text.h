/* SPDX-License-Identifier: GPL-2.0-only */
/* --dry-run's output: a process's plan, for people. */
#ifndef REPORT_PLAN_TEXT_H
#define REPORT_PLAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct plan_line {
	const char *module; /* path */
	uint64_t file_off;
	const char *what; /* "copy", "entry", "end", "write", "loader" */
	const char *name;
	const char *reason;
};

struct plan_report {
	pid_t pid;
	const char *comm;
	const struct plan_line *lines; /* module by module */
	size_t line_count;
	bool settled; /* the loader has bound every copy routine */
	bool copies_covered;
	const char *refused; /* why copies can't be counted; NULL: nothing */
};

/* 0, or -errno where it could not be written. */
int plan_text_print(FILE *out, const struct plan_report *plan);

#endif
