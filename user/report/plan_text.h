/* SPDX-License-Identifier: GPL-2.0-only */
/* A process's plan, for people: --dry-run's output, and what -v tells at an attach. */
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
	const char *what; /* "copy", "return", "entry", "end", "write", "loader" */
	const char *name;
	const char *reason;
	const char *neighbours; /* why a gate is not on one of those; NULL: nothing to say */
	uint64_t hit_ns;        /* what one hit costs; 0: not known */
};

/* What is counted of copies when the budget has moved the gate. */
struct plan_step {
	bool is_counted;       /* some are */
	uint64_t from_bytes;   /* then: from this size on; 0: all */
	const char *uncounted; /* the routines without a gate there: "memcpy in libc.so"; or NULL */
	const struct plan_line *lines;
	size_t line_count;
};

struct plan_report {
	pid_t pid;
	const char *comm;
	const struct plan_line *lines; /* what is set at first, module by module */
	size_t line_count;
	const struct plan_step *steps; /* the first one, and those that the budget may take */
	size_t step_count;
	bool settled; /* the loader has bound every copy routine */
	bool copies_covered;
	const char *refused; /* why copies can't be counted; NULL: nothing */
};

/* Hands it out line by line, without line ends. */
typedef void (*plan_text_fn)(void *context, const char *line);
void plan_text_each(const struct plan_report *plan, plan_text_fn take, void *context);

/* 0, or -errno where it could not be written. */
int plan_text_print(FILE *out, const struct plan_report *plan);

#endif
