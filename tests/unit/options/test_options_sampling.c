// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "attach/sampler.h"
#include "base/clock.h"
#include "options/command_line.h"

/* What the options of a line come to. */
struct sampling {
	uint64_t period_ns, quiet_ns;
	double pct;
	bool discovers;
};

static struct sampling sampling_of(const char *text)
{
	struct sampling sampling;
	struct run run;
	char line[128];

	snprintf(line, sizeof(line), "%s", text);
	parse_line(&run, line);
	assert_runs(&run);
	sampling = (struct sampling){
		.period_ns = options_sample_period_ns(&run.options),
		.quiet_ns = options_quiet_ns(&run.options),
		.pct = options_sampling_pct(&run.options),
		.discovers = options_discovers(&run.options),
	};
	options_release(&run.options);
	return sampling;
}

/* A tick takes 28 us in a VM, which is 1 % of 2.8 ms, and 10 us on metal. */
static void takes_half_of_the_budget_at_most(void **state)
{
	struct sampling usual = sampling_of("-- app"), small = sampling_of("--budget 0.5% -- app");
	uint64_t tick_ns = sampler_tick_typical_ns();

	(void)state;
	assert_true(tick_ns == 28 * NS_PER_US || tick_ns == 10 * NS_PER_US);
	assert_int_equal(usual.period_ns, 100 * tick_ns);
	assert_true(usual.pct == 1);
	assert_int_equal(small.period_ns, 400 * tick_ns);
	assert_true(small.pct == 0.25);
}

static void goes_no_faster_than_1_khz(void **state)
{
	(void)state;
	assert_int_equal(sampling_of("--budget 50% -- app").period_ns, NS_PER_MS);
	assert_int_equal(sampling_of("--budget none -- app").period_ns, NS_PER_MS);
}

static void can_be_turned_off(void **state)
{
	struct sampling off = sampling_of("--no-sample -- app");

	(void)state;
	assert_int_equal(off.period_ns, 0);
	assert_true(off.pct == 0);
}

/* Some ticks, and never so few that a hiccup would part a stall. */
static void stall_outlasts_a_few_ticks(void **state)
{
	(void)state;
	assert_int_equal(sampling_of("--budget 0.5% -- app").quiet_ns,
			 1600 * sampler_tick_typical_ns());
	assert_int_equal(sampling_of("--budget none -- app").quiet_ns, 5 * NS_PER_MS);
}

static void searches_for_flushes_where_none_is_named(void **state)
{
	(void)state;
	assert_true(sampling_of("-- app").discovers);
	assert_true(sampling_of("--writes put -- app").discovers);
	assert_false(sampling_of("--flush flush -- app").discovers);
	assert_false(sampling_of("--no-auto -- app").discovers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_half_of_the_budget_at_most),
		cmocka_unit_test(goes_no_faster_than_1_khz),
		cmocka_unit_test(can_be_turned_off),
		cmocka_unit_test(stall_outlasts_a_few_ticks),
		cmocka_unit_test(searches_for_flushes_where_none_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
