// SPDX-License-Identifier: GPL-2.0-only
#include "stall_sample.h"

static const char flush_path[] = "memmove flush_accumulator lazy_write main";

/* ---- in time ---- */

static void groups_samples_that_follow_closely(void **state)
{
	struct fixture *fixture = *state;
	const struct stall *stall;

	for (uint64_t at_ns = 100 * MS; at_ns <= 109 * MS; at_ns += WEIGHT)
		tick(fixture, 1, at_ns, at_ns == 100 * MS ? flush_path : NULL);
	assert_int_equal(fixture->told.count, 0);
	stalls_advance(fixture->stalls, 109 * MS + QUIET);
	assert_int_equal(fixture->told.count, 0);
	stalls_advance(fixture->stalls, 109 * MS + QUIET + 1);
	assert_int_equal(fixture->told.count, 1);
	stall = &fixture->told.items[0].stall;
	assert_int_equal(stall->start_ns, 100 * MS - WEIGHT / 2);
	assert_int_equal(stall->duration_ns, 9 * MS + WEIGHT);
	assert_int_equal(stall->error_ns, WEIGHT);
	assert_int_equal(stall->samples, 7);
	assert_int_equal(stall->stacks, 1);
	assert_int_equal(stall->user_ns, 7 * WEIGHT);
	assert_int_equal(stall->fault_ns, 0);
	assert_int_equal(stall->pid, 1);
	assert_int_equal(stall->tid, 1);
	assert_false(stall->unfinished);
	/* It is told of once. */
	stalls_finish(fixture->stalls, 900 * MS);
	assert_int_equal(fixture->told.count, 1);
}

static void gap_parts_two_stalls(void **state)
{
	struct fixture *fixture = *state;

	tick(fixture, 1, 10 * MS, flush_path);
	tick(fixture, 1, 10 * MS + QUIET, NULL);
	assert_int_equal(fixture->told.count, 0);
	tick(fixture, 1, 10 * MS + 2 * QUIET + 1, flush_path);
	assert_int_equal(fixture->told.count, 1);
	assert_int_equal(fixture->told.items[0].stall.samples, 2);
	assert_int_equal(fixture->told.items[0].stall.duration_ns, QUIET + WEIGHT);
	assert_false(fixture->told.items[0].stall.unfinished);
	stalls_advance(fixture->stalls, 100 * MS);
	assert_int_equal(fixture->told.count, 2);
	assert_int_equal(fixture->told.items[1].stall.samples, 1);
	assert_int_equal(fixture->told.items[1].stall.duration_ns, WEIGHT);
	assert_int_equal(fixture->told.items[1].stall.error_ns, WEIGHT);
}

/* One sample of so much CPU time that it would reach back into the one before. */
static void stalls_of_a_strand_never_overlap(void **state)
{
	struct fixture *fixture = *state;
	uint64_t end_ns;

	add(fixture, (struct sample){.at_ns = 30 * MS, .weight_ns = 40 * MS}, flush_path);
	add(fixture, (struct sample){.at_ns = 40 * MS, .weight_ns = 30 * MS}, NULL);
	end_ns = fixture->told.items[0].stall.start_ns + fixture->told.items[0].stall.duration_ns;
	assert_int_equal(end_ns, 40 * MS);
	stalls_finish(fixture->stalls, 90 * MS);
	assert_int_equal(fixture->told.items[1].stall.start_ns, 40 * MS);
	assert_int_equal(fixture->told.items[1].stall.duration_ns, 15 * MS);
}

/* Records of two CPUs may come in another order than they were made. */
static void time_never_goes_below_zero(void **state)
{
	struct fixture *fixture = *state;

	add(fixture,
	    (struct sample){
		    .at_ns = 5, .weight_ns = WEIGHT, .prior_bytes = 900, .copied_bytes = 900},
	    NULL);
	add(fixture, (struct sample){.at_ns = 3, .weight_ns = WEIGHT, .copied_bytes = 800}, NULL);
	stalls_finish(fixture->stalls, 1);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.culprits[0].stalls, 1);
	assert_int_equal(fixture->summary.culprits[0].total_ns, 1);
	assert_int_equal(fixture->summary.culprits[0].copied_bytes, 0);
}

