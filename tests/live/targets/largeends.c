// SPDX-License-Identifier: GPL-2.0-only
/*
 * A copy routine of its own whose large copies alone end at one return: largeends COPIES. Copies
 * large ones, each with a small one before it, first by themselves and then within flush_both().
 * The truth goes to stdout as JSON Lines: each large copy with the clock right before and after it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LARGE_BYTES (64ul << 20)

void *own_copy(void *to, const void *from, size_t bytes);
__asm__(".text\n"
	".globl own_copy\n"
	".type own_copy, @function\n"
	"own_copy: mov %rdi, %rax\n"
	"mov %rdx, %rcx\n"
	"cmp $0x4000000, %rdx\n"
	"jae 1f\n"
	"rep movsb\n"
	"ret\n"
	"1: cmp %rsi, %rdi\n"
	"je 2f\n"
	"rep movsb\n"
	"2: ret\n"
	".size own_copy, . - own_copy\n");

static char *from, *to;
static unsigned long wrong;

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void copy_both(unsigned long number)
{
	uint64_t start_ns, end_ns;

	own_copy(to, from, LARGE_BYTES - 1);
	from[LARGE_BYTES - 1] = (char)number;
	start_ns = monotonic_ns();
	own_copy(to, from, LARGE_BYTES);
	end_ns = monotonic_ns();
	wrong += to[LARGE_BYTES - 1] != (char)number;
	printf("{\"bytes\": %lu, \"start_ns\": %lu, \"end_ns\": %lu}\n", LARGE_BYTES, start_ns,
	       end_ns);
}

__attribute__((noipa)) void flush_both(unsigned long number)
{
	copy_both(number);
}

int main(int argc, char *argv[])
{
	unsigned long copies = argc == 2 ? strtoul(argv[1], NULL, 0) : 0;

	from = malloc(LARGE_BYTES);
	to = malloc(LARGE_BYTES);
	if (!copies || !from || !to) {
		fprintf(stderr, "usage: largeends COPIES(> 0)\n");
		return 2;
	}
	memset(from, 0x5a, LARGE_BYTES);
	memset(to, 0xa5, LARGE_BYTES);
	for (unsigned long i = 0; i < copies; i++)
		copy_both(i);
	for (unsigned long i = 0; i < copies; i++)
		flush_both(i);
	return wrong != 0;
}
