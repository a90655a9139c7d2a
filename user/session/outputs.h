/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the reports go: opened before anything is touched, told everything in turn. */
#ifndef SESSION_OUTPUTS_H
#define SESSION_OUTPUTS_H

#include <stdbool.h>

#include "report/report.h"
#include "target/identity.h"

#define OUTPUTS_MOST 2

struct output {
	struct report *report;
	FILE *file;
	bool owned;  /* to be closed */
	bool failed; /* could not be written: said once, then left out */
	const char *name;
};

struct outputs {
	struct output all[OUTPUTS_MOST];
	size_t count;
	bool live; /* a status line is worth updating */
};

struct output_settings {
	const char *out_path;  /* NULL: the default stream. */
	const char *json_path; /* NULL: none. Of both, "-" is stdout */
	bool launched;         /* the default stream is stderr, as it is with JSON on stdout */
	bool quiet, verbose;
	bool no_text; /* JSON, if any, is all */
};

/*
 * Opens a file to write to, created as `owner`; what it holds already stays. A descriptor, or
 * negative errno, and one line has said it.
 */
int output_file_open(const char *path, const struct identity *owner);

/*
 * Files are created as `owner`; what they hold already stays until outputs_header(). What could
 * not be opened is logged, and that two outputs are one file (-EINVAL); 0 or negative errno.
 */
int outputs_open(struct outputs *outputs, const struct output_settings *settings,
		 const struct identity *owner);
/* Whether one of them writes to that file. */
struct stat;
bool outputs_go_to(const struct outputs *outputs, const struct stat *file);
/* Nothing that is told from now on reaches anybody. */
bool outputs_all_failed(const struct outputs *outputs);
/* Flushes and closes; true where everything told was written. */
bool outputs_close(struct outputs *outputs);

void outputs_header(struct outputs *outputs, const struct run_header *header);
void outputs_child(struct outputs *outputs, const struct child_report *child);
void outputs_flush(struct outputs *outputs, const struct flush *flush);
void outputs_copy(struct outputs *outputs, const struct large_copy *copy);
void outputs_budget(struct outputs *outputs, const struct budget_step *step);
void outputs_stall(struct outputs *outputs, const struct stall *stall);
void outputs_discovery(struct outputs *outputs, const struct discovery *discovery);
void outputs_live(struct outputs *outputs, const struct run_summary *so_far);
void outputs_summary(struct outputs *outputs, const struct run_summary *summary);
/* Instead of all of these. */
void outputs_diff(struct outputs *outputs, const struct run_diff *diff);

#endif
