// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "options/command_line.h"

/* ---- what is right ---- */

static void nothing_is_the_demo(void **state)
{
	PARSE(run, "");

	(void)state;
	assert_runs(&run);
	assert_true(run.options.demo);
	assert_null(run.options.command);
	assert_int_equal(run.options.pids.count, 0);
	assert_int_equal(run.options.watchlist.patterns.count, 0);
	assert_false(run.options.gate_is_set);
	assert_true(run.options.budget_pct == 2);
	assert_int_equal(run.options.min_bytes, 1 << 20);
	assert_int_equal(run.options.min_time_ns, NS_PER_MS);
	assert_int_equal(run.options.duration_ns, 0);
	assert_null(run.options.json_path);
	assert_null(run.options.out_path);
	assert_true(run.options.follow);
	assert_false(run.options.dry_run);
	assert_false(run.options.time_copies);
	assert_false(run.options.quiet);
	assert_false(run.options.verbose);
	assert_int_equal(run.options.links, LINKS_AUTO);
	options_release(&run.options);
}

static void each_long_option(void **state)
{
	PARSE(run, "--pid 42 --min-bytes 64K --min-time 250us --duration 2s --json a.json "
		   "--output b.txt --no-follow --dry-run --links plain --quiet --verbose --gate 0 "
		   "--budget none --time-copies");

	(void)state;
	assert_runs(&run);
	assert_int_equal(run.options.pids.count, 1);
	assert_int_equal(run.options.pids.items[0], 42);
	assert_int_equal(run.options.min_bytes, 65536);
	assert_int_equal(run.options.min_time_ns, 250 * NS_PER_US);
	assert_int_equal(run.options.duration_ns, 2 * NS_PER_S);
	assert_string_equal(run.options.json_path, "a.json");
	assert_string_equal(run.options.out_path, "b.txt");
	assert_false(run.options.follow);
	assert_true(run.options.dry_run);
	assert_int_equal(run.options.links, LINKS_PLAIN);
	assert_true(run.options.quiet);
	assert_true(run.options.verbose);
	assert_true(run.options.gate_is_set);
	assert_int_equal(run.options.gate_bytes, 0);
	assert_true(run.options.budget_pct < 0);
	assert_true(run.options.time_copies);
	assert_false(run.options.demo);
	options_release(&run.options);
}

static void short_options_and_equals_signs(void **state)
{
	PARSE(run, "-qv -o b.txt -p42 --min-time=5ms --links=multi --json=-");

	(void)state;
	assert_runs(&run);
	assert_true(run.options.quiet);
	assert_true(run.options.verbose);
	assert_string_equal(run.options.out_path, "b.txt");
	assert_int_equal(run.options.pids.items[0], 42);
	assert_int_equal(run.options.min_time_ns, 5 * NS_PER_MS);
	assert_int_equal(run.options.links, LINKS_MULTI);
	assert_string_equal(run.options.json_path, "-");
	options_release(&run.options);
}

static void process_ids_add_up(void **state)
{
	static const pid_t pids[] = {12, 34, 5, 2147483647};
	PARSE(run, "-p 12,34 --pid 5 -p 2147483647");

	(void)state;
	assert_runs(&run);
	assert_int_equal(run.options.pids.count, COUNT(pids));
	assert_memory_equal(run.options.pids.items, pids, sizeof(pids));
	options_release(&run.options);
}

static void patterns_keep_their_order_and_role(void **state)
{
	static const struct {
		enum watch_role role;
		const char *text;
	} wanted[] = {
		{ROLE_FLUSH, "a"},           {ROLE_WRITES, "b"},   {ROLE_FLUSH, "lib.so:+0x10"},
		{ROLE_COPY, "lib.so:*copy"}, {ROLE_FLUSH, "c::d"},
	};
	PARSE(run,
	      "--flush a --writes b --flush lib.so:+0x10 --copy lib.so:*copy --flush c::d cmd");

	(void)state;
	assert_runs(&run);
	assert_int_equal(run.options.watchlist.patterns.count, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++) {
		const struct pattern *pattern = &run.options.watchlist.patterns.items[i];

		assert_int_equal(pattern->role, wanted[i].role);
		assert_string_equal(pattern->text, wanted[i].text);
	}
	options_release(&run.options);
}

static void long_watches(void **state)
{
	PARSE(run, "--duration 315360000s --min-time 0");

	(void)state;
	assert_runs(&run);
	assert_int_equal(run.options.duration_ns, 10 * 365 * 86400 * NS_PER_S);
	assert_int_equal(run.options.min_time_ns, 0);
	options_release(&run.options);
}

