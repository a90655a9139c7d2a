// SPDX-License-Identifier: GPL-2.0-only
#include "stall_sample.h"
#include "text_sample.h"

static const struct run_summary stalled = {
	.stalls = {.culprits = sample_culprits, .culprit_count = 1, .sampled_ns = 1600 * MS},
	.is_sampled = true,
	.is_copies_only = true,
	.budget_pct = -1,
	.samples = 3100,
	.copy_samples = 1600,
	.stacks = 1598,
};

static struct run_summary with_discovery(const struct discovery *discovery)
{
	struct run_summary summary = stalled;

	summary.discoveries = discovery;
	summary.discovery_count = 1;
	return summary;
}

static void says_how_often_deferred_work_stalls(void **state)
{
	struct discovery discovery = sample_discovery();
	const struct run_summary summary = with_discovery(&discovery);

	(void)state;
	check_summary(
		&summary,
		LIST("\n1 in 100,000 calls of python3.11+0x1a2b30 stalls: PyUnicode_Join carries "
		     "out what was deferred, typically in about 521 ms (found by counting calls: "
		     "python3.11+0x1a2b30 100,000 a stall, PyUnicode_Join 1).\n"),
		LIST("stalled", "No stall", "not found", "--flush", "COUNTED", "cannot"));
	discovery.stalls = 1;
	check_summary(&summary, LIST("\n1 in 100,000 calls of python3.11+0x1a2b30 stalled: "),
		      NONE);
	discovery.period_calls = 0;
	check_summary(&summary, LIST("\nAbout 1 in 100,000 calls of python3.11+0x1a2b30 stalls: "),
		      NONE);
	discovery.is_irregular = true;
	check_summary(&summary,
		      LIST("\nCalls of python3.11+0x1a2b30 stall at uneven distances, typically "
			   "of 100,000 calls: PyUnicode_Join carries"),
		      LIST("1 in"));
	discovery.function_count = 0;
	check_summary(&summary,
		      LIST("\nCalls of python3.11+0x1a2b30 stall at uneven distances: ",
			   " (found by counting calls).\n"),
		      LIST("1 in"));
	discovery.is_irregular = false;
	check_summary(&summary, LIST("\nSome calls of python3.11+0x1a2b30 stall: "), NONE);
}

static void says_as_much_as_was_found(void **state)
{
	struct discovery discovery = sample_discovery();
	const struct frame inlined = {.name = "flush", .module = "app", .is_inlined = true};
	const struct run_summary summary = with_discovery(&discovery);

	(void)state;
	discovery.caller = NULL;
	check_summary(&summary,
		      LIST("\nPyUnicode_Join is called once a stall, typically in about 521 ms; "
			   "who defers its work was not found (found by counting calls: "
			   "PyUnicode_Join 1 a stall).\n"),
		      LIST("stalled"));
	discovery = sample_discovery();
	discovery.flush = NULL;
	check_summary(
		&summary,
		LIST("\n1 in 100,000 calls of python3.11+0x1a2b30 stalls: what was deferred is "
		     "carried out under PyUnicode_Join, typically in about 521 ms (found by "
		     "counting calls: python3.11+0x1a2b30 100,000 a stall).\n"),
		LIST("stalled"));
	discovery.culprit = SAMPLE_WRITE;
	check_summary(&summary,
		      LIST(" stalls: it carries out itself what was deferred (found",
			   "\nPyUnicode_Join in python3.11 stalled 3 times"),
		      NONE);
	discovery.culprit = &inlined;
	check_summary(&summary, LIST(" is carried out under flush (inlined) (found"), NONE);
	discovery = sample_discovery();
	discovery.is_watched = false;
	discovery.reason = "it is in no file";
	check_summary(&summary, LIST("\nIt was not watched: it is in no file.\n"), NONE);
}

