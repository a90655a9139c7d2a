// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies of given sizes, through each of the C library's doors, apart and overlapping either way,
 * at random places: sizes [--wait] THREADS ROUNDS SIZE... Each thread does all of it within one
 * call of copy_all(), where nothing else is copied, and checks what was. The truth goes to stdout
 * as JSON Lines: what each thread copied, between which addresses. --wait: until SIGUSR1.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZES_MOST   64
#define THREADS_MOST 16
#define MARGIN_BYTES 8192
#define watched      __attribute__((noipa, used))

/* By their labels: none of them is the compiler's to replace or to inline. */
void *by_memmove(void *to, const void *from, size_t bytes) __asm__("memmove");
void *by_memcpy(void *to, const void *from, size_t bytes) __asm__("memcpy");
void *by_mempcpy(void *to, const void *from, size_t bytes) __asm__("mempcpy");
void by_bcopy(const void *from, void *to, size_t bytes) __asm__("bcopy");
#ifdef __GLIBC__
void *by_memmove_chk(void *to, const void *from, size_t bytes,
		     size_t room) __asm__("__memmove_chk");
void *by_memcpy_chk(void *to, const void *from, size_t bytes, size_t room) __asm__("__memcpy_chk");
void *by_mempcpy_chk(void *to, const void *from, size_t bytes,
		     size_t room) __asm__("__mempcpy_chk");
#endif

struct worker {
	pthread_t thread;
	pid_t tid;
	uint64_t random;
	unsigned char *arena;
	size_t arena_bytes;
	unsigned long copies[SIZES_MOST]; /* of each size */
	unsigned long wrong;
};

static struct worker workers[THREADS_MOST];
static size_t sizes[SIZES_MOST], size_count, largest;
static unsigned rounds;

static uint64_t next_random(struct worker *worker)
{
	worker->random ^= worker->random << 13;
	worker->random ^= worker->random >> 7;
	worker->random ^= worker->random << 17;
	return worker->random;
}

enum door {
	DOOR_MEMMOVE,
	DOOR_BCOPY,
#ifdef __GLIBC__
	DOOR_MEMMOVE_CHK,
#endif
	DOORS_OF_OVERLAPPING, /* the others must not be given such */
	DOOR_MEMCPY = DOORS_OF_OVERLAPPING,
	DOOR_MEMPCPY,
#ifdef __GLIBC__
	DOOR_MEMCPY_CHK,
	DOOR_MEMPCPY_CHK,
#endif
	DOORS,
};

/* Gives back how far the result is from where it should be. */
static long go_through(enum door door, unsigned char *to, const unsigned char *from, size_t bytes)
{
	unsigned char *result = to;

	switch (door) {
	case DOOR_MEMMOVE:
		result = by_memmove(to, from, bytes);
		break;
	case DOOR_BCOPY:
		by_bcopy(from, to, bytes);
		break;
	case DOOR_MEMCPY:
		result = by_memcpy(to, from, bytes);
		break;
	case DOOR_MEMPCPY:
		result = (unsigned char *)by_mempcpy(to, from, bytes) - bytes;
		break;
#ifdef __GLIBC__
	case DOOR_MEMMOVE_CHK:
		result = by_memmove_chk(to, from, bytes, bytes);
		break;
	case DOOR_MEMCPY_CHK:
		result = by_memcpy_chk(to, from, bytes, bytes);
		break;
	case DOOR_MEMPCPY_CHK:
		result = (unsigned char *)by_mempcpy_chk(to, from, bytes, bytes) - bytes;
		break;
#endif
	case DOORS:
		break;
	}
	return result - to;
}

/* Looks at the first byte, the last and one between, and at the one behind. */
static void copy_one(struct worker *worker, enum door door, unsigned char *to, unsigned char *from,
		     size_t size)
{
	size_t bytes = sizes[size], at[] = {0, bytes / 2, bytes ? bytes - 1 : 0};
	unsigned char expected[3], behind;
	bool good;

	for (unsigned i = 0; i < 3 && bytes; i++)
		from[at[i]] = (unsigned char)next_random(worker);
	for (unsigned i = 0; i < 3; i++)
		expected[i] = from[at[i]];
	behind = to[bytes];
	good = !go_through(door, to, from, bytes) && to[bytes] == behind;
	for (unsigned i = 0; i < 3 && bytes; i++)
		good &= to[at[i]] == expected[i];
	worker->wrong += !good;
	worker->copies[size]++;
}

