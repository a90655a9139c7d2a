// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bursts of flushes with work between them that copies nothing: bursts BURSTS FLUSHES COPIES BYTES
 * WORK_MS [VARY]. Each flush copies so many pieces of so many bytes; with VARY, of 1 to twice as
 * many pieces, at random. The truth goes to stdout as JSON Lines, one for each flush.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define watched __attribute__((noipa, used))

/* By its label, so that gcc makes no code of its own of it. */
void *by_memcpy(void *to, const void *from, size_t bytes) __asm__("memcpy");

struct truth {
	uint64_t start_ns, end_ns, copies, burst;
};

static unsigned char *from, *into;
static size_t piece_bytes;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

watched unsigned long flush_pieces(size_t copies)
{
	unsigned long wrong = 0;

	for (size_t i = 0; i < copies; i++) {
		from[piece_bytes - 1] = (unsigned char)i;
		by_memcpy(into, from, piece_bytes);
		wrong += into[piece_bytes - 1] != (unsigned char)i;
	}
	return wrong;
}

/* The budget grows with the CPU time that is used, so sleeping would earn nothing. */
static void work_for(uint64_t ns)
{
	uint64_t start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns < ns)
		;
}

static size_t pieces_of(size_t pieces, int varies)
{
	return varies ? 1 + (size_t)random() % (2 * pieces) : pieces;
}

int main(int argc, char *argv[])
{
	unsigned long numbers[5] = {0}, wrong = 0;
	struct truth *all;
	size_t count = 0;

	for (int i = 1; i < argc && i <= 5; i++)
		numbers[i - 1] = strtoul(argv[i], NULL, 0);
	piece_bytes = numbers[3];
	from = malloc(piece_bytes);
	into = malloc(piece_bytes);
	all = calloc(numbers[0] * numbers[1], sizeof(*all));
	if (argc < 6 || !piece_bytes || !from || !into || !all) {
		fprintf(stderr, "bursts BURSTS FLUSHES COPIES BYTES WORK_MS [VARY]\n");
		return 2;
	}
	memset(from, 0x5a, piece_bytes);
	memset(into, 0xa5, piece_bytes);
	memset(all, 0xff, numbers[0] * numbers[1] * sizeof(*all));
	for (unsigned long burst = 0; burst < numbers[0]; burst++) {
		if (burst)
			work_for(numbers[4] * 1000000);
		for (unsigned long flush = 0; flush < numbers[1]; flush++) {
			struct truth *truth = &all[count++];

			truth->burst = burst;
			truth->copies = pieces_of(numbers[2], argc > 6);
			truth->start_ns = clock_ns(CLOCK_MONOTONIC);
			wrong += flush_pieces(truth->copies);
			truth->end_ns = clock_ns(CLOCK_MONOTONIC);
		}
	}
	for (size_t i = 0; i < count; i++)
		printf("{\"burst\":%lu,\"start_ns\":%lu,\"end_ns\":%lu,\"copies\":%lu,"
		       "\"bytes\":%lu}\n",
		       all[i].burst, all[i].start_ns, all[i].end_ns, all[i].copies,
		       all[i].copies * piece_bytes);
	return wrong != 0;
}