static void short_stalls_are_counted_alone(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, (struct sample){.at_ns = 10 * MS, .weight_ns = MS - 1}, flush_path);
	stalls_advance(fixture->stalls, 100 * MS);
	add(fixture, (struct sample){.at_ns = 110 * MS, .weight_ns = MS}, flush_path);
	stalls_advance(fixture->stalls, 200 * MS);
	assert_int_equal(fixture->told.count, 1);
	assert_int_equal(fixture->told.items[0].stall.start_ns, 110 * MS - MS / 2);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.culprit_count, 1);
	assert_int_equal(fixture->summary.culprits[0].stalls, 2);
	assert_int_equal(fixture->summary.culprits[0].samples, 2);
}

/* A program that copies now and then is found in a copy now and then. */
static void one_tick_may_be_chance(void **state)
{
	const struct stall_settings settings = {.quiet_ns = QUIET,
						.silence_ns = QUIET,
						.samples_least = 2,
						.on_stall = note_stall,
						.context = *state};
	struct fixture *fixture = *state;

	stalls_free(fixture->stalls);
	fixture->stalls = stalls_new(&settings);
	tick(fixture, 1, 10 * MS, flush_path);
	ticks(fixture, 100 * MS, 2, (const char *const[]){flush_path, NULL});
	stalls_finish(fixture->stalls, 900 * MS);
	assert_int_equal(fixture->told.count, 1);
	assert_int_equal(fixture->told.items[0].stall.samples, 2);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.culprits[0].stalls, 1);
	/* Its time is in the tree all the same. */
	assert_int_equal(fixture->summary.sampled_ns, 3 * WEIGHT);
	assert_int_equal(fixture->summary.nodes[0].time_ns, 3 * WEIGHT);
}

/* ---- by strand ---- */

static void strands_stall_side_by_side(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 4; i++) {
		tick(fixture, 1, (10 + i) * MS, flush_path);
		tick(fixture, 2, (10 + i) * MS + 1, "memmove grow push main");
		add(fixture,
		    (struct sample){
			    .pid = 2, .tid = 2, .at_ns = (10 + i) * MS + 2, .weight_ns = WEIGHT},
		    "memmove join main");
	}
	stalls_advance(fixture->stalls, 100 * MS);
	assert_int_equal(fixture->told.count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(fixture->told.items[i].stall.samples, 4);
	assert_string_equal(fixture->told.items[0].culprit, "flush_accumulator");
	assert_string_equal(fixture->told.items[1].culprit, "grow");
	assert_int_equal(fixture->told.items[1].stall.tid, 2);
	assert_string_equal(fixture->told.items[2].culprit, "join");
	assert_int_equal(fixture->told.items[2].stall.pid, 2);
}

/* From thread to thread; and a thread runs one goroutine after the other. */
static void goroutine_is_a_strand(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample = {.tid = 7, .weight_ns = WEIGHT, .goroutine_addr = 0xc000006000};

	for (unsigned i = 0; i < 4; i++) {
		sample.at_ns = (10 + i) * MS;
		sample.tid = 7 + (pid_t)i % 2;
		sample.goroutine_addr = 0xc000006000;
		add(fixture, sample, flush_path);
		sample.at_ns++;
		sample.goroutine_addr = 0xc000007000;
		add(fixture, sample, flush_path);
	}
	tick(fixture, 7, 14 * MS, flush_path);
	stalls_finish(fixture->stalls, 100 * MS);
	assert_int_equal(fixture->told.count, 3);
	assert_int_equal(fixture->told.items[0].stall.samples, 4);
	assert_int_equal(fixture->told.items[0].stall.goroutine_addr, 0xc000006000);
	assert_int_equal(fixture->told.items[0].stall.tid, 8);
	assert_int_equal(fixture->told.items[1].stall.goroutine_addr, 0xc000007000);
	assert_int_equal(fixture->told.items[2].stall.goroutine_addr, 0);
	assert_int_equal(fixture->told.items[2].stall.samples, 1);
}

/* ---- what it holds ---- */

