// SPDX-License-Identifier: GPL-2.0-only
/* The machine's own libc: its doors, called under breakpoints on the points that are planned. */
#include <string.h>

#include "code_bytes.h"
#include "live_code.h"

static const char *const door_names[] = {"memmove",      "memcpy",        "mempcpy",
					 "__memcpy_chk", "__memmove_chk", "__mempcpy_chk"};
#define DOORS    COUNT(door_names)
#define SIZES    600
#define MAX_SIZE 5000

typedef void *(*copy_routine)(void *, const void *, size_t, size_t);

/* Written by the child before each call, read by the parent at each hit. */
struct copy_calls {
	copy_routine routines[DOORS];
	char buffer[2 * MAX_SIZE + 64];
	const char *volatile dst, *volatile src;
	volatile size_t size, call;
	unsigned hits[DOORS * SIZES];
	size_t wrong;
};

/* Each size up to 300, then in steps. */
static size_t size_of_call(size_t index)
{
	return index <= 300 ? index : 300 + (index - 300) * (MAX_SIZE - 300) / (SIZES - 301);
}

static void call_doors(void *context)
{
	struct copy_calls *calls = context;

	for (size_t i = 0; i < SIZES * DOORS; i++) {
		size_t size = size_of_call(i / DOORS);
		/* Apart, overlapping with the destination below, and above. */
		size_t src = i % 3 == 0 ? MAX_SIZE + 7 : i % 3 == 1 ? 40 : 3;
		size_t dst = i % 3 == 2 ? 33 : 5;

		calls->dst = calls->buffer + dst;
		calls->src = calls->buffer + src;
		calls->size = size;
		calls->call = i;
		calls->routines[i % DOORS](calls->buffer + dst, calls->buffer + src, size,
					   MAX_SIZE);
	}
}

static void count_copy(void *context, uint64_t vaddr, const struct user_regs_struct *regs)
{
	struct copy_calls *calls = context;

	(void)vaddr;
	calls->hits[calls->call]++;
	if (regs->rdi != (uint64_t)calls->dst || regs->rsi != (uint64_t)calls->src ||
	    regs->rdx != calls->size)
		calls->wrong++;
}

static void test_libc_counts_each_copy_once(void **state)
{
	struct copy_calls *calls = live_shared(sizeof(*calls));
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	const struct code_view view = live_view(NULL);
	struct copy_door doors[DOORS];
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_non_null(libc);
	for (size_t i = 0; i < DOORS; i++) {
		void *address = dlsym(libc, door_names[i]);

		assert_non_null(address);
		doors[i] = (struct copy_door){door_names[i], (uint64_t)address};
		calls->routines[i] = (copy_routine)address;
	}
	assert_int_equal(plan_copies(&view, doors, DOORS, &points, reason), 0);
	assert_int_equal(points.count, 1);
	assert_int_equal(points.items[0].probe, PROBE_EMULATED);

	live_run(&points, call_doors, count_copy, calls);
	assert_int_equal(calls->wrong, 0);
	for (size_t i = 0; i < SIZES * DOORS; i++)
		assert_int_equal(calls->hits[i], 1);
	array_release(&points);
	munmap(calls, sizeof(*calls));
	dlclose(libc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libc_counts_each_copy_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
