// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "choose/watchlist.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void assert_text(const char *text, const char *expected)
{
	if (expected)
		assert_string_equal(text, expected);
	else
		assert_null(text);
}

static void names_with_and_without_a_library(void **state)
{
	static const struct {
		const char *text, *lib, *symbol;
	} cases[] = {
		{"flush", NULL, "flush"},
		{"*_flush", NULL, "*_flush"},
		{"libc.so.6:flush", "libc.so.6", "flush"},
		{"./app:flush", "app", "flush"},
		{".//./bin/app:flush", "bin/app", "flush"},
		{".hidden/app:flush", ".hidden/app", "flush"},
		{"/usr/lib/libc.so.6:fl?sh", "/usr/lib/libc.so.6", "fl?sh"},
		/* C++ has two colons: that is no library. */
		{"a::b", NULL, "a::b"},
		{"a::b::c", NULL, "a::b::c"},
		{"lib.so:a::b", "lib.so", "a::b"},
		{"lib.so:::a::b", "lib.so", "::a::b"},
		{"::a::b", NULL, "::a::b"},
		{"a::b(c::d, int)", NULL, "a::b(c::d, int)"},
		{"/opt/a (old)/lib.so:a::b(int)", "/opt/a (old)/lib.so", "a::b(int)"},
		{"<a::B as c::D>::e", NULL, "<a::B as c::D>::e"},
		{"str[abi:cxx11]", NULL, "str[abi:cxx11]"},
		{"[[:alpha:]]flush", NULL, "[[:alpha:]]flush"},
	};
	struct watchlist list = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct pattern *pattern;

		assert_int_equal(watchlist_add(&list, ROLE_WRITES, cases[i].text), 0);
		assert_int_equal(list.patterns.count, i + 1);
		pattern = &list.patterns.items[i];
		assert_int_equal(pattern->role, ROLE_WRITES);
		assert_int_equal(pattern->kind, PATTERN_NAME);
		assert_ptr_equal(pattern->text, cases[i].text);
		assert_text(pattern->lib, cases[i].lib);
		assert_string_equal(pattern->symbol, cases[i].symbol);
		assert_int_equal(pattern->matches, 0);
	}
	watchlist_release(&list);
	assert_int_equal(list.patterns.count, 0);
}

static void places(void **state)
{
	static const struct {
		const char *text, *lib;
		enum pattern_kind kind;
		uint64_t place;
	} cases[] = {
		{"lib.so:+0x10", "lib.so", PATTERN_OFFSET, 0x10},
		{"lib.so:+4096", "lib.so", PATTERN_OFFSET, 4096},
		{"/a/lib.so:+0", "/a/lib.so", PATTERN_OFFSET, 0},
		{"0x55d0", NULL, PATTERN_ADDR, 0x55d0},
		{"0x7fffFFFFf000", NULL, PATTERN_ADDR, 0x7ffffffff000},
		{"0xffffffffffffffff", NULL, PATTERN_ADDR, UINT64_MAX},
	};
	struct watchlist list = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct pattern *pattern;

		assert_int_equal(watchlist_add(&list, ROLE_FLUSH, cases[i].text), 0);
		pattern = &list.patterns.items[i];
		assert_int_equal(pattern->kind, cases[i].kind);
		assert_int_equal(pattern->place, cases[i].place);
		assert_text(pattern->lib, cases[i].lib);
	}
	watchlist_release(&list);
}

static void an_offset_needs_its_plus(void **state)
{
	static const struct {
		const char *text, *refused;
	} cases[] = {
		{"mu:0x1220", "'mu:0x1220' names no function: did you mean mu:+0x1220?"},
		{"./mu:0x10", "'./mu:0x10' names no function: did you mean mu:+0x10?"},
		{"mu:0x_flush", ""},
		{"mu:+0x1220", ""},
		{"0x1220", ""},
		{"mu:x1220", ""},
	};
	struct watchlist list = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(watchlist_add(&list, ROLE_FLUSH, cases[i].text), 0);
		assert_string_equal(list.patterns.items[i].refused, cases[i].refused);
	}
	watchlist_release(&list);
}

