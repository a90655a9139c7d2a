// SPDX-License-Identifier: GPL-2.0-only
#include <jansson.h>

#include "json_sample.h"

/* Whatever the name: one line, plain ASCII, and jansson reads it back as `wanted`. */
static void check_name(const char *raw, const char *wanted)
{
	struct flush flush = sample_flush;
	struct fixture fixture;
	json_t *line;

	flush.function = raw;
	snprintf(flush.comm, COMM_BYTES, "%s", raw);
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->flush(fixture.report, &flush), 0);
	for (size_t i = 0; i + 1 < fixture.bytes; i++)
		assert_in_range(fixture.shown[i], 0x20, 0x7f);
	assert_int_equal(fixture.shown[fixture.bytes - 1], '\n');
	line = json_loads(fixture.shown, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "function")), wanted);
	assert_true(!*raw || json_is_string(json_object_get(line, "comm")));
	json_decref(line);
	close_report(&fixture);
}

static void keeps_or_repairs_any_name(void **state)
{
	static const struct {
		const char *raw, *wanted;
	} cases[] = {
		{"plain", "plain"},
		{"", ""},
		{"a\"b\\c", "a\"b\\c"},
		{"\x1b[2J\r\n\t\x7f", "\x1b[2J\r\n\t\x7f"},
		{"\xc2\x9b"
		 "31m",
		 "\xc2\x9b"
		 "31m"},
		{"\xc3\xa9\xe8\xaa\x9e\xf0\x9f\x98\x80", "\xc3\xa9\xe8\xaa\x9e\xf0\x9f\x98\x80"},
		{"a\xff"
		 "b",
		 "a\xef\xbf\xbd"
		 "b"},
		{"\xc3", "\xef\xbf\xbd"},
		{"\xc3\n\xa9", "\xef\xbf\xbd\n\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc2\xff", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xff\xff\xff\xff", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		/* Fifteen bytes of comm cut the last of these in two. */
		{"\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e"
		 "a\xe8\xaa\x9e",
		 "\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e"
		 "a\xe8\xaa\x9e"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_name(cases[i].raw, cases[i].wanted);
	for (unsigned i = 1; i < 0x100; i++) {
		char raw[3] = {(char)i, 'x'};

		check_name(raw, i < 0x80 ? raw : "\xef\xbf\xbdx");
	}
}

static void keeps_a_long_name_whole(void **state)
{
	char *raw = malloc(100001);

	(void)state;
	memset(raw, 'x', 100000);
	raw[100000] = '\0';
	check_name(raw, raw);
	free(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_or_repairs_any_name),
		cmocka_unit_test(keeps_a_long_name_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
