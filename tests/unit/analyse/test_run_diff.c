// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyse/run_diff.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Strings of two runs are never at one address. */
static char slow_names[8][32], fast_names[8][32];

static const char *slow_text(size_t at, const char *text)
{
	return strcpy(slow_names[at], text);
}

static const char *fast_text(size_t at, const char *text)
{
	return strcpy(fast_names[at], text);
}

static void compare(const struct run_summary *slow, const struct run_summary *fast,
		    struct run_diff *diff)
{
	const struct diffed_run runs[] = {{"slow.rec", "app", slow}, {"fast.rec", "app", fast}};

	memset(diff, 0, sizeof(*diff));
	assert_int_equal(run_diff_make(runs, diff), 0);
}

static void a_culprit_of_one_run_alone(void **state)
{
	const struct frame slow_frame = {.name = slow_text(0, "flush"),
					 .module = slow_text(1, "app")};
	const struct culprit culprit = {.frame = &slow_frame,
					.stalls = 3,
					.total_ns = 300,
					.max_ns = 150,
					.copied_bytes = 1000};
	const struct run_summary slow = {.stalls = {.culprits = &culprit, .culprit_count = 1}};
	const struct run_summary fast = {0};
	struct run_diff diff;

	(void)state;
	compare(&slow, &fast, &diff);
	assert_int_equal(diff.verdict, DIFF_ALONE);
	assert_int_equal(diff.culprits.count, 1);
	assert_ptr_equal(diff.worst, &diff.culprits.items[0]);
	assert_string_equal(diff.worst->frame.name, "flush");
	assert_int_equal(diff.worst->runs[DIFF_SLOW].stalls, 3);
	assert_int_equal(diff.worst->runs[DIFF_SLOW].total_ns, 300);
	assert_int_equal(diff.worst->runs[DIFF_SLOW].max_ns, 150);
	assert_int_equal(diff.worst->runs[DIFF_SLOW].copied_bytes, 1000);
	assert_false(diff.worst->runs[DIFF_SLOW].is_at_least);
	assert_false(diff.worst->runs[DIFF_SLOW].calls_known);
	assert_int_equal(diff.worst->runs[DIFF_FAST].stalls, 0);
	assert_int_equal(diff.stalled_ns[DIFF_SLOW], 300);
	assert_int_equal(diff.stalled_ns[DIFF_FAST], 0);
	run_diff_release(&diff);
	/* The other way round, nothing of the first is worse. */
	compare(&fast, &slow, &diff);
	assert_int_equal(diff.verdict, DIFF_NOT_SLOWER);
	assert_null(diff.worst);
	run_diff_release(&diff);
}

/* By samples in the one run, as a watched function in the other: it is one culprit. */
static void the_same_function_is_one_line(void **state)
{
	const struct frame slow_frame = {.name = slow_text(0, "flush"),
					 .module = slow_text(1, "app"),
					 .function_off = 0x1000};
	const struct culprit culprit = {.frame = &slow_frame, .stalls = 3, .total_ns = 300};
	const struct function_summary function = {.function = fast_text(0, "flush"),
						  .module = fast_text(1, "app"),
						  .calls = 7,
						  .outermost = 7,
						  .whole_calls = 6,
						  .reported = 1,
						  .total_ns = 20};
	const struct run_summary slow = {.stalls = {.culprits = &culprit, .culprit_count = 1}};
	const struct run_summary fast = {.functions = &function, .function_count = 1};
	struct run_diff diff;

	(void)state;
	compare(&slow, &fast, &diff);
	assert_int_equal(diff.culprits.count, 1);
	assert_int_equal(diff.verdict, DIFF_LONGER);
	assert_int_equal(diff.worst->runs[DIFF_FAST].stalls, 1);
	assert_true(diff.worst->runs[DIFF_FAST].calls_known);
	assert_int_equal(diff.worst->runs[DIFF_FAST].calls, 7);
	/* One call was not counted in full; of the stalls nothing was counted. */
	assert_true(diff.worst->runs[DIFF_FAST].is_at_least);
	assert_true(diff.worst->runs[DIFF_SLOW].is_at_least);
	run_diff_release(&diff);
}

static void namesakes_of_other_modules_are_others(void **state)
{
	const struct frame slow_frames[] = {
		{.name = "flush", .module = "app"},
		{.module = "app", .function_off = 0x1000},
		{.module = "app", .function_off = 0x2000},
	};
	const struct frame fast_frames[] = {
		{.name = "flush", .module = "lib"},
		{.module = "app", .function_off = 0x1000},
		{.module = "app", .function_off = 0x3000},
	};
	struct culprit slow_culprits[3] = {0}, fast_culprits[3] = {0};
	const struct run_summary slow = {.stalls = {.culprits = slow_culprits, .culprit_count = 3}};
	const struct run_summary fast = {.stalls = {.culprits = fast_culprits, .culprit_count = 3}};
	struct run_diff diff;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		slow_culprits[i] = (struct culprit){&slow_frames[i], .stalls = 1, .total_ns = 10};
		fast_culprits[i] = (struct culprit){&fast_frames[i], .stalls = 1, .total_ns = 10};
	}
	compare(&slow, &fast, &diff);
	assert_int_equal(diff.culprits.count, 5);
	run_diff_release(&diff);
}