static void assert_no_forms(const char *const *texts, size_t count)
{
	struct watchlist list = {0};

	for (size_t i = 0; i < count; i++) {
		int err = watchlist_add(&list, ROLE_FLUSH, texts[i]);

		if (err != -EINVAL)
			print_error("'%s' gives %d\n", texts[i], err);
		assert_int_equal(err, -EINVAL);
		assert_int_equal(list.patterns.count, 0);
	}
	watchlist_release(&list);
}

static void what_is_no_pattern(void **state)
{
	static const char *const texts[] = {
		"",           "lib:",   "+0x10",      "+",           "lib:+",
		"./:f",       "lib:+x", "lib:+0x10z", "lib:+0x10 ",  "0x",
		"0x55d0:sym", "0xzz",   "0x55d0 ",    "lib:+10:sym", "0x10000000000000000"};

	(void)state;
	assert_no_forms(texts, COUNT(texts));
}

/* strtoull() takes a sign, and -16 would be an offset near the end of 64 bits. */
static void offsets_bear_no_sign(void **state)
{
	static const char *const texts[] = {"lib:+-16", "lib:++16", "lib:+ 16"};

	(void)state;
	assert_no_forms(texts, COUNT(texts));
}

/* Whether a pattern of this library speaks of the file. */
static bool takes(const char *pattern_text, const char *path)
{
	struct watchlist list = {0};
	bool taken;

	assert_int_equal(watchlist_add(&list, ROLE_FLUSH, pattern_text), 0);
	taken = pattern_takes_file(&list.patterns.items[0], path);
	watchlist_release(&list);
	return taken;
}

static void libraries_are_whole_ends_of_paths(void **state)
{
	static const char libc[] = "/usr/lib/x86_64-linux-gnu/libc.so.6";

	(void)state;
	assert_true(takes("f", libc));
	assert_true(takes("f", ""));
	assert_true(takes("libc.so.6:f", libc));
	assert_true(takes("libc.so.6:+0x10", libc));
	assert_true(takes("libc.so.6:f", "libc.so.6"));
	assert_true(takes("x86_64-linux-gnu/libc.so.6:f", libc));
	assert_true(takes("/usr/lib/x86_64-linux-gnu/libc.so.6:f", libc));
	assert_true(takes("a b.so:f", "/opt/with spaces/a b.so"));
	assert_false(takes("linux-gnu/libc.so.6:f", libc));
	assert_false(takes("c.so.6:f", libc));
	assert_false(takes("libc.so.:f", libc));
	assert_false(takes("lib:f", libc));
	assert_false(takes("libm.so.6:f", libc));
	assert_false(takes("/chroot/usr/lib/x86_64-linux-gnu/libc.so.6:f", libc));
	assert_false(takes("libc.so.6:f", "/usr/lib/libc.so.6/other"));
	assert_false(takes("libc.so.6:f", ""));
	assert_false(takes("libc.so.6:f", "[vdso]"));
}

static void a_library_may_go_without_its_version(void **state)
{
	static const char sqlite[] = "/usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6";

	(void)state;
	assert_true(takes("libsqlite3.so.0:f", sqlite));
	assert_true(takes("libsqlite3.so:f", sqlite));
	assert_true(takes("libsqlite3:f", sqlite));
	assert_true(takes("x86_64-linux-gnu/libsqlite3:f", sqlite));
	assert_true(takes("/usr/lib/x86_64-linux-gnu/libsqlite3:f", sqlite));
	assert_true(takes("libc:f", "/lib/libc-2.31.so"));
	assert_true(takes("libsqlite3:f", "/opt/libsqlite3.d/libsqlite3.so (deleted)"));
	assert_false(takes("libsqlite:f", sqlite));
	assert_false(takes("sqlite3:f", sqlite));
	assert_false(takes("x86_64:f", sqlite));
	assert_false(takes("libsqlite3:f", "/opt/libsqlite3.d/other"));
	assert_false(takes("libsqlite3:f", "/opt/libsqlite3-dev/other.so"));
}

/* /proc/PID/maps marks a library that an upgrade has replaced; it is still called what it was. */
static void a_deleted_file_keeps_its_name(void **state)
{
	(void)state;
	assert_true(takes("libfoo.so.1:f", "/usr/lib/libfoo.so.1 (deleted)"));
	assert_true(takes("/usr/lib/libfoo.so.1:f", "/usr/lib/libfoo.so.1 (deleted)"));
	assert_false(takes("libfoo.so.1:f", "/usr/lib/xlibfoo.so.1 (deleted)"));
}

