// SPDX-License-Identifier: GPL-2.0-only
/*
 * What some libraries do before the program's entry point. `early exec`: executes itself once.
 * `early fork`: forks a child that runs main(), too, and waits for it; so does `early clone`, whose
 * child sends no SIGCHLD, `early vfork`, which shares no memory with its own, and `early vm`, which
 * does. `early thread`: has a thread run meanwhile.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int child_status;

static void *be_another(void *unused)
{
	return unused;
}

/* -1: such a call makes no child that has to be waited for. */
static pid_t make_child(const char *how)
{
	pthread_t thread;

	if (!strcmp(how, "fork"))
		return fork();
	if (!strcmp(how, "clone"))
		return (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (!strcmp(how, "vfork"))
		return (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
	if (!strcmp(how, "vm") && !vfork())
		_exit(0);
	if (!strcmp(how, "thread") && !pthread_create(&thread, NULL, be_another, NULL))
		pthread_join(thread, NULL);
	return -1;
}

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
	child = make_child(argv[1]);
	if (child > 0)
		waitpid(child, &child_status, __WALL);
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
