// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attach/link_number.h"
#include "bpf/event.h"

static uint64_t live[MW_LINK_NUMBERS / 64];

static void test_a_number_is_live_between_the_two(void **state)
{
	struct link_numbers numbers = {.live = live};
	uint32_t number = link_numbers_next(&numbers);

	(void)state;
	assert_int_equal(number, 1);
	assert_false(link_number_is_live(live, number));
	link_number_set_live(live, number, true);
	link_number_set_live(live, 64, true);
	assert_true(link_number_is_live(live, number));
	assert_true(link_number_is_live(live, 64));
	assert_false(link_number_is_live(live, 65));
	link_number_set_live(live, number, false);
	assert_false(link_number_is_live(live, number));
	assert_true(link_number_is_live(live, 64));
	link_number_set_live(live, 64, false);
}

/* What was just given back may still hit, so another number comes first. */
static void test_a_retired_number_waits_for_its_turn(void **state)
{
	struct link_numbers numbers = {.live = live};
	uint32_t first = link_numbers_next(&numbers);

	(void)state;
	link_number_set_live(live, first, true);
	link_number_set_live(live, first, false);
	assert_int_not_equal(link_numbers_next(&numbers), first);
}

/* A process that is watched for a million children must not lose its probes with one of theirs. */
static void test_a_live_number_is_not_given_twice(void **state)
{
	struct link_numbers numbers = {.live = live};
	uint32_t parent = link_numbers_next(&numbers);

	(void)state;
	link_number_set_live(live, parent, true);
	for (uint32_t child = 0; child < 2 * MW_LINK_NUMBERS; child++) {
		uint32_t number = link_numbers_next(&numbers);

		assert_in_range(number, 1, MW_LINK_NUMBERS - 1);
		assert_int_not_equal(number, parent);
		link_number_set_live(live, number, true);
		link_number_set_live(live, number, false);
	}
	assert_true(link_number_is_live(live, parent));
	link_number_set_live(live, parent, false);
}

static void test_all_are_taken(void **state)
{
	struct link_numbers numbers = {.live = live};

	(void)state;
	memset(live, 0xff, sizeof(live));
	assert_int_equal(link_numbers_next(&numbers), 0);
	memset(live, 0, sizeof(live));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_number_is_live_between_the_two),
		cmocka_unit_test(test_a_retired_number_waits_for_its_turn),
		cmocka_unit_test(test_a_live_number_is_not_given_twice),
		cmocka_unit_test(test_all_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
