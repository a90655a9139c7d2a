// SPDX-License-Identifier: GPL-2.0-only
/*
 * A flush whose every call ends in the C library, by a jump to fflush. Its truth on stdout: a line
 * for each call, with what it copied. With an argument, it waits for a line first.
 */
#include <stdio.h>
#include <string.h>

#define PIECE_BYTES 3000
#define PIECES_MOST 1000

static char into[PIECES_MOST * PIECE_BYTES], from[2 * PIECE_BYTES];

__attribute__((noipa)) static void *copy(void *to, size_t bytes)
{
	return memcpy(to, from, bytes);
}

__attribute__((noipa)) int flush_pieces(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		copy(into + i * PIECE_BYTES, PIECE_BYTES);
	return fflush(stdout);
}

int main(int count, char **arguments)
{
	(void)arguments;
	if (count > 1)
		getchar();
	for (unsigned pieces = 100; pieces <= PIECES_MOST; pieces += 100) {
		printf("{\"copies\": %u, \"copied_bytes\": %u}\n", pieces, pieces * PIECE_BYTES);
		flush_pieces(pieces);
		/* Ends of nothing that is watched. */
		fflush(stderr);
	}
	return 0;
}
