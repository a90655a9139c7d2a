// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyse/summary.h"

#define FUNCTIONS 3

static const struct symbol_name names[FUNCTIONS] = {{.function = "flush", .module = "lazy"},
						    {.function = "join", .module = "lazy"},
						    {.function = "grow", .module = "libgrow.so"}};

/* What summarize() is given; the big ones are on the heap, all zero at first. */
struct fixture {
	struct mw_function *functions;
	struct mw_totals *totals;
	struct tally tally;
	struct summary_input input;
	struct summary summary;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->functions = calloc(FUNCTIONS, sizeof(*fixture->functions));
	fixture->totals = calloc(1, sizeof(*fixture->totals));
	fixture->input = (struct summary_input){
		.names = names,
		.functions = fixture->functions,
		.function_count = FUNCTIONS,
		.totals = fixture->totals,
		.costs = {.cheap_ns = 800, .stepped_ns = 12000},
	};
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	tally_release(&fixture->tally);
	summary_release(&fixture->summary);
	free(fixture->functions);
	free(fixture->totals);
	free(fixture);
	return 0;
}

static void run(struct fixture *fixture)
{
	summary_release(&fixture->summary);
	assert_int_equal(summarize(&fixture->input, &fixture->tally, &fixture->summary), 0);
}

static void add(struct fixture *fixture, size_t function, struct flush flush)
{
	/* Of a call that ended, they always are. */
	if (!flush.unfinished)
		flush.copies_known = true;
	assert_int_equal(tally_add_flush(&fixture->tally, function, &flush), 0);
}

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

static void finding_speaks_of_the_longest_function(void **state)
{
	struct fixture *fixture = *state;
	const struct finding *finding = &fixture->summary.result.finding;

	/* Most flushes: join. Longest one: grow, but it never ended. Longest together: flush. */
	add(fixture, 1, (struct flush){.duration_ns = 10, .copied_bytes = 1});
	add(fixture, 1, (struct flush){.duration_ns = 10, .copied_bytes = 1});
	add(fixture, 1, (struct flush){.duration_ns = 10, .copied_bytes = 1});
	add(fixture, 2, (struct flush){.duration_ns = 9000, .unfinished = true});
	add(fixture, 0, (struct flush){.duration_ns = 30, .copied_bytes = 500, .overhead_ns = 11});
	add(fixture, 0, (struct flush){.duration_ns = 20, .copied_bytes = 900, .overhead_ns = 12});
	add(fixture, 0, (struct flush){.duration_ns = 25, .copied_bytes = 700, .overhead_ns = 10});
	run(fixture);
	assert_true(finding->found);
	assert_string_equal(finding->function, "flush");
	assert_int_equal(finding->flushes, 3);
	assert_int_equal(finding->duration_ns, 25);
	assert_int_equal(finding->copied_bytes, 700);
	assert_int_equal(finding->whole_flushes, 3);
	assert_int_equal(finding->overhead_ns, 11);
	assert_null(finding->writes_function);
	assert_int_equal(finding->calls_per_stall, 0);
	assert_int_equal(finding->other_write_ns, 0);
}

static void finding_prefers_who_copied(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0, (struct flush){.duration_ns = 10, .copied_bytes = 1});
	add(fixture, 1, (struct flush){.duration_ns = 90});
	run(fixture);
	assert_string_equal(fixture->summary.result.finding.function, "flush");
}

/* Calls of `inner`, then the end of the one of join that is around them. */
static void add_nested(struct fixture *fixture, size_t inner, uint64_t bytes, pid_t tid)
{
	for (uint64_t i = 1; i <= 3; i++)
		add(fixture, inner,
		    (struct flush){.pid = 1,
				   .tid = tid,
				   .start_ns = 100 + i * 10,
				   .duration_ns = 5,
				   .copied_bytes = bytes});
	add(fixture, 1,
	    (struct flush){
		    .pid = 1, .tid = 1, .start_ns = 100, .duration_ns = 900, .copied_bytes = 600});
}

