// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "stall_sample.h"
#include "text_sample.h"

static unsigned lines_with(const char *shown, const char *word)
{
	unsigned count = 0;

	while ((shown = strstr(shown, word))) {
		count++;
		shown += strlen(word);
	}
	return count;
}

static void show_copies(struct fixture *fixture, uint64_t start_ns, unsigned count)
{
	struct large_copy copy = sample_copy("memmove");

	for (unsigned i = 0; i < count; i++) {
		copy.start_ns = start_ns + i * MS;
		copy.bytes = i % 2 ? 4 << 20 : 1 << 20;
		assert_int_equal(fixture->report->ops->copy(fixture->report, &copy), 0);
	}
}

static void folds_more_copies_than_anyone_reads(void **state)
{
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 100});
	show_header(&fixture, "app");
	show_copies(&fixture, 2 * S, 100 + 250);
	assert_int_equal(lines_with(fixture.shown, "memmove"), 100);
	assert_null(strstr(fixture.shown, "more copies"));
	/* The next second has lines again, after what is said of the one before. */
	show_copies(&fixture, 3 * S, 100);
	assert_int_equal(lines_with(fixture.shown, "memmove"), 200);
	assert_int_equal(lines_with(fixture.shown, "more copies"), 1);
	assert_non_null(strstr(fixture.shown,
			       "  1.100 s  250 more copies outside any flush within 249 ms: "
			       "1.00 MiB to 4.00 MiB, 625 MiB together\n"
			       "           (-v shows each)\n"
			       "loader 4242/4250:\n"
			       "  2.000 s"));
	/* What is folded last is told with whatever comes next, and of sizes only what differs. */
	show_copies(&fixture, 3 * S + 200 * MS, 1);
	show_flush(&fixture, sample_flush(3));
	assert_int_equal(lines_with(fixture.shown, "more copies"), 2);
	assert_non_null(strstr(fixture.shown, ": 1.00 MiB, 1.00 MiB together"));
	close_report(&fixture);
}

static void verbose_folds_nothing(void **state)
{
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 100, .verbose = true});
	show_header(&fixture, "app");
	show_copies(&fixture, 2 * S, 350);
	assert_int_equal(lines_with(fixture.shown, "memmove"), 350);
	close_report(&fixture);
}

static void show_flushes(struct fixture *fixture, uint64_t start_ns, unsigned count,
			 struct flush flush)
{
	for (unsigned i = 0; i < count; i++) {
		flush.start_ns = start_ns + i * MS;
		flush.duration_ns = (i % 2 ? 3 : 2) * MS;
		show_flush(fixture, flush);
	}
}

static struct flush uncounted_flush(const char *function)
{
	struct flush flush = sample_flush(0);

	flush.function = function;
	flush.copied_bytes = flush.copies = 0;
	flush.gate_raised = true;
	return flush;
}

static void folds_flushes_that_are_not_counted(void **state)
{
	struct flush flush = uncounted_flush("flush_x");
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 100});
	show_header(&fixture, "app");
	show_flushes(&fixture, 2 * S, 100 + 250, flush);
	assert_int_equal(lines_with(fixture.shown, "flush_x"), 100);
	/* Of the next second they have lines again. */
	show_flushes(&fixture, 3 * S, 100, flush);
	assert_int_equal(lines_with(fixture.shown, "  flush_x\n"), 200);
	assert_non_null(strstr(fixture.shown,
			       "  1.100 s  250 more calls of flush_x within 249 ms, their copies "
			       "not counted: each took 2.00 ms to\n"
			       "           3.00 ms (-v shows them)\n"
			       "python3 4242:\n"
			       "  2.000 s"));
	/* Of several functions none is named, and what comes next comes after them. */
	show_flushes(&fixture, 3 * S + 200 * MS, 1, flush);
	show_flushes(&fixture, 3 * S + 300 * MS, 1, uncounted_flush("flush_y"));
	show_copies(&fixture, 3 * S + 400 * MS, 1);
	assert_non_null(strstr(fixture.shown,
			       "  2.200 s  2 more calls of watched functions within 100 ms, their "
			       "copies not counted: each took\n"
			       "           2.00 ms (-v shows them)\nloader"));
	close_report(&fixture);
}

