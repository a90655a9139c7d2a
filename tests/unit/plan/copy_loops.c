// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies as people write them, which the compiler turns into loops; built with several options
 * (without those by which it would recognise them and call memcpy). All are written for areas apart
 * or, those named memmove_, for any.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ROUTINE __attribute__((noinline, visibility("default")))

ROUTINE void *memcpy_bytes(void *dst, const void *src, size_t size)
{
	const unsigned char *from = src;
	unsigned char *to = dst;

	for (size_t i = 0; i < size; i++)
		to[i] = from[i];
	return dst;
}

ROUTINE void *memcpy_counted_down(void *dst, const void *src, size_t size)
{
	const unsigned char *from = src;
	unsigned char *to = dst;

	while (size--)
		*to++ = *from++;
	return dst;
}

ROUTINE void *memcpy_restricted(void *restrict dst, const void *restrict src, size_t size)
{
	const unsigned char *restrict from = src;
	unsigned char *restrict to = dst;

	for (size_t i = 0; i < size; i++)
		to[i] = from[i];
	return dst;
}

/* Words while there are, then bytes: two loops for one copy. */
ROUTINE void *memcpy_words(void *dst, const void *src, size_t size)
{
	const unsigned char *from = src;
	unsigned char *to = dst;
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word)) {
		__builtin_memcpy(&word, from, sizeof(word));
		__builtin_memcpy(to, &word, sizeof(word));
		from += sizeof(word);
		to += sizeof(word);
	}
	while (size--)
		*to++ = *from++;
	return dst;
}

/* Classes of sizes, as a libc has them. */
ROUTINE void *memcpy_classes(void *dst, const void *src, size_t size)
{
	const unsigned char *from = src;
	unsigned char *to = dst;
	uint64_t words[8];
	size_t at = 0;

	if (size < 16) {
		for (; at < size; at++)
			to[at] = from[at];
		return dst;
	}
	if (size > 4096) {
		for (; at + sizeof(words) <= size; at += sizeof(words)) {
			__builtin_memcpy(words, from + at, sizeof(words));
			__builtin_memcpy(to + at, words, sizeof(words));
		}
	}
	for (; at + 16 <= size; at += 16) {
		__builtin_memcpy(words, from + at, 16);
		__builtin_memcpy(to + at, words, 16);
	}
	for (; at < size; at++)
		to[at] = from[at];
	return dst;
}

ROUTINE void *memmove_bytes(void *dst, const void *src, size_t size)
{
	const unsigned char *from = src;
	unsigned char *to = dst;

	if ((uintptr_t)to - (uintptr_t)from >= size) {
		for (size_t i = 0; i < size; i++)
			to[i] = from[i];
	} else {
		for (size_t i = size; i > 0; i--)
			to[i - 1] = from[i - 1];
	}
	return dst;
}

ROUTINE void *memmove_large(void *dst, const void *src, size_t size)
{
	const unsigned char *from = src;
	unsigned char *to = dst;

	if (size > 65536 && (uintptr_t)to - (uintptr_t)from >= size) {
		__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
		return dst;
	}
	if (to <= from)
		for (size_t i = 0; i < size; i++)
			to[i] = from[i];
	else
		while (size--)
			to[size] = from[size];
	return dst;
}
