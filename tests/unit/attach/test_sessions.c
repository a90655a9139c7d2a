// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attach/sessions.h"

static void releases_that_may_kill_under_a_filter(void **state)
{
	static const char *const releases[] = {"6.11.0",  "6.11.11-1-pve", "6.12.9-amd64",
					       "6.12",    "6.13.2",        "6.14.0-rc1",
					       "6.14.11", "six",           ""};

	(void)state;
	for (size_t i = 0; i < sizeof(releases) / sizeof(*releases); i++)
		assert_true(sessions_need_no_seccomp(releases[i]));
}

static void releases_before_and_after_do_not(void **state)
{
	static const char *const releases[] = {"6.1.0-49-amd64", "6.10.14", "6.15.0", "6.18.44-fc",
					       "6.110.0",        "7.11.0",  "5.13.0", "16.12.0"};

	(void)state;
	for (size_t i = 0; i < sizeof(releases) / sizeof(*releases); i++)
		assert_false(sessions_need_no_seccomp(releases[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases_that_may_kill_under_a_filter),
		cmocka_unit_test(releases_before_and_after_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
