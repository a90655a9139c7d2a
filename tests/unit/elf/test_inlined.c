// SPDX-License-Identifier: GPL-2.0-only
#include "files.h"

/* ---- functions made to be inlined: always, so that -O0 does not matter; -g does ---- */

#define INLINED static inline __attribute__((always_inline))
#define HOST    __attribute__((noinline, used))

static volatile int sink;

INLINED void made_leaf(int value)
{
	sink += value * 7;
}

INLINED void made_middle(int value)
{
	made_leaf(value);
	made_leaf(value + 1);
}

/* Twice in one host. */
HOST static void host_directly(int value)
{
	made_leaf(value);
	if (value)
		made_leaf(value * 3);
}

/* By way of another inlined function, in an inner block. */
HOST void host_by_middle(int value)
{
	for (int i = 0; i < value; i++) {
		int twice = i * 2;

		made_middle(twice);
	}
}

HOST void host_of_nothing(int value)
{
	sink = value;
}

INLINED void made_often(void)
{
	sink++;
}

#define HOST_OFTEN(n)                                                                              \
	HOST static void host_often_##n(void)                                                      \
	{                                                                                          \
		made_often();                                                                      \
	}
#define HOSTS_OFTEN(n) HOST_OFTEN(n##0) HOST_OFTEN(n##1) HOST_OFTEN(n##2) HOST_OFTEN(n##3)

HOSTS_OFTEN(1)
HOSTS_OFTEN(2)
HOSTS_OFTEN(3)
HOSTS_OFTEN(4)
HOSTS_OFTEN(5)

static const struct elf_host *host_of(const elf_hosts *hosts, const char *wanted)
{
	const struct elf_host *host;

	array_each (host, hosts) {
		if (!strcmp(host->name, wanted))
			return host;
	}
	return NULL;
}

static void finds_hosts(void **state)
{
	struct elf_image *image = open_image("/proc/self/exe");
	elf_hosts hosts = {0};

	(void)state;
	assert_int_equal(elf_inlined_into(image, "made_leaf", &hosts), 0);
	assert_int_equal(hosts.count, 2);
	assert_non_null(host_of(&hosts, "host_directly"));
	assert_non_null(host_of(&hosts, "host_by_middle"));
	/* Appended, and none of them a second time. */
	assert_int_equal(elf_inlined_into(image, "made_middle", &hosts), 0);
	assert_int_equal(hosts.count, 2);
	/* Not inlined anywhere, and not there. */
	assert_int_equal(elf_inlined_into(image, "host_of_nothing", &hosts), 0);
	assert_int_equal(elf_inlined_into(image, "made_never", &hosts), 0);
	assert_int_equal(hosts.count, 2);
	array_release(&hosts);
	elf_image_free(image);
}

static void gives_no_more_than_16(void **state)
{
	struct elf_image *image = open_image("/proc/self/exe");
	elf_hosts hosts = {0};

	(void)state;
	assert_int_equal(elf_inlined_into(image, "made_often", &hosts), 0);
	assert_int_equal(hosts.count, 16);
	array_release(&hosts);
	elf_image_free(image);
}

static void a_file_without_dwarf_has_no_hosts(void **state)
{
	struct elf_image *image = open_image("/usr/bin/python3.11");
	elf_hosts hosts = {0};

	(void)state;
	assert_int_equal(elf_inlined_into(image, "flush_accumulator", &hosts), 0);
	assert_int_equal(hosts.count, 0);
	elf_image_free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_hosts),
		cmocka_unit_test(gives_no_more_than_16),
		cmocka_unit_test(a_file_without_dwarf_has_no_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
