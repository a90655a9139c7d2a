/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands in each kind of chunk. Each function walks over the fields of one value, writing or
 * reading them (record/fields.h): a new field goes into one place, and raises the format's version.
 */
#ifndef RECORD_CHUNKS_H
#define RECORD_CHUNKS_H

#include "analyse/run_end.h"
#include "record/fields.h"
#include "record/recorded.h"

void chunk_header(struct fields *fields, struct run_header *header,
		  struct recorded_settings *settings);
void chunk_function_name(struct fields *fields, uint32_t *function, struct symbol_name *name);
void chunk_routine_name(struct fields *fields, uint32_t *routine, struct symbol_name *name);
void chunk_child(struct fields *fields, struct child_report *child);
void chunk_code(struct fields *fields, struct recorded_code *code);
void chunk_jitted(struct fields *fields, struct recorded_jitted *jitted);
void chunk_process_end(struct fields *fields, pid_t *pid, uint64_t *at_ns);
void chunk_flush(struct fields *fields, uint32_t *function, struct flush *flush);
void chunk_copy(struct fields *fields, uint32_t *routine, struct large_copy *copy);
void chunk_budget(struct fields *fields, struct budget_step *step);
void chunk_advance(struct fields *fields, uint64_t *now_ns);
void chunk_end(struct fields *fields, uint32_t *function_count, struct run_end *end);

/* Reading, its frames are put there. */
#define DISCOVERY_FRAMES (DISCOVERY_FUNCTIONS + 1)
void chunk_discovery(struct fields *fields, struct discovery *discovery,
		     struct frame frames[DISCOVERY_FRAMES]);

/* A sample is written as it came from the kernel. Whether these bytes are one. */
bool chunk_is_sample(const struct mw_sample *record, size_t bytes);

#endif
