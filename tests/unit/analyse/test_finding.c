// SPDX-License-Identifier: GPL-2.0-only
#include "summary_sample.h"

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
	assert_int_equal(finding->duration_ns, 20);
	/* One of three may be the odd one. */
	assert_false(finding->bytes_are_typical);
	assert_int_equal(finding->copied_bytes, 0);
	add(fixture, 0, (struct flush){.duration_ns = 20, .copied_bytes = 800});
	run(fixture);
	assert_int_equal(finding->whole_flushes, 2);
	/* Nor do two of four speak for all: one of each kind there may be. */
	assert_false(finding->bytes_are_typical);
	add(fixture, 0, (struct flush){.duration_ns = 20, .copied_bytes = 900});
	run(fixture);
	assert_int_equal(finding->whole_flushes, 3);
	assert_true(finding->bytes_are_typical);
	assert_int_equal(finding->copied_bytes, 900);
	assert_int_equal(fixture->summary.result.copyless_flushes, 0);
	tally_release(&fixture->tally);
	add(fixture, 0,
	    (struct flush){.duration_ns = 20, .copied_bytes = 100, .gate_raised = true});
	run(fixture);
	assert_true(finding->found);
	assert_int_equal(finding->whole_flushes, 0);
	assert_int_equal(finding->copied_bytes, 0);
}

/* Three are enough, however many there are. */
static void finding_calls_typical_what_three_flushes_copied(void **state)
{
	struct fixture *fixture = *state;
	const struct finding *finding = &fixture->summary.result.finding;

	for (unsigned i = 0; i < 50; i++)
		add(fixture, 0, (struct flush){.duration_ns = 20, .gate_raised = true});
	add(fixture, 0, (struct flush){.duration_ns = 20, .copied_bytes = 700});
	add(fixture, 0, (struct flush){.duration_ns = 20, .copied_bytes = 900});
	run(fixture);
	assert_false(finding->bytes_are_typical);
	add(fixture, 0, (struct flush){.duration_ns = 20, .copied_bytes = 800});
	run(fixture);
	assert_true(finding->bytes_are_typical);
	assert_int_equal(finding->copied_bytes, 800);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finding_speaks_of_the_longest_function),
		TEST(finding_prefers_who_copied),
		TEST(finding_speaks_of_the_nested_calls_that_copied),
		TEST(finding_tells_bytes_by_whole_flushes_alone),
		TEST(finding_calls_typical_what_three_flushes_copied),
		TEST(finding_holds_uncounted_flushes_for_copying_ones),
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
