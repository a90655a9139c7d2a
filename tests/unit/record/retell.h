/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes what is read: what a recording says twice, it says alike. */
#ifndef TESTS_RETELL_H
#define TESTS_RETELL_H

#include <sys/mman.h>

#include "record/reader.h"
#include "record/writer.h"

struct retold {
	struct recording_writer *writer;
	struct symbol_name functions[MW_MAX_FUNCTIONS];
	struct symbol_name routine; /* the latest */
};

static void retell_header(void *context, const struct run_header *header,
			  const struct recorded_settings *settings)
{
	recording_header(((struct retold *)context)->writer, header, settings);
}

static void retell_function_name(void *context, unsigned function, const struct symbol_name *name)
{
	((struct retold *)context)->functions[function] = *name;
}

static void retell_routine_name(void *context, unsigned routine, const struct symbol_name *name)
{
	(void)routine;
	((struct retold *)context)->routine = *name;
}

static void retell_child(void *context, const struct child_report *child)
{
	recording_child(((struct retold *)context)->writer, child);
}

static void retell_code(void *context, const struct recorded_code *code)
{
	struct stack_mapping *mappings = calloc(code->count + 1, sizeof(*mappings));

	for (size_t i = 0; mappings && i < code->count; i++)
		mappings[i] = code->mappings[i].mapping;
	if (mappings)
		recording_code(((struct retold *)context)->writer, code->pid, code->since_ns,
			       mappings, code->count);
	free(mappings);
}

static void retell_jitted(void *context, const struct recorded_jitted *jitted)
{
	recording_jitted(((struct retold *)context)->writer, jitted->pid, &jitted->code);
}

static void retell_process_end(void *context, pid_t pid, uint64_t at_ns)
{
	recording_process_end(((struct retold *)context)->writer, pid, at_ns);
}

static void retell_sample(void *context, const struct mw_sample *record)
{
	recording_sample(((struct retold *)context)->writer, record);
}

static void retell_flush(void *context, unsigned function, struct flush *flush)
{
	struct retold *retold = context;

	if (retold->functions[function].function)
		recording_flush(retold->writer, function, &retold->functions[function], flush);
}

static void retell_copy(void *context, unsigned routine, struct large_copy *copy)
{
	struct retold *retold = context;

	if (retold->routine.function)
		recording_copy(retold->writer, routine, &retold->routine, copy);
}

static void retell_budget(void *context, const struct budget_step *step)
{
	recording_budget(((struct retold *)context)->writer, step);
}

static void retell_discovery(void *context, const struct discovery *discovery)
{
	recording_discovery(((struct retold *)context)->writer, discovery);
}

static void retell_advance(void *context, uint64_t now_ns)
{
	recording_advance(((struct retold *)context)->writer, now_ns);
}

static void retell_end(void *context, size_t function_count, const struct run_end *end)
{
	struct retold *retold = context;
	size_t named = 0;

	while (named < function_count && retold->functions[named].function)
		named++;
	recording_end(retold->writer, retold->functions, named, end);
}

static const struct recording_handlers retellers = {
	.header = retell_header,
	.function_name = retell_function_name,
	.routine_name = retell_routine_name,
	.child = retell_child,
	.code = retell_code,
	.jitted = retell_jitted,
	.process_end = retell_process_end,
	.sample = retell_sample,
	.flush = retell_flush,
	.copy = retell_copy,
	.budget = retell_budget,
	.discovery = retell_discovery,
	.advance = retell_advance,
	.end = retell_end,
};

/* A path to what a descriptor is of; lives until the next call. */
static const char *path_of(int fd)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

/* Into memory: gives a descriptor of it; -1: that is no recording at all. */
static int retell(int fd, struct recording_state *state)
{
	int again = memfd_create("retold", MFD_CLOEXEC);
	struct recording_reader *reader = NULL;
	struct recording_size size;
	struct retold retold = {0};

	if (recording_open(path_of(fd), &reader)) {
		close(again);
		return -1;
	}
	retold.writer = recording_writer_new(dup(again), "memory");
	*state = recording_read(reader, &retellers, &retold);
	recording_close(reader);
	if (recording_writer_close(retold.writer, &size)) {
		close(again);
		return -1;
	}
	return again;
}

#endif
