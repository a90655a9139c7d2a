// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_more_copies_than_anyone_reads),
		cmocka_unit_test(verbose_folds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