static void the_last_of_two_values_counts(void **state)
{
	PARSE(run, "--min-time 1s --min-time 2s -o a -o b --links plain --links auto");

	(void)state;
	assert_runs(&run);
	assert_int_equal(run.options.min_time_ns, 2 * NS_PER_S);
	assert_string_equal(run.options.out_path, "b");
	assert_int_equal(run.options.links, LINKS_AUTO);
	options_release(&run.options);
}

/* ---- gates and the budget ---- */

static void shares_with_a_sign_or_without(void **state)
{
	static const struct {
		const char *text;
		double pct;
	} cases[] = {{"2%", 2},         {"0.5%", 0.5},  {"2", 2},     {"100%", 100}, {"100", 100},
		     {"0.001%", 0.001}, {"7.25", 7.25}, {".5%", 0.5}, {"none", -1}};
	struct run run;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[64];

		snprintf(line, sizeof(line), "--budget %s cmd", cases[i].text);
		parse_line(&run, line);
		assert_runs(&run);
		assert_true(run.options.budget_pct == cases[i].pct);
		options_release(&run.options);
	}
}

static void what_is_counted_without_asking_and_with(void **state)
{
	static const struct {
		const char *line;
		struct gate_settings gates;
	} cases[] = {
		{"cmd", {.begins_low = true}},
		{"--copy a cmd", {.begins_low = true}},
		{"--flush a cmd", {0}},
		{"--writes a cmd", {0}},
		{"--gate auto --budget 1% --flush a cmd", {0}},
		{"--gate 4K --gate auto --flush a cmd", {0}},
		{"--budget none --flush a cmd", {.is_fixed = true}},
		{"--budget none cmd", {.is_fixed = true, .begins_low = true}},
		{"--budget none --budget 2% cmd", {.begins_low = true}},
		{"--gate 0 cmd", {.is_fixed = true, .begins_low = true}},
		{"--gate 64K --flush a cmd", {.is_fixed = true, .from_bytes = 65536}},
		{"--gate 1MiB --budget none --flush a cmd",
		 {.is_fixed = true, .from_bytes = 1 << 20}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct gate_settings gates;
		struct run run;
		char line[64];

		snprintf(line, sizeof(line), "%s", cases[i].line);
		parse_line(&run, line);
		assert_runs(&run);
		gates = options_gates(&run.options);
		assert_int_equal(gates.is_fixed, cases[i].gates.is_fixed);
		assert_int_equal(gates.from_bytes, cases[i].gates.from_bytes);
		assert_int_equal(gates.begins_low, cases[i].gates.begins_low);
		options_release(&run.options);
	}
}

/* ---- the command ---- */

static void assert_command(const struct run *run, const char *const *words, size_t count)
{
	assert_runs(run);
	assert_false(run->options.demo);
	assert_non_null(run->options.command);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(run->options.command[i]);
		assert_string_equal(run->options.command[i], words[i]);
	}
	assert_null(run->options.command[count]);
}

/* Its options are its own, with the dashes before it or without. */
static void what_follows_the_command_is_its_own(void **state)
{
	static const char *const words[] = {"cmd", "-v", "--pid", "x", "--", "--help"};
	char lines[][64] = {"-q -- cmd -v --pid x -- --help", "-q cmd -v --pid x -- --help"};
	struct run run;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		parse_line(&run, lines[i]);
		assert_command(&run, words, COUNT(words));
		assert_true(run.options.quiet);
		assert_false(run.options.verbose);
		assert_int_equal(run.options.pids.count, 0);
		options_release(&run.options);
	}
}

static void after_dashes_nothing_is_an_option(void **state)
{
	static const char *const words[] = {"--pid", "", "-q"};
	PARSE(run, "-- --pid '' -q");

	(void)state;
	assert_command(&run, words, COUNT(words));
	options_release(&run.options);
}

/* ---- what prints and ends ---- */

static void version_is_one_line(void **state)
{
	PARSE(run, "--version");

	(void)state;
	assert_int_equal(run.result, OPTIONS_DONE);
	assert_string_equal(run.out, "memwatch " MEMWATCH_VERSION "\n");
	assert_string_equal(run.err, "");
	options_release(&run.options);
}

