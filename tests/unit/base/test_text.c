// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct parse_case {
	const char *text;
	int status;
	uint64_t value;
};

static void check_parse(int (*parse)(const char *, uint64_t *), const struct parse_case *cases,
			size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 12345;

		print_message("\"%s\"\n", cases[i].text);
		assert_int_equal(parse(cases[i].text, &value), cases[i].status);
		/* A failed parse leaves the caller's default alone. */
		assert_int_equal(value, cases[i].status ? 12345 : cases[i].value);
	}
}

static void parses_bytes(void **state)
{
	static const struct parse_case cases[] = {
		{"0", 0, 0},
		{"4096", 0, 4096},
		{"100B", 0, 100},
		{"64K", 0, 65536},
		{"64KB", 0, 65536},
		{"64KiB", 0, 65536},
		{"1MiB", 0, 1 << 20},
		{"1.5G", 0, 1610612736},
		{"0.1K", 0, 102},
		{"2T", 0, 2ull << 40},
		{"1.0000000000000000000000001T", 0, 1ull << 40},
		/* 10^70 is 0 in 64 bits. */
		{"1.5"
		 "00000000000000000000000"
		 "00000000000000000000000"
		 "00000000000000000000000T",
		 0, 3ull << 39},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -ERANGE, 0},
		{"99999999999999999999999999999999999999999999", -ERANGE, 0},
		{"16777215T", 0, 16777215ull << 40},
		{"16777216T", -ERANGE, 0},
		{"16777215.9999999999999999T", 0, (16777215ull << 40) + 1099511627775},
		{"", -EINVAL, 0},
		{"K", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"1 K", -EINVAL, 0},
		{"1Kx", -EINVAL, 0},
		{"1KiBB", -EINVAL, 0},
		{"1iB", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
		{"1e9", -EINVAL, 0},
		{".5K", -EINVAL, 0},
		{"5.K", -EINVAL, 0},
		{"1.5", -EINVAL, 0},
		{"1.5.5K", -EINVAL, 0},
		{"nan", -EINVAL, 0},
	};

	(void)state;
	check_parse(text_parse_bytes, cases, COUNT(cases));
}

static void parses_durations(void **state)
{
	static const struct parse_case cases[] = {
		{"250us", 0, 250000},
		{"1.5ms", 0, 1500000},
		{"2s", 0, 2000000000},
		{"0", 0, 0},
		{"0.0", 0, 0},
		{"2", -EINVAL, 0},
		{"0.25", -EINVAL, 0},
		{"0.25s", 0, 250000000},
		{"3m", 0, 180000000000},
		{"7ns", 0, 7},
		{"1.5ns", -EINVAL, 0},
		{"18446744073s", 0, 18446744073000000000u},
		{"18446744074s", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"-1s", -EINVAL, 0},
		{"1h", -EINVAL, 0},
		{"1mss", -EINVAL, 0},
		{"s", -EINVAL, 0},
	};

	(void)state;
	check_parse(text_parse_duration, cases, COUNT(cases));
}

static void shows_bytes_with_three_digits(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{512, "512 B"},
		{1023, "1023 B"},
		{1024, "1.00 KiB"},
		{10229, "9.99 KiB"},
		{10239, "10.0 KiB"},
		{102399, "100 KiB"},
		{1000000000, "954 MiB"},
		{100000000, "95.4 MiB"},
		{(1 << 20) - 1, "1.00 MiB"},
		{1 << 30, "1.00 GiB"},
		{UINT64_MAX, "16.0 EiB"},
	};
	char buf[TEXT_SHORT];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(text_bytes(buf, cases[i].bytes), cases[i].text);
}

static void shows_durations_with_three_digits(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0 ns"},
		{950, "950 ns"},
		{1000, "1.00 us"},
		{999999, "1.00 ms"},
		{26100000, "26.1 ms"},
		{3400000000, "3.40 s"},
		{28500000000, "28.5 s"},
		{3600000000000, "3600 s"},
		{UINT64_MAX, "18446744074 s"},
	};
	char buf[TEXT_SHORT];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(text_duration(buf, cases[i].ns), cases[i].text);
}

