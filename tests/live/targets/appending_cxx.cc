// SPDX-License-Identifier: GPL-2.0-only
/*
 * A string that is appended to in small pieces: appending_cxx ROUNDS. The pieces are copied as they
 * come, into memory that is touched for the first time; what stalls is that the string grows. Each
 * append in which it did so at length is printed.
 */
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#define PIECES  4000000
#define LONG_NS 20000000

static long now_ns()
{
	timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fill(const std::string &piece)
{
	std::string text;

	for (long i = 0; i < PIECES; i++) {
		size_t room = text.capacity();
		long start_ns = now_ns();

		text += piece;
		if (text.capacity() != room && now_ns() - start_ns >= LONG_NS)
			printf("{\"start_ns\":%ld,\"duration_ns\":%ld}\n", start_ns,
			       now_ns() - start_ns);
	}
}

int main(int argc, char **argv)
{
	for (int rounds = argc > 1 ? atoi(argv[1]) : 1; rounds > 0; rounds--)
		fill(std::string(100, 'x'));
}
