// SPDX-License-Identifier: GPL-2.0-only
#include "text_sample.h"

static void says_what_it_cost(void **state)
{
	struct run_summary summary = sample_summary;

	(void)state;
	check_summary(&summary,
		      LIST("\nThe target spent about 880 ms in 1,100,012 probe hits (800 ns or "
			   "12.0 us each).\nmemwatch cost 23 % of its time.\n"),
		      LIST("budget"));
	summary.target_cpu_ns = 0;
	summary.hit_stepped_ns = 0;
	check_summary(&summary, LIST("1,100,012 probe hits (800 ns each).\n"), LIST("of its time"));
	summary.hit_cheap_ns = summary.overhead_ns = 0;
	check_summary(&summary, LIST("were hit 1,100,012 times; what a hit cost is not known.\n"),
		      LIST("memwatch cost"));
	summary = sample_summary;
	summary.overhead_ns = 1234;
	check_summary(&summary, LIST("\nmemwatch cost under 0.01 % of its time.\n"), NONE);
	summary.overhead_ns = 39 * MS;
	check_summary(&summary, LIST("\nmemwatch cost 1.0 % of"), NONE);
	summary.probe_hits = summary.overhead_ns = 0;
	check_summary(
		&summary,
		LIST("\nThe target hit none of the probes.\nmemwatch cost 0.00 % of its time.\n"),
		NONE);
	summary = sample_summary;
	summary.overhead_ns = 5200 * MS;
	check_summary(
		&summary,
		LIST("\nThe target had 3.90 s of CPU time and hit probes 1,100,012 times; at 800 "
		     "ns or 12.0 us each, as measured at the start, that would have taken more "
		     "than there was.\nmemwatch cost nearly all of its time.\n"),
		LIST("%", "5.20 s", "about"));
}

/* The last sentence, whatever else there is: it is what the budget is judged by. */
static void ends_with_its_share_and_the_budget(void **state)
{
	static const char wanted[] = "\nmemwatch cost 0.50 % of its time, of a budget of 2 %.\n";
	struct run_summary summary = sample_summary;
	struct fixture fixture;

	(void)state;
	summary.overhead_ns = 19500000;
	summary.budget_pct = 2;
	summary.writes_function = "put";
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_summary(&fixture, &summary);
	assert_string_equal(fixture.shown + fixture.bytes - strlen(wanted), wanted);
	close_report(&fixture);
	summary.budget_pct = 0.5;
	summary.budget_credit_ns = 200 * MS;
	check_summary(&summary, LIST(" of its time, of a budget of 0.5 % plus 200 ms.\n"), NONE);
	/* More than both: 0.5 % are 19.5 ms. */
	summary.overhead_ns = 220 * MS;
	check_summary(&summary,
		      LIST("\nmemwatch cost 5.6 % of its time, of a budget of 0.5 % plus 200 ms; "
			   "--writes is not charged to it.\n"),
		      NONE);
	summary.gate_is_fixed = true;
	check_summary(&summary,
		      LIST("plus 200 ms; --gate is fixed, and neither that nor --writes is charged "
			   "to it.\n"),
		      NONE);
	summary.writes = 0;
	check_summary(&summary, LIST("plus 200 ms; --gate is fixed and not charged to it.\n"),
		      LIST("--writes is"));
	/* What it allows. */
	summary.overhead_ns = 19 * MS;
	check_summary(&summary, LIST("plus 200 ms.\n"), LIST("--gate is"));
	summary.overhead_ns = 220 * MS;
	summary.gate_is_fixed = false;
	check_summary(&summary, LIST("plus 200 ms.\n"), LIST("--writes is", "--gate is"));
}

static void says_what_the_budget_left_uncounted(void **state)
{
	struct function_summary functions[] = {sample_functions[0], sample_functions[1]};
	struct run_summary summary = sample_summary;

	(void)state;
	check_summary(&summary, NONE, LIST("~", ">=", "in full", "budget"));
	summary.functions = functions;
	functions[0].outermost = 40;
	functions[0].whole_calls = 12;
	functions[0].whole_bytes = 3000000000;
	functions[0].estimated_bytes = 10000000000;
	functions[0].error_bytes = 222000000;
	functions[1].outermost = functions[1].whole_calls = 1234560;
	check_summary(
		&summary,
		LIST("     WORST     COPIED  FUNCTION\n",
		     "   26.9 ms  ~9.31 GiB  flush_accumulator\n",
		     "   2.10 ms   4.00 KiB  PyUnicode_Join\n",
		     "\nflush_accumulator: 12 of 40 calls were counted in full, 2.79 GiB; all "
		     "40 copied about 9.31 GiB +- 212 MiB (95 %, if the others are like "
		     "them).\n"),
		LIST("PyUnicode_Join:"));
	functions[0].whole_calls = 1;
	functions[0].error_bytes = 0;
	check_summary(&summary,
		      LIST("\nflush_accumulator: 1 of 40 calls was counted in full, 2.79 GiB; all "
			   "40 copied about 9.31 GiB; too few were to tell how far that is off.\n"),
		      LIST("+-"));
	functions[0].whole_calls = functions[0].whole_bytes = functions[0].estimated_bytes = 0;
	check_summary(
		&summary,
		LIST("  >= 858 MiB  flush_accumulator\n",
		     "\nflush_accumulator: none of 40 calls was counted in full, so what they "
		     "copied is not known, but for 858 MiB of it.\n"),
		LIST("~"));
	functions[0].copied_bytes = 0;
	check_summary(&summary,
		      LIST("  not counted  flush_accumulator\n", "     4.00 KiB  PyUnicode_Join\n",
			   "so what they copied is not known.\n"),
		      LIST("0 B"));
	/* Short calls alone, or a single flush: the rest is unlike them. */
	functions[0].copied_bytes = 900000000;
	functions[0].whole_calls = 3;
	functions[0].ended = 42;
	check_summary(
		&summary,
		LIST("  >= 858 MiB  flush_accumulator\n",
		     "\nflush_accumulator: 3 of 40 calls (and 2 recursive ones within them) were "
		     "counted in full, too few of those that took long, so what they copied is "
		     "not known, but for 858 MiB of it.\n"),
		LIST("~", "none of"));
}

