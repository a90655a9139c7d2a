// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session/in_force.h"

#define FUNCTION 3

static struct planned_probe probe_of(enum mw_point_kind kind, unsigned flags)
{
	return (struct planned_probe){
		.point = {.file_off = 0x40, .cookie = MW_COOKIE(kind, flags, FUNCTION)},
		.gate_bytes = {0, MW_NO_GATE, 4096, MW_NO_GATE},
	};
}

static bool in_force(enum mw_point_kind kind, enum gate_level level, enum function_watch watch,
		     struct link_point *point)
{
	const enum function_watch watches[MW_MAX_FUNCTIONS] = {[FUNCTION] = watch};
	const struct in_force force = {.level = level, .watch = watches};
	const struct planned_probe probe = probe_of(kind, MW_POINT_GO);

	return probe_in_force(&probe, &force, point);
}

static void test_copies_have_the_probes_of_their_level(void **state)
{
	struct link_point point;

	(void)state;
	assert_true(in_force(MW_POINT_COPY, GATE_EVERY, FUNCTION_DROPPED, &point));
	assert_false(in_force(MW_POINT_COPY, GATE_LOW, FUNCTION_TIMED, &point));
	assert_true(in_force(MW_POINT_COPY, GATE_HIGH, FUNCTION_TIMED, &point));
	assert_false(in_force(MW_POINT_COPY, GATE_NONE, FUNCTION_TIMED, &point));
	assert_true(in_force(MW_POINT_COPY_END, GATE_HIGH, FUNCTION_TIMED, &point));
	assert_false(in_force(MW_POINT_COPY_END, GATE_NONE, FUNCTION_TIMED, &point));
}

static void test_hot_function_is_counted_and_then_dropped(void **state)
{
	struct link_point point;

	(void)state;
	assert_true(in_force(MW_POINT_ENTRY, GATE_NONE, FUNCTION_TIMED, &point));
	assert_int_equal(point.cookie, MW_COOKIE(MW_POINT_ENTRY, MW_POINT_GO, FUNCTION));
	assert_true(in_force(MW_POINT_END, GATE_NONE, FUNCTION_TIMED, &point));

	assert_true(in_force(MW_POINT_ENTRY, GATE_NONE, FUNCTION_COUNTED, &point));
	assert_int_equal(point.cookie, MW_COOKIE(MW_POINT_CALL, MW_POINT_GO, FUNCTION));
	assert_int_equal(point.file_off, 0x40);
	assert_false(in_force(MW_POINT_END, GATE_NONE, FUNCTION_COUNTED, &point));

	assert_false(in_force(MW_POINT_ENTRY, GATE_NONE, FUNCTION_DROPPED, &point));
	assert_false(in_force(MW_POINT_END, GATE_NONE, FUNCTION_DROPPED, &point));
}

/* --writes and the loader are nobody's to throttle; their index is no function's. */
static void test_other_probes_stay(void **state)
{
	struct link_point point;

	(void)state;
	assert_true(in_force(MW_POINT_WRITE, GATE_NONE, FUNCTION_DROPPED, &point));
	assert_true(in_force(MW_POINT_LOADER, GATE_NONE, FUNCTION_DROPPED, &point));
	assert_int_equal(point.cookie, MW_COOKIE(MW_POINT_LOADER, MW_POINT_GO, FUNCTION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies_have_the_probes_of_their_level),
		cmocka_unit_test(test_hot_function_is_counted_and_then_dropped),
		cmocka_unit_test(test_other_probes_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
