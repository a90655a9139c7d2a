// SPDX-License-Identifier: GPL-2.0-only
#include "summary_sample.h"

static void nothing_gives_nothing(void **state)
{
	struct fixture *fixture = *state;

	run(fixture);
	assert_int_equal(fixture->summary.result.function_count, 0);
	assert_false(fixture->summary.result.finding.found);
	fixture->input.function_count = 0;
	run(fixture);
	assert_false(fixture->summary.result.finding.found);
}

static void what_is_left_out_is_a_number_alone(void **state)
{
	struct fixture *fixture = *state;

	fixture->functions[0] = (struct mw_function){.calls = 3, .ended = 3};
	add(fixture, 0, (struct flush){.duration_ns = 9, .copies_known = true, .left_out = true});
	run(fixture);
	assert_false(fixture->summary.result.finding.found);
	assert_int_equal(fixture->summary.result.flushes, 0);
	assert_int_equal(fixture->summary.result.copyless_flushes, 0);
	assert_int_equal(fixture->summary.result.left_out, 1);
	assert_int_equal(fixture->summary.result.functions[0].calls, 3);
	assert_int_equal(fixture->summary.result.functions[0].reported, 0);
}

static void functions_are_sorted_and_the_uncalled_left_out(void **state)
{
	struct fixture *fixture = *state;
	const struct function_summary *lines;

	fixture->functions[0] = (struct mw_function){.calls = 5,
						     .ended = 2,
						     .unfinished = 1,
						     .abandoned = 1,
						     .lost = 1,
						     .total_ns = 20,
						     .max_ns = 12,
						     .copied_bytes = 300,
						     .copies = 3,
						     .unmatched_ends = 4};
	fixture->functions[0].time_classes[8] = 1;
	fixture->functions[0].time_classes[12] = 1;
	fixture->functions[1].unmatched_ends = 3;
	fixture->functions[2] = (struct mw_function){.calls = 1, .total_ns = 90, .lost = 2};
	add(fixture, 0, (struct flush){.duration_ns = 1, .unfinished = true});
	add(fixture, 0, (struct flush){.duration_ns = 1});
	add(fixture, 2, (struct flush){.duration_ns = 1});
	run(fixture);

	lines = fixture->summary.result.functions;
	assert_int_equal(fixture->summary.result.function_count, 2);
	assert_string_equal(lines[0].function, "grow");
	assert_string_equal(lines[0].module, "libgrow.so");
	assert_string_equal(lines[1].function, "flush");
	assert_int_equal(lines[1].calls, 5);
	assert_int_equal(lines[1].ended, 2);
	assert_int_equal(lines[1].unfinished, 1);
	assert_int_equal(lines[1].abandoned, 1);
	assert_int_equal(lines[1].lost, 1);
	assert_int_equal(lines[1].p50_ns, 8);
	assert_int_equal(lines[1].p99_ns, 12);
	assert_int_equal(lines[1].max_ns, 12);
	assert_int_equal(lines[1].copied_bytes, 300);
	assert_int_equal(lines[1].copies, 3);
	assert_int_equal(lines[1].reported, 2);
	assert_int_equal(lines[0].reported, 1);
	assert_int_equal(fixture->summary.result.flushes, 3);
	assert_int_equal(fixture->summary.result.unmatched_ends, 7);
	assert_int_equal(fixture->summary.result.losses.span_table_full, 3);
}

static void totals_are_summed(void **state)
{
	struct fixture *fixture = *state;
	const struct run_summary *result = &fixture->summary.result;

	fixture->totals->copies_by_class[3] = 10;
	fixture->totals->bytes_by_class[3] = 60;
	fixture->totals->copies_by_class[MW_SIZE_CLASSES - 1] = 1;
	fixture->totals->bytes_by_class[MW_SIZE_CLASSES - 1] = 1000;
	fixture->totals->largest_copy_bytes = 1000;
	fixture->totals->large_copies = 2;
	fixture->totals->writes = 77;
	fixture->totals->timed_copies = 4;
	fixture->totals->timed_bytes = 900;
	fixture->totals->copy_ns = 70;
	fixture->totals->cheap_hits = 10;
	fixture->totals->stepped_hits = 3;
	fixture->totals->losses[MW_LOSS_RING_FULL] = 5;
	fixture->totals->losses[MW_LOSS_THREAD_STATE] = 6;
	fixture->totals->losses[MW_LOSS_GOROUTINE] = 11;
	fixture->totals->losses[MW_LOSS_LIFE] = 10;
	fixture->input.malformed = 7;
	fixture->input.wall_ns = 8;
	fixture->input.target_cpu_ns = 9;
	run(fixture);

	assert_int_equal(result->copies, 11);
	assert_int_equal(result->copied_bytes, 1060);
	assert_int_equal(result->copies_by_class[3], 10);
	assert_int_equal(result->bytes_by_class[MW_SIZE_CLASSES - 1], 1000);
	assert_int_equal(result->largest_copy_bytes, 1000);
	assert_int_equal(result->large_copies, 2);
	assert_int_equal(result->writes, 77);
	assert_int_equal(result->timed_copies, 4);
	assert_int_equal(result->timed_bytes, 900);
	assert_int_equal(result->copy_ns, 70);
	assert_true(result->budget_pct < 0);
	assert_int_equal(result->probe_hits, 13);
	assert_int_equal(result->overhead_ns, 10 * 800 + 3 * 12000);
	assert_int_equal(result->hit_cheap_ns, 800);
	assert_int_equal(result->hit_stepped_ns, 12000);
	assert_int_equal(result->losses.ring_full, 5);
	assert_int_equal(result->losses.thread_state_failed, 6);
	assert_int_equal(result->losses.goroutine_table_full, 11);
	assert_int_equal(result->losses.malformed, 7);
	assert_int_equal(result->losses.life_events, 10);
	assert_int_equal(result->wall_ns, 8);
	assert_int_equal(result->target_cpu_ns, 9);
}

