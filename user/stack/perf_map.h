/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a JIT says of its code: perf-PID.map, a line "START SIZE name" for each function, the
 * numbers in hexadecimal (Linux's tools/perf/Documentation/jit-interface.txt). The target writes
 * it, so that nothing in it need be true.
 */
#ifndef STACK_PERF_MAP_H
#define STACK_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/array.h"
#include "stack/stack.h"

struct perf_map_entry {
	uint64_t start_addr, bytes;
	size_t name;   /* where it starts among the names */
	uint64_t line; /* as in struct jitted_code */
	bool is_found;
};

/* An all-zero one has no file. */
struct perf_map {
	char *path; /* NULL: there is none */
	dev_t device;
	ino_t inode;
	off_t read_bytes;                     /* up to the last whole line */
	uint64_t next_read_ns;                /* not before: reading must not be all that is done */
	ARRAY(struct perf_map_entry) entries; /* by address */
	ARRAY(char) names;
	size_t lines;
};

/* path is copied; NULL: none. 0 or -ENOMEM. */
int perf_map_init(struct perf_map *map, const char *path);
void perf_map_release(struct perf_map *map);

/*
 * The code at addr; false: it is not known. The file is read on, where it has grown, if the address
 * is not in what was read. The name is valid until the next call. is_first: it was not found
 * before.
 */
bool perf_map_find(struct perf_map *map, uint64_t addr, struct jitted_code *code, bool *is_first);

/* As if it were a line of the file. 0 or -ENOMEM. */
int perf_map_add(struct perf_map *map, const struct jitted_code *code);

#endif
