// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vector that grows, in templates: growing_cxx ROUNDS. Each append that made it grow at length is
 * printed.
 */
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#define ENTRIES (2l << 20) /* and one more: the last growth moves 128 MiB, the one before it 64 */
#define LONG_NS 20000000

namespace ledger
{

struct Entry {
	long words[8];
};

template <typename T> class Journal
{
	std::vector<T> entries;
	long appended = 0;

      public:
	__attribute__((noinline)) void append(const T &entry)
	{
		entries.push_back(entry);
		/* Or it would end by a jump into the vector, and be in no stack. */
		appended++;
	}
	size_t room() const
	{
		return entries.capacity();
	}
};

} // namespace ledger

static long now_ns()
{
	timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fill(ledger::Journal<ledger::Entry> &journal)
{
	for (long i = 0; i <= ENTRIES; i++) {
		size_t room = journal.room();
		long start_ns = now_ns();

		journal.append({{i}});
		if (journal.room() != room && now_ns() - start_ns >= LONG_NS)
			printf("{\"start_ns\":%ld,\"duration_ns\":%ld}\n", start_ns,
			       now_ns() - start_ns);
	}
}

int main(int argc, char **argv)
{
	for (int rounds = argc > 1 ? atoi(argv[1]) : 1; rounds > 0; rounds--) {
		ledger::Journal<ledger::Entry> journal;

		fill(journal);
	}
}
