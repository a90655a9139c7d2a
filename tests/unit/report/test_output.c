// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/output.h"

#define MANY_BYTES (1 << 20) /* more than a pipe holds */

static void sends_after_what_the_stream_holds(void **state)
{
	char taken[32] = "";
	FILE *file = tmpfile();

	(void)state;
	fputs("before ", file);
	assert_int_equal(output_send(file, "one line\n", 9), 0);
	assert_int_equal(pread(fileno(file), taken, sizeof(taken) - 1, 0), 16);
	assert_string_equal(taken, "before one line\n");
	fputs("after", file);
	fclose(file);
}

static void ignore_signal(int number)
{
	(void)number;
}

/* A reader that takes its time, so that the writer waits in the middle; its status is the sum. */
static pid_t start_slow_reader(int ends[2])
{
	pid_t reader = fork();
	size_t seen = 0;
	ssize_t got;
	char buf[65536];

	if (reader)
		return reader;
	close(ends[1]);
	do {
		usleep(5000);
		got = read(ends[0], buf, sizeof(buf));
		for (ssize_t i = 0; i < got; i++)
			seen += buf[i] == (char)((seen & 63) + ' ');
	} while (got > 0);
	_exit(seen == MANY_BYTES ? 0 : 1);
}

static void signals_lose_nothing(void **state)
{
	const struct sigaction act = {.sa_handler = ignore_signal}; /* no SA_RESTART */
	const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	char *text = malloc(MANY_BYTES);
	int ends[2], status = -1;
	pid_t reader;
	FILE *out;

	(void)state;
	for (size_t i = 0; i < MANY_BYTES; i++)
		text[i] = (char)((i & 63) + ' ');
	assert_int_equal(pipe(ends), 0);
	reader = start_slow_reader(ends);
	close(ends[0]);
	out = fdopen(ends[1], "w");
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(output_send(out, text, MANY_BYTES), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	fclose(out);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	free(text);
}

static void gives_the_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_int_equal(output_send(full, "x", 1), -ENOSPC);
	/* What somebody else left in the stream fails, too. */
	fputs("x", full);
	assert_int_equal(output_send(full, "", 0), -ENOSPC);
	fclose(full);
}

/* What went wrong while the page was written is not lost, and half a page is not sent. */
static void a_page_with_an_error_is_not_sent(void **state)
{
	FILE *file = tmpfile();
	struct page page;

	(void)state;
	assert_int_equal(page_open(&page), 0);
	fputs("half", page.stream);
	page.error = -ENOMEM;
	assert_int_equal(page_send(&page, file), -ENOMEM);
	assert_int_equal(lseek(fileno(file), 0, SEEK_END), 0);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_after_what_the_stream_holds),
		cmocka_unit_test(signals_lose_nothing),
		cmocka_unit_test(gives_the_error),
		cmocka_unit_test(a_page_with_an_error_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
