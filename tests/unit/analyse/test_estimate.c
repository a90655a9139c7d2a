// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyse/estimate.h"

#define KIB 1024ull
#define MIB (1024 * KIB)

static const struct sample none;

/* By all of its calls alike. */
static struct estimate estimate_of(const struct mw_function *function)
{
	return estimate_copied(function, &none);
}

/* As the kernel counts a call that no raised gate has touched. */
static void add_whole(struct mw_function *function, uint64_t bytes)
{
	uint64_t kib = bytes / KIB;

	function->outermost++;
	function->copied_bytes += bytes;
	function->whole_calls++;
	function->whole_bytes += bytes;
	function->whole_kib += kib;
	function->whole_kib_squared += kib * kib;
}

static void add_others(struct mw_function *function, uint64_t calls, uint64_t counted_bytes)
{
	function->outermost += calls;
	function->copied_bytes += counted_bytes;
}

static void what_was_counted_needs_no_estimate(void **state)
{
	struct mw_function function = {0};

	(void)state;
	assert_int_equal(estimate_of(&function).bytes, 0);
	add_whole(&function, 5 * MIB);
	add_whole(&function, 9 * MIB);
	assert_int_equal(estimate_of(&function).bytes, 0);
	assert_int_equal(estimate_of(&function).error_bytes, 0);
}

static void nothing_counted_gives_no_estimate(void **state)
{
	struct mw_function function = {0};

	(void)state;
	add_others(&function, 40, 5 * MIB);
	assert_int_equal(estimate_of(&function).bytes, 0);
	assert_int_equal(estimate_of(&function).error_bytes, 0);
}

static void one_call_tells_no_error(void **state)
{
	struct mw_function function = {0};

	(void)state;
	add_whole(&function, 5 * MIB);
	add_others(&function, 3, 0);
	assert_int_equal(estimate_of(&function).bytes, 20 * MIB);
	assert_int_equal(estimate_of(&function).error_bytes, 0);
}

/* Two of 40: t = 12.71, and sqrt((1 - 2 / 40) / 2) = 0.689. A spread of 1 KiB is not ruled out. */
static void equal_calls_leave_what_rounding_hides(void **state)
{
	struct mw_function function = {0};
	struct estimate estimate;

	(void)state;
	add_whole(&function, 1000000000);
	add_whole(&function, 1000000000);
	add_others(&function, 38, 0);
	estimate = estimate_of(&function);
	assert_int_equal(estimate.bytes, 40000000000);
	assert_in_range(estimate.error_bytes, 350 * KIB, 352 * KIB);
}

/*
 * 4 of 100 copied 1, 2, 3 and 4 MiB: their spread is 1.291 MiB, t = 3.182. Around 250 MiB:
 * 3.182 x 100 x 1.291 x sqrt((1 - 0.04) / 4) = 201.2 MiB.
 */
static void error_is_that_of_a_sample_of_a_finite_number(void **state)
{
	struct mw_function function = {0};
	struct estimate estimate;

	(void)state;
	for (uint64_t i = 1; i <= 4; i++)
		add_whole(&function, i * MIB);
	add_others(&function, 96, 0);
	estimate = estimate_of(&function);
	assert_int_equal(estimate.bytes, 250 * MIB);
	assert_in_range(estimate.error_bytes, 201 * MIB, 203 * MIB);
	/* With 4 of 5 there is little left to be wrong about: 3.182 x 5 x 1.291 x sqrt(0.2 / 4). */
	function.outermost = 5;
	estimate = estimate_of(&function);
	assert_int_equal(estimate.bytes, 12 * MIB + 512 * KIB);
	assert_in_range(estimate.error_bytes, 4 * MIB + 590 * KIB, 4 * MIB + 670 * KIB);
}

/* A number that is the same in each run, below `limit`. */
static uint64_t draw(uint64_t *seed, uint64_t limit)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return (*seed >> 33) % limit;
}

/* About 25 MiB, normally spread, which Student's t is made for: the sum of twelve. */
static uint64_t draw_call(uint64_t *seed)
{
	uint64_t bytes = 19 * MIB;

	for (unsigned i = 0; i < 12; i++)
		bytes += draw(seed, MIB);
	return bytes;
}

/* How many of `rounds` estimates by `calls` of 500 calls are no further off than they say. */
static unsigned right_ones(uint64_t *seed, unsigned rounds, unsigned calls)
{
	unsigned right = 0;

	for (unsigned i = 0; i < rounds; i++) {
		struct mw_function function = {0};
		struct estimate estimate;
		uint64_t truth = 0, off;

		for (unsigned call = 0; call < 500; call++) {
			uint64_t bytes = draw_call(seed);

			truth += bytes;
			if (call < calls)
				add_whole(&function, bytes);
		}
		add_others(&function, 500 - calls, 0);
		estimate = estimate_of(&function);
		off = estimate.bytes > truth ? estimate.bytes - truth : truth - estimate.bytes;
		right += off <= estimate.error_bytes;
	}
	return right;
}

/* Of 2,000 estimates 1,900 should be right, give or take three times the spread of that, 9.7. */
static void error_holds_as_often_as_it_says(void **state)
{
	static const unsigned calls[] = {3, 5, 12, 30, 100, 400};
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_in_range(right_ones(&seed, 2000, calls[i]), 1871, 1929);
}

static void is_never_below_what_was_counted(void **state)
{
	struct mw_function function = {0};

	(void)state;
	add_whole(&function, 1 * MIB);
	add_others(&function, 1, 7 * MIB);
	assert_int_equal(estimate_of(&function).bytes, 8 * MIB);
}