static void shows_counts_and_rates(void **state)
{
	char buf[TEXT_SHORT];

	(void)state;
	assert_string_equal(text_count(buf, 0), "0");
	assert_string_equal(text_count(buf, 999), "999");
	assert_string_equal(text_count(buf, 1000), "1,000");
	assert_string_equal(text_count(buf, 1000000), "1,000,000");
	assert_string_equal(text_count(buf, UINT64_MAX), "18,446,744,073,709,551,615");

	assert_string_equal(text_rate(buf, 3660000000, 1000000000), "3.66 GB/s");
	assert_string_equal(text_rate(buf, 1, 0), "-");
	assert_string_equal(text_rate(buf, 0, 5), "0 B/s");
	assert_string_equal(text_rate(buf, 12000, 1000000), "12.0 MB/s");
	/* The longest that can come. */
	assert_string_equal(text_rate(buf, UINT64_MAX, 1), "18446744074 EB/s");
}

static void makes_names_safe(void **state)
{
	static const struct {
		const char *raw, *safe;
	} cases[] = {
		{"", ""},
		{"flush_accumulator", "flush_accumulator"},
		{"\x1b]0;x\a\n", "\\x1b]0;x\\x07\\x0a"},
		{"a\x7f", "a\\x7f"},
		/* U+009B, a one-character CSI, as UTF-8 and as a bare byte. */
		{"\xc2\x9bm", "\\x9bm"},
		{"\x9bm", "\xef\xbf\xbdm"},
		{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
		 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
		/* Overlong '/', a surrogate, past U+10FFFF, cut short. */
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd"},
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(text_safe(buf, sizeof(buf), cases[i].raw), cases[i].safe);
}

static void cuts_names_between_characters(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(text_safe(buf, 8, "1234567"), "1234567");
	assert_string_equal(text_safe(buf, 8, "12345678"), "1234...");
	/* Neither an escape nor a character is cut in two. */
	assert_string_equal(text_safe(buf, 8,
				      "12\x1b"
				      "3456"),
			    "12...");
	assert_string_equal(text_safe(buf, 8,
				      "123\xe2\x82\xac"
				      "4567"),
			    "123...");
	assert_string_equal(text_safe(buf, 8,
				      "1\xe2\x82\xac"
				      "45678"),
			    "1\xe2\x82\xac...");
	assert_string_equal(text_safe(buf, 3, "12345"), "..");
	assert_string_equal(text_safe(buf, 1, "12345"), "");
	memset(buf, 'x', sizeof(buf));
	text_safe(buf, 0, "12345");
	assert_int_equal(buf[0], 'x');
	/* Nothing is written past the end. */
	text_safe(buf, 8, "\x01\x02\x03\x04\x05\x06\x07");
	assert_int_equal(buf[8], 'x');
}

static void lists_hold_whole_names(void **state)
{
	char list[32] = "none";

	(void)state;
	text_list_add(list, sizeof(list), "; closest: ", "flush");
	assert_string_equal(list, "none; closest: flush");
	text_list_add(list, sizeof(list), "; closest: ", "drain");
	assert_string_equal(list, "none; closest: flush, ...");
	text_list_add(list, sizeof(list), "; closest: ", "a");
	assert_string_equal(list, "none; closest: flush, ...");

	*list = '\0';
	text_list_add(list, 16, "", "flush");
	text_list_add(list, 16, "", "add");
	assert_string_equal(list, "flush, add");
	/* There is room for the word that there are more, to the last byte. */
	text_list_add(list, 16, "", "a");
	assert_string_equal(list, "flush, add, ...");

	*list = '\0';
	text_list_add(list, 16, "", "0123456789abcdef");
	assert_string_equal(list, "0123456...");
	text_list_add(list, 16, "", "x");
	assert_string_equal(list, "0123456..., ...");
	text_list_add(list, 4, "", "x");
	assert_string_equal(list, "0123456..., ...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_bytes),
		cmocka_unit_test(parses_durations),
		cmocka_unit_test(shows_bytes_with_three_digits),
		cmocka_unit_test(shows_durations_with_three_digits),
		cmocka_unit_test(shows_counts_and_rates),
		cmocka_unit_test(makes_names_safe),
		cmocka_unit_test(cuts_names_between_characters),
		cmocka_unit_test(lists_hold_whole_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