/* The flushes of what was discovered are exact, and then the sentence is of them. */
static void joins_a_discovery_and_its_flushes(void **state)
{
	struct discovery discovery = sample_discovery();
	struct run_summary summary = with_discovery(&discovery);
	struct finding *finding = &summary.finding;

	(void)state;
	*finding = (struct finding){.found = true,
				    .function = "PyUnicode_Join",
				    .copied_bytes = 1000000000,
				    .whole_flushes = 3,
				    .bytes_are_typical = true,
				    .duration_ns = 524 * MS,
				    .overhead_ns = 60300000,
				    .flushes = 3};
	check_summary(
		&summary,
		LIST("\n\n1 in 100,000 calls of python3.11+0x1a2b30 stalls: PyUnicode_Join "
		     "typically copied 954 MiB in 524 ms, about 60.3 ms of it memwatch's own cost "
		     "(found by counting calls: python3.11+0x1a2b30 100,000 a stall, "
		     "PyUnicode_Join 1).\n\n"),
		NONE);
	discovery.caller = NULL;
	check_summary(&summary,
		      LIST("\n\nPyUnicode_Join stalled 3 times: typically it copied 954 MiB in 524 "
			   "ms, about 60.3 ms of it memwatch's own cost (found by counting calls: "
			   "PyUnicode_Join 1 a stall).\n\n"),
		      NONE);
	finding->flushes = finding->whole_flushes = 1;
	check_summary(&summary,
		      LIST("\n\nPyUnicode_Join stalled once: it copied 954 MiB in 524 ms, about "
			   "60.3 ms of it memwatch's own cost (found by counting calls: "
			   "PyUnicode_Join 1 a stall).\n\n"),
		      NONE);
	/* Another function's flushes have a sentence of their own. */
	finding->function = "other";
	discovery = sample_discovery();
	check_summary(&summary,
		      LIST("\n\nother stalled once: it copied 954 MiB in 524 ms, about 60.3 ms of "
			   "it memwatch's own cost.\n1 in 100,000 calls of "),
		      LIST("PyUnicode_Join in python3.11 stalled"));
	discovery.flush = NULL;
	check_summary(&summary, LIST("\n\nother stalled once: ", " carried out under PyUnicode"),
		      NONE);
}

/* What --writes was given for is told first. */
static void joins_a_discovery_and_writes(void **state)
{
	struct discovery discovery = sample_discovery();
	struct run_summary summary = sample_summary;

	(void)state;
	summary.discoveries = &discovery;
	summary.discovery_count = 1;
	summary.finding.function = "PyUnicode_Join";
	check_summary(
		&summary,
		LIST("\n1 in 100,000 calls of lazy_write stalls: PyUnicode_Join typically copied "
		     "95.4 MiB in 26.1 ms (3.83 GB/s); a typical other call took under 810 ns "
		     "(with memwatch's probe in it) (found by counting calls: "
		     "python3.11+0x1a2b30 100,000 a stall, PyUnicode_Join 1).\n"),
		NONE);
}

static void verbose_shows_all_that_was_counted(void **state)
{
	const struct discovery discovery = sample_discovery();
	const struct run_summary summary = with_discovery(&discovery);
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80, .verbose = true});
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, " a stall, PyUnicode_Join 1).\n"
					      "      CALLS  IN STALL  COUNTED FUNCTION (3 stalls)\n"
					      "          1         0  PyUnicode_Join\n"
					      "    100,000         0  python3.11+0x1a2b30\n"
					      "    200,000         5  PyObject_Vectorcall\n\n"));
	close_report(&fixture);
}

/* Processes of one program are discovered one by one. */
static void says_nothing_twice(void **state)
{
	struct discovery discoveries[] = {sample_discovery(), sample_discovery(),
					  sample_discovery()};
	struct run_summary summary = with_discovery(discoveries);
	const char *first;
	struct fixture fixture;

	(void)state;
	discoveries[1].pid = 4243;
	discoveries[2].caller = NULL;
	summary.discovery_count = 3;
	open_report(&fixture, (struct text_settings){.columns = 1000});
	show_summary(&fixture, &summary);
	first = strstr(fixture.shown, "found by counting");
	assert_non_null(first);
	assert_null(strstr(first + 1, "found by counting"));
	close_report(&fixture);
	/* Another caller defers to the same flush. */
	discoveries[1].caller = &sample_frames[3];
	check_summary(&summary,
		      LIST("\n1 in 100,000 calls of python3.11+0x1a2b30 stalls: ",
			   "\n1 in 100,000 calls of PyObject_Vectorcall stalls: "),
		      NONE);
}

static void says_why_nobody_was_found(void **state)
{
	struct discovery discoveries[] = {sample_discovery(), sample_discovery()};
	struct run_summary summary = with_discovery(discoveries);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		discoveries[i].flush = discoveries[i].caller = NULL;
		discoveries[i].is_watched = false;
	}
	discoveries[0].reason = "it ended before the next stall";
	check_summary(
		&summary,
		LIST("\nPyUnicode_Join in python3.11 stalled 3 times in copies: typically "
		     "for about 521 ms, by samples (--flush PyUnicode_Join times each call).\n"
		     "Who defers what is copied under PyUnicode_Join was not found: it ended "
		     "before the next stall.\n"),
		LIST("1 in"));
	/* The last word counts, and none where it was found in the end. */
	summary.discovery_count = 2;
	check_summary(&summary, LIST("under PyUnicode_Join was not found.\n"),
		      LIST("it ended before"));
	discoveries[1] = sample_discovery();
	check_summary(&summary, LIST("1 in 100,000"), LIST("was not found"));
	discoveries[1] = discoveries[0];
	discoveries[0] = sample_discovery();
	check_summary(&summary, LIST("1 in 100,000"), LIST("was not found"));
}

