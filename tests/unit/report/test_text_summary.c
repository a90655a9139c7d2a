// SPDX-License-Identifier: GPL-2.0-only
#include "text_sample.h"

static void says_what_stalled(void **state)
{
	struct run_summary summary = sample_summary;
	struct finding *finding = &summary.finding;

	(void)state;
	finding->writes_function = NULL;
	check_summary(&summary,
		      LIST("\nflush_accumulator stalled 9 times: typically it copied 95.4 MiB in "
			   "26.1 ms (3.83 GB/s).\n"),
		      LIST("LOST", "cannot see"));
	finding->flushes = 1;
	check_summary(&summary, LIST("\nflush_accumulator stalled once: it copied 95.4 MiB"), NONE);
	finding->writes_function = "put";
	check_summary(&summary,
		      LIST("\nCall 100,000 of put stalled: flush_accumulator copied 95.4 MiB"),
		      NONE);
	finding->flushes = 9;
	finding->calls_per_stall = 1;
	finding->copied_bytes = 0;
	finding->whole_flushes = 9;
	check_summary(&summary,
		      LIST("\nEach call of put stalls: flush_accumulator typically took 26.1 ms, "
			   "and no copy was counted in it.\n"),
		      LIST("other call"));
	finding->calls_per_stall = 0;
	check_summary(&summary, LIST("\nflush_accumulator stalled 9 times"), LIST("put"));
	finding->stalled_writes = 6;
	check_summary(
		&summary,
		LIST("\n6 of 1,000,000 calls of put stalled: flush_accumulator typically took"),
		LIST("1 in"));
}

static void tells_its_own_cost_from_the_programs(void **state)
{
	struct run_summary summary = sample_summary;
	struct finding *finding = &summary.finding;

	(void)state;
	finding->overhead_ns = 16 * MS;
	check_summary(&summary,
		      LIST("typically copied 95.4 MiB in 26.1 ms, about 16.0 ms of it memwatch's "
			   "own cost; a typical other call"),
		      LIST("GB/s"));
	finding->overhead_ns = finding->duration_ns + 1;
	check_summary(&summary,
		      LIST("95.4 MiB in 26.1 ms, most of it memwatch's own cost; a typical"),
		      LIST("GB/s", "about 26"));
	finding->overhead_ns = finding->duration_ns / 51;
	check_summary(&summary, LIST("in 26.1 ms (3.83 GB/s)"), LIST("own cost"));
	finding->overhead_ns = 16 * MS;
	finding->copied_bytes = 0;
	check_summary(
		&summary,
		LIST("took 26.1 ms, about 16.0 ms of it memwatch's own cost, and no copy was"),
		NONE);
}

static void says_what_it_cannot_see_where_nothing_was_copied(void **state)
{
	struct run_summary summary = sample_summary;

	(void)state;
	check_summary(&summary, NONE, LIST("cannot see"));
	summary.copyless_flushes = 1;
	check_summary(&summary, LIST("1 in 100,000", "cannot see"), LIST("No watched"));
}

static void tells_of_calls_that_are_left_out(void **state)
{
	struct run_summary summary = sample_summary;

	(void)state;
	check_summary(&summary, NONE, LIST("without a copy"));
	summary.left_out = 1200;
	check_summary(&summary,
		      LIST("\nCalls of 1.00 ms or longer without a copy, of functions with others "
			   "inlined: 1,200, in the table alone.\n"),
		      NONE);
	summary.finding.found = false;
	check_summary(&summary,
		      LIST("\nNo watched call of 1.00 ms or longer in which a copy was counted "
			   "came to its end.\n"),
		      NONE);
}

static void counts_writes_without_a_finding(void **state)
{
	struct run_summary summary = sample_summary;

	(void)state;
	summary.writes_function = "put";
	summary.write_gap_ns = 810;
	check_summary(&summary, NONE, LIST("put"));
	summary.finding.found = false;
	check_summary(
		&summary,
		LIST("\nCalls of put counted: 1,000,000; from one to the next typically 810 ns "
		     "(with memwatch's probe in it).\n"),
		NONE);
	summary.writes = summary.write_gap_ns = 0;
	check_summary(&summary, LIST("\nCalls of put counted: none.\n"), NONE);
}

static void sizes_are_for_the_curious(void **state)
{
	struct run_summary summary = sample_summary;
	struct fixture fixture;

	(void)state;
	summary.copies_by_class[0] = 3;
	summary.copies_by_class[11] = 1234;
	summary.bytes_by_class[11] = 2 << 20;
	summary.copies_by_class[SIZE_CLASSES - 1] = 1;
	check_summary(&summary, NONE, LIST("by size"));
	open_report(&fixture, (struct text_settings){.columns = 80, .verbose = true});
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, "Copies by size:\n"
					      "     COPIES     BYTES  SIZE\n"
					      "          3       0 B  0 B\n"
					      "      1,234  2.00 MiB  1.00 KiB to under 2.00 KiB\n"
					      "          1       0 B  "));
	assert_non_null(strstr(fixture.shown, " or more\n"));
	close_report(&fixture);
}

