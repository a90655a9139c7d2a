// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "text_sample.h"

static void unread_copies_are_not_zero(void **state)
{
	struct flush flush = sample_flush(0);
	struct fixture fixture;

	(void)state;
	flush.copies_known = false;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_flush(&fixture, flush);
	assert_non_null(strstr(fixture.shown, "26.0 ms         ?        ?          ?  flush_acc"));
	close_report(&fixture);
}

/* A row, with what was there before taken away. */
static const char *row_of(struct fixture *fixture, struct flush flush)
{
	size_t before = fixture->bytes;

	show_flush(fixture, flush);
	return fixture->shown + before;
}

static void what_was_not_counted_is_no_figure(void **state)
{
	struct flush flush = sample_flush(0);
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	assert_non_null(strstr(row_of(&fixture, flush),
			       "COPIED   COPIES       RATE  FUNCTION\npython3 4242:\n  1.012 s   "
			       "26.0 ms  95.4 MiB  100,000  3.85 GB/s  flush_accumulator\n"));
	flush.partly_counted = true;
	assert_string_equal(row_of(&fixture, flush), "  1.012 s   26.0 ms        >= 95.4 MiB"
						     "          -  flush_accumulator\n");
	flush.partly_counted = false;
	flush.gate_raised = true;
	assert_string_equal(row_of(&fixture, flush), "  1.012 s   26.0 ms        >= 95.4 MiB"
						     "          -  flush_accumulator\n");
	flush.copied_bytes = flush.copies = 0;
	assert_string_equal(row_of(&fixture, flush), "  1.012 s   26.0 ms        not counted"
						     "          -  flush_accumulator\n");
	flush.copies_known = false;
	assert_string_equal(row_of(&fixture, flush), "  1.012 s   26.0 ms         ?        ?"
						     "          ?  flush_accumulator\n");
	/* A gate that nobody raised leaves out what the footer says it does. */
	flush = sample_flush(0);
	flush.gate_bytes = 2113;
	assert_non_null(strstr(row_of(&fixture, flush), "  95.4 MiB  100,000  3.85 GB/s  flush"));
	close_report(&fixture);
}

static void tells_how_long_a_large_copy_took(void **state)
{
	struct large_copy copy = sample_copy("memmove");
	struct fixture fixture;

	(void)state;
	copy.duration_ns = 2 * MS;
	open_report(&fixture, (struct text_settings){.columns = 100, .verbose = true});
	fixture.report->ops->copy(fixture.report, &copy);
	assert_non_null(strstr(fixture.shown,
			       "  1.850 s   2.00 ms  16.0 MiB        1  8.39 GB/s  memmove\n"));
	assert_non_null(strstr(fixture.shown, "  no flush, 0x7f33a2000010 -> 0x7f33a4600010\n"));
	close_report(&fixture);
	open_report(&fixture, (struct text_settings){.columns = 80});
	fixture.report->ops->copy(fixture.report, &copy);
	assert_non_null(strstr(fixture.shown, "  8.39 GB/s  memmove, no flush\n"));
	close_report(&fixture);
}

static void names_the_thread_when_it_changes(void **state)
{
	struct flush flush = sample_flush(0);
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_flush(&fixture, flush);
	show_flush(&fixture, flush);
	assert_null(strstr(strstr(fixture.shown, "python3 4242:") + 1, "python3"));
	flush.tid = 4250;
	show_flush(&fixture, flush);
	assert_non_null(strstr(fixture.shown, "\npython3 4242/4250:\n"));
	flush.pid = 4300;
	show_flush(&fixture, flush);
	assert_non_null(strstr(fixture.shown, "\npython3 4300/4250:\n"));
	snprintf(flush.comm, COMM_BYTES, "other");
	show_flush(&fixture, flush);
	assert_non_null(strstr(fixture.shown, "\nother 4300/4250:\n"));
	flush.comm[0] = '\0';
	show_flush(&fixture, flush);
	assert_non_null(strstr(fixture.shown, "\nprocess 4300/4250:\n"));
	close_report(&fixture);
}

static void titles_come_again_with_the_first_write(void **state)
{
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_flush(&fixture, sample_flush(0));
	assert_null(strstr(fixture.shown, "WRITE"));
	show_flush(&fixture, sample_flush(1));
	assert_non_null(strstr(fixture.shown, "RATE      WRITE  FUNCTION\npython3 4242:\n"));
	show_flush(&fixture, sample_flush(0));
	assert_non_null(strstr(fixture.shown, "GB/s          -  flush_accumulator\n"));
	close_report(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unread_copies_are_not_zero),
		cmocka_unit_test(what_was_not_counted_is_no_figure),
		cmocka_unit_test(tells_how_long_a_large_copy_took),
		cmocka_unit_test(names_the_thread_when_it_changes),
		cmocka_unit_test(titles_come_again_with_the_first_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
