// SPDX-License-Identifier: GPL-2.0-only
/*
 * Goes through each door to the C library's copy routines once, with 1 MiB each, and says through
 * which. --wait: first says so and waits for a line.
 */
#include <stdio.h>
#include <string.h>

#define BYTES (1 << 20)

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

/* A routine with %rcx bytes to copy: no instruction of it bears a probe with all in place. */
void bare_copy(void);
__asm__(".pushsection .text\n.globl bare_copy\n.type bare_copy, @function\n"
	"bare_copy: rep movsb\nret\n.size bare_copy, . - bare_copy\n.popsection\n");

static unsigned char from[BYTES], to[BYTES];

/* Whatever stands before the real routine, what it copies and gives back is right. */
static int check(const char *door, const void *result, const void *expected)
{
	int good = result == expected && !memcmp(to, from, BYTES);

	printf("%s %d\n", good ? door : "wrong", BYTES);
	memset(to, 0, BYTES);
	return !good;
}

int main(int count, char **arguments)
{
	volatile size_t bytes = BYTES;
	int bad = 0;

	for (size_t i = 0; i < BYTES; i++)
		from[i] = (unsigned char)(i % 251 + 1);
	if (count > 1 && !strcmp(arguments[1], "--wait")) {
		puts("waiting");
		fflush(stdout);
		getchar();
	}
	bad |= check("memmove", by_memmove(to, from, bytes), to);
	bad |= check("memcpy", by_memcpy(to, from, bytes), to);
	bad |= check("mempcpy", by_mempcpy(to, from, bytes), to + BYTES);
	by_bcopy(from, to, bytes);
	bad |= check("bcopy", to, to);
#ifdef __GLIBC__
	bad |= check("__memmove_chk", by_memmove_chk(to, from, bytes, bytes), to);
	bad |= check("__memcpy_chk", by_memcpy_chk(to, from, bytes, bytes), to);
	bad |= check("__mempcpy_chk", by_mempcpy_chk(to, from, bytes, bytes), to + BYTES);
#endif
	return bad;
}
