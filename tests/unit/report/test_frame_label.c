// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/frame_label.h"

static void names_what_has_no_name(void **state)
{
	struct frame frame = {
		.addr = 0x7f00c0de,
		.name = "f",
		.module = "app",
		.offset = 0x1245,
		.function_off = 0x1220,
	};
	char label[FRAME_LABEL_BYTES];

	(void)state;
	assert_string_equal(frame_label(label, &frame), "f");
	frame.name = NULL;
	assert_string_equal(frame_label(label, &frame), "app+0x1220");
	frame.function_off = 0;
	assert_string_equal(frame_label(label, &frame), "app+0x1245");
	frame.module = NULL;
	assert_string_equal(frame_label(label, &frame), "0x7f00c0de");
}

static void knows_what_flush_takes(void **state)
{
	struct frame frame = {
		.name = "f", .module = "app", .offset = 0x1245, .function_off = 0x1220};
	char pattern[FRAME_LABEL_BYTES];

	(void)state;
	assert_string_equal(frame_flush_pattern(pattern, &frame), "f");
	frame.name = NULL;
	assert_string_equal(frame_flush_pattern(pattern, &frame), "app:+0x1220");
	frame.is_inlined = true;
	assert_null(frame_flush_pattern(pattern, &frame));
	/* No function begins there, so it would refuse that. */
	frame.is_inlined = false;
	frame.function_off = 0;
	assert_null(frame_flush_pattern(pattern, &frame));
	frame.module = NULL;
	assert_null(frame_flush_pattern(pattern, &frame));
}

static void tells_functions_apart(void **state)
{
	const struct frame f = {.name = "f", .module = "app", .offset = 5, .function_off = 1};
	struct frame other = f;

	(void)state;
	assert_false(frame_labels_alike(&f, NULL));
	assert_false(frame_labels_alike(NULL, NULL));
	other.offset = 9;
	assert_true(frame_labels_alike(&f, &other));
	/* Static functions of one name. */
	other.function_off = 2;
	assert_false(frame_labels_alike(&f, &other));
	other.function_off = 0;
	assert_true(frame_labels_alike(&f, &other));
	other.module = "lib";
	assert_false(frame_labels_alike(&f, &other));
	/* What is inlined is in another function's code. */
	other = f;
	other.is_inlined = true;
	other.name = "g";
	assert_false(frame_labels_alike(&f, &other));
}

static void finds_the_calls_of_a_function(void **state)
{
	const struct frame f = {.name = "f"}, g = {.name = "g"}, h = {.name = "h"};
	const struct discovery discovery = {.functions = {{&f, 1, 0}, {&g, 700, 3}},
					    .function_count = 2};

	(void)state;
	assert_int_equal(frame_calls_per_stall(&discovery, &f), 1);
	assert_int_equal(frame_calls_per_stall(&discovery, &g), 700);
	assert_int_equal(frame_calls_per_stall(&discovery, &h), 0);
	assert_int_equal(frame_calls_per_stall(&discovery, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_has_no_name),
		cmocka_unit_test(knows_what_flush_takes),
		cmocka_unit_test(tells_functions_apart),
		cmocka_unit_test(finds_the_calls_of_a_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