/* A distance that makes a copy of so many bytes overlap: near, page by page, or any. */
static size_t near_by(struct worker *worker, size_t bytes)
{
	uint64_t random = next_random(worker);
	size_t most = bytes > 1 ? bytes - 1 : 1;

	if (random % 3 == 0 && most > 64)
		most = 64;
	if (random % 3 == 1 && most > 4096)
		return most / 4096 / 2 * 4096 + 4096;
	return 1 + (random >> 8) % most;
}

static void copy_size(struct worker *worker, size_t size)
{
	size_t bytes = sizes[size], distance;
	unsigned char *low, *high;

	for (enum door door = 0; door < DOORS; door++) {
		low = worker->arena + 64 + next_random(worker) % 4096;
		high = worker->arena + largest + MARGIN_BYTES + next_random(worker) % 4096;
		copy_one(worker, door, low, high, size);
		copy_one(worker, door, high, low, size);
		if (door >= DOORS_OF_OVERLAPPING)
			continue;
		distance = near_by(worker, bytes);
		copy_one(worker, door, low + distance, low, size);
		copy_one(worker, door, low, low + distance, size);
		copy_one(worker, door, low, low, size);
	}
}

watched void copy_all(struct worker *worker)
{
	for (unsigned round = 0; round < rounds; round++) {
		size_t first = next_random(worker) % size_count;

		for (size_t i = 0; i < size_count; i++)
			copy_size(worker, (first + i) % size_count);
	}
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	worker->tid = (pid_t)syscall(SYS_gettid);
	copy_all(worker);
	return NULL;
}

static bool prepare(struct worker *worker, unsigned number)
{
	worker->random = 0x9e3779b97f4a7c15ull * (number + 1);
	worker->arena_bytes = 2 * largest + 4 * MARGIN_BYTES;
	worker->arena = malloc(worker->arena_bytes);
	if (!worker->arena)
		return false;
	for (size_t i = 0; i < worker->arena_bytes; i++)
		worker->arena[i] = (unsigned char)(i % 251);
	return true;
}

static void tell(const struct worker *worker)
{
	printf("{\"tid\":%d,\"arena\":[%lu,%lu],\"copies\":{", worker->tid,
	       (unsigned long)worker->arena, (unsigned long)(worker->arena + worker->arena_bytes));
	for (size_t i = 0; i < size_count; i++)
		printf("%s\"%zu\":%lu", i ? "," : "", sizes[i], worker->copies[i]);
	printf("},\"wrong\":%lu}\n", worker->wrong);
}

static void wait_for_go(void)
{
	sigset_t go;
	int signal;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigprocmask(SIG_BLOCK, &go, NULL);
	fputs("waiting for SIGUSR1\n", stderr);
	sigwait(&go, &signal);
}

int main(int argc, char *argv[])
{
	bool waits = argc > 1 && !strcmp(argv[1], "--wait"), wrong = false;
	char **numbers = argv + 1 + waits;
	unsigned threads;

	if (argc - waits < 4 || argc - waits > 3 + SIZES_MOST) {
		fprintf(stderr, "sizes [--wait] THREADS ROUNDS SIZE...\n");
		return 2;
	}
	threads = strtoul(numbers[0], NULL, 0);
	rounds = strtoul(numbers[1], NULL, 0);
	for (numbers += 2; *numbers; numbers++) {
		sizes[size_count] = strtoul(*numbers, NULL, 0);
		largest = sizes[size_count] > largest ? sizes[size_count] : largest;
		size_count++;
	}
	for (unsigned i = 0; i < threads && i < THREADS_MOST; i++) {
		if (!prepare(&workers[i], i))
			return 2;
	}
	if (waits)
		wait_for_go();
	for (unsigned i = 0; i < threads && i < THREADS_MOST; i++)
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	for (unsigned i = 0; i < threads && i < THREADS_MOST; i++) {
		pthread_join(workers[i].thread, NULL);
		tell(&workers[i]);
		wrong |= workers[i].wrong;
	}
	return wrong;
}
