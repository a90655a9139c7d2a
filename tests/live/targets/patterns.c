// SPDX-License-Identifier: GPL-2.0-only
/* Functions to be named by place. Says where they are, waits for a line, then calls each. */
#include <stdio.h>
#include <string.h>

#define ROUNDS 50

static char from[4096], to[4096];

/* A copy routine that no name gives away: no rep movs, and no memcpy that gcc would make of it. */
__attribute__((noinline)) void own_copy(char *destination, const char *source, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		destination[i] = source[i];
		__asm__ volatile("" ::: "memory");
	}
}

__attribute__((noinline)) void compact_log(size_t bytes)
{
	memcpy(to, from, bytes);
	own_copy(to, from, 100);
	__asm__ volatile("" ::: "memory");
}

/* Ends where memcpy does. */
__attribute__((noinline)) void *append(void *destination, const void *source, size_t bytes)
{
	return memcpy(destination, source, bytes);
}

__attribute__((noinline)) void inlined_copy(size_t bytes)
{
	char *destination = to, *source = from;

	__asm__ volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(bytes)::"memory");
}

void single_return(void);
__asm__(".pushsection .text\n.globl single_return\n.type single_return, @function\n"
	"single_return: ret\n.size single_return, . - single_return\n.popsection\n");

int main(void)
{
	printf("%p %p\n", (void *)compact_log, (void *)own_copy);
	fflush(stdout);
	getchar();
	for (size_t i = 1; i <= ROUNDS; i++) {
		compact_log(i);
		append(to, from, i);
		inlined_copy(i);
		single_return();
	}
	return 0;
}
