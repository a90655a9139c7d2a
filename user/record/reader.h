/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a recording. Nothing in it is believed: a chunk that is damaged, or holds what no memwatch
 * writes, is left out, and the next one is looked for. What comes out is checked as the kernel's
 * records are.
 */
#ifndef RECORD_READER_H
#define RECORD_READER_H

#include "analyse/run_end.h"
#include "record/recorded.h"

/*
 * Called in the order of the file. Strings live until recording_close(), all else for the call. A
 * function or routine has a name by then, but in a damaged file.
 */
struct recording_handlers {
	void (*header)(void *context, const struct run_header *header,
		       const struct recorded_settings *settings);
	void (*function_name)(void *context, unsigned function, const struct symbol_name *name);
	void (*routine_name)(void *context, unsigned routine, const struct symbol_name *name);
	void (*child)(void *context, const struct child_report *child);
	void (*code)(void *context, const struct recorded_code *code);
	void (*jitted)(void *context, const struct recorded_jitted *jitted);
	void (*process_end)(void *context, pid_t pid, uint64_t at_ns);
	void (*sample)(void *context, const struct mw_sample *record);
	void (*flush)(void *context, unsigned function, struct flush *flush);
	void (*copy)(void *context, unsigned routine, struct large_copy *copy);
	void (*budget)(void *context, const struct budget_step *step);
	void (*discovery)(void *context, const struct discovery *discovery);
	void (*advance)(void *context, uint64_t now_ns);
	/* The last. */
	void (*end)(void *context, size_t function_count, const struct run_end *end);
};

struct recording_reader;

/* 0, or negative errno, and one line has said why path is none that can be read. */
int recording_open(const char *path, struct recording_reader **reader);
void recording_close(struct recording_reader *reader);

/* What a recording turned out to be. */
struct recording_state {
	uint64_t chunks;  /* that were handed on */
	uint64_t damaged; /* parts that were left out */
	bool is_cut_off;  /* its end is missing */
	uint64_t last_ns; /* the latest moment that is told of */
};

/* Hands on all that is whole. */
struct recording_state recording_read(struct recording_reader *reader,
				      const struct recording_handlers *handlers, void *context);

#endif
