// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/root.h"

/* A folder that is some target's root, with what a hostile one may have in it. */
static char folder[] = "/tmp/memwatch-root-XXXXXX";

static int write_file(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -1;
	return close(fd);
}

static int make_folder(void **state)
{
	int dir;

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	dir = open(folder, O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "lib", 0700) || write_file(dir, "passwd", "inside") ||
	    symlinkat("/passwd", dir, "lib/absolute") ||
	    symlinkat("../../../passwd", dir, "lib/up") ||
	    symlinkat("/etc/passwd", dir, "lib/outside") || symlinkat("loop", dir, "lib/loop") ||
	    symlinkat("/proc/self/exe", dir, "lib/magic") || mkfifoat(dir, "fifo", 0600) ||
	    symlinkat("/fifo", dir, "lib/to_fifo"))
		return -1;
	return close(dir);
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"lib/absolute", "lib/up",    "lib/outside",
					    "lib/loop",     "lib/magic", "lib/to_fifo",
					    "fifo",         "passwd"};
	int dir = open(folder, O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlinkat(dir, names[i], 0);
	unlinkat(dir, "lib", AT_REMOVEDIR);
	close(dir);
	return rmdir(folder);
}

static struct target_root root_of_folder(void)
{
	struct target_root root = {.fd = open(folder, O_PATH | O_CLOEXEC)};

	assert_true(root.fd >= 0);
	return root;
}

static void assert_reads_inside(const struct target_root *root, const char *path)
{
	char text[16] = "";
	int fd = target_root_open_file(root, path);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 6);
	assert_string_equal(text, "inside");
	close(fd);
}

static void links_stay_below_the_root(void **state)
{
	struct target_root root = root_of_folder();

	(void)state;
	assert_reads_inside(&root, "/passwd");
	assert_reads_inside(&root, "/../passwd");
	assert_reads_inside(&root, "/lib/absolute");
	assert_reads_inside(&root, "/lib/up");
	assert_int_equal(target_root_open_file(&root, "/lib/outside"), -ENOENT);
	assert_int_equal(target_root_open_file(&root, "/etc/passwd"), -ENOENT);
	assert_int_equal(target_root_open_file(&root, "/lib/loop"), -ELOOP);
	assert_int_equal(target_root_open_file(&root, "/lib/magic"), -ENOENT);
	target_root_close(&root);
	assert_int_equal(root.fd, -1);
}

static void opens_regular_files_only(void **state)
{
	struct target_root root = root_of_folder(), own;

	(void)state;
	/* Or this test would hang. */
	alarm(10);
	assert_int_equal(target_root_open_file(&root, "/fifo"), -EINVAL);
	assert_int_equal(target_root_open_file(&root, "/lib/to_fifo"), -EINVAL);
	assert_int_equal(target_root_open_file(&root, "/lib"), -EINVAL);
	assert_int_equal(target_root_open(0, &own), 0);
	assert_int_equal(target_root_open_file(&own, "/dev/null"), -EINVAL);
	/* By which a process could have any of memwatch's own descriptors opened. */
	assert_int_equal(target_root_open_file(&own, "/proc/self/exe"), -ELOOP);
	alarm(0);
	target_root_close(&own);
	target_root_close(&root);
}

static void this_process_has_memwatchs_own_root(void **state)
{
	struct target_root root;
	char path[sizeof(folder) + 16];

	(void)state;
	assert_true(target_root_is_own(getpid()));
	assert_false(target_root_is_own(0x7fffffff));
	assert_int_equal(target_root_open(0x7fffffff, &root), -ESRCH);
	assert_int_equal(target_root_open(getpid(), &root), 0);
	assert_string_equal(root.path, "");
	snprintf(path, sizeof(path), "%s/passwd", folder);
	assert_reads_inside(&root, path);
	target_root_close(&root);
}

static void paths_lose_the_root_that_is_theirs(void **state)
{
	struct target_root own = {.fd = -1}, jail = {.fd = -1, .path = "/srv/jail"};

	(void)state;
	assert_string_equal(target_root_strip(&own, "/usr/bin/x"), "/usr/bin/x");
	assert_string_equal(target_root_strip(&jail, "/srv/jail/usr/bin/x"), "/usr/bin/x");
	assert_string_equal(target_root_strip(&jail, "/srv/jailed/x"), "/srv/jailed/x");
	assert_string_equal(target_root_strip(&jail, "/usr/bin/x"), "/usr/bin/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_stay_below_the_root),
		cmocka_unit_test(opens_regular_files_only),
		cmocka_unit_test(this_process_has_memwatchs_own_root),
		cmocka_unit_test(paths_lose_the_root_that_is_theirs),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