static void sums_up_its_samples(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample = {.at_ns = 10 * MS,
				.weight_ns = WEIGHT,
				.copied_bytes = 1000,
				.copies = 10,
				.prior_bytes = 1000,
				.prior_copies = 10,
				.gate_bytes = 2113,
				.comm = "before"};
	const struct stall *stall;

	add(fixture, sample, NULL);
	sample.at_ns += MS;
	sample.in_fault = true;
	sample.copied_bytes = 4000;
	sample.copies = 13;
	sample.gate_bytes = NO_GATE;
	add(fixture, sample, NULL);
	sample.at_ns += MS;
	sample.copied_bytes = 5000;
	sample.copies = 14;
	sample.gate_bytes = 2113;
	memcpy(sample.comm, "writer", sizeof("writer"));
	add(fixture, sample, NULL);
	stalls_finish(fixture->stalls, 100 * MS);
	stall = &fixture->told.items[0].stall;
	assert_int_equal(stall->user_ns, WEIGHT);
	assert_int_equal(stall->fault_ns, 2 * WEIGHT);
	assert_int_equal(stall->copied_bytes, 4000);
	assert_int_equal(stall->copies, 4);
	assert_true(stall->gate_bytes == NO_GATE);
	assert_string_equal(stall->comm, "writer");
	assert_null(stall->culprit);
	assert_int_equal(stall->frame_count, 0);
	assert_int_equal(stall->stacks, 0);
}

/* ---- watched calls ---- */

static void watched_call_makes_no_stall(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample = {.weight_ns = WEIGHT, .in_span = true};

	ticks(fixture, 10 * MS, 3, (const char *const[]){flush_path, NULL});
	for (unsigned i = 0; i < 10; i++) {
		sample.at_ns = (14 + i) * MS;
		add(fixture, sample, NULL);
	}
	/* It ended the one before, at the latest where it was seen first. */
	assert_int_equal(fixture->told.count, 1);
	assert_int_equal(fixture->told.items[0].stall.samples, 3);
	tick(fixture, 1, 23 * MS + WEIGHT / 2, "memmove grow main");
	tick(fixture, 1, 25 * MS, NULL);
	stalls_finish(fixture->stalls, 100 * MS);
	assert_int_equal(fixture->told.count, 2);
	assert_int_equal(fixture->told.items[1].stall.samples, 2);
	assert_string_equal(fixture->told.items[1].culprit, "grow");
	/* Nor does it begin before that call's last sample was through. */
	assert_int_equal(fixture->told.items[1].stall.start_ns, 23 * MS + WEIGHT / 2);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.sampled_ns, 15 * WEIGHT);
	assert_int_equal(fixture->summary.culprit_count, 2);
}

/* Two calls of it, far from each other, and then a stall. */
static void gap_between_watched_calls_is_none(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample = {.at_ns = 10 * MS, .weight_ns = WEIGHT, .in_span = true};

	add(fixture, sample, NULL);
	sample.at_ns = 50 * MS;
	add(fixture, sample, NULL);
	stalls_advance(fixture->stalls, 90 * MS);
	stalls_finish(fixture->stalls, 91 * MS);
	assert_int_equal(fixture->told.count, 0);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.culprit_count, 0);
	assert_int_equal(fixture->summary.sampled_ns, 2 * WEIGHT);
}

/* ---- the one under way ---- */

static void latest_is_what_is_known_so_far(void **state)
{
	struct fixture *fixture = *state;
	struct stall stall;

	assert_false(stalls_latest(fixture->stalls, &stall));
	ticks(fixture, 10 * MS, 3, (const char *const[]){flush_path, NULL});
	assert_true(stalls_latest(fixture->stalls, &stall));
	assert_int_equal(stall.samples, 3);
	assert_int_equal(stall.duration_ns, 3 * WEIGHT);
	assert_string_equal(stall.culprit->name, "flush_accumulator");
	assert_false(stall.unfinished);
	tick(fixture, 2, 14 * MS, "memmove grow main");
	assert_true(stalls_latest(fixture->stalls, &stall));
	assert_int_equal(stall.tid, 2);
	add(fixture,
	    (struct sample){.tid = 3, .at_ns = 14 * MS, .weight_ns = WEIGHT, .in_span = true},
	    NULL);
	assert_false(stalls_latest(fixture->stalls, &stall));
	/* It was told of. */
	tick(fixture, 1, 15 * MS, NULL);
	stalls_advance(fixture->stalls, 100 * MS);
	assert_false(stalls_latest(fixture->stalls, &stall));
}

/* ---- ends ---- */