static void help_names_every_option(void **state)
{
	static const char *const names[] = {
		"--pid",     "--flush",     "--copy",     "--writes",      "--gate",
		"--budget",  "--min-bytes", "--min-time", "--duration",    "--json",
		"--output",  "--no-follow", "--dry-run",  "--links",       "--quiet",
		"--verbose", "--version",   "--help",     "--time-copies", "-p, ",
		"-o, ",      "-q, ",        "-v, ",       "-h, "};
	char lines[][32] = {"--help", "-h", "-q --help", "-h --nonsense", "--flush a -h"};
	struct run run;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		parse_line(&run, lines[i]);
		assert_int_equal(run.result, OPTIONS_DONE);
		assert_string_equal(run.err, "");
		for (size_t name = 0; name < COUNT(names); name++)
			assert_non_null(strstr(run.out, names[name]));
		options_release(&run.options);
	}
}

/* Every kind of name that --flush takes, on lines that no terminal of 80 columns breaks. */
static void help_shows_how_names_are_written(void **state)
{
	static const char *const names[] = {
		"flush,",    "ns::Buf::flush", "'Buf::flush(int)'", "'main.(*Buf).Flush'",
		"'*_flush'", "LIB:SYM",        "LIB:+OFF",          "0xADDR"};
	char line[] = "--help";
	struct run run;

	(void)state;
	parse_line(&run, line);
	for (size_t name = 0; name < COUNT(names); name++)
		assert_non_null(strstr(run.out, names[name]));
	for (const char *at = run.out; *at; at += strcspn(at, "\n") + 1)
		assert_true(strcspn(at, "\n") <= 80);
	options_release(&run.options);
}

/* ---- what is wrong ---- */

static void bad_values(void **state)
{
	static const struct {
		const char *option;
		const char *values[16];
	} cases[] = {
		{"pid",
		 {"''", "0", "-5", "abc", "12x", "1,", ",1", "1,,2", "1,1", "1;2", "0x10",
		  "2147483648", "99999999999999999999"}},
		{"flush", {"''", "lib:", "+0x10", "lib:+", "lib:+x", "0x", "0x10000000000000000"}},
		{"writes", {"''", "lib:", "+0x10"}},
		{"copy", {"''", "lib:", "+0x10"}},
		{"gate", {"''", "x", "-1", "Auto", "64Kx", "none"}},
		{"budget",
		 {"''", "0", "0%", "0.00%", "-1", "+2", "101", "100.1%", "2%%", "%", ".", "1.2.3",
		  "None", "nan", "1e1"}},
		{"min-bytes", {"''", "x", "-1", "1.5", "64Kx", "1e6", "99999999999999999999"}},
		{"min-time", {"''", "x", "-1s", "5", "5x", "1.5ns", "99999999999999999999s"}},
		{"duration",
		 {"''", "x", "-1s", "5", "5h", "forever", "0", "0s", "18446744073s", "320000000s",
		  "5300000m"}},
		{"links", {"''", "Auto", "auto,plain", "multiple"}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t j = 0; cases[i].values[j]; j++) {
			const char *value = cases[i].values[j];
			char line[128], told[160];

			snprintf(line, sizeof(line), "--%s %s", cases[i].option, value);
			snprintf(told, sizeof(told), "--%s '%s'", cases[i].option,
				 strcmp(value, "''") ? value : "");
			assert_wrong(line, told);
		}
	}
}

static void missing_values_and_unknown_options(void **state)
{
	static const char *const takes_value[] = {
		"--pid",    "--flush",     "--copy",     "--writes", "--gate",
		"--budget", "--min-bytes", "--min-time", "--json",   "--duration",
		"--output", "--links",     "-p",         "-o"};
	static const char *const unknown[] = {"--nonsense", "-x",     "--nonsense=3", "-y",
					      "--m",        "---pid", "--pids"};
	static const char *const takes_none[] = {"--quiet", "--help", "--no-follow", "--dry-run",
						 "--time-copies"};
	char line[32], told[64];

	(void)state;
	for (size_t i = 0; i < COUNT(takes_value); i++) {
		snprintf(line, sizeof(line), "-q %s", takes_value[i]);
		snprintf(told, sizeof(told), ": %s needs a value; see --help", takes_value[i]);
		assert_wrong(line, told);
	}
	for (size_t i = 0; i < COUNT(unknown); i++) {
		snprintf(line, sizeof(line), "-q %s -v", unknown[i]);
		snprintf(told, sizeof(told), ": '%s' is no option; see --help", unknown[i]);
		assert_wrong(line, told);
	}
	for (size_t i = 0; i < COUNT(takes_none); i++) {
		snprintf(line, sizeof(line), "-v %s=3 -q", takes_none[i]);
		snprintf(told, sizeof(told), ": %s takes no value; see --help", takes_none[i]);
		assert_wrong(line, told);
	}
}

