// SPDX-License-Identifier: GPL-2.0-only
/*
 * timed OUT COMMAND ...: runs a command, and writes to OUT what it and its children took, as a
 * slice (slices.h).
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slices.h"

static uint64_t time_ns(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

int main(int argc, char *argv[])
{
	uint64_t start_ns = now_ns(), end_ns;
	struct rusage usage;
	int status;
	FILE *out;
	pid_t pid;

	if (argc < 3)
		return 2;
	pid = fork();
	if (!pid) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "timed: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return 1;
	end_ns = now_ns();
	out = fopen(argv[1], "w");
	if (!out)
		return 1;
	fprintf(out, "slice run %llu %llu %llu 1\n", (unsigned long long)start_ns,
		(unsigned long long)end_ns,
		(unsigned long long)(time_ns(usage.ru_utime) + time_ns(usage.ru_stime)));
	if (fclose(out))
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
