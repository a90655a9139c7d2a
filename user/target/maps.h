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
	bool writable, executable;
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

/* Bytes of executable memory that no file backs: what a packer unpacked, or a JIT compiled. */
uint64_t target_maps_fileless_code_bytes(const struct target_maps *maps);

/* Which file it is, and in which state. */
struct target_file {
	uint64_t device, inode; /* as stat() names them */
	uint64_t bytes;
	int64_t changed_ns; /* its contents; CLOCK_REALTIME */
};

/*
 * Tells two files apart that maps gives one name: an overlay numbers the files of each of its
 * layers from 1 on. And the same file before and after somebody wrote to it. 0 or negative errno.
 */
int target_mapping_file(pid_t pid, const struct target_mapping *mapping, struct target_file *file);
bool target_file_same(const struct target_file *a, const struct target_file *b);

/* Whether nobody can map it any more who has not opened it yet: it has no name left. */
bool target_file_deleted(int fd);

/*
 * Opens the file behind a mapping: exactly the one that is mapped, though it was deleted,
 * replaced, or lies in another mount namespace. A descriptor or negative errno; -EMEDIUMTYPE for
 * a device, whose open() may do anything.
 */
int target_mapping_open(pid_t pid, const struct target_mapping *mapping);

#endif