static void says_what_was_watched_in_vain(void **state)
{
	const char *const watched[] = {"PyUnicode_Join in python3.11", "memmove in libc.so.6"};
	const struct run_summary summary = {
		.watched = watched,
		.watched_count = 2,
		.copies = 12,
		.copied_bytes = 8192,
		.largest_copy_bytes = 4096,
		.processes_watched = 1,
		.processes_seen = 1,
	};
	const struct run_summary nothing = {.processes_seen = 1};

	(void)state;
	check_summary(
		&summary,
		LIST("No watched call of 1.00 ms or longer came to its end.\n",
		     "\n  PyUnicode_Join in python3.11\n  memmove in libc.so.6\n",
		     "cannot see: copies that the compiler inlined",
		     "\nCopies counted: 12, 8.00 KiB together, the largest 4.00 KiB.\n"
		     "Copies under 2,113 bytes are not counted (--gate 0 counts every one).\n"),
		LIST("CALLS", "LOST", "processes"));
	check_summary(
		&nothing,
		LIST("\nCopies counted: none.\nCopies under 2,113 bytes are", "0 of 1 processes"),
		LIST("largest"));
}

static void says_what_was_lost(void **state)
{
	struct run_summary summary = sample_summary;

	(void)state;
	summary.losses = (struct loss_counts){.ring_full = 1001};
	check_summary(&summary, LIST("\nLOST: 1,001 events found no room"),
		      LIST("open calls", "damaged", "kernel memory"));
	summary.finding.found = false;
	check_summary(&summary, LIST("came to its end, as far as memwatch can tell: events were"),
		      NONE);
	summary.losses = (struct loss_counts){.span_table_full = 2};
	check_summary(&summary, LIST("\nLOST: 2 calls found no room"), LIST("damaged"));
	summary.losses = (struct loss_counts){.thread_state_failed = 3};
	check_summary(&summary, LIST("\nLOST: 3 probe hits could not"), LIST("damaged"));
	summary.losses = (struct loss_counts){.goroutine_table_full = 5};
	check_summary(&summary, LIST("\nLOST: 5 probe hits could not", "goroutines found no room"),
		      LIST("kernel memory"));
	summary.losses = (struct loss_counts){.malformed = 4};
	check_summary(&summary, LIST("\nLOST: 4 events reached memwatch damaged"), LIST("no room"));
}

static void says_what_was_not_timed(void **state)
{
	struct function_summary function = sample_functions[0];
	struct run_summary summary = sample_summary;

	(void)state;
	function.abandoned = 3;
	function.lost = 4;
	summary.functions = &function;
	summary.function_count = 1;
	summary.unmatched_ends = 5;
	check_summary(
		&summary,
		LIST("Calls of flush_accumulator: 1 still open when their thread or the "
		     "watch ended; 3 left by longjmp, an exception or an exit without a "
		     "probe: in no figure but CALLS, so WORST may be more; 4 lost, not timed.\n",
		     "begun before they were watched: 5, not timed.\n"),
		NONE);
	function.ends_unseen = true;
	function.unseen_starts = 6;
	check_summary(&summary,
		      LIST("; 3 not seen to end, since not all its ends are known: in no figure",
			   "Calls of flush_accumulator that had begun before the probes of 6 "
			   "processes were live are not in its figures, since it ends in code"),
		      LIST("longjmp"));
	function.unseen_starts = 1;
	check_summary(&summary, LIST("the probes of 1 process were live"), NONE);
	/* Whose probes went within them are nobody's fault. */
	function.abandoned = function.lost = 0;
	function.cut_off = 2;
	check_summary(&summary,
		      LIST("; 2 open when the budget ended their timing: in no figure but CALLS, "
			   "so WORST may be more.\n"),
		      LIST("not seen to end", "longjmp"));
	function.ended = 0;
	check_summary(&summary,
		      LIST("       10         -         -         -         -         -  flush_"),
		      NONE);
}

