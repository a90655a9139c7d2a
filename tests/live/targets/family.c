// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes made inside a watched call, and exec by a thread: family MODE ROUNDS. What is told is
 * what this process did.
 */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define watched __attribute__((noipa, used))

extern char **environ;

static char from[65536], into[65536];
static unsigned long copied_bytes, copies, wrong;
static char *const true_command[] = {"/bin/true", NULL};

__attribute__((noipa)) static void copy_bytes(size_t bytes)
{
	memcpy(into, from, bytes);
	copied_bytes += bytes;
	copies++;
}

static pid_t fork_and_exit(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid;
}

static pid_t vfork_and_exec(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execve(true_command[0], true_command, environ);
		_exit(127);
	}
	return pid;
}

static pid_t spawn(void)
{
	pid_t pid = -1;

	posix_spawn(&pid, true_command[0], NULL, NULL, true_command, environ);
	return pid;
}

static const struct way {
	const char *name;
	pid_t (*make)(void);
	int child_returns;
} ways[] = {
	{"fork_exit", fork_and_exit, 0},
	{"fork_return", fork, 1},
	{"vfork_exec", vfork_and_exec, 0},
	{"spawn", spawn, 0},
};

/* Copies before and after it has made a child; a forked child returns from it, too. */
watched pid_t parent(pid_t (*make)(void), size_t bytes)
{
	pid_t pid;

	copy_bytes(bytes);
	pid = make();
	copy_bytes(bytes + 1);
	return pid;
}

static void run(const struct way *way, unsigned rounds)
{
	for (unsigned round = 0; round < rounds; round++) {
		pid_t pid = parent(way->make, 1000 + round);
		int status = -1;

		if (!pid)
			_exit(way->child_returns ? 0 : 1);
		waitpid(pid, &status, 0);
		wrong += status != 0;
	}
	printf("{\"function\":\"parent\",\"calls\":%u,\"ended\":%u,\"copied_bytes\":%lu,"
	       "\"copies\":%lu}\n", rounds, rounds, copied_bytes, copies);
}

/* ---- exec by a thread that is not the first ---- */

static char *const *own_arguments;

static pid_t nothing(void)
{
	return 0;
}

static void *exec_again(void *unused)
{
	execve("/proc/self/exe", own_arguments, environ);
	return unused;
}

/* SIGUSR1 is blocked before the exec, so that it may come at any time after. */
static void exec_in_thread(char *rounds)
{
	char *const arguments[] = {"family", "execed", rounds, NULL};
	pthread_t thread;
	sigset_t go;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &go, NULL);
	own_arguments = arguments;
	pthread_create(&thread, NULL, exec_again, NULL);
	pthread_join(thread, NULL);
}

/* Waits for SIGUSR1: until the test has seen that the new program is watched. */
static void run_execed(unsigned rounds)
{
	sigset_t go;
	int signal;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigwait(&go, &signal);
	for (unsigned round = 0; round < rounds; round++)
		parent(nothing, 1000 + round);
	printf("{\"function\":\"parent\",\"calls\":%u,\"ended\":%u,\"copied_bytes\":%lu,"
	       "\"copies\":%lu}\n", rounds, rounds, copied_bytes, copies);
}

int main(int argc, char *argv[])
{
	unsigned rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;

	memset(from, 0x5a, sizeof(from));
	if (argc > 2 && !strcmp(argv[1], "exec_in_thread"))
		exec_in_thread(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "execed")) {
		run_execed(rounds);
		return 0;
	}
	for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (argc > 2 && !strcmp(argv[1], ways[i].name)) {
			run(&ways[i], rounds);
			return wrong ? 1 : 0;
		}
	}
	fprintf(stderr, "family MODE ROUNDS\n");
	return 2;
}
