// SPDX-License-Identifier: GPL-2.0-only
#include "attach/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

struct needed_capability {
	unsigned number;
	const char *name;
};

static const struct needed_capability needed[] = {
	{CAP_BPF, "CAP_BPF"},                               /* load programs */
	{CAP_PERFMON, "CAP_PERFMON"},                       /* uprobe_multi links */
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},                 /* read the target's memory */
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},       /* open what it has mapped */
	{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE"}, /* /proc/PID/map_files */
};

static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

/* PROC_PID_INIT_INO of the kernel's <linux/proc_ns.h>. */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCu

/* The programs number processes as the machine's first pid namespace does; in another, no child
 * would be found again.
 */
static int check_pid_namespace(void)
{
	struct stat status;

	if (stat("/proc/self/ns/pid", &status) || status.st_ino == FIRST_PID_NAMESPACE)
		return 0;
	log_error("memwatch must run in the machine's first pid namespace: start it outside of "
		  "the container, and name processes by their ids there");
	return -EPERM;
}

int privileges_check(void)
{
	uint64_t have = effective_capabilities();
	char missing[256] = "";
	size_t used = 0;

	/* CAP_SYS_ADMIN stands for CAP_BPF, CAP_PERFMON and CAP_CHECKPOINT_RESTORE. */
	if (have >> CAP_SYS_ADMIN & 1)
		have |= 1ull << CAP_BPF | 1ull << CAP_PERFMON | 1ull << CAP_CHECKPOINT_RESTORE;
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (!(have >> needed[i].number & 1))
			used += snprintf(missing + used, sizeof(missing) - used, "%s%s",
					 used ? ", " : "", needed[i].name);
	}
	if (!used)
		return check_pid_namespace();
	log_error("not enough privileges: run it with sudo (missing: %s)", missing);
	return -EPERM;
}
