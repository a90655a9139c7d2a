// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that leave by jumps, as clang 14 compiles llvm::raw_ostream: virtual ROUNDS. flush_nonempty
 * jumps to write_tied, which jumps through the virtual table; flush_all jumps to write_all, which
 * returns.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define WATCHED __attribute__((noipa, used))

namespace stream
{

struct Sink {
	char from[4096], into[4096];
	size_t copied_bytes = 0;

	virtual void write(size_t bytes);
	WATCHED void write_tied(size_t bytes)
	{
		write(bytes);
	}
	WATCHED void flush_nonempty()
	{
		write_tied(1000);
	}
	WATCHED void write_all(size_t bytes)
	{
		memcpy(into, from, bytes);
		copied_bytes += bytes;
	}
	WATCHED void flush_all()
	{
		write_all(500);
	}
};

WATCHED void Sink::write(size_t bytes)
{
	write_all(bytes);
}

} // namespace stream

int main(int argc, char *argv[])
{
	unsigned rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 0;
	static stream::Sink sink;

	for (unsigned round = 0; round < rounds; round++) {
		sink.flush_nonempty();
		sink.flush_all();
	}
	printf("{\"calls\":%u,\"copied_bytes\":%zu}\n", rounds, sink.copied_bytes);
	return 0;
}
