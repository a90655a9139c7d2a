// SPDX-License-Identifier: GPL-2.0-only
/* When calls are counted, and when not yet or no more. */
#include "boundary_sample.h"

#define QUIETLY CALLS(0)

/* ---- before the counting began ---- */

/* Probes are put while it stalls, since that shows where: what it flushes then is a beginning. */
static void stall_under_way_is_a_baseline(void **state)
{
	struct program *program = *state;

	program->now_ns = SINCE - 10 * WEIGHT + MS;
	/* What is in the counters before is of no use. */
	call(program, 1, CALLS(77, 7777, 777));
	for (unsigned i = 0; i < 10; i++)
		tick(program, 1);
	memset(program->calls, 0, sizeof(program->calls));
	stall(program, 1, 20, QUIETLY);
	assert_roles(program, BOUNDARY_OPEN, -1, -1);
	call(program, 1, CALLS(1, 100000));
	stall(program, 1, 20, QUIETLY);
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_int_equal(judge(program).stalls, 1);
	assert_int_equal(judge(program).calls_per_stall[0], 1);
	assert_period(program, PERIOD_CONSTANT, 100000);
}

/* Its pieces of before are not known; those that are show what they are. */
static void baseline_of_pieces_shows_pieces(void **state)
{
	struct program *program = *state;

	program->now_ns = SINCE - 5 * WEIGHT;
	stall(program, 1, 20, CALLS(100));
	call(program, 1, CALLS(100, 1, 1000));
	stall(program, 1, 20, CALLS(100));
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

/* The scheduler parts it: the baseline is where it really ended. */
static void parted_baseline_is_one(void **state)
{
	struct program *program = *state;

	program->now_ns = SINCE;
	for (unsigned part = 0; part < 3; part++)
		stall(program, 1, 3, QUIETLY);
	call(program, 1, CALLS(1, 500));
	stall(program, 1, 3, QUIETLY);
	call(program, 1, CALLS(1, 500));
	stall(program, 1, 3, QUIETLY);
	assert_int_equal(judge(program).stalls, 2);
	assert_period(program, PERIOD_CONSTANT, 500);
}

/* Over before the counting began: it tells nothing. */
static void stall_before_is_none(void **state)
{
	struct program *program = *state;

	program->now_ns = SINCE - 50 * WEIGHT;
	call(program, 1, CALLS(5, 99));
	stall(program, 1, 20, QUIETLY);
	program->now_ns = SINCE + 100 * MS;
	call(program, 1, CALLS(1, 300));
	stall(program, 1, 20, QUIETLY);
	assert_int_equal(judge(program).stalls, 0);
	call(program, 1, CALLS(1, 1000));
	stall(program, 1, 20, QUIETLY);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

/* ---- told by the kernel ---- */

static void heat_names_the_caller_for_now(void **state)
{
	struct program *program = *state;

	stall(program, 1, 20, CALLS(0));
	boundary_hot(program->boundary, 3);
	boundary_hot(program->boundary, 2);
	/* None of its own. */
	boundary_hot(program->boundary, 4);
	boundary_hot(program->boundary, 1000);
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	assert_period(program, PERIOD_UNKNOWN, 0);
	assert_int_equal(judge(program).stalls, 0);
	/* The count knows better. */
	call(program, 1, CALLS(1, 1000, 2000, 2000));
	stall(program, 1, 20, CALLS(0));
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

/* The rest of a stall, behind its last sample, looks as if it came between. */
static void heat_of_pieces_is_none(void **state)
{
	struct program *program = *state;

	stall(program, 1, 20, CALLS(100));
	boundary_hot(program->boundary, 0);
	assert_roles(program, BOUNDARY_OPEN, -1, -1);
	boundary_hot(program->boundary, 2);
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	boundary_hot(program->boundary, 1);
	assert_roles(program, BOUNDARY_KNOWN, -1, 1);
}

static void heat_of_the_culprit_itself(void **state)
{
	struct program *program = *state;

	stall(program, 1, 20, CALLS(0));
	boundary_hot(program->boundary, 0);
	assert_roles(program, BOUNDARY_KNOWN, -1, 0);
}

/* One sample each: whether calls come within or between is not seen, but for the heat. */
static void heat_tells_where_samples_do_not(void **state)
{
	struct program *program = *state;

	stall(program, 1, 1, CALLS(0));
	call(program, 1, CALLS(1, 1000));
	stall(program, 1, 1, CALLS(0));
	assert_roles(program, BOUNDARY_OPEN, 0, -1);
	boundary_hot(program->boundary, 1);
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
}

/* A long flush in parts, of which the pieces alone are called. */
static void heat_ends_a_long_flush(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 5; i++) {
		call(program, 1, CALLS(20));
		stall(program, 1, 3, CALLS(20));
	}
	assert_roles(program, BOUNDARY_OPEN, -1, -1);
	boundary_hot(program->boundary, 2);
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	assert_period(program, PERIOD_UNKNOWN, 0);
}

/* ---- no more ---- */

/* lazy_write() is too dear to be counted: what is known of it stays known. */
static void uncounted_caller_keeps_its_distances(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(1, 1000));
		stall(program, 1, 10, QUIETLY);
	}
	boundary_uncount(program->boundary, 1, program->now_ns);
	/* A second time is no earlier one. */
	boundary_uncount(program->boundary, 1, program->now_ns + SINCE);
	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(1, 0));
		stall(program, 1, 10, QUIETLY);
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_period(program, PERIOD_CONSTANT, 1000);
	assert_int_equal(judge(program).stalls, 5);
	assert_int_equal(judge(program).calls_per_stall[1], 1000);
}

