// SPDX-License-Identifier: GPL-2.0-only
/*
 * As chain.c, through virtual functions, templates and an exception's handler. Names are as
 * memwatch writes them: without arguments.
 */
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace chain
{
constexpr size_t copy_bytes = 64ul << 20;
constexpr unsigned copies = 200;

std::vector<const char *> entered;
std::vector<char> memory(copy_bytes + 4096);

#define NO_TAIL asm volatile("" ::: "memory")
#define STEP    __attribute__((noinline))

void print()
{
	std::printf("{\"chain\": [");
	for (size_t i = entered.size(); i-- > 0;)
		std::printf("\"%s\"%s", entered[i], i ? ", " : "]}\n");
	std::fflush(stdout);
}

struct Step {
	virtual int go(unsigned left) = 0;
	virtual ~Step() = default;
};

template <typename Next> STEP int hand_on(Next &next, unsigned left)
{
	entered.push_back("chain::hand_on<chain::Step>");
	int result = next.go(left);
	NO_TAIL;
	return result + 1;
}

struct Last : Step {
	STEP int go(unsigned) override
	{
		entered.push_back("chain::Last::go");
		print();
		for (unsigned i = 0; i < copies; i++)
			std::memmove(&memory[(i + 1) % 2 * 4096], &memory[i % 2 * 4096],
				     copy_bytes);
		return memory[0];
	}
};

template <unsigned N> struct Level : Step {
	Step &next;
	explicit Level(Step &next) : next(next)
	{
	}
	STEP int go(unsigned left) override
	{
		entered.push_back(N == 1 ? "chain::Level<1u>::go" : "chain::Level<2u>::go");
		int result;
		try {
			if (N == 2)
				throw std::runtime_error("on");
			result = hand_on<Step>(next, left);
		} catch (const std::runtime_error &) {
			result = hand_on<Step>(next, left + 1);
		}
		NO_TAIL;
		return result + 1;
	}
};
} // namespace chain

int main()
{
	chain::Last last;
	chain::Level<1> first(last);
	chain::Level<2> second(first);

	chain::entered.push_back("main");
	int result = chain::hand_on<chain::Step>(second, 0);
	NO_TAIL;
	return result == -1;
}
