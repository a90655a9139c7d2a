/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ATTACH_SESSIONS_H
#define ATTACH_SESSIONS_H

#include <stdbool.h>

/* release: as uname() gives it, as "6.13.7-amd64". */
bool sessions_need_no_seccomp(const char *release);

#endif
