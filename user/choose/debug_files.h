/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the debug file of a stripped file, where the process that maps it would find it. */
#ifndef CHOOSE_DEBUG_FILES_H
#define CHOOSE_DEBUG_FILES_H

#include <sys/types.h>

#include "elf/image.h"

/*
 * Lets the image take the first debug file that belongs to it: as process `pid` sees the files,
 * then as memwatch does, then what a client of debuginfod has brought, then the mini-debuginfo
 * within. path: the file's, from /proc/PID/maps. -ENOMEM alone is an error; without a debug file,
 * the image stays as it was.
 */
int debug_files_find(struct elf_image *image, pid_t pid, const char *path);

/* As memwatch sees the files, and if there is none, debuginfod's servers are asked. */
int debug_files_fetch(struct elf_image *image, const char *path);

#endif
