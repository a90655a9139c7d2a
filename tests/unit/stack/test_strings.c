// SPDX-License-Identifier: GPL-2.0-only
#include "stack/strings.h"
#include "taken.h"

static void keeps_each_text_once(void **state)
{
	struct strings strings = {0};
	const char *kept[3000];
	char text[32];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < COUNT(kept); i++) {
			const char *added;

			snprintf(text, sizeof(text), "text %u", i);
			added = strings_add(&strings, text, sizeof(text));
			assert_string_equal(added, text);
			assert_true(!round || added == kept[i]);
			kept[i] = added;
		}
	}
	assert_int_equal(strings.count, COUNT(kept));
	strings_release(&strings);
}

static void takes_as_much_as_it_is_told(void **state)
{
	struct strings strings = {0};
	const char *part;

	(void)state;
	part = strings_add(&strings, "libc.so (deleted)", 7);
	assert_string_equal(part, "libc.so");
	assert_ptr_equal(strings_add(&strings, "libc.so", 100), part);
	assert_string_equal(strings_add(&strings, "", 0), "");
	assert_null(strings_add(&strings, NULL, 10));
	strings_release(&strings);
}

/* A JIT may give names for ever. */
static void comes_to_an_end(void **state)
{
	struct strings strings = {0};
	char *text = malloc(1 << 20);
	unsigned count = 0;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', 1 << 20);
	for (; count < 1000; count++) {
		/* Another one each time. */
		text[count] = 'b';
		if (!strings_add(&strings, text, 1 << 20))
			break;
	}
	assert_true(count > 10 && count < 100);
	/* Those that are there are still to be had. */
	assert_string_equal(strings_add(&strings, "short", 5), "short");
	strings_release(&strings);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_each_text_once),
		cmocka_unit_test(takes_as_much_as_it_is_told),
		cmocka_unit_test(comes_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