static void hot_caller_needs_no_distance(void **state)
{
	struct program *program = *state;

	call(program, 1, CALLS(1, 1000));
	stall(program, 1, 10, QUIETLY);
	call(program, 1, CALLS(0, 700));
	boundary_hot(program->boundary, 1);
	boundary_uncount(program->boundary, 1, program->now_ns);
	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(1, 0, 0));
		stall(program, 1, 10, QUIETLY);
		assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	}
	assert_period(program, PERIOD_UNKNOWN, 0);
	assert_int_equal(judge(program).calls_per_stall[0], 1);
}

/* One of a growing buffer's distances looks like a period. */
static void one_distance_of_several_is_no_period(void **state)
{
	struct program *program = *state;

	call(program, 1, CALLS(1, 1000));
	stall(program, 1, 10, QUIETLY);
	call(program, 1, CALLS(1, 2000));
	stall(program, 1, 10, QUIETLY);
	assert_period(program, PERIOD_CONSTANT, 2000);
	boundary_uncount(program->boundary, 1, program->now_ns);
	call(program, 1, CALLS(1, 0));
	stall(program, 1, 10, QUIETLY);
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_period(program, PERIOD_UNKNOWN, 0);
}

/* The pieces were too dear: the functions outside of them tell all the same. */
static void uncounted_culprit_is_passed_over(void **state)
{
	struct program *program = *state;

	call(program, 1, CALLS(100, 1, 1000));
	stall(program, 1, 10, CALLS(100));
	boundary_uncount(program->boundary, 0, program->now_ns);
	for (unsigned i = 0; i < 2; i++) {
		call(program, 1, CALLS(0, 1, 1000));
		stall(program, 1, 10, QUIETLY);
		/* Parted. */
		stall(program, 1, 10, QUIETLY);
		stall(program, 1, 10, QUIETLY);
	}
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	assert_int_equal(judge(program).stalls, 2);
	assert_period(program, PERIOD_CONSTANT, 1000);
	boundary_hot(program->boundary, 0);
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	boundary_uncount(program->boundary, 77, 0);
}

/* The flush is watched by other means now; its caller goes on to be counted. */
static void caller_parts_stalls_of_an_uncounted_flush(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(1, 1000));
		stall(program, 1, 10, QUIETLY);
	}
	boundary_uncount(program->boundary, 0, program->now_ns);
	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(0, 1000));
		stall(program, 1, 10, QUIETLY);
		/* Parted. */
		stall(program, 1, 10, QUIETLY);
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_int_equal(judge(program).stalls, 5);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stall_under_way_is_a_baseline),
		TEST(baseline_of_pieces_shows_pieces),
		TEST(parted_baseline_is_one),
		TEST(stall_before_is_none),
		TEST(heat_names_the_caller_for_now),
		TEST(heat_of_pieces_is_none),
		TEST(heat_of_the_culprit_itself),
		TEST(heat_tells_where_samples_do_not),
		TEST(heat_ends_a_long_flush),
		TEST(uncounted_caller_keeps_its_distances),
		TEST(hot_caller_needs_no_distance),
		TEST(one_distance_of_several_is_no_period),
		TEST(uncounted_culprit_is_passed_over),
		TEST(caller_parts_stalls_of_an_uncounted_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
