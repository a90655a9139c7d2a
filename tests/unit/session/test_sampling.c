// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "session/sampling.h"

#define SWITCH_NS 5000

/* A target that runs all the time, and switches so often each second of it. */
struct target {
	struct sampling_rate rate;
	uint64_t at_ns, cpu_ns, switches;
	unsigned changes;
};

static struct target new_target(void)
{
	return (struct target){.rate = {.switch_ns = SWITCH_NS, .pct = 1}};
}

static void look(struct target *target)
{
	if (!sampling_rate_look(&target->rate, target->at_ns, target->cpu_ns, target->switches))
		return;
	target->rate.is_wide = !target->rate.is_wide;
	target->rate.calm_ns = 0;
	target->changes++;
}

static void run(struct target *target, uint64_t seconds, uint64_t switches_per_s)
{
	for (uint64_t i = 0; i < 10 * seconds; i++) {
		target->at_ns += NS_PER_S / 10;
		target->cpu_ns += NS_PER_S / 10;
		target->switches += switches_per_s / 10;
		look(target);
	}
}

/* It has 2 ms of CPU time each second. */
static void doze(struct target *target, uint64_t seconds, uint64_t switches_per_s)
{
	for (uint64_t i = 0; i < 10 * seconds; i++) {
		target->at_ns += NS_PER_S / 10;
		target->cpu_ns += NS_PER_MS / 5;
		target->switches += switches_per_s / 10;
		look(target);
	}
}

static void few_switches_are_left_alone(void **state)
{
	struct target target = new_target();

	(void)state;
	/* 1 % of a second is 2,000 of them. */
	run(&target, 10, 1900);
	assert_int_equal(target.changes, 0);
	assert_int_equal(target.rate.charged_switches, 19000);
}

static void many_are_not_paid_for(void **state)
{
	struct target target = new_target();

	(void)state;
	run(&target, 20, 200000);
	assert_int_equal(target.changes, 1);
	assert_true(target.rate.is_wide);
	/* Those up to the first look. */
	assert_int_equal(target.rate.charged_switches, 20000);
}

static void calm_has_to_last(void **state)
{
	struct target target = new_target();

	(void)state;
	run(&target, 1, 5000);
	assert_true(target.rate.is_wide);
	/* Half of what was too much, for ever. */
	run(&target, 60, 1000);
	assert_true(target.rate.is_wide);
	run(&target, 2, 300);
	assert_true(target.rate.is_wide);
	run(&target, 1, 1000);
	run(&target, 2, 300);
	assert_true(target.rate.is_wide);
	run(&target, 2, 300);
	assert_false(target.rate.is_wide);
	assert_int_equal(target.changes, 2);
	/* It is the threads' time that is charged. */
	assert_true(target.rate.charged_switches < 5000 / 10 + 2 * 200);
}

static void who_has_hardly_run_says_nothing_yet(void **state)
{
	struct target target = new_target();

	(void)state;
	/* 1 ms each: until 20 of them have come together. */
	for (unsigned i = 1; i < 20; i++)
		assert_false(sampling_rate_look(&target.rate, i * 10 * NS_PER_MS, i * NS_PER_MS,
						i * 1000));
	assert_true(sampling_rate_look(&target.rate, 200 * NS_PER_MS, 20 * NS_PER_MS, 20000));
	assert_int_equal(target.rate.charged_switches, 20000);
}

/* Who sleeps needs no clock of the CPUs, which would wake them. */
static void who_falls_asleep_is_calm(void **state)
{
	struct target target = new_target();

	(void)state;
	run(&target, 2, 100000);
	assert_true(target.rate.is_wide);
	doze(&target, 6, 20);
	assert_false(target.rate.is_wide);
	/* All of what it runs are switches, and all of that is next to nothing. */
	doze(&target, 60, 180);
	assert_int_equal(target.changes, 2);
	/* More than that is something. */
	doze(&target, 60, 400);
	assert_true(target.rate.is_wide);
	assert_int_equal(target.changes, 3);
}

static void sums_may_stand_still_or_fall(void **state)
{
	struct target target = new_target();

	(void)state;
	run(&target, 1, 100);
	assert_false(sampling_rate_look(&target.rate, target.at_ns + 1, 1, 1));
	assert_int_equal(target.rate.charged_switches, 100);
	run(&target, 1, 100);
	assert_int_equal(target.rate.charged_switches, 200);
}

static void what_it_has_cost(void **state)
{
	struct sampling sampling = {.rate = {.switch_ns = SWITCH_NS, .pct = 1}};

	(void)state;
	assert_false(sampling_rate_look(&sampling.rate, NS_PER_S, NS_PER_S, 1000));
	/* With those since the last look. */
	assert_int_equal(sampling_switching_ns(&sampling, 1100), 1100 * SWITCH_NS);
	sampling.rate.is_wide = true;
	assert_int_equal(sampling_switching_ns(&sampling, 9999), 1100 * SWITCH_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_switches_are_left_alone),
		cmocka_unit_test(many_are_not_paid_for),
		cmocka_unit_test(calm_has_to_last),
		cmocka_unit_test(who_has_hardly_run_says_nothing_yet),
		cmocka_unit_test(who_falls_asleep_is_calm),
		cmocka_unit_test(sums_may_stand_still_or_fall),
		cmocka_unit_test(what_it_has_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
