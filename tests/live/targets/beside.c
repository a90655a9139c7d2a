// SPDX-License-Identifier: GPL-2.0-only
/*
 * tick() comes before each put(), and every 1,000th put() flushes: what happens every 1,000 calls
 * of tick() is none of its doing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUTS   5000
#define PERIOD 1000
#define CHUNKS 5000
#define CHUNK  4000

static char *buffer, *chunk;
static volatile size_t chunk_bytes = CHUNK; /* so that gcc makes no rep movs of it */

__attribute__((noinline)) int tick(int i)
{
	__asm__ volatile("" ::: "memory");
	return i + 1;
}

__attribute__((noinline)) int flush(int i)
{
	for (int at = 0; at < CHUNKS; at++)
		memcpy(buffer + (size_t)at * CHUNK, chunk, chunk_bytes - (i & 7));
	return i ^ 3;
}

__attribute__((noinline)) int put(int i)
{
	if (i % PERIOD == PERIOD - 1)
		i += flush(i);
	return i ^ 5;
}

int main(void)
{
	int sum = 0;

	buffer = calloc(CHUNKS, CHUNK);
	chunk = malloc(CHUNK);
	if (!buffer || !chunk)
		return 1;
	memset(chunk, 1, CHUNK);
	for (int i = 0; i < PUTS; i++) {
		sum += tick(i);
		sum += put(i);
	}
	printf("%d flushes, %d\n", PUTS / PERIOD, sum);
	return 0;
}
