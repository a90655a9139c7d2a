/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ATTACH_PRIVILEGES_H
#define ATTACH_PRIVILEGES_H

/*
 * 0, or -EPERM where capabilities are missing (the line that is logged names them), or where this
 * is a container's pid namespace.
 */
int privileges_check(void);

#endif
