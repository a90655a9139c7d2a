/* SPDX-License-Identifier: GPL-2.0-only */
/* What all calls of a function copied, by those whose bytes were counted in full. */
#ifndef ANALYSE_ESTIMATE_H
#define ANALYSE_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/event.h"

/* Outermost calls that ended, as the fields of the same names in struct mw_function. */
struct sample {
	uint64_t outermost;
	uint64_t copied_bytes;
	uint64_t whole_calls;
	uint64_t whole_bytes;
	uint64_t whole_kib;
	uint64_t whole_kib_squared;
};

void sample_add(struct sample *sample, uint64_t copied_bytes, bool is_whole);

struct estimate {
	uint64_t bytes;       /* 0: nothing to estimate, or nothing to do it by */
	uint64_t error_bytes; /* 95 % of such estimates are no further off; 0: too few to tell */
};

/*
 * `reported` is a part of the function's calls, the long ones: flushes are estimated by flushes
 * alone, and by at least two, since a function that flushes is often called for little things as
 * well. Of either part it takes the whole calls for a random choice, which is nearly true where its
 * calls are alike, and no more than that: they are the first ones as a rule.
 */
struct estimate estimate_copied(const struct mw_function *function, const struct sample *reported);

#endif
