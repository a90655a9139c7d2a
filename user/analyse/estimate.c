// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/estimate.h"

#include <math.h>

#define KIB                 1024
#define LEAST_WHOLE_FLUSHES 2 /* by fewer, the others are not estimated */

void sample_add(struct sample *sample, uint64_t copied_bytes, bool is_whole)
{
	uint64_t kib = copied_bytes / KIB;

	sample->outermost++;
	sample->copied_bytes += copied_bytes;
	if (!is_whole)
		return;
	sample->whole_calls++;
	sample->whole_bytes += copied_bytes;
	sample->whole_kib += kib;
	sample->whole_kib_squared += kib * kib;
}

/* The part can't be more than all, but records and counters come by two ways. */
static uint64_t without(uint64_t all, uint64_t part)
{
	return all > part ? all - part : 0;
}

/* The calls that are not in `part`. */
static struct sample sample_rest(const struct mw_function *all, const struct sample *part)
{
	return (struct sample){
		.outermost = without(all->outermost, part->outermost),
		.copied_bytes = without(all->copied_bytes, part->copied_bytes),
		.whole_calls = without(all->whole_calls, part->whole_calls),
		.whole_bytes = without(all->whole_bytes, part->whole_bytes),
		.whole_kib = without(all->whole_kib, part->whole_kib),
		.whole_kib_squared = without(all->whole_kib_squared, part->whole_kib_squared),
	};
}

/* Student's t for 95 %, two-sided. Two calls that are alike by chance tell little. */
static double student_t(double freedom)
{
	static const double first[] = {12.71, 4.31, 3.19, 2.78, 2.58, 2.45, 2.37, 2.31, 2.27, 2.23};

	if (freedom <= sizeof(first) / sizeof(first[0]))
		return first[(unsigned)freedom - 1];
	/* At most 0.01 above the true one. */
	return 1.96 + 2.7 / freedom;
}

/*
 * The spread of one call's bytes, from at least two. The sums are of whole KiB: where they tell of
 * none, the calls may still differ by less than 1 KiB.
 */
static double spread_bytes(const struct sample *sample)
{
	double calls = (double)sample->whole_calls, mean = (double)sample->whole_kib / calls;
	double squares = (double)sample->whole_kib_squared - calls * mean * mean;

	/* Of equal calls, rounding may leave less than nothing. */
	return ((squares > 0 ? sqrt(squares / (calls - 1)) : 0) + 1) * KIB;
}

struct guess {
	double bytes, error_bytes;
	bool is_error_known;
};

static struct guess guess_sample(const struct sample *sample)
{
	double all = (double)sample->outermost, calls = (double)sample->whole_calls;
	struct guess guess = {.bytes = (double)sample->copied_bytes};

	if (sample->whole_calls >= sample->outermost) {
		guess.is_error_known = true;
		return guess;
	}
	/* What was counted is a lower bound, and the others may have been counted in part. */
	if (sample->whole_calls)
		guess.bytes = fmax(guess.bytes, all * ((double)sample->whole_bytes / calls));
	if (sample->whole_calls < 2)
		return guess;
	/* 1 - calls / all: what was counted of a finite number needs no estimate. */
	guess.error_bytes =
		student_t(calls - 1) * all * spread_bytes(sample) * sqrt((1 - calls / all) / calls);
	guess.is_error_known = true;
	return guess;
}

static uint64_t to_bytes(double bytes)
{
	return bytes < 0x1p64 ? (uint64_t)bytes : UINT64_MAX;
}

struct estimate estimate_copied(const struct mw_function *function, const struct sample *reported)
{
	struct sample short_ones = sample_rest(function, reported);
	struct guess flushes = guess_sample(reported), others = guess_sample(&short_ones);
	struct estimate estimate = {0};

	if (!function->whole_calls || function->whole_calls >= function->outermost)
		return estimate;
	/*
	 * Short calls tell nothing of flushes, and one flush little of the others. The other way
	 * round, what was counted must do.
	 */
	if (reported->whole_calls < reported->outermost &&
	    reported->whole_calls < LEAST_WHOLE_FLUSHES)
		return estimate;
	estimate.bytes = to_bytes(flushes.bytes + others.bytes);
	if (flushes.is_error_known && others.is_error_known)
		estimate.error_bytes =
			to_bytes(ceil(hypot(flushes.error_bytes, others.error_bytes)));
	return estimate;
}
