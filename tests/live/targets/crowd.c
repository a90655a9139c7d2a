// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many threads: crowd hammer THREADS CALLS (at once, so many calls each), crowd pool THREADS
 * (one after another, one call each).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MOST 256
#define watched      __attribute__((noipa, used))

struct worker {
	pthread_t thread;
	unsigned number, calls;
	unsigned long copied_bytes, sum;
};

static char from[4096];

__attribute__((noipa)) static void copy_bytes(void *to, size_t bytes)
{
	memcpy(to, from, bytes);
}

watched unsigned handle(struct worker *worker, unsigned call)
{
	char into[2 * sizeof(from)];
	size_t bytes = 1 + (worker->number * 131 + call * 17) % sizeof(from);

	copy_bytes(into, bytes);
	copy_bytes(into + bytes, bytes);
	worker->copied_bytes += 2 * bytes;
	return into[bytes] + into[2 * bytes - 1];
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	for (unsigned call = 0; call < worker->calls; call++)
		worker->sum += handle(worker, call);
	return NULL;
}

static void start(struct worker *worker, unsigned number, unsigned calls)
{
	*worker = (struct worker){.number = number, .calls = calls};
	if (pthread_create(&worker->thread, NULL, work, worker))
		abort();
}

/* How many results are wrong. */
static int tell(unsigned long calls, unsigned long copied_bytes, unsigned long sum)
{
	printf("{\"function\":\"handle\",\"calls\":%lu,\"ended\":%lu,\"copied_bytes\":%lu,"
	       "\"copies\":%lu}\n", calls, calls, copied_bytes, 2 * calls);
	return sum != calls * 2 * 0x5a;
}

static int hammer(unsigned threads, unsigned calls)
{
	static struct worker workers[THREADS_MOST];
	unsigned long copied_bytes = 0, sum = 0;

	for (unsigned i = 0; i < threads; i++)
		start(&workers[i], i, calls);
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		copied_bytes += workers[i].copied_bytes;
		sum += workers[i].sum;
	}
	return tell((unsigned long)threads * calls, copied_bytes, sum);
}

static int pool(unsigned threads)
{
	unsigned long copied_bytes = 0, sum = 0;
	struct worker worker;

	for (unsigned i = 0; i < threads; i++) {
		start(&worker, i, 1);
		pthread_join(worker.thread, NULL);
		copied_bytes += worker.copied_bytes;
		sum += worker.sum;
	}
	return tell(threads, copied_bytes, sum);
}

int main(int argc, char *argv[])
{
	unsigned threads = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;

	memset(from, 0x5a, sizeof(from));
	if (argc == 4 && !strcmp(argv[1], "hammer") && threads <= THREADS_MOST)
		return hammer(threads, strtoul(argv[3], NULL, 0));
	if (argc == 3 && !strcmp(argv[1], "pool"))
		return pool(threads);
	fprintf(stderr, "crowd hammer THREADS CALLS | crowd pool THREADS\n");
	return 2;
}
