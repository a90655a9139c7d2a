// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function that is called far too often to be timed, beside one that is not: hotflush CALLS. The
 * truth goes to stdout: the calls, and whether what they gave was right. The n-th call of hot()
 * copies n % 1000 + 1 bytes; each of rare(), every hundredth of all calls, 4,096.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RARES     100
#define HOT_MOST  1000
#define RARE_MOST 4096
#define watched   __attribute__((noipa, used))

/* By its label, so that gcc makes no code of its own of it. */
void *by_memcpy(void *to, const void *from, size_t bytes) __asm__("memcpy");

static unsigned char from[RARE_MOST], into[RARE_MOST];

watched unsigned long hot(unsigned long call)
{
	size_t bytes = call % HOT_MOST + 1;

	from[bytes - 1] = (unsigned char)call;
	by_memcpy(into, from, bytes);
	return into[bytes - 1] + call * 3;
}

watched unsigned long rare(unsigned long call)
{
	from[RARE_MOST - 1] = (unsigned char)call;
	by_memcpy(into, from, RARE_MOST);
	return into[RARE_MOST - 1] ^ call;
}

int main(int argc, char *argv[])
{
	unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 0) : 0, wrong = 0, rares = 0;

	for (unsigned long call = 0; call < calls; call++) {
		wrong += hot(call) != (unsigned char)call + call * 3;
		if (calls < RARES || call % (calls / RARES))
			continue;
		wrong += rare(rares) != ((unsigned char)rares ^ rares);
		rares++;
	}
	printf("{\"hot\":%lu,\"rare\":%lu,\"wrong\":%lu}\n", calls, rares, wrong);
	return wrong != 0;
}
