// SPDX-License-Identifier: GPL-2.0-only
#include "boundary_sample.h"

#define QUIETLY CALLS(0)

/* ---- who defers, and who flushes ---- */

/* memcpy <- flush_accumulator (0) <- lazy_write (1) <- main (2) */
static void finds_a_lazy_write(void **state)
{
	struct program *program = *state;
	struct boundary_verdict verdict;

	assert_roles(program, BOUNDARY_OPEN, -1, -1);
	call(program, 1, CALLS(1, 60000, 0));
	stall(program, 1, 50, QUIETLY);
	assert_roles(program, BOUNDARY_OPEN, -1, -1);
	assert_period(program, PERIOD_UNKNOWN, 0);
	call(program, 1, CALLS(1, 100000, 0));
	tick(program, 1);
	/* Known when the second one begins. */
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_int_equal(judge(program).stalls, 1);
	assert_period(program, PERIOD_CONSTANT, 100000);
	pause_for(program, 20 * QUIET);
	call(program, 1, CALLS(1, 100000, 0));
	stall(program, 1, 50, QUIETLY);
	assert_period(program, PERIOD_CONSTANT, 100000);
	verdict = judge(program);
	assert_int_equal(verdict.stalls, 2);
	assert_int_equal(verdict.calls_per_stall[0], 1);
	assert_int_equal(verdict.calls_per_stall[1], 100000);
	assert_int_equal(verdict.calls_per_stall[2], 0);
	assert_int_equal(verdict.calls_within[1], 0);
}

/* A busy server is found in a copy now and then, thousands of calls apart. */
static void chance_is_no_stall(void **state)
{
	const struct boundary_settings settings = {
		.functions = 4, .samples_least = 3, .quiet_ns = QUIET, .since_ns = SINCE, .pid = 1};
	struct program *program = *state;

	boundary_free(program->boundary);
	program->boundary = boundary_new(&settings);
	for (unsigned i = 0; i < 10; i++) {
		stall(program, 1, 1 + i % 2, QUIETLY);
		call(program, 1, CALLS(1, 24000 + i, 0));
	}
	assert_roles(program, BOUNDARY_OPEN, -1, -1);
	assert_int_equal(judge(program).stalls, 0);
}

/*
 * memcpy <- growslice (0) <- add (1): from the last growth of one slice that stalls to the first of
 * the next one, it grew by 20 small ones, or by 60. That is no 20 calls for each stall.
 */
static void growth_begins_anew(void **state)
{
	for (uint64_t small = 20; small <= 60; small += 40) {
		struct program *program;

		assert_int_equal(set_up(state), 0);
		program = *state;
		stall(program, 1, 20, QUIETLY);
		call(program, 1, CALLS(small, 4000000, 1));
		stall(program, 1, 20, QUIETLY);
		assert_roles(program, BOUNDARY_OPEN, -1, -1);
		call(program, 1, CALLS(1, 1000000, 0));
		stall(program, 1, 20, QUIETLY);
		assert_roles(program, BOUNDARY_OPEN, -1, -1);
		call(program, 1, CALLS(1, 1250000, 0));
		stall(program, 1, 20, QUIETLY);
		assert_roles(program, BOUNDARY_KNOWN, 0, 1);
		tear_down(state);
	}
}

/* memcpy <- PyUnicode_Join (0) <- accu (1) <- write_str (2) <- the method's wrapper (3) */
static void takes_the_outermost_flush(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 3; i++) {
		stall(program, 1, 20, QUIETLY);
		call(program, 1, CALLS(1, 1, 100000, 100000));
	}
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	assert_period(program, PERIOD_CONSTANT, 100000);
}

/* memcpy <- append (0) <- flush (1) <- write (2) <- main (3) */
static void passes_over_pieces(void **state)
{
	struct program *program = *state;
	struct boundary_verdict verdict;

	for (unsigned i = 0; i < 4; i++) {
		call(program, 1, CALLS(100, 1, 1000));
		/* 100 before the first sample, and 900 till the last. */
		stall(program, 1, 10, CALLS(100));
	}
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	assert_period(program, PERIOD_CONSTANT, 1000);
	verdict = judge(program);
	assert_int_equal(verdict.calls_per_stall[0], 1000);
	assert_int_equal(verdict.calls_within[0], 900);
	assert_int_equal(verdict.calls_within[2], 0);
}

/* The same of a short stall: two samples are half of its time. */
static void tells_pieces_in_short_stalls(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 4; i++) {
		call(program, 1, CALLS(30, 1, 1000));
		stall(program, 1, 2, CALLS(40));
		call(program, 1, CALLS(30));
	}
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	assert_int_equal(judge(program).calls_per_stall[0], 100);
	assert_int_equal(judge(program).calls_within[0], 40);
}

