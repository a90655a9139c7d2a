// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one part of the big binary that runs: it flushes once a millisecond where its argument says
 * "run", and sleeps otherwise. The rest of it is 500,000 functions from big.py.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FLUSHED_BYTES (64 << 10)

static char source[FLUSHED_BYTES], sink[FLUSHED_BYTES];

/* Has a name in no stripped file: LIB:+OFF is how it is watched there. */
__attribute__((noinline)) int bench_flush(size_t bytes)
{
	memcpy(sink, source, bytes);
	/* Keeps the copy from being a tail jump. */
	__asm__ volatile("" ::: "memory");
	return sink[0];
}

int main(int argc, char *argv[])
{
	volatile size_t bytes = FLUSHED_BYTES;

	puts("ready");
	fflush(stdout);
	while (argc > 1 && !strcmp(argv[1], "run")) {
		bench_flush(bytes);
		usleep(1000);
	}
	for (;;)
		pause();
}
