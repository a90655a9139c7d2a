// SPDX-License-Identifier: GPL-2.0-only
/* Which stalls are so clear that the calls around them are counted. */
#include "boundary_sample.h"

static const struct frame path[] = {{.name = "append", .function_off = 0x1000},
				    {.name = "main", .function_off = 0x2000}};

static struct stall clear_stall(void)
{
	return (struct stall){.culprit = path,
			      .frames = path,
			      .frame_count = 2,
			      .duration_ns = 9 * MS,
			      .stacks = 6,
			      .user_ns = 5 * MS,
			      .fault_ns = 4 * MS,
			      .ran_ns = 9 * MS};
}

static void clear_stalls_are_worth_it(void **state)
{
	struct stall stall = clear_stall();

	(void)state;
	stall.stacks = 3;
	assert_true(boundary_is_worth_it(&stall));
	/* A thread that mostly waited for a CPU. */
	stall.duration_ns = 90 * MS;
	assert_true(boundary_is_worth_it(&stall));
	/* A goroutine. */
	stall.ran_ns = 0;
	assert_true(boundary_is_worth_it(&stall));
	stall = clear_stall();
	stall.stacks_as_copier = stall.stacks;
	assert_true(boundary_is_worth_it(&stall));
}

static void unclear_stalls_are_not(void **state)
{
	struct stall stall = clear_stall();

	(void)state;
	stall.culprit = NULL;
	assert_false(boundary_is_worth_it(&stall));
	stall = clear_stall();
	stall.duration_ns = 7 * MS;
	assert_false(boundary_is_worth_it(&stall));
	stall = clear_stall();
	stall.stacks = 2;
	assert_false(boundary_is_worth_it(&stall));
	/* Mostly memwatch's own probes. */
	stall = clear_stall();
	stall.trap_ns = 10 * MS;
	assert_false(boundary_is_worth_it(&stall));
	/* In small copies now and then. */
	stall = clear_stall();
	stall.ran_ns = 13 * MS;
	assert_false(boundary_is_worth_it(&stall));
}

/* Its own small copies, in a call each; or beside the large ones of what it calls. */
static void who_copies_has_to_show_more(void **state)
{
	struct stall stall = clear_stall();

	(void)state;
	stall.stacks = 3;
	stall.stacks_as_copier = 3;
	assert_true(boundary_is_worth_it(&stall));
	stall.lasting_frame = 1;
	assert_false(boundary_is_worth_it(&stall));
	stall.lasting_frame = 0;
	stall.stacks_as_copier = 1;
	assert_false(boundary_is_worth_it(&stall));
	stall.stacks = 24;
	assert_true(boundary_is_worth_it(&stall));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clear_stalls_are_worth_it),
		cmocka_unit_test(unclear_stalls_are_not),
		cmocka_unit_test(who_copies_has_to_show_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