/* Of several letters behind one dash it is not the word before them that is wrong. */
static void the_wrong_word_is_named(void **state)
{
	char lines[][16] = {"-xq", "--quiet -xq", "-qxv"};

	(void)state;
	assert_wrong(lines[0], "-x");
	assert_wrong(lines[1], "-x");
	assert_wrong(lines[2], "x");
}

static void what_excludes_each_other(void **state)
{
	static const struct {
		const char *line, *told;
	} cases[] = {
		{"--pid 5 -- cmd", "--pid and a command"},
		{"-p 5 cmd", "--pid and a command"},
		{"--pid 1,2 --pid 2", "each process id once"},
		{"--json x -o x", "same file"},
		{"-o ./a --json ./a -- cmd", "same file"},
		{"--", "no command after --"},
		{"-q --", "no command after --"},
		{"--pid 5 --", "no command after --"},
		{"''", "name is empty"},
		{"-- '' a", "name is empty"},
		{"--writes a --writes b cmd", "--writes 'b'"},
		{"--writes a -p 5 --writes a", "--writes 'a'"},
		{"--flush a", "--flush 'a'"},
		{"-q --writes a", "--writes 'a'"},
		{"--copy a --flush b --json x", "--copy 'a'"},
	};
	char line[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(line, sizeof(line), "%s", cases[i].line);
		assert_wrong(line, cases[i].told);
	}
}

static void two_outputs_are_no_contradiction(void **state)
{
	PARSE(run, "--json - -o x");

	(void)state;
	assert_runs(&run);
	options_release(&run.options);
}

/* Where it is watched, how, and what is told of it may be asked for. */
static void options_without_a_name_keep_the_demo(void **state)
{
	PARSE(run, "-v --json - -o x --min-time 5ms --min-bytes 0 --duration 5s --no-follow "
		   "--dry-run --links plain --gate 0 --budget none --time-copies");

	(void)state;
	assert_runs(&run);
	assert_true(run.options.demo);
	options_release(&run.options);
}

static void process_ids_have_a_limit(void **state)
{
	static char words[1025][16];
	struct run run = {.argc = 1, .argv = {"memwatch"}};

	(void)state;
	for (int i = 0; i < 1025; i++) {
		snprintf(words[i], sizeof(words[i]), "-p%d", i + 1);
		run.argv[run.argc++] = words[i];
	}
	run.argc--;
	parse(&run);
	assert_runs(&run);
	assert_int_equal(run.options.pids.count, 1024);
	options_release(&run.options);
	run.argv[run.argc++] = words[1024];
	parse(&run);
	assert_int_equal(run.result, OPTIONS_WRONG);
	assert_int_equal(lines_of(run.err), 1);
	options_release(&run.options);
}

/* What stood before the wrong one is released by the caller; ASan would see it left. */
static void wrong_after_right_leaves_nothing(void **state)
{
	char line[] = "--flush lib:a --pid 1,2,3 --copy lib:b --links x";

	(void)state;
	assert_wrong(line, "--links 'x'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_the_demo),
		cmocka_unit_test(each_long_option),
		cmocka_unit_test(short_options_and_equals_signs),
		cmocka_unit_test(process_ids_add_up),
		cmocka_unit_test(patterns_keep_their_order_and_role),
		cmocka_unit_test(long_watches),
		cmocka_unit_test(the_last_of_two_values_counts),
		cmocka_unit_test(shares_with_a_sign_or_without),
		cmocka_unit_test(what_is_counted_without_asking_and_with),
		cmocka_unit_test(what_follows_the_command_is_its_own),
		cmocka_unit_test(after_dashes_nothing_is_an_option),
		cmocka_unit_test(version_is_one_line),
		cmocka_unit_test(help_names_every_option),
		cmocka_unit_test(help_shows_how_names_are_written),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(missing_values_and_unknown_options),
		cmocka_unit_test(the_wrong_word_is_named),
		cmocka_unit_test(what_excludes_each_other),
		cmocka_unit_test(two_outputs_are_no_contradiction),
		cmocka_unit_test(options_without_a_name_keep_the_demo),
		cmocka_unit_test(process_ids_have_a_limit),
		cmocka_unit_test(wrong_after_right_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
