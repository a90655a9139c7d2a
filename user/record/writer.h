/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes a recording: chunk by chunk as things become known, from a buffer of bounded size. What
 * can't be written is said once, and the watch goes on without it. Each function takes NULL for
 * "nothing is recorded".
 */
#ifndef RECORD_WRITER_H
#define RECORD_WRITER_H

#include "analyse/run_end.h"
#include "record/recorded.h"

struct recording_writer;

/*
 * fd is the writer's from now on, and emptied when the first chunk comes, not before; name, for
 * messages, is borrowed. NULL where memory is out; then fd is closed.
 */
struct recording_writer *recording_writer_new(int fd, const char *name);

struct recording_size {
	uint64_t samples, bytes;
	uint64_t wall_ns; /* 0: it has no end */
};

/* 0, or the error, which was said, because of which it is not whole. */
int recording_writer_close(struct recording_writer *writer, struct recording_size *size);

/* The first of all. */
void recording_header(struct recording_writer *writer, const struct run_header *header,
		      const struct recorded_settings *settings);
void recording_child(struct recording_writer *writer, const struct child_report *child);
void recording_budget(struct recording_writer *writer, const struct budget_step *step);
void recording_discovery(struct recording_writer *writer, const struct discovery *discovery);
void recording_code(struct recording_writer *writer, pid_t pid, uint64_t since_ns,
		    const struct stack_mapping *mappings, size_t count);
void recording_jitted(struct recording_writer *writer, pid_t pid, const struct jitted_code *code);
void recording_process_end(struct recording_writer *writer, pid_t pid, uint64_t at_ns);
void recording_sample(struct recording_writer *writer, const struct mw_sample *record);

/* The name goes before it, where it has changed since it was last written. */
void recording_flush(struct recording_writer *writer, unsigned function,
		     const struct symbol_name *name, const struct flush *flush);
void recording_copy(struct recording_writer *writer, unsigned routine,
		    const struct symbol_name *name, const struct large_copy *copy);

/* Some stall was over by then, and no other chunk says so. */
void recording_advance(struct recording_writer *writer, uint64_t now_ns);

/* All that was told of reaches the file: whoever kills memwatch now finds it there. */
void recording_write_out(struct recording_writer *writer);

/* The end: names, as they came to be, and figures. */
void recording_end(struct recording_writer *writer, const struct symbol_name *functions,
		   size_t function_count, const struct run_end *end);

#endif
