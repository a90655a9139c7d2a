// SPDX-License-Identifier: GPL-2.0-only
/*
 * A copy routine of its own that goes another way when a flag says so, which the program turns
 * while it runs: flagged COPIES. Half of the copies within copy_all() have 4096 bytes, half 64;
 * prints how many of the large ones there were.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int by_words;

void *own_copy(void *to, const void *from, size_t bytes);
__asm__(".text\n"
	".globl own_copy\n"
	".type own_copy, @function\n"
	"own_copy: mov %rdi, %rax\n"
	"mov %rdx, %rcx\n"
	"cmpl $0, by_words(%rip)\n"
	"jne 2f\n"
	"cmp $2048, %rdx\n"
	"jae 1f\n"
	"rep movsb\n"
	"ret\n"
	"1: cmp %rsi, %rdi\n"
	"je 4f\n"
	"rep movsb\n"
	"ret\n"
	"2: cmp $2048, %rdx\n"
	"jae 3f\n"
	"rep movsb\n"
	"ret\n"
	"3: cmp %rsi, %rdi\n"
	"je 4f\n"
	"shr $3, %rcx\n"
	"rep movsq\n"
	"4: ret\n"
	".size own_copy, . - own_copy\n");

static char from[4096], to[4096];

__attribute__((noipa)) void copy_all(unsigned long copies)
{
	for (unsigned long i = 0; i < copies; i++) {
		by_words = i / 10 % 2;
		own_copy(to, from, i % 2 ? 4096 : 64);
	}
}

int main(int argc, char *argv[])
{
	unsigned long copies = argc == 2 ? strtoul(argv[1], NULL, 0) : 0;

	memset(from, 0x5a, sizeof(from));
	copy_all(copies);
	printf("%lu\n", copies / 2);
	return memcmp(from, to, copies ? sizeof(to) : 0) != 0;
}
