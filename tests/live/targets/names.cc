// SPDX-License-Identifier: GPL-2.0-only
/*
 * C++ functions by the names that people give them: names ROUNDS. Each counts its own calls and
 * copies; every fifth call of Grow::flush(int) throws after its copy. The checksum of all bytes
 * tells whether a watch did harm.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#define WATCHED __attribute__((noipa, used))

struct truth {
	const char *name;
	unsigned long calls, copied_bytes, copies;
};

static char from[1 << 16], into[1 << 16];
static unsigned long checksum;

static void copy_bytes(truth &truth, size_t bytes)
{
	volatile size_t opaque = bytes;

	from[bytes - 1] = (char)truth.calls;
	memcpy(into, from, opaque);
	checksum = checksum * 31 + (unsigned char)into[bytes - 1] + bytes;
	truth.copied_bytes += bytes;
	truth.copies++;
}

static truth plain, with_int, with_text, other, hidden, buf_int, buf_text, shift, global_flush;

namespace ns
{
struct Grow {
	WATCHED void flush()
	{
		plain.calls++, copy_bytes(plain, 1000);
	}
	WATCHED void flush(int value)
	{
		with_int.calls++;
		copy_bytes(with_int, 2000);
		if (value % 5 == 0)
			throw value;
	}
	WATCHED void flush(const std::string &, const char *) const
	{
		with_text.calls++;
		copy_bytes(with_text, 3000);
	}
	WATCHED Grow &operator<<(int)
	{
		shift.calls++;
		copy_bytes(shift, 4000);
		return *this;
	}
};
template <class T> struct Buf {
	WATCHED void flush(truth &truth)
	{
		truth.calls++, copy_bytes(truth, 500 * sizeof(T));
	}
};
namespace
{
WATCHED void drain()
{
	hidden.calls++, copy_bytes(hidden, 5000);
}
} // namespace
} // namespace ns

namespace other_ns
{
struct Grow {
	WATCHED void flush()
	{
		other.calls++, copy_bytes(other, 6000);
	}
};
} // namespace other_ns

WATCHED static void flush(long)
{
	global_flush.calls++, copy_bytes(global_flush, 7000);
}

static void tell(const char *name, const truth &truth)
{
	printf("{\"function\":\"%s\",\"calls\":%lu,\"copied_bytes\":%lu,\"copies\":%lu}\n", name,
	       truth.calls, truth.copied_bytes, truth.copies);
}

int main(int argc, char *argv[])
{
	int rounds = argc > 1 ? atoi(argv[1]) : 0, caught = 0;
	const std::string text("text");
	ns::Grow grow;
	other_ns::Grow other_grow;
	ns::Buf<int> ints;
	ns::Buf<std::string> texts;

	for (int round = 0; round < rounds; round++) {
		grow.flush();
		try {
			grow.flush(round);
		} catch (int value) {
			caught += value == round;
		}
		grow.flush(text, "x");
		grow << round;
		other_grow.flush();
		ints.flush(buf_int);
		texts.flush(buf_text);
		ns::drain();
		flush(round);
	}
	tell("ns::Grow::flush()", plain);
	tell("ns::Grow::flush(int)", with_int);
	tell("ns::Grow::flush(std::string const&, char const*) const", with_text);
	tell("other_ns::Grow::flush()", other);
	tell("ns::Grow::operator<<", shift);
	tell("ns::(anonymous namespace)::drain", hidden);
	tell("ns::Buf<int>::flush", buf_int);
	tell("ns::Buf<std::string>::flush", buf_text);
	tell("flush", global_flush);
	printf("{\"checksum\":%lu,\"caught\":%d}\n", checksum, caught);
	return caught == (rounds + 4) / 5 ? 0 : 1;
}
