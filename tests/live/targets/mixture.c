// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many small copies and now and then a large one, on one thread: mixture SMALL_BYTES SMALLS
 * LARGE_BYTES LARGES. The truth goes to stdout as JSON Lines: each large copy, with the clock
 * right before and after it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct large {
	uint64_t start_ns, end_ns;
};

/* By its label, so that gcc makes no code of its own of it. */
void *by_memcpy(void *to, const void *from, size_t bytes) __asm__("memcpy");

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(int argc, char *argv[])
{
	unsigned long numbers[4] = {0};
	unsigned char *from, *to, small_from[4096], small_to[4096];
	struct large *all;
	unsigned long wrong = 0;

	for (int i = 1; i < argc && i <= 4; i++)
		numbers[i - 1] = strtoul(argv[i], NULL, 0);
	from = malloc(numbers[2]);
	to = malloc(numbers[2]);
	all = calloc(numbers[3], sizeof(*all));
	if (argc != 5 || numbers[0] > sizeof(small_from) || !numbers[3] || !from || !to || !all) {
		fprintf(stderr, "mixture SMALL_BYTES(<= 4096) SMALLS LARGE_BYTES LARGES(> 0)\n");
		return 2;
	}
	memset(from, 0x5a, numbers[2]);
	memset(to, 0xa5, numbers[2]);
	memset(all, 0xff, numbers[3] * sizeof(*all));
	memset(small_from, 0x5a, sizeof(small_from));
	for (unsigned long large = 0; large < numbers[3]; large++) {
		for (unsigned long i = 0; i < numbers[1] / numbers[3]; i++) {
			small_from[numbers[0] - 1] = (unsigned char)i;
			by_memcpy(small_to, small_from, numbers[0]);
			wrong += small_to[numbers[0] - 1] != (unsigned char)i;
		}
		from[numbers[2] - 1] = (unsigned char)large;
		all[large].start_ns = monotonic_ns();
		by_memcpy(to, from, numbers[2]);
		all[large].end_ns = monotonic_ns();
		wrong += to[numbers[2] - 1] != (unsigned char)large;
	}
	for (unsigned long large = 0; large < numbers[3]; large++)
		printf("{\"bytes\":%lu,\"start_ns\":%lu,\"end_ns\":%lu}\n", numbers[2],
		       all[large].start_ns, all[large].end_ns);
	return wrong != 0;
}
