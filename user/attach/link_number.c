// SPDX-License-Identifier: GPL-2.0-only
#include "attach/link_number.h"

#include "bpf/event.h"

#define WORD_BITS 64

void link_number_set_live(uint64_t *live, uint32_t number, bool is_live)
{
	uint64_t bit = 1ULL << number % WORD_BITS;

	if (is_live)
		__atomic_fetch_or(&live[number / WORD_BITS], bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&live[number / WORD_BITS], ~bit, __ATOMIC_SEQ_CST);
}

bool link_number_is_live(const uint64_t *live, uint32_t number)
{
	return live[number / WORD_BITS] >> number % WORD_BITS & 1;
}

uint32_t link_numbers_next(struct link_numbers *numbers)
{
	for (uint32_t tries = 1; tries < MW_LINK_NUMBERS; tries++) {
		/* 0 is memwatch's own. */
		numbers->latest = numbers->latest % (MW_LINK_NUMBERS - 1) + 1;
		if (!link_number_is_live(numbers->live, numbers->latest))
			return numbers->latest;
	}
	return 0;
}
