// SPDX-License-Identifier: GPL-2.0-only
#include "stall_sample.h"
#include "text_sample.h"

static void show_stall(struct fixture *fixture, struct stall stall)
{
	assert_int_equal(fixture->report->ops->stall(fixture->report, &stall), 0);
}

/* What a stall adds to the list once the titles and the thread are shown. */
static void check_row(struct stall stall, bool verbose, const char *wanted)
{
	struct fixture fixture;
	size_t before;

	open_report(&fixture, (struct text_settings){.columns = 80, .verbose = verbose});
	show_header(&fixture, "app");
	show_stall(&fixture, sample_stall(0));
	before = fixture.bytes;
	stall.frame_count = 0;
	show_stall(&fixture, stall);
	assert_string_equal(fixture.shown + before, wanted);
	close_report(&fixture);
}

static void shows_stalls_in_the_list(void **state)
{
	struct fixture fixture;
	struct stall stall = sample_stall(1);

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_header(&fixture, "app");
	stall.frame_count = 0;
	show_stall(&fixture, stall);
	show_flush(&fixture, sample_flush(2));
	show_stall(&fixture, stall);
	assert_string_equal(
		fixture.shown,
		"memwatch 0.1.0: watching app (as user alice)\n"
		"\n"
		"     TIME      TOOK    COPIED   COPIES       RATE  FUNCTION\n"
		"python3 4242:\n"
		"  0.400 s   ~521 ms         >= 944 MiB          -  PyUnicode_Join, stall\n"
		"\n"
		"     TIME      TOOK    COPIED   COPIES       RATE      WRITE  FUNCTION\n"
		"python3 4242:\n"
		"  0.812 s   26.2 ms  95.4 MiB  100,000  3.82 GB/s    200,000  "
		"flush_accumulator\n"
		"  0.400 s   ~521 ms         >= 944 MiB          -          -  "
		"PyUnicode_Join\n"
		"                                                              stall\n");
	close_report(&fixture);
}

/* Many copies one after the other, with something else in between, look like one. */
static void says_how_much_of_it_was_in_copies(void **state)
{
	struct stall stall = sample_stall(1);

	(void)state;
	stall.duration_ns = 692 * MS;
	check_row(stall, false,
		  "  0.400 s   ~692 ms         >= 944 MiB          -  PyUnicode_Join, stall\n");
	stall.duration_ns = 1000 * MS;
	check_row(stall, false,
		  "  0.400 s   ~1.00 s         >= 944 MiB          -  PyUnicode_Join\n"
		  "                                                   stall, 52 % of it in copies\n");
}

static void says_what_is_not_known_of_a_stall(void **state)
{
	struct stall stall = sample_stall(1);
	struct frame inlined = *SAMPLE_JOIN;

	(void)state;
	stall.gate_bytes = 0;
	check_row(stall, false,
		  "  0.400 s   ~521 ms           ~944 MiB          -  PyUnicode_Join, stall\n");
	/* What is no copy routine copied, or nothing is known of it. */
	stall.copied_bytes = stall.copies = 0;
	check_row(stall, false,
		  "  0.400 s   ~521 ms        not counted          -  PyUnicode_Join, stall\n");
	stall.gate_bytes = NO_GATE;
	check_row(stall, false,
		  "  0.400 s   ~521 ms        not counted          -  PyUnicode_Join, stall\n");
	stall.culprit = SAMPLE_WRITE;
	check_row(stall, false,
		  "  0.400 s   ~521 ms        not counted          -  python3.11+0x1a2b30, "
		  "stall\n");
	inlined.is_inlined = true;
	stall.culprit = &inlined;
	check_row(stall, false,
		  "  0.400 s   ~521 ms        not counted          -  PyUnicode_Join\n"
		  "                                                   stall, inlined\n");
	stall.culprit = NULL;
	stall.unfinished = true;
	check_row(stall, false,
		  "  0.400 s   ~521 ms        not counted          -  ?\n"
		  "           stall, its stacks have no function in common, unfinished\n");
	stall.unfinished = false;
	stall.stacks = 0;
	check_row(stall, false,
		  "  0.400 s   ~521 ms        not counted          -  ?, stall, no stack was "
		  "taken\n");
}

static void fits_a_narrow_terminal(void **state)
{
	struct stall stall = sample_stall(1);
	struct fixture fixture;

	(void)state;
	stall.culprit = NULL;
	stall.frame_count = 0;
	open_report(&fixture, (struct text_settings){.columns = 40});
	show_stall(&fixture, stall);
	assert_non_null(strstr(fixture.shown, "         >= 944 MiB          -\n"
					      "           ?\n"
					      "           stall, its stacks have no\n"
					      "           function in common\n"));
	close_report(&fixture);
}

