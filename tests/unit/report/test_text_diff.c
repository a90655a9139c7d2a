// SPDX-License-Identifier: GPL-2.0-only
/* Two runs in text, and the summary of a recording without its end. */
#include "text_sample.h"

static const struct run_summary slow_summary = {.wall_ns = 24 * S};
static const struct run_summary fast_summary = {.wall_ns = 215 * MS};

static struct diff_culprit sample_culprits[] = {
	{.frame = {.name = "flush_accumulator", .module = "app"},
	 .runs = {[DIFF_SLOW] = {.stalls = 6,
				 .total_ns = 21 * S,
				 .max_ns = 4 * S,
				 .copied_bytes = 1 << 30,
				 .calls_known = true,
				 .calls = 6}}},
};

static struct diff_function sample_calls[] = {
	{.frame = {.name = "main", .module = "app"}, .time_ns = {21 * S, 2 * MS}},
	{.frame = {.name = "same", .module = "app"}, .time_ns = {MS, MS}},
};

static struct run_diff sample_diff(void)
{
	return (struct run_diff){
		.runs = {{"a.rec", "app --writes 600000", &slow_summary},
			 {"b.rec", NULL, &fast_summary}},
		.verdict = DIFF_ALONE,
		.worst = sample_culprits,
		.stalled_ns = {21 * S, 0},
		.culprits = {.items = sample_culprits, .count = 1},
		.functions = {.items = sample_calls, .count = 2},
	};
}

static void show_diff(struct fixture *fixture, const struct run_diff *diff,
		      struct text_settings settings)
{
	open_report(fixture, settings);
	assert_int_equal(fixture->report->ops->diff(fixture->report, diff), 0);
}

static void two_runs_side_by_side(void **state)
{
	struct run_diff diff = sample_diff();
	struct fixture fixture;

	(void)state;
	show_diff(&fixture, &diff, (struct text_settings){.columns = 80});
	assert_string_equal(
		fixture.shown,
		"SLOW  a.rec: app --writes 600000, watched for 24.0 s, stalled for 21.0 s\n"
		"FAST  b.rec: processes that ran, watched for 215 ms, stalled for 0 ns\n"
		"\n"
		"flush_accumulator stalls in SLOW alone: 6 times, 21.0 s in all.\n"
		"\n"
		" RUN      CALLS     STALLS     TOTAL     WORST       COPIED  CULPRIT\n"
		"SLOW          6          6    21.0 s    4.00 s     1.00 GiB  flush_accumulator\n"
		"FAST          -          0         -         -            -\n"
		"\n"
		"     SLOW       FAST  TIME IN COPIES BELOW (by samples)\n"
		"   21.0 s    2.00 ms  main\n");
	close_report(&fixture);
}

static void what_was_not_all_counted_is_a_bound(void **state)
{
	struct run_diff diff = sample_diff();
	struct fixture fixture;

	(void)state;
	sample_culprits[0].runs[DIFF_SLOW].is_at_least = true;
	show_diff(&fixture, &diff, (struct text_settings){.columns = 80, .quiet = true});
	assert_non_null(strstr(fixture.shown, "4.00 s  >= 1.00 GiB  flush_accumulator\n"));
	close_report(&fixture);
	sample_culprits[0].runs[DIFF_SLOW].copied_bytes = 0;
	show_diff(&fixture, &diff, (struct text_settings){.columns = 80, .quiet = true});
	assert_non_null(strstr(fixture.shown, "4.00 s  not counted  flush_accumulator\n"));
	close_report(&fixture);
	sample_culprits[0].runs[DIFF_SLOW].copied_bytes = 1 << 30;
	sample_culprits[0].runs[DIFF_SLOW].is_at_least = false;
}

static void check_verdict(const struct run_diff *diff, const char *wanted)
{
	struct fixture fixture;

	show_diff(&fixture, diff, (struct text_settings){.columns = 1000, .quiet = true});
	if (strncmp(fixture.shown, wanted, strlen(wanted)))
		fail_msg("'%s' does not begin '%s'", fixture.shown, wanted);
	close_report(&fixture);
}

static void the_sentence_says_how_they_differ(void **state)
{
	struct diff_figures *fast = &sample_culprits[0].runs[DIFF_FAST];
	const struct diff_figures kept = *fast;
	struct run_diff diff = sample_diff();

	(void)state;
	fast->calls_known = true;
	fast->calls = 1;
	check_verdict(&diff, "flush_accumulator stalls in SLOW alone: 6 times, 21.0 s in all, "
			     "though FAST calls it 1 time.\n");
	diff.verdict = DIFF_LONGER;
	fast->stalls = 1;
	fast->total_ns = 20 * MS;
	check_verdict(&diff, "flush_accumulator stalls longer in SLOW: 6 times, 21.0 s in all, "
			     "against once, 20.0 ms in FAST.\n");
	*fast = kept;
	diff.worst = NULL;
	diff.verdict = DIFF_NOT_SLOWER;
	check_verdict(&diff, "Nothing stalls longer in SLOW than in FAST: are they given");
	diff.verdict = DIFF_NOTHING_STALLS;
	check_verdict(&diff, "Nothing stalls in either.\n");
}

static void names_of_the_target_are_made_safe(void **state)
{
	struct diff_culprit culprit = sample_culprits[0];
	struct run_diff diff = sample_diff();
	struct fixture fixture;

	(void)state;
	culprit.frame.name = "\033[31mflush\n";
	diff.culprits.items = &culprit;
	diff.worst = &culprit;
	diff.runs[DIFF_SLOW].command = "app\033[0m";
	diff.runs[DIFF_SLOW].name = "a\nb";
	show_diff(&fixture, &diff, (struct text_settings){.columns = 80});
	assert_null(strchr(fixture.shown, '\033'));
	assert_null(strstr(fixture.shown, "a\nb"));
	close_report(&fixture);
}

/* ---- a recording without its end ---- */

static void what_is_not_known_of_a_cut_recording_is_said(void **state)
{
	struct run_summary summary = sample_summary;

	(void)state;
	summary.is_partial = true;
	summary.copies = summary.probe_hits = 0;
	check_summary(&summary,
		      LIST("1 in 100,000 calls of lazy_write stalls", "flush_accumulator\n",
			   "\nThe recording is cut off after 4.00 s: the table is of the calls of "
			   "1.00 ms or longer that had ended by then.",
			   "is not known.\n", "Watched for 4.00 s"),
		      LIST("Copies counted", "of its time", "probe hits", "LOST"));
	summary.finding.found = false;
	check_summary(&summary, LIST("\nNo stall of 1.00 ms or longer was told of.\n"), NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_runs_side_by_side),
		cmocka_unit_test(what_was_not_all_counted_is_a_bound),
		cmocka_unit_test(the_sentence_says_how_they_differ),
		cmocka_unit_test(names_of_the_target_are_made_safe),
		cmocka_unit_test(what_is_not_known_of_a_cut_recording_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
