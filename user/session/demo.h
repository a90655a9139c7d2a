/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SESSION_DEMO_H
#define SESSION_DEMO_H

#include <stddef.h>

/*
 * The bundled lazy-write workload: where it lies, beside this binary or installed. 0, or -ENOENT
 * where it is in neither place (logged).
 */
int demo_find(char *path, size_t path_bytes);

#endif