/* What the few copied that were timed is less than what CALLS calls did, however it was counted. */
static void bytes_of_timed_calls_are_a_lower_bound(void **state)
{
	struct function_summary function = sample_functions[1];
	struct run_summary summary = sample_summary;

	(void)state;
	summary.functions = &function;
	summary.function_count = 1;
	function.is_throttled = function.is_counted_only = true;
	function.calls = 8588;
	function.ended = function.outermost = function.whole_calls = 720;
	function.untimed = 7868;
	check_summary(&summary, LIST("  >= 4.00 KiB  PyUnicode_Join\n"), LIST("in full"));
	function.copied_bytes = 0;
	check_summary(&summary, LIST("  >= 0 B  PyUnicode_Join\n"), LIST("in full"));
	function.whole_calls = 2;
	check_summary(&summary, LIST("  not counted  PyUnicode_Join\n"), NONE);
	function.copied_bytes = 4096;
	function.whole_bytes = 2048;
	function.estimated_bytes = 737280;
	function.error_bytes = 1024;
	check_summary(
		&summary,
		LIST("  >= 4.00 KiB  PyUnicode_Join\n",
		     "\nPyUnicode_Join: 2 of 720 timed calls were counted in full, 2.00 KiB; these "
		     "720 copied about 720 KiB +- 1.00 KiB (95 %, if"),
		LIST("all 720"));
}

static void says_what_was_too_dear_to_be_timed(void **state)
{
	struct function_summary functions[] = {sample_functions[0], sample_functions[1]};
	struct run_summary summary = sample_summary;

	(void)state;
	summary.functions = functions;
	functions[1].is_throttled = functions[1].is_counted_only = true;
	functions[1].ended = 720;
	check_summary(
		&summary,
		LIST("\nPyUnicode_Join was called too often to be timed within the budget: 720 of "
		     "1,234,567 calls were timed, and TOTAL, P50, P99, WORST and COPIED are of "
		     "these alone.\n"),
		LIST("flush_accumulator was called"));
	functions[1].is_dropped = true;
	check_summary(
		&summary,
		LIST("\nPyUnicode_Join was called too often to be watched within the budget: it "
		     "was given up after 1,234,567 calls, and the rest is in no figure.\n"),
		LIST("timed"));
	functions[1].untimed = 1233847;
	check_summary(&summary,
		      LIST("of these alone; then it was given up, and the rest is in no figure.\n"),
		      NONE);
	/* There was room again. */
	functions[1].is_counted_only = functions[1].is_dropped = false;
	check_summary(&summary,
		      LIST("\nPyUnicode_Join was called too often to be timed within the budget "
			   "all along: 720 of"),
		      LIST("given up"));
}

static void says_which_copies_are_not_counted(void **state)
{
	struct run_summary summary = sample_summary;
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 1000});
	show_summary(&fixture, &summary);
	assert_null(strstr(fixture.shown, "--gate"));
	summary.gate_bytes = 1 << 20;
	summary.processes_watched = 1;
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, "\nCopies under 1.00 MiB are not counted (--gate 0 "
					      "counts every one).\n"));
	summary.gate_bytes = 1;
	summary.processes_watched = 2;
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, "\nCopies under 1 byte are not all counted ("));
	summary.gate_bytes = NO_GATE;
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, "\nCopies by routines in which nothing tells large "
					      "ones from small ones are not counted ("));
	close_report(&fixture);
}

static void says_how_often_the_budget_stepped_in(void **state)
{
	struct run_summary summary = sample_summary;

	(void)state;
	summary.budget_steps = 1;
	check_summary(&summary,
		      LIST("\nTo stay within its budget, memwatch changed what it counts 1 time "
			   "(--budget none counts all).\n"),
		      NONE);
	summary.budget_steps = 3;
	check_summary(&summary, LIST("it counts 3 times ("), NONE);
}

/* With -q nobody has seen the steps. */
static void says_when_the_budget_stepped_in_first(void **state)
{
	struct run_summary summary = sample_summary;
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 1000, .quiet = true});
	show_header(&fixture, "app");
	show_step(&fixture, (struct budget_step){.at_ns = 1 * S + 1020 * MS, .function = "f"});
	show_step(&fixture, (struct budget_step){.at_ns = 4 * S, .function = "f"});
	assert_true(fixture.bytes == 0);
	summary.budget_steps = 2;
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, "it counts 2 times, first after 1.02 s of 4.00 s ("));
	summary.budget_steps = 1;
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, "it counts 1 time, after 1.02 s of 4.00 s ("));
	close_report(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_cost),
		cmocka_unit_test(ends_with_its_share_and_the_budget),
		cmocka_unit_test(says_what_the_budget_left_uncounted),
		cmocka_unit_test(bytes_of_timed_calls_are_a_lower_bound),
		cmocka_unit_test(says_what_was_too_dear_to_be_timed),
		cmocka_unit_test(says_which_copies_are_not_counted),
		cmocka_unit_test(says_how_often_the_budget_stepped_in),
		cmocka_unit_test(says_when_the_budget_stepped_in_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