static void live_gives_the_counters_alone(void **state)
{
	struct fixture *fixture = *state;
	struct run_summary so_far;

	fixture->functions[0] = (struct mw_function){.calls = 2, .unmatched_ends = 4, .lost = 3};
	fixture->totals->writes = 9;
	fixture->totals->cheap_hits = 2;
	fixture->input.wall_ns = 8;
	add(fixture, 0, (struct flush){.copies_known = true});
	add(fixture, 0, (struct flush){.copies_known = true, .copied_bytes = 1});
	add(fixture, 0, (struct flush){.unfinished = true});
	summarize_live(&fixture->input, &fixture->tally, &so_far);
	assert_int_equal(so_far.flushes, 3);
	assert_int_equal(so_far.copyless_flushes, 1);
	assert_int_equal(so_far.writes, 9);
	assert_int_equal(so_far.overhead_ns, 1600);
	assert_int_equal(so_far.wall_ns, 8);
	assert_int_equal(so_far.unmatched_ends, 4);
	assert_int_equal(so_far.losses.span_table_full, 3);
	assert_int_equal(so_far.function_count, 0);
	assert_false(so_far.finding.found);
}

static void functions_tell_what_the_budget_left(void **state)
{
	static const struct symbol_name throttled[] = {
		{.function = "a"},
		{.function = "b", .watch = WATCH_COUNTED, .was_throttled = true},
		{.function = "c", .watch = WATCH_DROPPED},
	};
	struct fixture *fixture = *state;
	const struct function_summary *lines;

	fixture->input.names = throttled;
	fixture->functions[0] = (struct mw_function){.calls = 5,
						     .total_ns = 3,
						     .copied_bytes = 4096,
						     .outermost = 4,
						     .whole_calls = 1,
						     .whole_bytes = 2048,
						     .abandoned = 1,
						     .cut_off = 6};
	fixture->functions[1] = (struct mw_function){.calls = 29,
						     .total_ns = 2,
						     .ended = 16,
						     .unfinished = 1,
						     .abandoned = 2,
						     .cut_off = 3,
						     .lost = 2};
	fixture->functions[2] = (struct mw_function){.calls = 9, .total_ns = 1};
	run(fixture);
	lines = fixture->summary.result.functions;
	assert_int_equal(lines[0].outermost, 4);
	assert_int_equal(lines[0].whole_calls, 1);
	assert_int_equal(lines[0].whole_bytes, 2048);
	assert_int_equal(lines[0].estimated_bytes, 8192);
	assert_int_equal(lines[0].error_bytes, 0);
	assert_false(lines[0].is_counted_only || lines[0].is_dropped);
	assert_true(lines[1].is_counted_only && !lines[1].is_dropped);
	assert_int_equal(lines[1].abandoned, 2);
	assert_int_equal(lines[1].cut_off, 3);
	/* Not throttled: with their process, or a plugin that was unloaded. */
	assert_int_equal(lines[0].abandoned, 7);
	assert_int_equal(lines[0].cut_off, 0);
	assert_int_equal(lines[1].untimed, 5);
	assert_true(lines[1].is_throttled && !lines[0].is_throttled);
	/* Counters that are read while the target runs tell of nothing. */
	assert_int_equal(lines[0].untimed, 0);
	assert_true(lines[2].is_counted_only && lines[2].is_dropped);
}

/* Flushes are estimated by flushes, of calls that the kernel's counters have as well. */
static void estimates_tell_flushes_from_other_calls(void **state)
{
	struct fixture *fixture = *state;
	const struct function_summary *line;

	fixture->functions[0] = (struct mw_function){.calls = 12,
						     .outermost = 9,
						     .copied_bytes = 2 << 20,
						     .whole_calls = 7,
						     .whole_bytes = 2 << 20,
						     .whole_kib = 2048,
						     .whole_kib_squared = 2 * 1024 * 1024};
	for (int i = 0; i < 4; i++)
		add(fixture, 0,
		    (struct flush){.duration_ns = 9,
				   .copied_bytes = i < 2 ? 1 << 20 : 0,
				   .gate_raised = i >= 2});
	add(fixture, 0, (struct flush){.copied_bytes = 7 << 20, .unfinished = true});
	add(fixture, 0, (struct flush){.copied_bytes = 7 << 20, .recursive = true});
	add(fixture, 1, (struct flush){.copied_bytes = 7 << 20});
	run(fixture);
	line = fixture->summary.result.functions;
	assert_int_equal(line->estimated_bytes, 4 << 20);
	assert_in_range(line->error_bytes, 1, 40 << 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_gives_nothing),
		TEST(what_is_left_out_is_a_number_alone),
		TEST(functions_are_sorted_and_the_uncalled_left_out),
		TEST(totals_are_summed),
		TEST(live_gives_the_counters_alone),
		TEST(functions_tell_what_the_budget_left),
		TEST(estimates_tell_flushes_from_other_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