/* Who named no function is not told that none of its calls ended. */
static void shows_sizes_where_no_function_was_named(void **state)
{
	const char *const watched[] = {"memmove in libc.so.6"};
	struct run_summary summary = {
		.is_copies_only = true, .watched = watched, .watched_count = 1};

	(void)state;
	check_summary(&summary,
		      LIST("\nWatched:\n  memmove in libc.so.6\nmemwatch cannot see",
			   "\nCopies counted: none.\n", "\nTo learn which calls of a function "),
		      LIST("No watched call", "by size"));
	summary.copies = summary.copies_by_class[11] = 12;
	summary.copied_bytes = summary.bytes_by_class[11] = 2 << 20;
	check_summary(&summary,
		      LIST(")\n\nCopies counted: 12, 2.00 MiB",
			   "\nCopies by size:\n     COPIES     BYTES  SIZE\n         12  2.00 MiB  "
			   "1.00 KiB to under 2.00 KiB\nTo learn which calls of a function copied "
			   "how much, and how long they took, name it with --flush.\n"),
		      LIST("No watched call", "Watched:", "cannot see"));
}

static void names_the_functions_that_nobody_called(void **state)
{
	const char *const names[] = {"f1 in a", "f2 in a",  "f3 in a", "f4 in a",
				     "f5 in a", "f6 in a",  "f7 in a", "f8 in a",
				     "f9 in a", "f10 in a", "f11 in a"};
	struct run_summary summary = sample_summary;
	struct fixture fixture;

	(void)state;
	check_summary(&summary, NONE, LIST("not called"));
	summary.uncalled = names;
	summary.uncalled_count = 10;
	check_summary(&summary,
		      LIST("\nf1 in a: not called while it was watched.\n",
			   "\nf10 in a: not called while it was watched.\n"),
		      LIST("Likewise"));
	summary.uncalled_count = 11;
	check_summary(&summary,
		      LIST("\nf9 in a: not called", "\nLikewise not called: 2 more watched "
						    "functions (-v names them).\n"),
		      LIST("f10", "f11"));
	open_report(&fixture, (struct text_settings){.columns = 80, .verbose = true});
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, "\nf11 in a: not called"));
	assert_null(strstr(fixture.shown, "Likewise"));
	close_report(&fixture);
}

static void tells_the_time_of_large_copies(void **state)
{
	struct run_summary summary = sample_summary;

	(void)state;
	check_summary(&summary, NONE, LIST("timed: "));
	summary.timed_copies = 12;
	summary.timed_bytes = 12 << 24;
	summary.copy_ns = 20 * MS;
	check_summary(&summary, LIST("\nCopies timed: 12, 192 MiB in 20.0 ms (10.1 GB/s).\n"),
		      NONE);
}

/* Bytes of some and the time of all: what they have in common is no rate. */
static void finds_only_what_was_counted_in_full(void **state)
{
	struct run_summary summary = sample_summary;
	struct finding *finding = &summary.finding;

	(void)state;
	finding->writes_function = NULL;
	finding->whole_flushes = 3;
	check_summary(&summary,
		      LIST("\nflush_accumulator stalled 9 times: typically it copied 95.4 MiB (as "
			   "counted in 3 of 9) in 26.1 ms.\n"),
		      LIST("GB/s"));
	finding->whole_flushes = 2;
	finding->bytes_are_typical = false;
	finding->copied_bytes = 0;
	check_summary(&summary,
		      LIST("\nflush_accumulator stalled 9 times: typically it took 26.1 ms, and "
			   "what it copied was counted in full in 2 of 9 only.\n"),
		      LIST("0 B", "GB/s"));
	finding->whole_flushes = 0;
	check_summary(&summary,
		      LIST("\nflush_accumulator stalled 9 times: typically it took 26.1 ms, and "
			   "what it copied was not counted in full.\n"),
		      LIST("0 B", "no copy"));
}

static void tells_namesakes_apart(void **state)
{
	struct function_summary functions[] = {sample_functions[0], sample_functions[0]};
	struct run_summary summary = sample_summary;

	(void)state;
	functions[1].module = "other.so";
	summary.functions = functions;
	check_summary(
		&summary,
		LIST("  flush_accumulator, in python3.9\n", "  flush_accumulator, in other.so\n"),
		NONE);
	functions[1].function = "other";
	check_summary(&summary, LIST("  flush_accumulator\n", "  other\n"), LIST("other.so"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_stalled),
		cmocka_unit_test(tells_its_own_cost_from_the_programs),
		cmocka_unit_test(says_what_it_cannot_see_where_nothing_was_copied),
		cmocka_unit_test(tells_of_calls_that_are_left_out),
		cmocka_unit_test(counts_writes_without_a_finding),
		cmocka_unit_test(sizes_are_for_the_curious),
		cmocka_unit_test(says_what_was_watched_in_vain),
		cmocka_unit_test(says_what_was_lost),
		cmocka_unit_test(says_what_was_not_timed),
		cmocka_unit_test(shows_sizes_where_no_function_was_named),
		cmocka_unit_test(names_the_functions_that_nobody_called),
		cmocka_unit_test(tells_the_time_of_large_copies),
		cmocka_unit_test(finds_only_what_was_counted_in_full),
		cmocka_unit_test(tells_namesakes_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