static void the_farthest_apart_comes_first(void **state)
{
	const struct frame frames[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}};
	const struct culprit slow_culprits[] = {
		{.frame = &frames[0], .stalls = 1, .total_ns = 1000},
		{.frame = &frames[1], .stalls = 1, .total_ns = 500},
		{.frame = &frames[2], .stalls = 1, .total_ns = 50},
	};
	const struct culprit fast_culprits[] = {
		{.frame = &frames[0], .stalls = 1, .total_ns = 990},
		{.frame = &frames[2], .stalls = 1, .total_ns = 10},
		{.frame = &frames[3], .stalls = 1, .total_ns = 700},
	};
	const struct run_summary slow = {.stalls = {.culprits = slow_culprits, .culprit_count = 3}};
	const struct run_summary fast = {.stalls = {.culprits = fast_culprits, .culprit_count = 3}};
	static const char *const order[] = {"d", "b", "c", "a"};
	struct run_diff diff;

	(void)state;
	compare(&slow, &fast, &diff);
	assert_int_equal(diff.culprits.count, COUNT(order));
	for (size_t i = 0; i < COUNT(order); i++)
		assert_string_equal(diff.culprits.items[i].frame.name, order[i]);
	/* d is farther apart, but it stalls in the fast run. */
	assert_string_equal(diff.worst->frame.name, "b");
	assert_int_equal(diff.verdict, DIFF_ALONE);
	run_diff_release(&diff);
}

/* Calls of a watched function that are short are none. */
static void what_is_called_without_a_stall(void **state)
{
	const struct function_summary function = {
		.function = "flush", .module = "app", .calls = 7, .total_ns = 20};
	const struct run_summary slow = {.functions = &function, .function_count = 1};
	const struct run_summary fast = {0};
	struct run_diff diff;

	(void)state;
	compare(&slow, &fast, &diff);
	assert_int_equal(diff.verdict, DIFF_NOTHING_STALLS);
	assert_int_equal(diff.stalled_ns[DIFF_SLOW], 0);
	assert_int_equal(diff.culprits.count, 1);
	run_diff_release(&diff);
}

static void calls_of_a_recording_without_its_end_are_not_known(void **state)
{
	const struct function_summary function = {
		.function = "flush", .module = "app", .calls = 2, .reported = 2, .total_ns = 20};
	const struct run_summary slow = {
		.is_partial = true, .functions = &function, .function_count = 1};
	const struct run_summary fast = {0};
	struct run_diff diff;

	(void)state;
	compare(&slow, &fast, &diff);
	assert_false(diff.culprits.items[0].runs[DIFF_SLOW].calls_known);
	run_diff_release(&diff);
}

/* main -> join -> join -> copy, and main -> write -> copy. */
static void time_below_a_function_is_counted_once(void **state)
{
	static const struct frame frames[] = {
		{.name = "main"}, {.name = "join"}, {.name = "copy"}, {.name = "write"}};
	static const struct call_node nodes[] = {
		{&frames[0], 0, 100, 0}, {&frames[1], 1, 70, 0}, {&frames[1], 2, 60, 0},
		{&frames[2], 3, 60, 60}, {&frames[3], 1, 30, 0}, {&frames[2], 2, 30, 30},
	};
	static const struct call_node fast_nodes[] = {
		{&frames[0], 0, 40, 0}, {&frames[3], 1, 40, 0}, {&frames[2], 2, 40, 40}};
	const struct run_summary slow = {.stalls = {.nodes = nodes, .node_count = COUNT(nodes)}};
	const struct run_summary fast = {
		.stalls = {.nodes = fast_nodes, .node_count = COUNT(fast_nodes)}};
	static const struct {
		const char *name;
		uint64_t slow_ns, fast_ns;
	} wanted[] = {{"join", 70, 0}, {"main", 100, 40}, {"copy", 90, 40}, {"write", 30, 40}};
	struct run_diff diff;

	(void)state;
	compare(&slow, &fast, &diff);
	assert_int_equal(diff.functions.count, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++) {
		const struct diff_function *function = &diff.functions.items[i];

		assert_string_equal(function->frame.name, wanted[i].name);
		assert_int_equal(function->time_ns[DIFF_SLOW], wanted[i].slow_ns);
		assert_int_equal(function->time_ns[DIFF_FAST], wanted[i].fast_ns);
	}
	run_diff_release(&diff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_culprit_of_one_run_alone),
		cmocka_unit_test(the_same_function_is_one_line),
		cmocka_unit_test(namesakes_of_other_modules_are_others),
		cmocka_unit_test(the_farthest_apart_comes_first),
		cmocka_unit_test(what_is_called_without_a_stall),
		cmocka_unit_test(calls_of_a_recording_without_its_end_are_not_known),
		cmocka_unit_test(time_below_a_function_is_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
