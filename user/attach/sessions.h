/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ATTACH_SESSIONS_H
#define ATTACH_SESSIONS_H

#include <stdbool.h>

/*
 * True where a kernel may kill a thread under a seccomp filter at a return probe: Linux 6.11 to
 * 6.14, of which some releases have been mended. release: as uname() gives it, as "6.13.7-amd64".
 */
bool sessions_need_no_seccomp(const char *release);

/* The same of the kernel that runs. */
bool sessions_need_no_seccomp_here(void);

#endif
