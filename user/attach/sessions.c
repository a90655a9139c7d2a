// SPDX-License-Identifier: GPL-2.0-only
#include "attach/sessions.h"

#include <stdio.h>
#include <sys/utsname.h>

/*
 * From 6.11 on a return probe's trampoline makes a system call, uretprobe(2), that no filter knew
 * of. Early in 2025 filters were made to let it pass, in 6.14 and in stable releases of the three
 * before; which of them a distribution's kernel has, its number does not tell. A release that can't
 * be read may be any of them.
 */
bool sessions_need_no_seccomp(const char *release)
{
	unsigned major, minor;

	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return true;
	return major == 6 && minor >= 11 && minor <= 14;
}

bool sessions_need_no_seccomp_here(void)
{
	struct utsname kernel;

	return uname(&kernel) || sessions_need_no_seccomp(kernel.release);
}
