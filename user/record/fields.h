/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fields of a chunk, one after the other. One walk over a value both writes and reads it, so
 * that the two can't differ: writing, a field's value is taken; reading, it is set, and to nothing
 * but what such a field can hold. After the first failure fields are left as they are.
 */
#ifndef RECORD_FIELDS_H
#define RECORD_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/array.h"
#include "record/texts.h"

struct fields {
	int err; /* -ENOMEM; reading: -EBADMSG: these bytes are no such chunk */
	bool is_reading;
	/* Writing: what was put so far, in items. */
	ARRAY(uint8_t) put;
	/* Reading. */
	const uint8_t *at;
	size_t left;
	struct texts *texts;  /* owns the strings that are read */
	ARRAY(void *) arrays; /* that were read: they live until the next chunk */
};

/* Both begin anew, and an all-zero one may begin. */
void fields_to_write(struct fields *fields);
void fields_to_read(struct fields *fields, const void *bytes, size_t count, struct texts *texts);
/* Whether all went well, and (reading) no byte is left. 0 or fields->err. */
int fields_end(struct fields *fields);
void fields_release(struct fields *fields);

/* As they are; for numbers of a machine that is little endian. */
void field_bytes(struct fields *fields, void *bytes, size_t count);
void field_u32(struct fields *fields, uint32_t *value);
void field_u64(struct fields *fields, uint64_t *value);
void field_size(struct fields *fields, size_t *value);
void field_pid(struct fields *fields, pid_t *pid);
void field_flag(struct fields *fields, bool *flag);
/* 0 <= *value < limit */
void field_kind(struct fields *fields, uint32_t *value, uint32_t limit);
/* A finite one. */
void field_real(struct fields *fields, double *value);
/* A name of bytes with a NUL among them. */
void field_comm(struct fields *fields, char *comm, size_t bytes);
/* May be NULL. */
void field_text(struct fields *fields, const char **text);
/* Not NULL. */
void field_name(struct fields *fields, const char **text);
/* Where most are 0, in few bytes. */
void field_counters(struct fields *fields, void *counters, size_t bytes);

/*
 * How many items follow, each of least_bytes at least: *count. Gives where they are: items, or
 * (reading) an array of so many that are 0. NULL after a failure, and then *count is 0.
 */
void *field_array(struct fields *fields, const void *items, size_t *count, size_t least_bytes,
		  size_t item_bytes);

#endif
