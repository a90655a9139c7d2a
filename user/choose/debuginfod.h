/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug files from debuginfod's servers, which have those of whole distributions by build id. A
 * watch takes only what is on the disk already; who makes a report later has the time to ask.
 */
#ifndef CHOOSE_DEBUGINFOD_H
#define CHOOSE_DEBUGINFOD_H

#include <stddef.h>
#include <stdint.h>

/* A descriptor of what any client of debuginfod has brought here before; -ENOENT: nothing. */
int debuginfod_cached(const uint8_t *build_id, size_t bytes);

/*
 * Asks the servers of $DEBUGINFOD_URLS; path, for messages, is the file's. A descriptor; -ENOENT:
 * no server has it, none is named, or there is no build id; or why it couldn't be had, which was
 * said.
 */
int debuginfod_fetch(const uint8_t *build_id, size_t bytes, const char *path);

#endif
