// SPDX-License-Identifier: GPL-2.0-only
/*
 * What some libraries do before the program's entry point. `early exec`: executes itself once.
 * `early fork`: forks a child that runs main(), too, and waits for it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int child_status;

static void before_entry(int argc, char **argv, char **envp)
{
	pid_t child;

	if (argc < 2)
		return;
	if (!strcmp(argv[1], "exec")) {
		argv[1] = "executed";
		execve("/proc/self/exe", argv, envp);
		_exit(100);
	}
	if (!strcmp(argv[1], "fork")) {
		child = fork();
		if (child > 0)
			waitpid(child, &child_status, 0);
	}
}

/* The loader calls these before the entry point; main programs' constructors come after it. */
__attribute__((section(".preinit_array"), used)) static void (*const early)(int, char **,
									    char **) = before_entry;

__attribute__((noipa)) static int work(const char *how)
{
	printf("%s\n", how);
	return 0;
}

int main(int argc, char *argv[])
{
	if (child_status) {
		fprintf(stderr, "the child ended with %#x\n", child_status);
		return 1;
	}
	return work(argc > 1 ? argv[1] : "nothing");
}
