// SPDX-License-Identifier: GPL-2.0-only
/* flush_inside has no code of its own: it is inlined into save_all. */
#include <stdio.h>
#include <string.h>

static char from[4096], into[4096];

static inline __attribute__((always_inline)) void flush_inside(size_t bytes)
{
	memcpy(into, from, bytes);
}

__attribute__((noipa)) void save_all(int count)
{
	for (int i = 0; i < count; i++)
		flush_inside(1000 + (size_t)i);
}

int main(int argc, char *argv[])
{
	(void)argv;
	save_all(argc);
	puts("ran");
	return 0;
}
