// SPDX-License-Identifier: GPL-2.0-only
#include "attach/sessions.h"

#include <stdio.h>
#include <sys/utsname.h>

#include "attach/tracer.h"

/*
 * From 6.11 on a return probe's trampoline makes a system call, uretprobe(2), that no filter knew
 * of. Filters are passed by since 6.14-rc3, 6.13.3 and 6.12.14; what distributions have is not told
 * by their numbers. A release that can't be read may be any of them.
 */
bool sessions_need_no_seccomp(const char *release)
{
	unsigned major, minor;

	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return true;
	return major == 6 && minor >= 11 && minor <= 14;
}

bool tracer_sessions_need_no_seccomp(void)
{
	struct utsname kernel;

	return uname(&kernel) || sessions_need_no_seccomp(kernel.release);
}
