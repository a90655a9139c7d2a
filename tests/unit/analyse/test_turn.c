// SPDX-License-Identifier: GPL-2.0-only
/* Where a stall ends and another begins, though time alone does not say so. */
#include "stall_sample.h"

#define APPEND "memmove push run main"
#define GROW   "memmove grow push run main"

/* So many ticks with stacks of one way; gives when the next is due. */
static uint64_t go(struct fixture *fixture, uint64_t at_ns, unsigned count, const char *text)
{
	for (unsigned i = 0; i < count; i++, at_ns += WEIGHT)
		tick(fixture, 1, at_ns, text);
	return at_ns;
}

static void assert_told(const struct fixture *fixture, size_t index, const char *culprit,
			uint64_t samples)
{
	assert_true(index < fixture->told.count);
	assert_string_equal(fixture->told.items[index].culprit, culprit);
	assert_int_equal(fixture->told.items[index].stall.samples, samples);
}

/* A buffer that is filled and grown: each for a while, without a pause. */
static void each_for_a_while_is_a_stall_of_its_own(void **state)
{
	struct fixture *fixture = *state;
	uint64_t at_ns = go(fixture, 10 * MS, 8, APPEND);

	at_ns = go(fixture, at_ns, 9, GROW);
	at_ns = go(fixture, at_ns, 7, APPEND);
	stalls_finish(fixture->stalls, at_ns + 900 * MS);
	assert_int_equal(fixture->told.count, 3);
	assert_told(fixture, 0, "push", 8);
	assert_told(fixture, 1, "grow", 9);
	assert_told(fixture, 2, "push", 7);
	/* Nothing is in two of them, and nothing between them. */
	for (size_t i = 1; i < 3; i++) {
		const struct stall *before = &fixture->told.items[i - 1].stall;

		assert_int_equal(fixture->told.items[i].stall.start_ns,
				 before->start_ns + before->duration_ns);
	}
}

/* What came before was too short to be a stall, but is no part of this one. */
static void short_beginning_is_not_of_what_follows(void **state)
{
	struct fixture *fixture = *state;
	uint64_t at_ns = go(fixture, 10 * MS, 2, APPEND);

	at_ns = go(fixture, at_ns, 9, GROW);
	stalls_finish(fixture->stalls, at_ns + 900 * MS);
	assert_int_equal(fixture->told.count, 2);
	assert_told(fixture, 0, "push", 2);
	assert_told(fixture, 1, "grow", 9);
}

/*
 * Each copy of a flush by one of two functions, as chance has it: stretches of each come, too. Of
 * all first stretches, 6 in 128 look like a stall of their own by that.
 */
static void chance_parts_little(void **state)
{
	struct fixture *fixture = *state;
	const uint64_t rounds = 400, each = 400;
	uint64_t seed = 1, at_ns = 10 * MS, most = 0;

	for (uint64_t i = 0; i < rounds * each; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		at_ns = go(fixture, at_ns, 1,
			   seed >> 63 ? "memmove copy_item flush_accumulator main"
				      : "memmove join flush_accumulator main");
		if (i % each == each - 1)
			at_ns += 2 * QUIET;
	}
	stalls_finish(fixture->stalls, at_ns + 900 * MS);
	for (size_t i = 0; i < fixture->told.count; i++) {
		const struct told *told = &fixture->told.items[i];

		if (told->stall.samples < each * 8 / 10)
			continue;
		assert_string_equal(told->culprit, "flush_accumulator");
		most++;
	}
	assert_int_equal(most, rounds);
	assert_true(fixture->told.count <= rounds + rounds / 10);
}

/* One stack by another, long ago, does not make it a mixture. */
static void one_odd_stack_hides_no_turn(void **state)
{
	struct fixture *fixture = *state;
	uint64_t at_ns = go(fixture, 10 * MS, 1000, APPEND);

	at_ns = go(fixture, at_ns, 1, GROW);
	at_ns = go(fixture, at_ns, 40, APPEND);
	at_ns = go(fixture, at_ns, 9, GROW);
	at_ns = go(fixture, at_ns, 40, APPEND);
	stalls_finish(fixture->stalls, at_ns + 900 * MS);
	assert_int_equal(fixture->told.count, 3);
	assert_told(fixture, 0, "push", 1041);
	assert_told(fixture, 1, "grow", 9);
	assert_told(fixture, 2, "push", 40);
}

