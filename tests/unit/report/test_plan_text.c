// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/plan_text.h"

static char *printed(const struct plan_report *plan)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	assert_int_equal(plan_text_print(out, plan), 0);
	fclose(out);
	return text;
}

static void assert_printed(const struct plan_report *plan, const char *expected)
{
	char *text = printed(plan);

	assert_string_equal(text, expected);
	free(text);
}

static const struct plan_line first_lines[] = {
	{.module = "/bin/app",
	 .file_off = 0x3660,
	 .what = "entry",
	 .name = "flush",
	 .reason = "push %r15: emulated"},
	{.module = "/lib/libc.so.6",
	 .file_off = 0x16db39,
	 .what = "copy",
	 .name = "memmove",
	 .reason = "jb 0x16da60: only copies of more than 2,112 bytes pass; emulated",
	 .neighbours = "cmp %rdx, %rcx before it is single-stepped",
	 .hit_ns = 750},
};

static void test_gate_is_told_with_what_it_proves_and_costs(void **state)
{
	(void)state;
	assert_printed(&(struct plan_report){.pid = 42,
					     .comm = "app",
					     .lines = first_lines,
					     .line_count = 2,
					     .settled = true,
					     .copies_covered = true},
		       "process 42 (app): 2 probes\n"
		       "  /bin/app\n"
		       "    +0x3660     entry  flush\n"
		       "                push %r15: emulated\n"
		       "  /lib/libc.so.6\n"
		       "    +0x16db39   copy   memmove\n"
		       "                jb 0x16da60: only copies of more than 2,112 bytes pass; "
		       "emulated; about 750 ns a hit\n"
		       "                not its neighbours: cmp %rdx, %rcx before it is "
		       "single-stepped\n");
}

static void test_steps_of_the_budget_are_told_in_brief(void **state)
{
	static const struct plan_line high[] = {
		{.module = "/lib/libc.so.6",
		 .file_off = 0x40,
		 .what = "copy",
		 .name = "memmove",
		 .reason = "jb 0x50: only copies of more than 1,048,575 bytes pass; emulated",
		 .hit_ns = 640},
	};
	const struct plan_step steps[] = {
		{.is_counted = true},
		{.is_counted = true,
		 .from_bytes = 1048576,
		 .lines = high,
		 .line_count = 1,
		 .uncounted = "memcpy in app"},
		{.is_counted = false},
	};

	(void)state;
	assert_printed(&(struct plan_report){.pid = 42,
					     .comm = "app",
					     .lines = first_lines,
					     .line_count = 1,
					     .steps = steps,
					     .step_count = 3,
					     .settled = true,
					     .copies_covered = true},
		       "process 42 (app): 1 probe\n"
		       "  /bin/app\n"
		       "    +0x3660     entry  flush\n"
		       "                push %r15: emulated\n"
		       "  copies that are counted, first and where the budget moves their gate:\n"
		       "    every one\n"
		       "    those of at least 1,048,576 bytes\n"
		       "      +0x40 in libc.so.6: jb 0x50: only copies of more than 1,048,575 "
		       "bytes pass; emulated; about 640 ns a hit\n"
		       "      without memcpy in app\n"
		       "    none\n");
}

static void test_a_fixed_gate_is_told(void **state)
{
	const struct plan_step step = {.is_counted = true, .from_bytes = 4096};

	(void)state;
	assert_printed(&(struct plan_report){.pid = 42,
					     .comm = "app",
					     .steps = &step,
					     .step_count = 1,
					     .settled = true,
					     .copies_covered = true},
		       "process 42 (app): 0 probes\n"
		       "  copies that are counted:\n"
		       "    those of at least 4,096 bytes\n");
}

static void test_what_is_missing_is_said(void **state)
{
	(void)state;
	assert_printed(&(struct plan_report){.pid = 1, .comm = "a\33b", .settled = true},
		       "process 1 (a\\x1bb): 0 probes\n"
		       "  no copy routine found: copies are not counted\n");
	assert_printed(&(struct plan_report){.pid = 1, .comm = "a"},
		       "process 1 (a): 0 probes\n"
		       "  the loader has not bound every copy routine yet: planned again later\n");
	assert_printed(&(struct plan_report){.pid = 1, .comm = "a", .refused = "no way"},
		       "process 1 (a): 0 probes\n"
		       "  copies are not counted: no way\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gate_is_told_with_what_it_proves_and_costs),
		cmocka_unit_test(test_steps_of_the_budget_are_told_in_brief),
		cmocka_unit_test(test_a_fixed_gate_is_told),
		cmocka_unit_test(test_what_is_missing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
