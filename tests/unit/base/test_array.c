// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/array.h"

typedef ARRAY(int) int_array;

/* ASan ends a program that asks for too much; here malloc's NULL is what is tested. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void fill(int_array *array, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(array_push(array, i), 0);
}

static void assert_counts_up(const int_array *array, int count)
{
	assert_int_equal(array->count, count);
	for (int i = 0; i < count; i++)
		assert_int_equal(array->items[i], i);
}

static void empty_has_nothing_to_visit(void **state)
{
	int_array array = {0};
	int *item, visited = 0;

	(void)state;
	array_each (item, &array)
		visited++;
	assert_int_equal(visited, 0);
	array_release(&array);
}

static void grows_and_keeps_its_values(void **state)
{
	int_array array = {0};
	int *item, next = 0;

	(void)state;
	fill(&array, 10000);
	assert_counts_up(&array, 10000);
	assert_true(array.capacity >= array.count);
	array_each (item, &array)
		assert_int_equal(*item, next++);
	assert_int_equal(next, 10000);
	array_release(&array);
	assert_null(array.items);
	assert_int_equal(array.count, 0);
	assert_int_equal(array.capacity, 0);
	/* Released is empty, and may be used again. */
	fill(&array, 3);
	assert_counts_up(&array, 3);
	array_release(&array);
}

/* The value may be an item of the array itself, which moves while it grows. */
static void pushes_an_item_of_its_own(void **state)
{
	int_array array = {0};

	(void)state;
	assert_int_equal(array_push(&array, 7), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(array_push(&array, array.items[i]), 0);
	assert_int_equal(array.items[1000], 7);
	array_release(&array);
}

static void room_is_made_only_when_full(void **state)
{
	int_array array = {0};

	(void)state;
	fill(&array, 1);
	while (array.count < array.capacity) {
		assert_ptr_equal(
			array_room(array.items, array.count, &array.capacity, sizeof(*array.items)),
			array.items);
		fill(&array, 1);
	}
	array_release(&array);
}

/* Sizes whose product wraps around, and one that does not but that no machine has. */
static void no_room_leaves_the_array_valid(void **state)
{
	static const size_t item_bytes[] = {SIZE_MAX,      SIZE_MAX / 2,      SIZE_MAX / 4,
					    SIZE_MAX / 16, SIZE_MAX / 16 + 2, SIZE_MAX / 64};
	int_array array = {0};
	size_t capacity;

	(void)state;
	fill(&array, 1);
	for (int next = 1; array.count < array.capacity; next++)
		assert_int_equal(array_push(&array, next), 0);
	capacity = array.capacity;
	for (size_t i = 0; i < sizeof(item_bytes) / sizeof(*item_bytes); i++) {
		assert_null(array_room(array.items, array.count, &array.capacity, item_bytes[i]));
		assert_int_equal(array.capacity, capacity);
	}
	assert_counts_up(&array, (int)capacity);
	/* It can still grow by what there is room for. */
	assert_int_equal(array_push(&array, (int)capacity), 0);
	assert_counts_up(&array, (int)capacity + 1);
	array_release(&array);
}

static void a_failed_push_changes_nothing(void **state)
{
	const size_t most = SIZE_MAX / 2 / sizeof(int);
	int_array array = {0};
	int_array full;

	(void)state;
	fill(&array, 3);
	full = (int_array){array.items, most, most};
	assert_int_equal(array_push(&full, 4), -ENOMEM);
	assert_ptr_equal(full.items, array.items);
	assert_int_equal(full.count, most);
	assert_int_equal(full.capacity, most);
	assert_counts_up(&array, 3);
	array_release(&array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_has_nothing_to_visit),
		cmocka_unit_test(grows_and_keeps_its_values),
		cmocka_unit_test(pushes_an_item_of_its_own),
		cmocka_unit_test(room_is_made_only_when_full),
		cmocka_unit_test(no_room_leaves_the_array_valid),
		cmocka_unit_test(a_failed_push_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