static void turns_that_change_all_the_time_are_one_stall(void **state)
{
	struct fixture *fixture = *state;
	uint64_t at_ns = 10 * MS;

	for (unsigned i = 0; i < 10; i++) {
		at_ns = go(fixture, at_ns, 4, APPEND);
		at_ns = go(fixture, at_ns, 2, GROW);
	}
	stalls_finish(fixture->stalls, at_ns + 900 * MS);
	assert_int_equal(fixture->told.count, 1);
	assert_told(fixture, 0, "push", 60);
}

/* Samples without a stack go with those around them. */
static void stackless_samples_do_not_turn(void **state)
{
	struct fixture *fixture = *state;
	uint64_t at_ns = go(fixture, 10 * MS, 4, APPEND);

	for (unsigned i = 0; i < 4; i++) {
		at_ns = go(fixture, at_ns, 1, GROW);
		at_ns = go(fixture, at_ns, 2, NULL);
	}
	stalls_finish(fixture->stalls, at_ns + 900 * MS);
	assert_int_equal(fixture->told.count, 2);
	assert_told(fixture, 0, "push", 4);
	assert_told(fixture, 1, "grow", 12);
}

/* The last ones wait to see whether they are a turn: they are counted all the same. */
static void what_waits_at_the_end_is_counted(void **state)
{
	struct fixture *fixture = *state;
	uint64_t at_ns = go(fixture, 10 * MS, 5, APPEND);

	at_ns = go(fixture, at_ns, 2, GROW);
	stalls_finish(fixture->stalls, at_ns + 900 * MS);
	assert_int_equal(fixture->told.count, 1);
	assert_told(fixture, 0, "push", 7);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.sampled_ns, 7 * WEIGHT);
}

/* ---- who has the CPU ---- */

static void preempted_thread_has_not_left_its_stall(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 5; i++)
		add(fixture,
		    (struct sample){
			    .at_ns = 10 * MS + i * 900 * MS, .ticks = 100 + i, .weight_ns = WEIGHT},
		    APPEND);
	stalls_finish(fixture->stalls, 90000 * MS);
	assert_int_equal(fixture->told.count, 1);
	assert_told(fixture, 0, "push", 5);
}

static void sleep_of_its_own_parts_two_stalls(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample = {.at_ns = 10 * MS, .ticks = 100, .weight_ns = WEIGHT};

	add(fixture, sample, APPEND);
	sample.at_ns += QUIET + MS;
	sample.ticks++;
	sample.sleeps++;
	add(fixture, sample, APPEND);
	/* A short one does not: a lock that was held, say. */
	sample.at_ns += QUIET;
	sample.sleeps++;
	add(fixture, sample, APPEND);
	stalls_finish(fixture->stalls, 900 * MS);
	assert_int_equal(fixture->told.count, 2);
	assert_told(fixture, 1, "push", 2);
}

static void ticks_elsewhere_part_two_stalls(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample = {.at_ns = 10 * MS, .ticks = 100, .weight_ns = WEIGHT};

	add(fixture, sample, APPEND);
	sample.at_ns += 20 * MS;
	sample.ticks += 14;
	add(fixture, sample, APPEND);
	stalls_finish(fixture->stalls, 900 * MS);
	assert_int_equal(fixture->told.count, 2);
}

/* The kernel says so as soon as it knows, and nobody has to wait. */
static void word_that_it_has_left_ends_the_stall(void **state)
{
	struct fixture *fixture = *state;
	uint64_t at_ns = go(fixture, 10 * MS, 5, APPEND);

	add(fixture, (struct sample){.tid = 2, .at_ns = at_ns, .has_left = true}, NULL);
	assert_int_equal(fixture->told.count, 0);
	add(fixture, (struct sample){.at_ns = at_ns, .has_left = true}, NULL);
	assert_int_equal(fixture->told.count, 1);
	assert_told(fixture, 0, "push", 5);
	add(fixture, (struct sample){.at_ns = at_ns + MS, .has_left = true}, NULL);
	stalls_finish(fixture->stalls, 900 * MS);
	assert_int_equal(fixture->told.count, 1);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.sampled_ns, 5 * WEIGHT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_for_a_while_is_a_stall_of_its_own),
		TEST(short_beginning_is_not_of_what_follows),
		TEST(chance_parts_little),
		TEST(one_odd_stack_hides_no_turn),
		TEST(turns_that_change_all_the_time_are_one_stall),
		TEST(stackless_samples_do_not_turn),
		TEST(what_waits_at_the_end_is_counted),
		TEST(preempted_thread_has_not_left_its_stall),
		TEST(sleep_of_its_own_parts_two_stalls),
		TEST(ticks_elsewhere_part_two_stalls),
		TEST(word_that_it_has_left_ends_the_stall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