/* "~" says that a time is by samples; by how many, and to which tick, is for -v. */
static void says_how_exact_it_is(void **state)
{
	struct stall stall = sample_stall(1);

	(void)state;
	check_row(stall, true,
		  "  0.400 s   ~521 ms         >= 944 MiB          -  PyUnicode_Join\n"
		  "           stall, +- 1.00 ms, 519 samples\n");
	stall.duration_ns = 5 * MS;
	check_row(stall, false,
		  "  0.400 s  ~5.00 ms         >= 944 MiB          -  PyUnicode_Join, stall\n");
	/* Known otherwise than by samples. */
	stall.error_ns = 0;
	stall.samples = 1;
	check_row(stall, false,
		  "  0.400 s   5.00 ms         >= 944 MiB          -  PyUnicode_Join, stall\n");
	check_row(stall, true,
		  "  0.400 s   5.00 ms         >= 944 MiB          -  PyUnicode_Join\n"
		  "                                                   stall, 1 sample\n");
}

/* ---- discoveries ---- */

static void check_discovery(struct discovery discovery, bool verbose, const char *wanted)
{
	struct fixture fixture;
	struct text_settings settings = {.columns = 80, .verbose = verbose};

	open_report(&fixture, settings);
	discovery.at_ns -= 1 * S;
	assert_int_equal(fixture.report->ops->discovery(fixture.report, &discovery), 0);
	assert_string_equal(fixture.shown ? fixture.shown : "", wanted);
	close_report(&fixture);
	settings.quiet = true;
	open_report(&fixture, settings);
	assert_int_equal(fixture.report->ops->discovery(fixture.report, &discovery), 0);
	assert_int_equal(fixture.bytes, 0);
	close_report(&fixture);
}

static void says_who_defers_the_work(void **state)
{
	struct discovery discovery = sample_discovery();

	(void)state;
	check_discovery(discovery, false,
			"  1.234 s  PyUnicode_Join carries out what python3.11+0x1a2b30 defers: 1 "
			"call a\n"
			"           stall against 100,000; it is watched like --flush\n");
	discovery.is_watched = false;
	discovery.function_count = 1;
	discovery.reason = "it begins with an instruction that bears no probe";
	check_discovery(discovery, false,
			"  1.234 s  PyUnicode_Join carries out what python3.11+0x1a2b30 defers; it "
			"is not\n"
			"           watched: it begins with an instruction that bears no probe\n");
}

static void says_what_was_found_of_it(void **state)
{
	struct discovery discovery = sample_discovery();

	(void)state;
	discovery.caller = NULL;
	check_discovery(discovery, false,
			"  1.234 s  PyUnicode_Join is called once a stall; who defers its work was "
			"not\n"
			"           found; it is watched like --flush\n");
	discovery = sample_discovery();
	discovery.flush = NULL;
	check_discovery(discovery, false,
			"  1.234 s  1 in 100,000 calls of python3.11+0x1a2b30 stalls; what they "
			"defer is\n"
			"           carried out by no function of its own\n");
	discovery.function_count = 0;
	check_discovery(discovery, false,
			"  1.234 s  some calls of python3.11+0x1a2b30 stall; what they defer is "
			"carried\n"
			"           out by no function of its own\n");
	/* The summary says this. */
	discovery.caller = NULL;
	discovery.reason = "it stalled too seldom";
	check_discovery(discovery, false, "");
	check_discovery(
		discovery, true,
		"  1.234 s  who defers what is copied under PyUnicode_Join was not found: it\n"
		"           stalled too seldom\n");
}

/* ---- the table ---- */

static const struct run_summary stalled = {
	.wall_ns = 4 * S,
	.stalls = {.culprits = sample_culprits, .culprit_count = 1, .sampled_ns = 1600 * MS},
	.is_sampled = true,
	.is_copies_only = true,
	.budget_pct = -1,
	.sample_period_ns = 1 * MS,
	.samples = 3100,
	.copy_samples = 1600,
	.trap_samples = 12,
	.stacks = 1598,
	.sampling_ns = 46 * MS,
	.overhead_ns = 233 * MS,
	.probe_hits = 310771,
	.hit_cheap_ns = 603,
	.target_cpu_ns = 3900 * MS,
};