static unsigned index_of(struct watchlist *list, const char *function, const char *module)
{
	struct symbol_name name = {.function = function, .module = module};
	unsigned index = 1000;

	assert_int_equal(watchlist_function(list, &name, &index), 0);
	return index;
}

static void functions_keep_their_numbers(void **state)
{
	struct watchlist list = {0};
	char function[] = "flush", module[] = "libc.so.6";

	(void)state;
	assert_int_equal(index_of(&list, function, module), 0);
	/* The name is the list's own. */
	memset(function, 'x', strlen(function));
	memset(module, 'x', strlen(module));
	assert_string_equal(list.functions[0].function, "flush");
	assert_string_equal(list.functions[0].module, "libc.so.6");
	assert_int_equal(index_of(&list, "flush", "other.so"), 1);
	assert_int_equal(index_of(&list, "flush2", "libc.so.6"), 2);
	assert_int_equal(index_of(&list, "flush", "libc.so.6"), 0);
	assert_int_equal(index_of(&list, "flush", "other.so"), 1);
	assert_int_equal(list.function_count, 3);
	watchlist_release(&list);
	assert_int_equal(list.function_count, 0);
}

static void functions_past_the_most_have_no_room(void **state)
{
	struct symbol_name one_more = {.function = "one_more", .module = "a.out"};
	struct watchlist list = {0};
	char name[32];
	unsigned index;

	(void)state;
	for (unsigned i = 0; i < MW_MAX_FUNCTIONS; i++) {
		snprintf(name, sizeof(name), "function%u", i);
		assert_int_equal(index_of(&list, name, "a.out"), i);
	}
	assert_int_equal(watchlist_function(&list, &one_more, &index), -ENOSPC);
	assert_int_equal(list.function_count, MW_MAX_FUNCTIONS);
	/* Those that are in it are found all the same. */
	assert_int_equal(index_of(&list, "function63", "a.out"), 63);
	assert_int_equal(index_of(&list, "function0", "a.out"), 0);
	watchlist_release(&list);
}

static void routines_have_numbers_of_their_own(void **state)
{
	struct watchlist list = {0};
	char name[32] = "memcpy";
	unsigned index = 1000;

	(void)state;
	assert_int_equal(index_of(&list, "memcpy", "libc.so.6"), 0);
	assert_int_equal(index_of(&list, "flush", "libc.so.6"), 1);
	for (unsigned i = 0; i < 3 * MW_MAX_FUNCTIONS; i++) {
		snprintf(name, sizeof(name), "copy%u", i);
		assert_int_equal(watchlist_routine(&list, name, "libc.so.6", &index), 0);
		assert_int_equal(index, i);
	}
	assert_int_equal(watchlist_routine(&list, "copy7", "libc.so.6", &index), 0);
	assert_int_equal(index, 7);
	assert_int_equal(watchlist_routine(&list, "copy7", "a.out", &index), 0);
	assert_int_equal(index, 3 * MW_MAX_FUNCTIONS);
	assert_int_equal(list.routines.count, 3 * MW_MAX_FUNCTIONS + 1);
	assert_string_equal(list.routines.items[7].function, "copy7");
	assert_string_equal(list.routines.items[7].module, "libc.so.6");
	assert_int_equal(list.function_count, 2);
	watchlist_release(&list);
	assert_int_equal(list.routines.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_with_and_without_a_library),
		cmocka_unit_test(places),
		cmocka_unit_test(an_offset_needs_its_plus),
		cmocka_unit_test(what_is_no_pattern),
		cmocka_unit_test(offsets_bear_no_sign),
		cmocka_unit_test(libraries_are_whole_ends_of_paths),
		cmocka_unit_test(a_library_may_go_without_its_version),
		cmocka_unit_test(a_deleted_file_keeps_its_name),
		cmocka_unit_test(functions_keep_their_numbers),
		cmocka_unit_test(functions_past_the_most_have_no_room),
		cmocka_unit_test(routines_have_numbers_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