/* What tells of bytes, be they a part of them, is never folded; nor is anything with -v. */
static void folds_no_flush_that_tells_of_bytes(void **state)
{
	struct flush flush = uncounted_flush("flush_x"), counted = sample_flush(0);
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 100});
	counted.partly_counted = true;
	show_flushes(&fixture, 2 * S, 150, counted);
	flush.gate_raised = false;
	show_flushes(&fixture, 2 * S, 150, flush);
	flush.gate_raised = true;
	flush.copies_known = false;
	show_flushes(&fixture, 2 * S, 150, flush);
	assert_int_equal(lines_with(fixture.shown, "  flush_"), 450);
	assert_null(strstr(fixture.shown, "more calls"));
	close_report(&fixture);
	open_report(&fixture, (struct text_settings){.columns = 100, .verbose = true});
	show_flushes(&fixture, 2 * S, 350, uncounted_flush("flush_x"));
	assert_int_equal(lines_with(fixture.shown, "  flush_x\n"), 350);
	close_report(&fixture);
}

static void show_stalls(struct fixture *fixture, uint64_t start_ns, unsigned count,
			const struct frame *culprit)
{
	struct stall stall = sample_stall(0);

	stall.culprit = culprit;
	for (unsigned i = 0; i < count; i++) {
		stall.start_ns = start_ns + i * MS;
		stall.duration_ns = (i % 2 ? 3 : 2) * MS;
		assert_int_equal(fixture->report->ops->stall(fixture->report, &stall), 0);
	}
}

static void folds_more_stalls_than_anyone_reads(void **state)
{
	struct frame culprit = *SAMPLE_JOIN;
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 100});
	show_header(&fixture, "app");
	show_stalls(&fixture, 2 * S, 100 + 250, &culprit);
	assert_int_equal(lines_with(fixture.shown, ", stall"), 100);
	/* It is another one by the time that they are told of. */
	culprit = *SAMPLE_WRITE;
	show_stalls(&fixture, 3 * S, 100, &culprit);
	assert_int_equal(lines_with(fixture.shown, ", stall"), 200);
	assert_non_null(strstr(fixture.shown,
			       "  1.100 s  250 more stalls in PyUnicode_Join within 249 ms: each "
			       "took about 2.00 ms to 3.00 ms (-v\n"
			       "           shows them)\n"
			       "python3 4242:\n"
			       "  2.000 s"));
	/* Of several culprits none is named, nor is one that is not known. */
	show_stalls(&fixture, 3 * S + 200 * MS, 1, SAMPLE_JOIN);
	show_stalls(&fixture, 3 * S + 300 * MS, 1, SAMPLE_WRITE);
	show_copies(&fixture, 3 * S + 400 * MS, 1);
	assert_non_null(strstr(fixture.shown,
			       "  2.200 s  2 more stalls within 100 ms: each took about 2.00 ms "
			       "(-v shows them)\nloader"));
	show_stalls(&fixture, 3 * S + 500 * MS, 1, NULL);
	show_copies(&fixture, 3 * S + 600 * MS, 1);
	assert_non_null(strstr(fixture.shown, "  2.500 s  1 more stall within 0 ns"));
	close_report(&fixture);
	open_report(&fixture, (struct text_settings){.columns = 100, .verbose = true});
	show_stalls(&fixture, 2 * S, 350, SAMPLE_JOIN);
	assert_int_equal(lines_with(fixture.shown, ", 519 samples\n"), 350);
	close_report(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_more_copies_than_anyone_reads),
		cmocka_unit_test(verbose_folds_nothing),
		cmocka_unit_test(folds_flushes_that_are_not_counted),
		cmocka_unit_test(folds_no_flush_that_tells_of_bytes),
		cmocka_unit_test(folds_more_stalls_than_anyone_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
