// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "json_sample.h"

static void sends_each_line_at_once(void **state)
{
	FILE *file = tmpfile();
	char line[2048];
	struct report *report = report_json_new(file);

	(void)state;
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(report->ops->flush(report, &sample_flush), 0);
		/* Read beside stdio: what lies in its buffer only is not there. */
		assert_true(pread(fileno(file), line, sizeof(line), 0) > i * 100);
	}
	report->ops->free(report);
	fclose(file);
}

static void gives_the_error_of_a_full_disk(void **state)
{
	const struct run_summary summary = {.finding = {.found = true, .function = "f"}};
	FILE *full = fopen("/dev/full", "w");
	struct report *report = report_json_new(full);

	(void)state;
	assert_int_equal(report->ops->flush(report, &sample_flush), -ENOSPC);
	/* It stays an error, and nothing later looks as if it had been written. */
	assert_int_equal(report->ops->flush(report, &sample_flush), -ENOSPC);
	assert_int_equal(report->ops->summary(report, &summary), -ENOSPC);
	report->ops->free(report);
	fclose(full);
}

static void gives_the_error_of_a_closed_pipe(void **state)
{
	int ends[2];
	struct report *report;
	FILE *out;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	out = fdopen(ends[1], "w");
	report = report_json_new(out);
	assert_int_equal(report->ops->flush(report, &sample_flush), -EPIPE);
	report->ops->free(report);
	fclose(out);
	signal(SIGPIPE, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_each_line_at_once),
		cmocka_unit_test(gives_the_error_of_a_full_disk),
		cmocka_unit_test(gives_the_error_of_a_closed_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
