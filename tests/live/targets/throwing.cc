// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions: throwing ROUNDS. Every third call of thrower throws to its caller; every third call
 * of catcher catches what is thrown below it, and ends as the others do. Destructors are counted.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define COPY_MOST (4u << 20)
#define BIG_BYTES (2u << 20)
#define watched   extern "C" __attribute__((noipa, used))

struct truth {
	const char *function;
	unsigned long calls, ended, copied_bytes, copies;
};

static char from[COPY_MOST], into[COPY_MOST];
static unsigned long copied_bytes, copies, destroyed;

struct guard {
	~guard() { destroyed++; }
};

__attribute__((noipa)) static void copy_bytes(size_t bytes)
{
	memcpy(into, from, bytes);
	copied_bytes += bytes;
	copies++;
}

static void add_end(truth &truth, unsigned long bytes_before, unsigned long copies_before)
{
	truth.ended++;
	truth.copied_bytes += copied_bytes - bytes_before;
	truth.copies += copies - copies_before;
}

static void tell(const truth &truth)
{
	printf("{\"function\":\"%s\",\"calls\":%lu,\"ended\":%lu,\"copied_bytes\":%lu,\"copies\":%lu}\n",
	       truth.function, truth.calls, truth.ended, truth.copied_bytes, truth.copies);
}

__attribute__((noipa)) static void throw_third(unsigned round)
{
	guard here;

	if (round % 3 == 2)
		throw round;
}

static truth thrower_truth = {"thrower", 0, 0, 0, 0}, catcher_truth = {"catcher", 0, 0, 0, 0};

watched void thrower(unsigned round, size_t bytes)
{
	unsigned long bytes_before = copied_bytes, copies_before = copies;
	guard here;

	thrower_truth.calls++;
	copy_bytes(bytes);
	throw_third(round);
	copy_bytes(bytes + 1);
	add_end(thrower_truth, bytes_before, copies_before);
}

/* What is thrown and caught inside of it is copied by the C++ library, too: no figures for that. */
watched unsigned catcher(unsigned round, size_t bytes)
{
	unsigned caught = 0;

	catcher_truth.calls++;
	try {
		throw_third(round);
		copy_bytes(bytes);
	} catch (unsigned thrown) {
		caught = thrown + 1;
	}
	catcher_truth.ended++;
	return caught;
}

int main(int argc, char *argv[])
{
	unsigned rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 0, caught = 0, big_copies = 0;
	volatile size_t big_bytes = BIG_BYTES;

	memset(from, 0x5a, sizeof(from));
	for (unsigned round = 0; round < rounds; round++) {
		try {
			thrower(round, 1000 + round);
		} catch (unsigned thrown) {
			caught += thrown == round;
			memcpy(into, from, big_bytes);
			big_copies++;
		}
		caught += catcher(round, 100) == round + 1;
	}
	tell(thrower_truth);
	printf("{\"function\":\"catcher\",\"calls\":%lu,\"ended\":%lu}\n", catcher_truth.calls,
	       catcher_truth.ended);
	printf("{\"big_copies\":%u,\"bytes\":%u}\n", big_copies, BIG_BYTES);
	return caught == rounds / 3 * 2 && destroyed == rounds * 3 ? 0 : 1;
}
