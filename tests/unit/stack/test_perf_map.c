// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "stack/perf_map.h"
#include "taken.h"

struct written {
	char path[64];
	struct perf_map map;
};

static void append(const struct written *written, const char *text, size_t bytes)
{
	int fd = open(written->path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, bytes), bytes);
	close(fd);
}

static struct written *written_map(const char *text)
{
	struct written *written = calloc(1, sizeof(*written));
	int fd;

	assert_non_null(written);
	strcpy(written->path, "/tmp/memwatch-test-XXXXXX");
	fd = mkstemp(written->path);
	assert_true(fd >= 0);
	close(fd);
	append(written, text, strlen(text));
	assert_int_equal(perf_map_init(&written->map, written->path), 0);
	return written;
}

static void remove_map(struct written *written)
{
	perf_map_release(&written->map);
	unlink(written->path);
	free(written);
}

/* NULL: none. However often it was read by now. */
static void check_name(struct written *written, uint64_t addr, const char *expected)
{
	struct jitted_code code;
	bool is_first;

	written->map.next_read_ns = 0;
	assert_int_equal(perf_map_find(&written->map, addr, &code, &is_first), expected != NULL);
	if (expected)
		assert_string_equal(code.name, expected);
}

static void finds_names_by_address(void **state)
{
	struct written *written =
		written_map("2000 10 second one\n1000 20 LazyCompile:~first x.js:1\n"
			    "0x3000 0x8 third\n");
	struct jitted_code code;
	bool is_first;

	(void)state;
	check_name(written, 0x1000, "LazyCompile:~first x.js:1");
	check_name(written, 0x101f, "LazyCompile:~first x.js:1");
	check_name(written, 0x1020, NULL);
	check_name(written, 0x200f, "second one");
	check_name(written, 0x3007, "third");
	check_name(written, 0xfff, NULL);
	assert_true(perf_map_find(&written->map, 0x2005, &code, &is_first));
	assert_int_equal(code.start_addr, 0x2000);
	assert_int_equal(code.bytes, 0x10);
	remove_map(written);
}

static void later_code_hides_what_was_there(void **state)
{
	struct written *written =
		written_map("1000 100 old\n1040 10 new\n1000 100 old again\n1050 8 last\n");

	(void)state;
	check_name(written, 0x1044, "old again");
	check_name(written, 0x1052, "last");
	check_name(written, 0x1058, "old again");
	remove_map(written);
}

static void passes_over_bad_lines(void **state)
{
	static const char bad[] =
		"\n \n1000\n1000 10\n1000 10 \nxyz 10 name\n1000 zz name\n"
		"11112222333344445 10 too long\n-1 10 negative\n1000 0 empty\n"
		"ffffffffffffff00 200 wraps\n1000  10 two spaces\n1000\t10\ttabs\n"
		"0x 10 no digits\n";
	struct written *written = written_map(bad);

	(void)state;
	check_name(written, 0x1005, NULL);
	check_name(written, 0xffffffffffffff80, NULL);
	assert_int_equal(written->map.entries.count, 0);
	append(written, "1000 10 good\n", 13);
	check_name(written, 0x1005, "good");
	remove_map(written);
}

static void reads_on_where_it_has_grown(void **state)
{
	struct written *written = written_map("1000 10 first\n2000 10 sec");

	(void)state;
	check_name(written, 0x1000, "first");
	/* Half a line says nothing yet. */
	check_name(written, 0x2000, NULL);
	append(written, "ond\n", 4);
	check_name(written, 0x2000, "second");
	assert_int_equal(written->map.lines, 2);
	/* Another file of the name, or the same made anew. */
	assert_int_equal(truncate(written->path, 0), 0);
	append(written, "3000 10 third\n", 14);
	check_name(written, 0x3000, "third");
	check_name(written, 0x1000, NULL);
	remove_map(written);
}

/* A NUL ends a name; a line that never ends is none; a long name is cut. */
static void survives_what_is_no_text(void **state)
{
	struct written *written = written_map("");
	char *line = malloc(300000);

	(void)state;
	assert_non_null(line);
	append(written, "1000 10 na\0me\n", 14);
	memset(line, 'a', 300000);
	append(written, line, 300000);
	append(written, "\n2000 10 after\n3000 10 ", 23);
	append(written, line, 5000);
	append(written, "\n", 1);
	check_name(written, 0x1000, "na");
	check_name(written, 0x2000, "after");
	line[1024] = '\0';
	check_name(written, 0x3000, line);
	free(line);
	remove_map(written);
}

