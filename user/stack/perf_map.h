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

struct perf_map_entry {
	uint64_t start_addr, bytes;
	size_t name; /* where it starts among the names */
	size_t line; /* a later one is of newer code */
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
 * The name of the code at addr, and where it begins; NULL: not known. The file is read on, where it
 * has grown, if the address is not in what was read. The name is valid until the next call.
 */
const char *perf_map_name(struct perf_map *map, uint64_t addr, uint64_t *start_addr);

#endif
