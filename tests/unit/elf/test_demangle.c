// SPDX-License-Identifier: GPL-2.0-only
#include "elf/demangle.h"

#include "base/clock.h"
#include "files.h"

static void assert_name(const char *symbol, const char *alone, const char *with_arguments)
{
	const char *expected[] = {[NAME_ALONE] = alone, [NAME_ARGUMENTS] = with_arguments};

	for (enum elf_name_form form = NAME_ALONE; form <= NAME_ARGUMENTS; form++) {
		char *name = elf_demangle(symbol, form), *shown = elf_shown_name(symbol, form);

		if (expected[form])
			assert_string_equal(name, expected[form]);
		else
			assert_null(name);
		assert_string_equal(shown, expected[form] ? expected[form] : symbol);
		free(name);
		free(shown);
	}
}

static void gives_the_name_with_and_without_arguments(void **state)
{
	(void)state;
	assert_name("_ZNK2ns5Class5flushEiPKc", "ns::Class::flush",
		    "ns::Class::flush(int, char const*) const");
	assert_name("_Z3genIPiET_S1_", "gen<int*>", "gen<int*>(int*)");
	assert_name("_ZN4Grow5flushEv.constprop.0", "Grow::flush",
		    "Grow::flush() [clone .constprop.0]");
	assert_name("_ZN5names4pick17h136c936a22551fa5E", "names::pick", "names::pick");
	assert_name("_RINvNtCs6GmmlP4bgsG_1r5store4pickjEB4_", "r::store::pick::<usize>",
		    "r::store::pick::<usize>");
}

static void leaves_other_names_alone(void **state)
{
	static const char *const names[] = {"flush", "_Zxflush", "_Z",  "_R",        "_",
					    "",      "_ZN",      "_RN", "_ZN5flush", "main.flush"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_name(names[i], NULL, NULL);
}

static void passes_over_endless_names(void **state)
{
	static char symbol[64 << 10];

	(void)state;
	memset(symbol, 'x', sizeof(symbol) - 1);
	memcpy(symbol, "_Z65000", 7);
	assert_name(symbol, NULL, NULL);
	/* Pointers to pointers, which the demangler follows by recursion. */
	memset(symbol, 'P', sizeof(symbol) - 1);
	memcpy(symbol, "_Z1f", 4);
	assert_name(symbol, NULL, NULL);
	symbol[2000] = '\0';
	assert_name(symbol, NULL, NULL);
}

/* f(A<int, int>, A<A<int, int>, A<int, int>>, ...): each level doubles the text by nine letters. */
static void passes_over_names_that_explode(void **state)
{
	static const char levels[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char symbol[1024] = "_Z1f1AIiiE";
	uint64_t started_ns = clock_monotonic_ns();
	size_t bytes = strlen(symbol);

	(void)state;
	for (const char *level = levels; *level; level++)
		bytes += (size_t)sprintf(symbol + bytes, "S_IS%c_S%c_E", *level, *level);
	assert_name(symbol, "f", NULL);
	assert_true(clock_monotonic_ns() - started_ns < NS_PER_S);
}

/* An identifier without letters, for which libiberty 2.40 hands on no text at all, not even an
 * empty one. */
static void takes_empty_identifiers(void **state)
{
	(void)state;
	free(elf_demangle("_RINvNtCs6GmmlP4bgsG_0r5store4piciusize", NAME_ALONE));
}

/* What stands before it on the stack is used up by templates times references to parameters. */
static void needs_little_stack(void **state)
{
	char symbol[2049] = "_Z1f";
	size_t bytes = 4;

	(void)state;
	while (bytes < 1000)
		bytes += (size_t)sprintf(symbol + bytes, "1aIi");
	while (bytes < 1500)
		bytes += (size_t)sprintf(symbol + bytes, "RT_");
	while (bytes < 1900)
		symbol[bytes++] = 'E';
	symbol[bytes] = '\0';
	free(elf_demangle(symbol, NAME_ARGUMENTS));
	bytes = 4;
	for (int i = 0; i < 250; i++)
		bytes += (size_t)sprintf(symbol + bytes, "1aIiE");
	for (int i = 0; i < 200; i++)
		bytes += (size_t)sprintf(symbol + bytes, "RT_");
	free(elf_demangle(symbol, NAME_ARGUMENTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_name_with_and_without_arguments),
		cmocka_unit_test(leaves_other_names_alone),
		cmocka_unit_test(passes_over_endless_names),
		cmocka_unit_test(passes_over_names_that_explode),
		cmocka_unit_test(takes_empty_identifiers),
		cmocka_unit_test(needs_little_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
