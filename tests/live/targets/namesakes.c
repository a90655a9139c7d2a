// SPDX-License-Identifier: GPL-2.0-only
/* Built twice into one program, as PART 1 and 2: each has a flush() of its own. */
#include <stddef.h>
#include <string.h>

#ifndef PART
#define PART 0
#endif

void second_part(size_t bytes);

static char from[4096], to[4096];
static volatile int failures;

__attribute__((cold, noinline)) static void fail(void)
{
	failures++;
	__asm__ volatile("" ::: "memory");
}

/* Its failing way is moved away as flush.cold, and ends there. */
__attribute__((noipa)) static int flush(size_t bytes)
{
	if (!bytes) {
		fail();
		return PART;
	}
	memcpy(to, from, bytes);
	__asm__ volatile("" ::: "memory");
	return 0;
}

#if PART == 2
void second_part(size_t bytes)
{
	flush(bytes);
}
#else
#if PART == 0
void second_part(size_t bytes)
{
	(void)bytes;
}
#endif

int main(void)
{
	for (volatile size_t i = 0; i < 5; i++) {
		flush(i < 5 ? 100 : 0);
		flush(i < 5 ? 0 : 1);
		second_part(200);
		second_part(0);
	}
	return 0;
}
#endif