static void lists_the_culprits(void **state)
{
	struct culprit culprits[] = {sample_culprits[0],
				     {.frame = SAMPLE_WRITE, .stalls = 1},
				     {.samples = 5},
				     {.stalls = 2, .p50_ns = 2 * MS}};
	struct run_summary summary = stalled;
	struct fixture fixture;

	(void)state;
	culprits[1].copied_bytes = 5000;
	summary.stalls.culprits = culprits;
	summary.stalls.culprit_count = 4;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_summary(&fixture, &summary);
	assert_non_null(strstr(
		fixture.shown,
		"\n   STALLS     TOTAL       P50     WORST       COPIED  CULPRIT (by samples)\n"
		"        3    1.56 s    521 ms    522 ms  >= 2.77 GiB  PyUnicode_Join\n"
		"        1      0 ns      0 ns      0 ns    ~4.88 KiB  python3.11+0x1a2b30\n"
		"        2      0 ns   2.00 ms      0 ns  not counted  ?, no function in common\n"
		"PyUnicode_Join: 81 % of its time in copies went into page faults of the memory\n"
		"  that it copied to or from.\n\n"));
	close_report(&fixture);
}

static void shortens_the_table_of_culprits(void **state)
{
	struct culprit culprits[12];
	struct run_summary summary = stalled;
	struct fixture fixture;

	(void)state;
	for (size_t i = 0; i < 12; i++)
		culprits[i] = (struct culprit){.frame = SAMPLE_WRITE, .stalls = 12 - i};
	summary.stalls.culprits = culprits;
	summary.stalls.culprit_count = 12;
	check_summary(
		&summary,
		LIST("\n        3  ", "\nLikewise stalled: 2 more functions (-v names them).\n"),
		LIST("\n        2  "));
	open_report(&fixture, (struct text_settings){.columns = 80, .verbose = true});
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, "\n        1  "));
	assert_null(strstr(fixture.shown, "Likewise"));
	close_report(&fixture);
}

static void names_faults_where_they_took_the_time(void **state)
{
	struct culprit culprit = sample_culprits[0];
	struct run_summary summary = stalled;

	(void)state;
	summary.stalls.culprits = &culprit;
	culprit.fault_ns = culprit.user_ns - 2;
	check_summary(&summary, LIST("  PyUnicode_Join\n"), LIST("page faults"));
	culprit.fault_ns = culprit.user_ns;
	check_summary(&summary, LIST("PyUnicode_Join: 50 % of its time"), NONE);
}

/* ---- samples and their cost ---- */

static void says_what_was_sampled(void **state)
{
	const struct discovery discovery = sample_discovery();
	struct run_summary summary = stalled;

	(void)state;
	check_summary(&summary,
		      LIST("\nSamples taken, one each 1.00 ms of CPU time: 3,100, 1,600 of them in "
			   "copies, 12 in memwatch's own traps, with 1,598 stacks; they cost the "
			   "target about 46.0 ms.\nThe target spent about 187 ms in 310,771 probe "
			   "hits (603 ns each).\nmemwatch cost 6.0 % of its time.\n"),
		      LIST("beyond", "LOST"));
	summary.discoveries = &discovery;
	summary.discovery_count = 1;
	summary.trap_samples = 0;
	summary.losses.samples = 7;
	check_summary(&summary,
		      LIST(" stacks; they cost",
			   "\nTo find who defers work, calls were counted at a cost of about "
			   "12.0 ms beyond the budget.\n",
			   "\nLOST: 7 samples of copies found no room"),
		      LIST("own traps"));
	summary.samples = 0;
	check_summary(&summary, LIST("\nSamples taken: none, of one each 1.00 ms of CPU time.\n"),
		      LIST("stack)"));
	summary.is_sampled = false;
	check_summary(&summary, LIST("LOST: 7 samples"), LIST("Samples taken"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_stalls_in_the_list),
		cmocka_unit_test(says_how_much_of_it_was_in_copies),
		cmocka_unit_test(says_what_is_not_known_of_a_stall),
		cmocka_unit_test(fits_a_narrow_terminal),
		cmocka_unit_test(says_how_exact_it_is),
		cmocka_unit_test(says_who_defers_the_work),
		cmocka_unit_test(says_what_was_found_of_it),
		cmocka_unit_test(lists_the_culprits),
		cmocka_unit_test(shortens_the_table_of_culprits),
		cmocka_unit_test(names_faults_where_they_took_the_time),
		cmocka_unit_test(says_what_was_sampled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
