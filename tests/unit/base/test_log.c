// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

/* What log_error() writes of a name. */
static void log_name(const char *name, char *told, size_t told_bytes)
{
	int ends[2], kept_fd = dup(STDERR_FILENO);
	ssize_t got;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_error("no function '%s' came", name);
	dup2(kept_fd, STDERR_FILENO);
	close(kept_fd);
	close(ends[1]);
	got = read(ends[0], told, told_bytes - 1);
	close(ends[0]);
	assert_true(got > 0);
	told[got] = '\0';
}

static void names_cannot_harm_a_terminal(void **state)
{
	char told[256];

	(void)state;
	log_name("a\x1b[2Jb\nc", told, sizeof(told));
	assert_string_equal(told, "memwatch: no function 'a\\x1b[2Jb\\x0ac' came\n");
	log_name("größe→", told, sizeof(told));
	assert_string_equal(told, "memwatch: no function 'größe→' came\n");
}

static void long_lines_are_cut(void **state)
{
	char name[4096], told[8192];

	(void)state;
	memset(name, '\x1b', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	log_name(name, told, sizeof(told));
	assert_true(strlen(told) < 4096);
	assert_string_equal(told + strlen(told) - 4, "...\n");
}

static void errno_is_kept(void **state)
{
	char told[256];

	(void)state;
	errno = EXDEV;
	log_name("a", told, sizeof(told));
	log_detail("not shown");
	assert_int_equal(errno, EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_cannot_harm_a_terminal),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(errno_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
