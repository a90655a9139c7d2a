/* SPDX-License-Identifier: GPL-2.0-only */
/* What a process has mapped from files: /proc/PID/maps. */
#ifndef TARGET_MAPS_H
#define TARGET_MAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/array.h"

struct target_mapping {
	uint64_t start_addr, end_addr;
	uint64_t file_off; /* that start_addr shows */
	uint64_t device;   /* major << 32 | minor, as the kernel names it to this process */
	uint64_t inode;    /* 0: not a file */
	bool executable;
	char *path; /* as the target sees it, " (deleted)" and all; "" where it has none */
};

struct target_maps {
	ARRAY(struct target_mapping) mappings; /* in the order of their addresses */
};

/* 0; -ESRCH where there is no such process (any more); or another negative errno. */
int target_maps_read(pid_t pid, struct target_maps *maps);
void target_maps_release(struct target_maps *maps);

/* The mapping that holds addr; NULL where none does. */
const struct target_mapping *target_maps_at(const struct target_maps *maps, uint64_t addr);

/* The address of a file's byte; false where it is not mapped. */
bool target_maps_addr(const struct target_maps *maps, uint64_t device, uint64_t inode,
		      uint64_t file_off, uint64_t *addr);

/*
 * Opens the file behind a mapping: exactly the one that is mapped, though it was deleted,
 * replaced, or lies in another mount namespace. A descriptor or negative errno.
 */
int target_mapping_open(pid_t pid, const struct target_mapping *mapping);

#endif
