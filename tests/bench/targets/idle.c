// SPDX-License-Identifier: GPL-2.0-only
/* idle [THREADS]: a process that does nothing, with as many threads as it is told. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STACK_BYTES (64 << 10)

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

int main(int argc, char *argv[])
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (int i = 1; i < threads; i++) {
		if (pthread_create(&thread, &attributes, wait_for_ever, NULL)) {
			perror("idle: pthread_create");
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	wait_for_ever(NULL);
}