static void opens_nothing_but_a_plain_file(void **state)
{
	struct written *written = written_map("1000 10 name\n");
	char other[80];
	struct jitted_code code;
	struct perf_map map;
	bool is_first;

	(void)state;
	snprintf(other, sizeof(other), "%s-other", written->path);
	assert_int_equal(symlink(written->path, other), 0);
	assert_int_equal(perf_map_init(&map, other), 0);
	assert_false(perf_map_find(&map, 0x1000, &code, &is_first));
	perf_map_release(&map);
	unlink(other);
	/* Nobody may be held up by its having no writer. */
	assert_int_equal(mkfifo(other, 0600), 0);
	assert_int_equal(perf_map_init(&map, other), 0);
	assert_false(perf_map_find(&map, 0x1000, &code, &is_first));
	perf_map_release(&map);
	unlink(other);
	assert_int_equal(perf_map_init(&map, NULL), 0);
	assert_false(perf_map_find(&map, 0x1000, &code, &is_first));
	remove_map(written);
}

/* An address that is in no line does not have the file read each time. */
static void reads_seldom_what_does_not_help(void **state)
{
	struct written *written = written_map("1000 10 name\n");
	struct jitted_code code;
	bool is_first;

	(void)state;
	check_name(written, 0x9000, NULL);
	assert_true(written->map.next_read_ns > 0);
	written->map.next_read_ns += 1000000000;
	append(written, "9000 10 late\n", 13);
	assert_false(perf_map_find(&written->map, 0x9000, &code, &is_first));
	check_name(written, 0x9000, "late");
	remove_map(written);
}

static void tells_what_was_not_found_before(void **state)
{
	struct written *written = written_map("1000 10 first\n2000 10 second\n");
	struct jitted_code code;
	bool is_first = false;

	(void)state;
	assert_true(perf_map_find(&written->map, 0x1000, &code, &is_first) && is_first);
	assert_true(perf_map_find(&written->map, 0x1008, &code, &is_first) && !is_first);
	assert_true(perf_map_find(&written->map, 0x2000, &code, &is_first) && is_first);
	/* What comes later is not found yet, and does not make the others new. */
	append(written, "3000 10 third\n", 14);
	written->map.next_read_ns = 0;
	assert_true(perf_map_find(&written->map, 0x3000, &code, &is_first) && is_first);
	assert_true(perf_map_find(&written->map, 0x1008, &code, &is_first) && !is_first);
	remove_map(written);
}

/* Out of a recording, in the order in which they were found there; lines tell what is newer. */
static void what_is_added_is_as_if_it_were_read(void **state)
{
	static const struct jitted_code added[] = {
		{0x1000, 0x20, 9, "newest"}, {0x2000, 0x10, 1, "second"},
		{0x1000, 0x100, 2, "old"},   {0x1040, 0x10, 3, "new"},
		{0x1000, 0, 10, "empty"},    {UINT64_MAX, 0x10, 11, "wraps"},
	};
	struct jitted_code code;
	struct perf_map map;
	bool is_first;

	(void)state;
	assert_int_equal(perf_map_init(&map, NULL), 0);
	for (size_t i = 0; i < sizeof(added) / sizeof(*added); i++)
		assert_int_equal(perf_map_add(&map, &added[i]), 0);
	assert_int_equal(map.entries.count, 4);
	assert_true(perf_map_find(&map, 0x2008, &code, &is_first));
	assert_string_equal(code.name, "second");
	assert_true(perf_map_find(&map, 0x1048, &code, &is_first));
	assert_string_equal(code.name, "new");
	assert_true(perf_map_find(&map, 0x1010, &code, &is_first));
	assert_string_equal(code.name, "newest");
	assert_true(perf_map_find(&map, 0x1080, &code, &is_first));
	assert_string_equal(code.name, "old");
	assert_false(perf_map_find(&map, 0x3000, &code, &is_first));
	perf_map_release(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_names_by_address),
		cmocka_unit_test(later_code_hides_what_was_there),
		cmocka_unit_test(passes_over_bad_lines),
		cmocka_unit_test(reads_on_where_it_has_grown),
		cmocka_unit_test(survives_what_is_no_text),
		cmocka_unit_test(opens_nothing_but_a_plain_file),
		cmocka_unit_test(reads_seldom_what_does_not_help),
		cmocka_unit_test(tells_what_was_not_found_before),
		cmocka_unit_test(what_is_added_is_as_if_it_were_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
