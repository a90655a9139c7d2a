// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "text_sample.h"

/* What it says from the time on, on one line. */
static void check_step(struct budget_step step, const char *wanted)
{
	struct fixture fixture;

	step.at_ns = 3214 * MS;
	open_report(&fixture, (struct text_settings){.columns = 1000});
	show_step(&fixture, step);
	assert_memory_equal(fixture.shown, "  3.214 s  ", 11);
	assert_string_equal(fixture.shown + 11, wanted);
	close_report(&fixture);
}

static void says_which_copies_are_counted_from_here_on(void **state)
{
	struct budget_step step = {.pid = 9697,
				   .comm = "python3",
				   .to_gate_bytes = 1 << 20,
				   .is_raised = true,
				   .spent_ns = 38 * MS,
				   .during_ns = 100 * MS};

	(void)state;
	check_step(step, "python3 9697: copies under 1.00 MiB are not counted from here on: their "
			 "probes cost 38 % of the target's time\n");
	step.to_gate_bytes = 2113;
	step.spent_ns = 200 * MS;
	check_step(step, "python3 9697: copies under 2,113 bytes are not counted from here on: "
			 "their probes cost nearly all of the target's time\n");
	step.to_gate_bytes = NO_GATE;
	step.during_ns = 0;
	check_step(step, "python3 9697: no copies are counted from here on: their probes cost the "
			 "target 200 ms\n");
	step.spent_ns = 0;
	step.comm[0] = '\0';
	check_step(step, "process 9697: no copies are counted from here on\n");
	step.is_raised = false;
	step.to_gate_bytes = 1 << 20;
	step.spent_ns = 200 * MS;
	check_step(step, "process 9697: copies of 1.00 MiB or more are counted from here on\n");
	step.to_gate_bytes = 0;
	check_step(step, "process 9697: copies of all sizes are counted from here on\n");
}

static void says_how_a_function_is_watched_from_here_on(void **state)
{
	struct budget_step step = {.function = "flush_x",
				   .to_watch = WATCH_COUNTED,
				   .is_raised = true,
				   .spent_ns = 61 * MS,
				   .during_ns = 100 * MS};

	(void)state;
	check_step(step, "flush_x is no longer timed, its calls are counted: its probes cost 61 % "
			 "of the target's time\n");
	step.to_watch = WATCH_DROPPED;
	check_step(step, "flush_x is no longer watched: its probes cost 61 % of the target's "
			 "time\n");
	step.is_raised = false;
	step.to_watch = WATCH_COUNTED;
	check_step(step, "flush_x is not timed, but its calls are counted again\n");
	step.to_watch = WATCH_TIMED;
	check_step(step, "flush_x is timed again\n");
}

static void a_step_stands_among_the_flushes(void **state)
{
	const struct budget_step step = {.at_ns = 1900 * MS,
					 .pid = 4242,
					 .comm = "python3",
					 .to_gate_bytes = 1 << 20,
					 .is_raised = true,
					 .spent_ns = 38 * MS,
					 .during_ns = 100 * MS};
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_header(&fixture, "app");
	show_flush(&fixture, sample_flush(1));
	show_step(&fixture, step);
	show_flush(&fixture, sample_flush(2));
	assert_non_null(strstr(
		fixture.shown,
		"  flush_accumulator\n"
		"  0.900 s  python3 4242: copies under 1.00 MiB are not counted from here on:\n"
		"           their probes cost 38 % of the target's time\n"
		"python3 4242:\n"
		"  0.812 s"));
	close_report(&fixture);
	open_report(&fixture, (struct text_settings){.columns = 80, .quiet = true});
	show_step(&fixture, step);
	assert_true(fixture.bytes == 0);
	close_report(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_which_copies_are_counted_from_here_on),
		cmocka_unit_test(says_how_a_function_is_watched_from_here_on),
		cmocka_unit_test(a_step_stands_among_the_flushes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
