// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "session/outputs.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A reader of JSON on stdout must find nothing else there. */
static void the_report_gives_way_to_json(void **state)
{
	const struct {
		struct output_settings settings;
		FILE *text;
	} cases[] = {
		{{.launched = false}, stdout},
		{{.launched = true}, stderr},
		{{.json_path = "-"}, stderr},
		{{.json_path = "/dev/stdout"}, stderr},
		{{.json_path = "/dev/stderr"}, stdout},
		{{.json_path = "/dev/stderr", .launched = true}, stderr},
		{{.json_path = "-", .launched = true}, stderr},
		{{.json_path = "-", .out_path = "-"}, stdout},
	};
	const struct identity owner = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct outputs outputs;

		assert_int_equal(outputs_open(&outputs, &cases[i].settings, &owner), 0);
		assert_ptr_equal(outputs.all[0].file, cases[i].text);
		assert_true(outputs_close(&outputs));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_report_gives_way_to_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
