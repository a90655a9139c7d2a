// SPDX-License-Identifier: GPL-2.0-only
/* The words record, report and diff. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "options/command_line.h"

static void record_is_a_watch_to_a_file(void **state)
{
	PARSE(run, "record -o a.rec --json j --flush f -q -- cmd --json x");

	(void)state;
	assert_runs(&run);
	assert_int_equal(run.options.mode, MODE_RECORD);
	assert_string_equal(run.options.out_path, "a.rec");
	assert_string_equal(run.options.json_path, "j");
	assert_string_equal(run.options.command[0], "cmd");
	assert_string_equal(run.options.command[1], "--json");
	assert_int_equal(run.options.watchlist.patterns.count, 1);
	assert_false(run.options.demo);
	options_release(&run.options);
}

static void record_alone_records_the_demo(void **state)
{
	PARSE(run, "record --output a.rec");

	(void)state;
	assert_runs(&run);
	assert_true(run.options.demo);
	options_release(&run.options);
}

static void report_reads_one_recording(void **state)
{
	char lines[][64] = {"report a.rec --json j -o out -v --min-time 5ms",
			    "report --json j -o out -v --min-time 5ms a.rec",
			    "report --json=j --output=out --verbose --min-time=5ms -- a.rec"};
	struct run run;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		parse_line(&run, lines[i]);
		assert_runs(&run);
		assert_int_equal(run.options.mode, MODE_REPORT);
		assert_string_equal(run.options.recordings[0], "a.rec");
		assert_string_equal(run.options.json_path, "j");
		assert_string_equal(run.options.out_path, "out");
		assert_true(run.options.verbose && run.options.min_time_is_set);
		assert_int_equal(run.options.min_time_ns, 5 * NS_PER_MS);
		assert_false(run.options.demo);
		options_release(&run.options);
	}
}

static void a_recording_has_its_own_least_time(void **state)
{
	PARSE(run, "report -q a.rec");

	(void)state;
	assert_runs(&run);
	assert_true(run.options.quiet);
	assert_false(run.options.min_time_is_set);
	options_release(&run.options);
}

static void diff_reads_two(void **state)
{
	PARSE(run, "diff slow --json - fast");

	(void)state;
	assert_runs(&run);
	assert_int_equal(run.options.mode, MODE_DIFF);
	assert_string_equal(run.options.recordings[0], "slow");
	assert_string_equal(run.options.recordings[1], "fast");
	assert_string_equal(run.options.json_path, "-");
	options_release(&run.options);
}

/* Behind -- stands a command, whatever it is called, and elsewhere than first a name is one. */
static void programs_may_be_called_so(void **state)
{
	char lines[][24] = {"-- record -o x", "-q report x", "-- diff a b"};
	struct run run;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		parse_line(&run, lines[i]);
		assert_runs(&run);
		assert_int_equal(run.options.mode, MODE_WATCH);
		assert_non_null(run.options.command);
		options_release(&run.options);
	}
}

static void what_makes_no_sense_is_said(void **state)
{
	static const struct {
		const char *line, *told;
	} cases[] = {
		{"record -- cmd", "record needs a file"},
		{"record", "record needs a file"},
		{"record -o - -- cmd", "a recording goes to a file"},
		{"record -o x --dry-run -- cmd", "--dry-run"},
		{"record -o x --json x -- cmd", "same file"},
		{"record -o x --pid 1 -- cmd", "--pid and a command"},
		{"report", "name one recording"},
		{"report a b", "name one recording"},
		{"report a --json x -o x", "same file"},
		{"report a --flush f", "'--flush' is no option"},
		{"report a -p 1", "'-p' is no option"},
		{"report a --min-time", "--min-time needs a value"},
		{"report a --min-time 5", "--min-time '5'"},
		{"report a --quiet=1", "--quiet takes no value"},
		{"diff", "name two recordings"},
		{"diff a", "name two recordings"},
		{"diff a b c", "name two recordings"},
	};
	char line[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(line, sizeof(line), "%s", cases[i].line);
		assert_wrong(line, cases[i].told);
	}
}

static void each_word_has_help(void **state)
{
	char lines[][16] = {"record --help", "report -h", "diff --help"};
	struct run run;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		parse_line(&run, lines[i]);
		assert_int_equal(run.result, OPTIONS_DONE);
		assert_non_null(strstr(run.out, "memwatch record -o FILE"));
		assert_non_null(strstr(run.out, "memwatch report FILE"));
		assert_non_null(strstr(run.out, "memwatch diff SLOW FAST"));
		options_release(&run.options);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_is_a_watch_to_a_file),
		cmocka_unit_test(record_alone_records_the_demo),
		cmocka_unit_test(report_reads_one_recording),
		cmocka_unit_test(a_recording_has_its_own_least_time),
		cmocka_unit_test(diff_reads_two),
		cmocka_unit_test(programs_may_be_called_so),
		cmocka_unit_test(what_makes_no_sense_is_said),
		cmocka_unit_test(each_word_has_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