static void finding_speaks_of_the_nested_calls_that_copied(void **state)
{
	struct fixture *fixture = *state;
	const struct finding *finding = &fixture->summary.result.finding;

	add_nested(fixture, 2, 100, 1);
	run(fixture);
	assert_string_equal(finding->function, "grow");
	assert_int_equal(finding->flushes, 3);
	assert_int_equal(finding->duration_ns, 5);
	/* Less than half of the bytes. */
	tally_release(&fixture->tally);
	add_nested(fixture, 2, 99, 1);
	run(fixture);
	assert_string_equal(finding->function, "join");
	/* In another thread. */
	tally_release(&fixture->tally);
	add_nested(fixture, 2, 200, 2);
	run(fixture);
	assert_string_equal(finding->function, "join");
	/* Before the outer one began. */
	tally_release(&fixture->tally);
	add_nested(fixture, 2, 200, 1);
	fixture->tally.flushes.items[3].start_ns = 500;
	run(fixture);
	assert_string_equal(finding->function, "join");
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

/* A lower bound is not what a flush typically copies; its time is as true as any. */
static void finding_tells_bytes_by_whole_flushes_alone(void **state)
{
	struct fixture *fixture = *state;
	const struct finding *finding = &fixture->summary.result.finding;

	add(fixture, 0, (struct flush){.duration_ns = 30, .copied_bytes = 900});
	add(fixture, 0,
	    (struct flush){.duration_ns = 20, .copied_bytes = 100, .partly_counted = true});
	add(fixture, 0, (struct flush){.duration_ns = 10, .gate_raised = true});
	run(fixture);
	assert_int_equal(finding->flushes, 3);
	assert_int_equal(finding->whole_flushes, 1);
	assert_int_equal(finding->copied_bytes, 900);
	assert_int_equal(finding->duration_ns, 20);
	assert_int_equal(fixture->summary.result.copyless_flushes, 0);
	tally_release(&fixture->tally);
	add(fixture, 0,
	    (struct flush){.duration_ns = 20, .copied_bytes = 100, .gate_raised = true});
	run(fixture);
	assert_true(finding->found);
	assert_int_equal(finding->whole_flushes, 0);
	assert_int_equal(finding->copied_bytes, 0);
}

/* That nothing was counted does not tell that nothing was copied. */
static void finding_holds_uncounted_flushes_for_copying_ones(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0, (struct flush){.duration_ns = 10, .copied_bytes = 1});
	add(fixture, 1, (struct flush){.duration_ns = 90, .gate_raised = true});
	run(fixture);
	assert_string_equal(fixture->summary.result.finding.function, "join");
	/* One that was counted does not make the others so. */
	add(fixture, 1, (struct flush){.duration_ns = 1});
	run(fixture);
	assert_string_equal(fixture->summary.result.finding.function, "join");
}

static void functions_tell_what_the_budget_left(void **state)
{
	static const struct symbol_name throttled[] = {
		{.function = "a"},
		{.function = "b", .watch = WATCH_COUNTED},
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
						     .whole_bytes = 2048};
	fixture->functions[1] = (struct mw_function){.calls = 9, .total_ns = 2};
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

static void unfinished_and_recursive_flushes_give_no_finding(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0, (struct flush){.duration_ns = 30, .unfinished = true});
	add(fixture, 0, (struct flush){.duration_ns = 30, .recursive = true});
	run(fixture);
	assert_false(fixture->summary.result.finding.found);
}

static void recursive_flushes_are_not_counted_twice(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, 0, (struct flush){.duration_ns = 30, .recursive = true});
	add(fixture, 0, (struct flush){.duration_ns = 30, .recursive = true});
	add(fixture, 0, (struct flush){.duration_ns = 40});
	add(fixture, 1, (struct flush){.duration_ns = 50});
	run(fixture);
	assert_string_equal(fixture->summary.result.finding.function, "join");
	assert_int_equal(fixture->summary.result.finding.flushes, 1);
}

static void add_write(struct fixture *fixture, pid_t pid, pid_t tid, uint64_t write_index)
{
	add(fixture, 0,
	    (struct flush){.pid = pid,
			   .tid = tid,
			   .duration_ns = 10,
			   .write_index = write_index,
			   .in_write = true});
}

static uint64_t period(struct fixture *fixture)
{
	fixture->input.writes_function = "write";
	run(fixture);
	return fixture->summary.result.finding.calls_per_stall;
}

static void period_of_a_first_flush_is_its_index(void **state)
{
	struct fixture *fixture = *state;

	add_write(fixture, 1, 1, 100);
	assert_int_equal(period(fixture), 100);
	assert_string_equal(fixture->summary.result.finding.writes_function, "write");
}

static void period_is_counted_within_a_thread(void **state)
{
	struct fixture *fixture = *state;

	/* Two threads that take turns, and a process whose thread has the same id. */
	add_write(fixture, 1, 1, 100);
	add_write(fixture, 1, 2, 101);
	add_write(fixture, 1, 1, 200);
	add_write(fixture, 2, 2, 100);
	add_write(fixture, 1, 2, 201);
	add_write(fixture, 1, 1, 300);
	add_write(fixture, 2, 2, 200);
	assert_int_equal(period(fixture), 100);
}

/* A difference across threads would be a later gap, and go before these. */
static void period_starts_anew_with_each_thread(void **state)
{
	struct fixture *fixture = *state;

	add_write(fixture, 1, 1, 340);
	add_write(fixture, 1, 2, 350);
	assert_int_equal(period(fixture), 350);
	tally_release(&fixture->tally);
	add_write(fixture, 1, 1, 340);
	add_write(fixture, 2, 1, 350);
	assert_int_equal(period(fixture), 350);
	tally_release(&fixture->tally);
	add_write(fixture, 1, 1, 100);
	add_write(fixture, 1, 2, 350);
	assert_int_equal(period(fixture), 0);
	assert_int_equal(fixture->summary.result.finding.stalled_writes, 2);
}