/* The flush has no code of its own: memcpy <- append (0) <- write (1), or write (0) alone. */
static void caller_may_flush_by_itself(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 2; i++) {
		call(program, 1, CALLS(100, 1000));
		stall(program, 1, 10, CALLS(100));
	}
	assert_roles(program, BOUNDARY_KNOWN, -1, 1);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

static void culprit_may_be_the_caller(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 2; i++) {
		call(program, 1, CALLS(1000, 0));
		stall(program, 1, 10, QUIETLY);
	}
	assert_roles(program, BOUNDARY_KNOWN, -1, 0);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

/* memmove <- erase_front (0) <- main (1): each call stalls. */
static void all_may_be_called_once(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(1));
		stall(program, 1, 10, QUIETLY);
		assert_roles(program, BOUNDARY_OPEN, i ? 0 : -1, -1);
	}
	call(program, 1, CALLS(1));
	stall(program, 1, 10, QUIETLY);
	assert_roles(program, BOUNDARY_KNOWN, 0, -1);
	assert_int_equal(judge(program).stalls, 3);
	assert_period(program, PERIOD_UNKNOWN, 0);
}

/* erase_front (0) <- read_file (1), a loop of some stalls <- what everybody calls (2) */
static void rarer_calls_make_no_flush(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 9; i++) {
		call(program, 1, CALLS(1, i % 3 == 0, i % 3 == 1 ? 0 : 1000));
		stall(program, 1, 10, QUIETLY);
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, -1);
}

/* memmove <- copy (0) <- main (1) */
static void gives_up_where_all_is_in_pieces(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 15; i++) {
		call(program, 1, CALLS(10));
		stall(program, 1, 10, CALLS(10));
	}
	assert_roles(program, BOUNDARY_OPEN, -1, -1);
	call(program, 1, CALLS(10));
	stall(program, 1, 10, CALLS(10));
	assert_roles(program, BOUNDARY_NONE, -1, -1);
	assert_int_equal(judge(program).calls_per_stall[0], 100);
	assert_int_equal(judge(program).stalls, 15);
}

/* main() copies by itself, in a loop. */
static void gives_up_where_nothing_is_called(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 5; i++)
		stall(program, 1, 10, QUIETLY);
	assert_roles(program, BOUNDARY_OPEN, -1, -1);
	stall(program, 1, 10, QUIETLY);
	assert_roles(program, BOUNDARY_NONE, -1, -1);
	/* Threads in a call each: what they call next is still to come. */
	stall(program, 2, 10, QUIETLY);
	assert_roles(program, BOUNDARY_OPEN, -1, -1);
	assert_int_equal(judge(program).stalls, 0);
}

/* Ten writes a flush: one distance is not enough to tell. */
static void some_calls_take_some_stalls(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(1, 10, 1000));
		stall(program, 1, 10, QUIETLY);
		assert_roles(program, BOUNDARY_OPEN, i ? 0 : -1, -1);
	}
	call(program, 1, CALLS(1, 10, 1000));
	stall(program, 1, 10, QUIETLY);
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_period(program, PERIOD_CONSTANT, 10);
}