static void process_takes_its_stalls_along(void **state)
{
	struct fixture *fixture = *state;
	struct stall stall;

	ticks(fixture, 10 * MS, 3, (const char *const[]){flush_path, NULL});
	tick(fixture, 2, 13 * MS, flush_path);
	add(fixture, (struct sample){.pid = 2, .at_ns = 13 * MS, .weight_ns = WEIGHT}, flush_path);
	tick(fixture, 1, 14 * MS, NULL);
	stalls_drop_process(fixture->stalls, 1, 14 * MS + WEIGHT);
	assert_int_equal(fixture->told.count, 2);
	/* No tick would have come since the first one's last sample. */
	assert_int_equal(fixture->told.items[0].stall.samples, 4);
	assert_true(fixture->told.items[0].stall.unfinished);
	assert_int_equal(fixture->told.items[1].stall.tid, 2);
	assert_false(fixture->told.items[1].stall.unfinished);
	assert_false(stalls_latest(fixture->stalls, &stall));
	/* The same process after its exec: another stall. */
	tick(fixture, 1, 15 * MS, NULL);
	tick(fixture, 1, 16 * MS, NULL);
	stalls_finish(fixture->stalls, 16 * MS);
	assert_int_equal(fixture->told.count, 4);
	assert_int_equal(fixture->told.items[2].stall.pid, 2);
	assert_int_equal(fixture->told.items[3].stall.samples, 2);
	/* The end of the watch is not after it. */
	assert_true(fixture->told.items[3].stall.unfinished);
	assert_int_equal(fixture->told.items[3].stall.duration_ns, MS + WEIGHT / 2);
}

static void watch_without_samples_has_no_stalls(void **state)
{
	struct fixture *fixture = *state;

	stalls_advance(fixture->stalls, 10 * MS);
	stalls_drop_process(fixture->stalls, 1, 10 * MS);
	stalls_finish(fixture->stalls, 10 * MS);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.culprit_count, 0);
	assert_int_equal(fixture->summary.node_count, 0);
	assert_int_equal(fixture->summary.sampled_ns, 0);
	stalls_free(NULL);
}

/* Nine stacks; in each, the first `anew` functions behind the copy are in another call. */
static const struct told *stall_of_calls(struct fixture *fixture, size_t anew)
{
	for (uint64_t i = 0; i < 9; i++) {
		struct call_path path = path_of("memmove push run main");
		struct sample sample = {.pid = 1,
					.tid = 1,
					.at_ns = 10 * MS + i * WEIGHT,
					.ticks = i + 1,
					.weight_ns = WEIGHT,
					.path = &path};

		for (size_t frame = 0; frame < path.frames.count; frame++)
			path.frames.items[frame].caller_state = frame > anew ? 1 : i + 1;
		/* Where the thread began: nobody called it. */
		path.frames.items[path.frames.count - 1].caller_state = 0;
		assert_int_equal(stalls_add(fixture->stalls, &sample), 0);
		array_release(&path.frames);
	}
	stalls_finish(fixture->stalls, 900 * MS);
	assert_int_equal(fixture->told.count, 1);
	return &fixture->told.items[0];
}

static void tells_whose_call_lasts(void **state)
{
	const struct told *told = stall_of_calls(*state, 0);

	assert_string_equal(told->culprit, "push");
	assert_string_equal(told->path[told->stall.lasting_frame], "push");
	assert_int_equal(told->stall.stacks_as_copier, 9);
	/* Every tick was in a copy. */
	assert_int_equal(told->stall.ran_ns, told->stall.user_ns);
}

static void what_is_called_anew_does_not_last(void **state)
{
	const struct told *told = stall_of_calls(*state, 1);

	assert_string_equal(told->culprit, "push");
	assert_string_equal(told->path[told->stall.lasting_frame], "run");
}

static void where_nothing_lasts_the_culprit_has_to_do(void **state)
{
	const struct told *told = stall_of_calls(*state, 2);

	assert_string_equal(told->path[told->stall.lasting_frame], "push");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(groups_samples_that_follow_closely),
		TEST(gap_parts_two_stalls),
		TEST(stalls_of_a_strand_never_overlap),
		TEST(time_never_goes_below_zero),
		TEST(short_stalls_are_counted_alone),
		TEST(one_tick_may_be_chance),
		TEST(tells_whose_call_lasts),
		TEST(what_is_called_anew_does_not_last),
		TEST(where_nothing_lasts_the_culprit_has_to_do),
		TEST(strands_stall_side_by_side),
		TEST(goroutine_is_a_strand),
		TEST(sums_up_its_samples),
		TEST(watched_call_makes_no_stall),
		TEST(gap_between_watched_calls_is_none),
		TEST(latest_is_what_is_known_so_far),
		TEST(process_takes_its_stalls_along),
		TEST(watch_without_samples_has_no_stalls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