/* A buffer that doubles. */
static void stalls_further_and_further_apart_have_no_period(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t write = 65536; write < 3000000; write *= 2)
		add_write(fixture, 1, 1, write);
	assert_int_equal(period(fixture), 0);
	assert_int_equal(fixture->summary.result.finding.stalled_writes, 6);
}

static void period_may_vary_by_a_twentieth(void **state)
{
	struct fixture *fixture = *state;

	add_write(fixture, 1, 1, 7);
	add_write(fixture, 1, 1, 1007);
	add_write(fixture, 1, 1, 2057);
	add_write(fixture, 1, 1, 3007);
	assert_int_equal(period(fixture), 1000);
	add_write(fixture, 1, 1, 4058);
	add_write(fixture, 1, 1, 5007);
	assert_int_equal(period(fixture), 0);
}

/* A thread that has stalled once after an attach says nothing against the others. */
static void period_is_not_spoilt_by_first_gaps(void **state)
{
	struct fixture *fixture = *state;

	add_write(fixture, 1, 1, 40);
	add_write(fixture, 1, 2, 60);
	add_write(fixture, 1, 1, 140);
	add_write(fixture, 1, 1, 240);
	assert_int_equal(period(fixture), 100);
}

static void several_flushes_in_one_write_are_no_period(void **state)
{
	struct fixture *fixture = *state;

	add_write(fixture, 1, 1, 100);
	add_write(fixture, 1, 1, 100);
	assert_int_equal(period(fixture), 0);
	assert_int_equal(fixture->summary.result.finding.stalled_writes, 1);
}

static void period_survives_a_restart_of_the_index(void **state)
{
	struct fixture *fixture = *state;

	/* An exec: the index begins anew. */
	add_write(fixture, 1, 1, 1000);
	add_write(fixture, 1, 1, 50);
	add_write(fixture, 1, 1, 100);
	add_write(fixture, 1, 1, 150);
	assert_int_equal(period(fixture), 50);
}

static void period_ignores_flushes_of_one_write(void **state)
{
	struct fixture *fixture = *state;

	add_write(fixture, 1, 1, 0);
	add_write(fixture, 1, 1, 100);
	add_write(fixture, 1, 1, 100);
	add_write(fixture, 1, 1, 100);
	add_write(fixture, 1, 1, 200);
	assert_int_equal(period(fixture), 100);
}

/* An attach in the middle of a period: the first one counted is too short. */
static void period_of_two_is_the_longer(void **state)
{
	struct fixture *fixture = *state;

	add_write(fixture, 1, 1, 30);
	add_write(fixture, 1, 1, 130);
	assert_int_equal(period(fixture), 100);
}

static void other_writes_take_the_median_gap(void **state)
{
	struct fixture *fixture = *state;

	fixture->totals->write_gap_classes[10] = 3;
	fixture->totals->write_gap_classes[600] = 2;
	fixture->input.writes_function = "write";
	run(fixture);
	assert_false(fixture->summary.result.finding.found);
	assert_int_equal(fixture->summary.result.write_gap_ns, 10);
	assert_string_equal(fixture->summary.result.writes_function, "write");
	add_write(fixture, 1, 1, 100);
	period(fixture);
	assert_int_equal(fixture->summary.result.finding.other_write_ns, 10);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_gives_nothing),
		TEST(what_is_left_out_is_a_number_alone),
		TEST(functions_are_sorted_and_the_uncalled_left_out),
		TEST(totals_are_summed),
		TEST(finding_speaks_of_the_longest_function),
		TEST(finding_prefers_who_copied),
		TEST(finding_speaks_of_the_nested_calls_that_copied),
		TEST(finding_tells_bytes_by_whole_flushes_alone),
		TEST(finding_holds_uncounted_flushes_for_copying_ones),
		TEST(estimates_tell_flushes_from_other_calls),
		TEST(functions_tell_what_the_budget_left),
		TEST(live_gives_the_counters_alone),
		TEST(unfinished_and_recursive_flushes_give_no_finding),
		TEST(recursive_flushes_are_not_counted_twice),
		TEST(period_of_a_first_flush_is_its_index),
		TEST(period_is_counted_within_a_thread),
		TEST(period_starts_anew_with_each_thread),
		TEST(stalls_further_and_further_apart_have_no_period),
		TEST(period_may_vary_by_a_twentieth),
		TEST(period_is_not_spoilt_by_first_gaps),
		TEST(several_flushes_in_one_write_are_no_period),
		TEST(period_survives_a_restart_of_the_index),
		TEST(period_ignores_flushes_of_one_write),
		TEST(period_of_two_is_the_longer),
		TEST(other_writes_take_the_median_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