/* 50 little calls at a program's start say nothing of its flushes. */
static void flushes_are_estimated_by_flushes(void **state)
{
	struct mw_function function = {0};
	struct sample reported = {0};
	struct estimate estimate;

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		add_whole(&function, 100);
	for (unsigned i = 0; i < 2; i++) {
		add_whole(&function, 1000 * MIB);
		sample_add(&reported, 1000 * MIB, true);
	}
	for (unsigned i = 0; i < 14; i++) {
		add_others(&function, 1, 5 * MIB);
		sample_add(&reported, 5 * MIB, false);
	}
	estimate = estimate_copied(&function, &reported);
	assert_int_equal(estimate.bytes, 16 * 1000 * MIB + 50 * 100);
	/* 12.71 x 16 x 1 KiB x sqrt((1 - 2 / 16) / 2), and nothing for what was counted. */
	assert_in_range(estimate.error_bytes, 134 * KIB, 135 * KIB);
	/* With them in one heap, it is a sixth of the truth. */
	assert_true(estimate_of(&function).bytes < 3000 * MIB);
}

static void both_parts_may_be_wrong(void **state)
{
	struct mw_function function = {0};
	struct sample reported = {0};
	struct estimate alone, both;

	(void)state;
	for (unsigned i = 1; i <= 4; i++) {
		add_whole(&function, i * MIB);
		sample_add(&reported, i * MIB, true);
		add_whole(&function, i * KIB * 100);
	}
	add_others(&function, 96, 0);
	for (unsigned i = 0; i < 96; i++)
		sample_add(&reported, 0, false);
	alone = estimate_copied(&function, &reported);
	add_others(&function, 996, 0);
	both = estimate_copied(&function, &reported);
	assert_int_equal(alone.bytes, 250 * MIB + 1000 * KIB);
	assert_int_equal(both.bytes, 250 * MIB + 250000 * KIB);
	/* 3.182 x 1000 x 129.1 KiB x sqrt(0.996 / 4) = 200.2 MiB, at right angles to 201.2 MiB. */
	assert_in_range(both.error_bytes, 283 * MIB, 287 * MIB);
	assert_in_range(alone.error_bytes, 201 * MIB, 203 * MIB);
}

static void a_part_without_a_whole_call_is_not_made_up(void **state)
{
	struct mw_function function = {0};
	struct sample reported = {0};
	struct estimate estimate;

	(void)state;
	add_whole(&function, 100);
	add_whole(&function, 100);
	add_others(&function, 3, 3 * (5 * MIB / 3));
	for (unsigned i = 0; i < 3; i++)
		sample_add(&reported, 5 * MIB / 3, false);
	assert_int_equal(estimate_copied(&function, &reported).bytes, 0);
	/* One flush is not enough for two others, but it needs none for itself. */
	add_whole(&function, 20 * MIB);
	sample_add(&reported, 20 * MIB, true);
	assert_int_equal(estimate_copied(&function, &reported).bytes, 0);
	add_whole(&function, 20 * MIB);
	sample_add(&reported, 20 * MIB, true);
	assert_int_equal(estimate_copied(&function, &reported).bytes, 5 * 20 * MIB + 200);
	reported = (struct sample){0};
	sample_add(&reported, 20 * MIB, true);
	assert_true(estimate_copied(&function, &reported).bytes != 0);
	/* Short calls, of which only a part was counted: that part, and no word of the error. */
	function = (struct mw_function){0};
	reported = (struct sample){0};
	add_whole(&function, 1 * MIB);
	add_whole(&function, 1 * MIB);
	sample_add(&reported, 1 * MIB, true);
	sample_add(&reported, 1 * MIB, true);
	add_others(&function, 2, 300);
	sample_add(&reported, 0, false);
	estimate = estimate_copied(&function, &reported);
	assert_int_equal(estimate.bytes, 3 * MIB + 300);
	assert_int_equal(estimate.error_bytes, 0);
}

/* A record that the kernel had not counted yet: nothing wraps round to 2^64. */
static void more_records_than_calls_do_no_harm(void **state)
{
	struct mw_function function = {0};
	struct sample reported = {0};

	(void)state;
	add_whole(&function, 1 * MIB);
	add_others(&function, 1, 0);
	for (unsigned i = 0; i < 3; i++)
		sample_add(&reported, 1 * MIB, i < 2);
	assert_int_equal(estimate_copied(&function, &reported).bytes, 3 * MIB);
}

static void stays_within_its_type(void **state)
{
	struct mw_function function = {.outermost = UINT64_MAX,
				       .whole_calls = 2,
				       .whole_bytes = UINT64_MAX,
				       .whole_kib = 5,
				       .whole_kib_squared = UINT64_MAX};
	struct estimate estimate = estimate_of(&function);

	(void)state;
	assert_true(estimate.bytes == UINT64_MAX);
	assert_true(estimate.error_bytes == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_counted_needs_no_estimate),
		cmocka_unit_test(nothing_counted_gives_no_estimate),
		cmocka_unit_test(one_call_tells_no_error),
		cmocka_unit_test(equal_calls_leave_what_rounding_hides),
		cmocka_unit_test(error_is_that_of_a_sample_of_a_finite_number),
		cmocka_unit_test(error_holds_as_often_as_it_says),
		cmocka_unit_test(is_never_below_what_was_counted),
		cmocka_unit_test(flushes_are_estimated_by_flushes),
		cmocka_unit_test(both_parts_may_be_wrong),
		cmocka_unit_test(a_part_without_a_whole_call_is_not_made_up),
		cmocka_unit_test(more_records_than_calls_do_no_harm),
		cmocka_unit_test(stays_within_its_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