static void says_who_stalls_where_nobody_counted_calls(void **state)
{
	struct frame frame = *SAMPLE_WRITE;
	struct culprit culprits[] = {sample_culprits[0], sample_culprits[0]};
	struct run_summary summary = stalled;

	(void)state;
	summary.stalls.culprits = culprits;
	culprits[0].frame = &frame;
	culprits[0].stalls = 1;
	check_summary(&summary,
		      LIST("\n\npython3.11+0x1a2b30 stalled once in copies: for about 521 ms, by "
			   "samples (--flush python3.11:+0x1a2b30 times each call).\n\n"),
		      LIST("cannot see"));
	culprits[0].total_ns = 2 * (culprits[0].user_ns + culprits[0].fault_ns);
	check_summary(&summary, LIST("for about 521 ms, 50 % of it in copies, by samples"), NONE);
	culprits[0].total_ns /= 2;
	/* What --flush would not take, or a shell would not give it. */
	frame.function_off = 0;
	check_summary(&summary, LIST("stalled once in copies"), LIST("--flush"));
	frame.name = "ns::f(int)";
	check_summary(&summary, LIST("\nns::f(int) in python3.11 stalled once"), LIST("--flush"));
	/* Nor one that is cut: 62 letters. */
	frame.name = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij";
	check_summary(&summary, LIST("xyzabc..hijklm", " stalled once"), LIST("--flush"));
	frame.name = "f";
	frame.is_inlined = true;
	check_summary(&summary, LIST("\nf (inlined) in python3.11 stalled once"), LIST("--flush"));
	/* The worst that is not known by now. */
	culprits[0].stalls = 0;
	summary.stalls.culprit_count = 2;
	check_summary(&summary, LIST("\nPyUnicode_Join in python3.11 stalled 3 times"), NONE);
	culprits[0] = (struct culprit){.stalls = 2, .p50_ns = 2 * MS};
	check_summary(&summary,
		      LIST("\nStalls in copies of no function in common: 2, typically of about "
			   "2.00 ms.\n"),
		      NONE);
}

/* The share of the samples that were taken is what a "no" rests on. */
static void says_that_nothing_stalled(void **state)
{
	struct run_summary summary = stalled;

	(void)state;
	summary.stalls = (struct stall_summary){0};
	summary.copies = 5;
	check_summary(
		&summary,
		LIST("\n\nNo stall of 1.00 ms or longer in copies was seen in 3,100 samples.\n"
		     "memwatch cannot see: copies in the kernel, loops of the program's own "
		     "that copy, and what happened before it watched.\n\nCopies counted: 5",
		     "Copies by size:\n"),
		LIST("STALLS", "CALLS", "No watched call", "name it with --flush"));
	summary.losses.samples = 5;
	summary.samples = 1;
	check_summary(&summary,
		      LIST(" seen in 1 sample, as far as memwatch can tell: samples were lost.\n"),
		      NONE);
	summary.samples = 0;
	check_summary(&summary, LIST(" in copies was seen, but no sample was taken.\n"), NONE);
	/* Of the functions that were named, there is that to say, too. */
	summary.is_copies_only = false;
	check_summary(&summary,
		      LIST("\nNo stall of 1.00 ms", "\nNo watched call of 1.00 ms or longer"),
		      NONE);
	summary.stalls = stalled.stalls;
	check_summary(&summary,
		      LIST("PyUnicode_Join in python3.11 stalled", "\nNo watched call of 1.00 ms"),
		      LIST("No stall", "cannot see", "Copies by size"));
	summary.is_copies_only = true;
	check_summary(&summary, LIST("PyUnicode_Join in python3.11 stalled"),
		      LIST("No stall", "No watched call", "Copies by size"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_how_often_deferred_work_stalls),
		cmocka_unit_test(says_as_much_as_was_found),
		cmocka_unit_test(joins_a_discovery_and_its_flushes),
		cmocka_unit_test(joins_a_discovery_and_writes),
		cmocka_unit_test(verbose_shows_all_that_was_counted),
		cmocka_unit_test(says_nothing_twice),
		cmocka_unit_test(says_why_nobody_was_found),
		cmocka_unit_test(says_who_stalls_where_nobody_counted_calls),
		cmocka_unit_test(says_that_nothing_stalled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
