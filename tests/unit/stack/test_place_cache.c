// SPDX-License-Identifier: GPL-2.0-only
#include "stack/place_cache.h"
#include "taken.h"

static uint64_t *value_of(uint64_t number)
{
	uint64_t *value = malloc(sizeof(*value));

	assert_non_null(value);
	*value = number;
	return value;
}

static void finds_what_was_added_last(void **state)
{
	struct place_cache cache = {0};

	(void)state;
	assert_null(place_cache_find(&cache, 1, 0x1000));
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(place_cache_add(&cache, 1 + i % 3, 16 * i, value_of(i)), 0);
	assert_int_equal(place_cache_add(&cache, 1, 0, value_of(5)), 0);
	assert_int_equal(cache.count, 1000);
	assert_int_equal(*(uint64_t *)place_cache_find(&cache, 1, 0), 5);
	for (uint64_t i = 1; i < 1000; i++) {
		assert_int_equal(*(uint64_t *)place_cache_find(&cache, 1 + i % 3, 16 * i), i);
		assert_null(place_cache_find(&cache, 1 + (i + 1) % 3, 16 * i));
	}
	place_cache_release(&cache);
	assert_null(place_cache_find(&cache, 1, 0));
}

/* However many places there are, it holds so many, the last one among them. */
static void drops_what_is_too_much(void **state)
{
	struct place_cache cache = {0};
	size_t most = 0;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		assert_int_equal(place_cache_add(&cache, 1, i, value_of(i)), 0);
		assert_int_equal(*(uint64_t *)place_cache_find(&cache, 1, i), i);
		most = cache.count > most ? cache.count : most;
	}
	assert_true(most > 5000 && most < 20000);
	place_cache_release(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_added_last),
		cmocka_unit_test(drops_what_is_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
