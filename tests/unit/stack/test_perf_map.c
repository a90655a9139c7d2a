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
	const char *name;
	uint64_t start;

	written->map.next_read_ns = 0;
	name = perf_map_name(&written->map, addr, &start);
	if (!expected)
		assert_null(name);
	else
		assert_non_null(name);
	if (name)
		assert_string_equal(name, expected);
}

static void finds_names_by_address(void **state)
{
	struct written *written =
		written_map("2000 10 second one\n1000 20 LazyCompile:~first x.js:1\n"
			    "0x3000 0x8 third\n");
	uint64_t start;

	(void)state;
	check_name(written, 0x1000, "LazyCompile:~first x.js:1");
	check_name(written, 0x101f, "LazyCompile:~first x.js:1");
	check_name(written, 0x1020, NULL);
	check_name(written, 0x200f, "second one");
	check_name(written, 0x3007, "third");
	check_name(written, 0xfff, NULL);
	assert_non_null(perf_map_name(&written->map, 0x2005, &start));
	assert_int_equal(start, 0x2000);
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
	uint64_t start;
	struct perf_map map;

	(void)state;
	snprintf(other, sizeof(other), "%s-other", written->path);
	assert_int_equal(symlink(written->path, other), 0);
	assert_int_equal(perf_map_init(&map, other), 0);
	assert_null(perf_map_name(&map, 0x1000, &start));
	perf_map_release(&map);
	unlink(other);
	/* Nobody may be held up by its having no writer. */
	assert_int_equal(mkfifo(other, 0600), 0);
	assert_int_equal(perf_map_init(&map, other), 0);
	assert_null(perf_map_name(&map, 0x1000, &start));
	perf_map_release(&map);
	unlink(other);
	assert_int_equal(perf_map_init(&map, NULL), 0);
	assert_null(perf_map_name(&map, 0x1000, &start));
	remove_map(written);
}

/* An address that is in no line does not have the file read each time. */
static void reads_seldom_what_does_not_help(void **state)
{
	struct written *written = written_map("1000 10 name\n");
	uint64_t start;

	(void)state;
	check_name(written, 0x9000, NULL);
	assert_true(written->map.next_read_ns > 0);
	written->map.next_read_ns += 1000000000;
	append(written, "9000 10 late\n", 13);
	assert_null(perf_map_name(&written->map, 0x9000, &start));
	check_name(written, 0x9000, "late");
	remove_map(written);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
