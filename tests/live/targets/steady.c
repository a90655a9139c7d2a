// SPDX-License-Identifier: GPL-2.0-only
/*
 * Works without a pause until SIGTERM and checks what it copies: steady THREADS. Tells then how
 * often it did what; its status is 1 if a copy went wrong. With 0 threads it just waits.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MOST 64
#define COPY_BYTES   (64u << 10)
#define watched      __attribute__((noipa, used))

struct worker {
	pthread_t thread;
	unsigned long calls, wrong;
	unsigned char from[COPY_BYTES], into[COPY_BYTES];
};

static atomic_bool ended;
static struct worker workers[THREADS_MOST];

__attribute__((noipa)) static void copy_bytes(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
}

watched unsigned long churn(struct worker *worker)
{
	unsigned long call = worker->calls;
	size_t bytes = 1 + call % COPY_BYTES;

	worker->from[bytes - 1] = (unsigned char)call;
	copy_bytes(worker->into, worker->from, bytes);
	return worker->into[bytes - 1] + call * 3;
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	for (; !atomic_load(&ended); worker->calls++) {
		unsigned long right = (unsigned char)worker->calls + worker->calls * 3;

		worker->wrong += churn(worker) != right;
	}
	return NULL;
}

int main(int argc, char *argv[])
{
	unsigned threads = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	unsigned long calls = 0, wrong = 0;
	sigset_t term;
	int signal;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	for (unsigned i = 0; i < threads && i < THREADS_MOST; i++)
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	printf("{\"ready\":%d}\n", getpid());
	fflush(stdout);
	sigwait(&term, &signal);
	atomic_store(&ended, true);
	for (unsigned i = 0; i < threads && i < THREADS_MOST; i++) {
		pthread_join(workers[i].thread, NULL);
		calls += workers[i].calls;
		wrong += workers[i].wrong;
	}
	printf("{\"function\":\"churn\",\"calls\":%lu,\"wrong\":%lu}\n", calls, wrong);
	return wrong ? 1 : 0;
}
