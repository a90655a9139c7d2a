// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyse/histogram.h"
#include "analyse/run_end.h"

#define MS 1000000ull

static void counters_are_those_of_the_flushes(void **state)
{
	struct run_end *end = calloc(1, sizeof(*end));
	const struct flush whole = {
		.duration_ns = 2 * MS, .copied_bytes = 100, .copies = 1, .copies_known = true};
	struct flush inner = whole, open = whole, raised = whole;
	const struct mw_function *counters;

	(void)state;
	assert_non_null(end);
	counters = &end->functions[3];
	inner.recursive = true;
	inner.duration_ns = 9 * MS;
	open.unfinished = true;
	raised.gate_raised = true;
	raised.duration_ns = 4 * MS;
	run_end_add_flush(end, 3, &whole);
	run_end_add_flush(end, 3, &inner);
	run_end_add_flush(end, 3, &open);
	run_end_add_flush(end, 3, &raised);
	assert_int_equal(counters->calls, 4);
	assert_int_equal(counters->ended, 3);
	assert_int_equal(counters->unfinished, 1);
	assert_int_equal(counters->outermost, 2);
	assert_int_equal(counters->total_ns, 6 * MS);
	assert_int_equal(counters->max_ns, 9 * MS);
	assert_int_equal(counters->copied_bytes, 200);
	assert_int_equal(counters->copies, 2);
	assert_int_equal(counters->whole_calls, 1);
	assert_int_equal(counters->whole_bytes, 100);
	assert_int_equal(end->functions[2].calls, 0);
	free(end);
}

/* Whatever the time, it is found again in its class. */
static void times_go_into_their_classes(void **state)
{
	const uint64_t times_ns[] = {0, 1, 15, 16, 17, 1000, MS, 3600000 * MS, UINT64_MAX / 2};

	(void)state;
	for (size_t i = 0; i < sizeof(times_ns) / sizeof(*times_ns); i++) {
		struct run_end *end = calloc(1, sizeof(*end));
		struct flush flush = {.duration_ns = times_ns[i]};
		uint64_t median_ns;

		assert_non_null(end);
		run_end_add_flush(end, 0, &flush);
		median_ns = time_classes_percentile_ns(end->functions[0].time_classes, 0.5, 0);
		/* The last class begins at 2^44 ns. */
		if (times_ns[i] < 1ull << 44)
			assert_true(median_ns <= times_ns[i] + times_ns[i] / 16 &&
				    median_ns >= times_ns[i] - times_ns[i] / 16);
		free(end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_those_of_the_flushes),
		cmocka_unit_test(times_go_into_their_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