/* Three buffers are flushed one after the other, with pauses; the writes come before. */
static void flushes_may_follow_each_other(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 4; i++) {
		call(program, 1, CALLS(0, 1000));
		for (unsigned buffer = 0; buffer < 3; buffer++) {
			call(program, 1, CALLS(1));
			stall(program, 1, 10, QUIETLY);
		}
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_int_equal(judge(program).stalls, 3);
	assert_int_equal(judge(program).calls_per_stall[0], 3);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

static void nothing_to_count_is_no_boundary(void **state)
{
	const struct boundary_settings settings = {.pid = 1};
	struct boundary *boundary = boundary_new(&settings);

	(void)state;
	assert_int_equal(boundary_judge(boundary).state, BOUNDARY_NONE);
	boundary_free(boundary);
	boundary_free(NULL);
}

/* ---- periods ---- */

/* memmove <- _M_realloc_insert (0) <- push_back (1) */
static void growing_buffer_has_no_period(void **state)
{
	struct program *program = *state;
	uint64_t calls = 1000;

	for (unsigned i = 0; i < 5; i++) {
		call(program, 1, CALLS(1, calls));
		stall(program, 1, 10 << i, QUIETLY);
		calls *= 2;
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_period(program, PERIOD_IRREGULAR, 0);
}

static void period_may_vary_by_one_percent(void **state)
{
	struct program *program = *state;

	stall(program, 1, 10, QUIETLY);
	call(program, 1, CALLS(1, 1000));
	stall(program, 1, 10, QUIETLY);
	call(program, 1, CALLS(1, 990));
	stall(program, 1, 10, QUIETLY);
	call(program, 1, CALLS(1, 995));
	stall(program, 1, 10, QUIETLY);
	assert_period(program, PERIOD_CONSTANT, 995);
	call(program, 1, CALLS(1, 989));
	stall(program, 1, 10, QUIETLY);
	assert_period(program, PERIOD_IRREGULAR, 0);
}

/* It was so short that no sample fell into it. */
static void unseen_flush_is_counted(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 6; i++) {
		call(program, 1, CALLS(1, 1000));
		if (i != 2)
			stall(program, 1, 10, QUIETLY);
	}
	assert_period(program, PERIOD_CONSTANT, 1000);
	assert_int_equal(judge(program).stalls, 4);
}

/* ---- what the scheduler does to them ---- */

/* The samples of one flush, in parts that are further apart than a stall's may be. */
static void parted_stall(struct program *program, const uint64_t calls[MW_CALLERS])
{
	for (unsigned part = 0; part < 5; part++) {
		call(program, 1, calls);
		tick(program, 1);
		call(program, 1, calls);
		tick(program, 1);
		pause_for(program, 2 * QUIET);
	}
}

static void parted_stall_is_one(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(1, 1000));
		parted_stall(program, QUIETLY);
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_int_equal(judge(program).stalls, 2);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

static void parted_stall_of_pieces_is_one(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(0, 1, 1000));
		parted_stall(program, CALLS(20));
	}
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	assert_int_equal(judge(program).stalls, 2);
	assert_int_equal(judge(program).calls_per_stall[0], 200);
	assert_int_equal(judge(program).calls_within[0], 180);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

/* memcpy <- join (0), of which a flush (1) takes two, the second after a pause <- write (2) */
static void flush_of_two_parts_is_one(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(1, 1, 1000));
		stall(program, 1, 10, QUIETLY);
		call(program, 1, CALLS(1));
		stall(program, 1, 10, QUIETLY);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_roles(program, BOUNDARY_KNOWN, 1, 2);
		assert_int_equal(judge(program).stalls, 2 + i);
		assert_int_equal(judge(program).calls_per_stall[0], 2);
		assert_period(program, PERIOD_CONSTANT, 1000);
		call(program, 1, CALLS(1, 1, 1000));
		stall(program, 1, 10, QUIETLY);
	}
}

/* compress (0) copies, and works for long; pack (1) calls it for each of its buffers <- write (2)
 */
static void flush_may_stall_several_times(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 4; i++) {
		call(program, 1, CALLS(0, 1, 1000));
		for (unsigned buffer = 0; buffer < 5; buffer++) {
			call(program, 1, CALLS(1));
			stall(program, 1, 3, QUIETLY);
		}
	}
	assert_roles(program, BOUNDARY_KNOWN, 1, 2);
	assert_int_equal(judge(program).stalls, 3);
	assert_int_equal(judge(program).calls_per_stall[0], 5);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

/* One sample each: together they show that the writes come between the flushes. */
static void parts_tell_together(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 2; i++) {
		call(program, 1, CALLS(1, 1000));
		stall(program, 1, 1, QUIETLY);
		stall(program, 1, 1, QUIETLY);
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_int_equal(judge(program).stalls, 1);
}

/* The flush has no code of its own, and copies in pieces. */
static void parted_stall_of_the_caller_is_one(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(0, 1000));
		parted_stall(program, CALLS(20));
	}
	assert_roles(program, BOUNDARY_KNOWN, -1, 1);
	assert_int_equal(judge(program).stalls, 2);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

/* So few parts that most distances are not 0. */
static void stall_of_the_caller_in_two_parts_is_one(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 3; i++) {
		call(program, 1, CALLS(20, 1000));
		stall(program, 1, 3, CALLS(20));
		if (i == 2)
			break;
		call(program, 1, CALLS(20));
		stall(program, 1, 3, CALLS(20));
	}
	assert_roles(program, BOUNDARY_KNOWN, -1, 1);
	assert_int_equal(judge(program).stalls, 2);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

/* ---- others' copies ---- */

