// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads on one CPU that give way to one another all the time, and then one that copies for a
 * while: `handover PROCESSES`, one after the other, each a child of the one before. `handover 1
 * calm`: then it computes for some seconds, and copies again, and so does a child that was there
 * all the time. Prints a line of truth for each stall.
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COPY_BYTES (32ull << 20)
#define COPIES     60
#define STALLS     3
#define HANDING_NS 700000000ull
#define CALM_NS    5000000000ull

static int there[2], back[2], told[2];

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void *hand_back(void *unused)
{
	char token;

	while (read(there[0], &token, 1) == 1 && write(back[1], &token, 1) == 1)
		;
	return unused;
}

/* Gives how many ns a round took. */
static double hand_over(void)
{
	uint64_t start_ns = now_ns(), rounds = 0;
	char token = 0;

	for (; now_ns() - start_ns < HANDING_NS; rounds++) {
		if (write(there[1], &token, 1) != 1 || read(back[0], &token, 1) != 1)
			exit(1);
	}
	return (double)(now_ns() - start_ns) / (double)rounds;
}

__attribute__((noipa)) static void copy_all(char *to, const char *from)
{
	for (int i = 0; i < COPIES; i++) {
		memcpy(to, from, COPY_BYTES);
		__asm__ volatile("" ::: "memory");
	}
}

static void stall(char *to, const char *from)
{
	uint64_t start_ns = now_ns(), cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	copy_all(to, from);
	cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	printf("{\"pid\":%d,\"start_ns\":%llu,\"duration_ns\":%llu,\"cpu_ns\":%llu,\"bytes\":%llu}"
	       "\n",
	       getpid(), (unsigned long long)start_ns, (unsigned long long)(now_ns() - start_ns),
	       (unsigned long long)cpu_ns, COPIES * COPY_BYTES);
	fflush(stdout);
}

static void compute(void)
{
	uint64_t start_ns = now_ns();

	while (now_ns() - start_ns < CALM_NS)
		;
}

/* Forked before anybody switches, it copies when its parent says so. */
static void copy_when_told(char *to, const char *from)
{
	char token;

	if (read(told[0], &token, 1) == 1)
		stall(to, from);
	_exit(0);
}

static void calm_down(char *to, const char *from)
{
	compute();
	stall(to, from);
	if (write(told[1], "", 1) == 1)
		wait(NULL);
}

static void be_a_process(int is_calm)
{
	char *from = malloc(COPY_BYTES), *to = malloc(COPY_BYTES);
	pthread_t thread;

	if (is_calm && !pipe(told) && !fork()) {
		memset(from, 1, COPY_BYTES);
		memset(to, 1, COPY_BYTES);
		copy_when_told(to, from);
	}
	if (!from || !to || pipe(there) || pipe(back) ||
	    pthread_create(&thread, NULL, hand_back, NULL))
		exit(1);
	memset(from, 1, COPY_BYTES);
	memset(to, 1, COPY_BYTES);
	for (int i = 0; i < STALLS; i++) {
		fprintf(stderr, "a round took %.0f ns\n", hand_over());
		stall(to, from);
	}
	if (is_calm)
		calm_down(to, from);
	free(from);
	free(to);
}

int main(int argc, char **argv)
{
	int processes = argc > 1 ? atoi(argv[1]) : 1, status = 0;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return 1;
	be_a_process(argc > 2);
	if (processes <= 1)
		return 0;
	if (!fork()) {
		/* Its parent's thread is not there. */
		char *const rest[] = {argv[0], (char[]){(char)('0' + processes - 1), 0}, NULL};

		execv("/proc/self/exe", rest);
		_exit(1);
	}
	wait(&status);
	return status != 0;
}