static void other_copies_are_no_stalls_of_it(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 4; i++) {
		call(program, 1, CALLS(1, 400));
		stall(program, 1, 10, QUIETLY);
		call(program, 1, CALLS(0, 600));
		/* Copied by somebody else, in the midst of the writes. */
		stall(program, 1, 10, QUIETLY);
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_int_equal(judge(program).stalls, 3);
	assert_int_equal(judge(program).calls_within[1], 0);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

static void other_processes_do_not_count(void **state)
{
	struct program *program = *state;
	struct sample sample = {.pid = 2, .tid = 1, .weight_ns = WEIGHT};

	for (unsigned i = 0; i < 4; i++) {
		sample.at_ns = program->now_ns + i * 100 * MS;
		sample.calls[0] += 1;
		sample.calls[1] += 1000;
		assert_int_equal(boundary_add(program->boundary, &sample), 0);
	}
	assert_roles(program, BOUNDARY_OPEN, -1, -1);
	assert_int_equal(judge(program).stalls, 0);
}

static void each_strand_counts_for_itself(void **state)
{
	struct program *program = *state;

	/* Their stalls overlap. */
	for (unsigned i = 0; i < 3; i++) {
		for (pid_t tid = 1; tid < 4; tid++)
			call(program, tid, CALLS(1, 500));
		for (unsigned samples = 0; samples < 3; samples++) {
			for (pid_t tid = 1; tid < 4; tid++)
				tick(program, tid);
		}
		pause_for(program, 20 * QUIET);
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_int_equal(judge(program).stalls, 6);
	assert_period(program, PERIOD_CONSTANT, 500);
}

static void goroutine_counts_on_any_thread(void **state)
{
	struct program *program = *state;
	struct sample sample = {.pid = 1, .weight_ns = WEIGHT, .at_ns = program->now_ns};

	for (int i = 0; i < 3; i++) {
		for (int which = 0; which < 2; which++) {
			sample.goroutine_addr = 0xc000006000 + (unsigned)which * 0x1000;
			sample.tid = 1 + (i + which) % 2;
			sample.at_ns += 100 * MS;
			sample.calls[0] = (uint64_t)i + 1;
			sample.calls[1] = 10000 * (uint64_t)which + 700 * (uint64_t)i;
			assert_int_equal(boundary_add(program->boundary, &sample), 0);
			sample.at_ns += WEIGHT;
			assert_int_equal(boundary_add(program->boundary, &sample), 0);
		}
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_int_equal(judge(program).stalls, 4);
	assert_period(program, PERIOD_CONSTANT, 700);
}

/* A thread has the id of one that ended: it counts from 0. */
static void new_thread_counts_anew(void **state)
{
	struct program *program = *state;

	call(program, 1, CALLS(1, 5000));
	stall(program, 1, 10, QUIETLY);
	memset(program->calls, 0, sizeof(program->calls));
	call(program, 1, CALLS(1, 300));
	stall(program, 1, 10, QUIETLY);
	assert_int_equal(judge(program).stalls, 0);
	call(program, 1, CALLS(1, 1000));
	stall(program, 1, 10, QUIETLY);
	assert_int_equal(judge(program).stalls, 1);
	assert_period(program, PERIOD_CONSTANT, 1000);
}

/* Of a long run the latest stalls. */
static void many_stalls_are_bounded(void **state)
{
	struct program *program = *state;

	for (unsigned i = 0; i < 1000; i++) {
		call(program, 1 + (pid_t)i % 3, CALLS(1, i < 700 ? 1000 : 2000));
		stall(program, 1 + (pid_t)i % 3, 2, QUIETLY);
	}
	assert_roles(program, BOUNDARY_KNOWN, 0, 1);
	assert_true(judge(program).stalls < 128);
	assert_true(judge(program).stalls >= 60);
	assert_period(program, PERIOD_CONSTANT, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_a_lazy_write),
		TEST(chance_is_no_stall),
		cmocka_unit_test(growth_begins_anew),
		TEST(takes_the_outermost_flush),
		TEST(passes_over_pieces),
		TEST(tells_pieces_in_short_stalls),
		TEST(caller_may_flush_by_itself),
		TEST(culprit_may_be_the_caller),
		TEST(all_may_be_called_once),
		TEST(rarer_calls_make_no_flush),
		TEST(gives_up_where_all_is_in_pieces),
		TEST(gives_up_where_nothing_is_called),
		TEST(some_calls_take_some_stalls),
		TEST(flushes_may_follow_each_other),
		cmocka_unit_test(nothing_to_count_is_no_boundary),
		TEST(growing_buffer_has_no_period),
		TEST(period_may_vary_by_one_percent),
		TEST(unseen_flush_is_counted),
		TEST(parted_stall_is_one),
		TEST(parted_stall_of_pieces_is_one),
		TEST(flush_of_two_parts_is_one),
		TEST(parts_tell_together),
		TEST(flush_may_stall_several_times),
		TEST(parted_stall_of_the_caller_is_one),
		TEST(stall_of_the_caller_in_two_parts_is_one),
		TEST(other_copies_are_no_stalls_of_it),
		TEST(other_processes_do_not_count),
		TEST(each_strand_counts_for_itself),
		TEST(goroutine_counts_on_any_thread),
		TEST(new_thread_counts_anew),
		TEST(many_stalls_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
