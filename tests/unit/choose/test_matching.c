// SPDX-License-Identifier: GPL-2.0-only
#include "choose/matching.h"

#include "base/clock.h"
#include "base/log.h"
#include "elf/files.h"

#define FUNC(name_, vaddr_)                                                                        \
	{                                                                                          \
		.name = name_, .vaddr = MADE_VADDR + (vaddr_), .bytes = 1, .type = STT_FUNC,       \
		.bind = STB_LOCAL                                                                  \
	}

static const struct made_symbol symbols[] = {
	FUNC("_ZN2ns4Grow5flushEv", 0x10),
	FUNC("_ZN2ns4Grow5flushEi", 0x20),
	FUNC("_ZN2ns4Grow5drainEv", 0x30),
	FUNC("join.constprop.0", 0x40),
	FUNC("split.part.0", 0x50),
	FUNC("_ZN5store4pour17h0123456789abcdefE", 0x60),
	FUNC("_ZN5store4pour17hfedcba9876543210E", 0x70),
};

static void add(struct watchlist *list, enum watch_role role, const char *text)
{
	assert_int_equal(watchlist_add(list, role, text), 0);
}

/* What is not planned (there is no code in the file) has a number all the same. */
static void match(struct module *module, struct watchlist *list, const struct made_symbol *made,
		  size_t count)
{
	*module = (struct module){.name = "made", .path = "/made", .fd = -1};
	module->image = make_image(made, count);
	module->code = module_code_of(module->image);
	assert_int_equal(module_match_names(module, list), 0);
}

static void release(struct module *module, struct watchlist *list)
{
	struct planned_function *function;

	array_each (function, &module->functions)
		planned_function_release(function);
	array_release(&module->functions);
	array_release(&module->doors);
	elf_image_free(module->image);
	watchlist_release(list);
}

static void assert_function(const struct watchlist *list, size_t index, const char *function,
			    const char *symbol)
{
	assert_true(index < list->function_count);
	assert_string_equal(list->functions[index].function, function);
	if (symbol)
		assert_string_equal(list->functions[index].symbol, symbol);
	else
		assert_null(list->functions[index].symbol);
}

static void overloads_are_two(void **state)
{
	struct watchlist list = {0};
	struct module module;

	(void)state;
	add(&list, ROLE_FLUSH, "Grow::flush");
	add(&list, ROLE_FLUSH, "Grow::drain");
	match(&module, &list, symbols, COUNT(symbols));
	assert_int_equal(list.function_count, 3);
	assert_int_equal(list.patterns.items[0].matches, 2);
	assert_function(&list, 0, "ns::Grow::flush()", "_ZN2ns4Grow5flushEv");
	assert_function(&list, 1, "ns::Grow::flush(int)", "_ZN2ns4Grow5flushEi");
	assert_function(&list, 2, "ns::Grow::drain", "_ZN2ns4Grow5drainEv");
	assert_int_equal(module.functions.count, 3);
	release(&module, &list);
}

static void overloads_of_two_patterns_are_two(void **state)
{
	struct watchlist list = {0};
	struct module module;

	(void)state;
	add(&list, ROLE_FLUSH, "_ZN2ns4Grow5flushEv");
	add(&list, ROLE_FLUSH, "_ZN2ns4Grow5flushEi");
	add(&list, ROLE_FLUSH, "ns::Grow::drain()");
	match(&module, &list, symbols, COUNT(symbols));
	assert_int_equal(list.function_count, 3);
	assert_function(&list, 0, "ns::Grow::flush", "_ZN2ns4Grow5flushEv");
	assert_function(&list, 1, "ns::Grow::flush(int)", "_ZN2ns4Grow5flushEi");
	assert_function(&list, 2, "ns::Grow::drain()", "_ZN2ns4Grow5drainEv");
	release(&module, &list);
}

static void clones_are_the_function_and_parts_are_not(void **state)
{
	struct watchlist list = {0};
	struct module module;

	(void)state;
	add(&list, ROLE_FLUSH, "join");
	add(&list, ROLE_FLUSH, "split");
	match(&module, &list, symbols, COUNT(symbols));
	assert_int_equal(list.function_count, 1);
	assert_function(&list, 0, "join.constprop.0", NULL);
	assert_int_equal(list.patterns.items[1].matches, 0);
	assert_non_null(elf_find_split_part(module.image, "split"));
	assert_null(elf_find_split_part(module.image, "spl"));
	assert_null(elf_find_split_part(module.image, "join"));
	release(&module, &list);
}

static void instances_with_one_name_have_one_number(void **state)
{
	struct watchlist list = {0};
	struct module module;

	(void)state;
	add(&list, ROLE_FLUSH, "store::pour");
	match(&module, &list, symbols, COUNT(symbols));
	assert_int_equal(module.functions.count, 2);
	assert_int_equal(list.function_count, 1);
	assert_function(&list, 0, "store::pour", NULL);
	release(&module, &list);
}

/* All of the file is one segment at MADE_VADDR, 0x10000. */
static void a_wrong_place_leads_to_the_right_one(void **state)
{
	static const struct {
		const char *text, *refused;
	} cases[] = {
		{"made:+0x7fffffff", "made:+0x7fffffff lies past the code of /made"},
		{"made:+0x10010",
		 "made:+0x10010 lies past the code of /made: did you mean made:+0x10?"},
		{"made:+0x555555564010",
		 "made:+0x555555564010 lies past the code of /made: did you mean made:+0x10?"},
		{"made:+100000", "made:+100000 lies past the code of /made"},
	};
	struct watchlist list = {0};
	struct module module;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		add(&list, ROLE_FLUSH, cases[i].text);
	match(&module, &list, symbols, COUNT(symbols));
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(list.patterns.items[i].refused, cases[i].refused);
	release(&module, &list);
}

static void a_glob_that_finds_too_many_ends_soon(void **state)
{
	const size_t count = 20000;
	struct made_symbol *many = calloc(count, sizeof(*many));
	char(*names)[48] = calloc(count, sizeof(*names));
	struct watchlist list = {0};
	struct module module;
	uint64_t started_ns;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		sprintf(names[i], "_ZN2ns4Grow6f%05zuEv", i);
		many[i] = (struct made_symbol)FUNC(names[i], i);
	}
	add(&list, ROLE_FLUSH, "Grow::*");
	log_set_level(LOG_ERROR);
	started_ns = clock_monotonic_ns();
	match(&module, &list, many, count);
	assert_true(clock_monotonic_ns() - started_ns < 5 * NS_PER_S);
	log_set_level(LOG_NOTE);
	assert_int_equal(list.function_count, MW_MAX_FUNCTIONS);
	assert_int_equal(list.functions_left_out, count - MW_MAX_FUNCTIONS);
	release(&module, &list);
	free(many);
	free(names);
}

/* memcpy@GLIBC_2.2.5 is a plain function of libc; a program may have one of its own. */
static void copy_routines_are_no_flushes(void **state)
{
	static const struct made_symbol copies[] = {
		{.name = "memcpy",
		 .vaddr = MADE_VADDR + 0x10,
		 .bytes = 1,
		 .type = STT_FUNC,
		 .bind = STB_GLOBAL},
		FUNC("my_copy", 0x20),
	};
	struct module module = {.name = "made", .path = "/made", .fd = -1};
	struct watchlist list = {0};

	(void)state;
	add(&list, ROLE_FLUSH, "memcpy");
	add(&list, ROLE_WRITES, "made:memcpy");
	add(&list, ROLE_COPY, "my_copy");
	add(&list, ROLE_FLUSH, "my_copy");
	module.image = make_image(copies, COUNT(copies));
	module.code = module_code_of(module.image);
	assert_int_equal(elf_find_copy_doors(module.image, &module.doors), 0);
	assert_int_equal(module_match_names(&module, &list), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(list.patterns.items[i].matches, 0);
		assert_string_equal(
			list.patterns.items[i].refused,
			"memcpy in made is a copy routine: its copies are counted anyway");
	}
	assert_int_equal(list.function_count, 1);
	assert_function(&list, 0, "my_copy", NULL);
	assert_int_equal(module.doors.count, 2);
	release(&module, &list);
}

/* There is no code behind the made symbols. */
static void what_can_not_be_probed_is_not_watched(void **state)
{
	struct watchlist list = {0};
	struct module module;

	(void)state;
	add(&list, ROLE_FLUSH, "Grow::drain");
	match(&module, &list, symbols, COUNT(symbols));
	assert_int_equal(list.function_count, 1);
	assert_false(list.is_watched[0]);
	release(&module, &list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overloads_are_two),
		cmocka_unit_test(overloads_of_two_patterns_are_two),
		cmocka_unit_test(clones_are_the_function_and_parts_are_not),
		cmocka_unit_test(instances_with_one_name_have_one_number),
		cmocka_unit_test(a_wrong_place_leads_to_the_right_one),
		cmocka_unit_test(a_glob_that_finds_too_many_ends_soon),
		cmocka_unit_test(copy_routines_are_no_flushes),
		cmocka_unit_test(what_can_not_be_probed_is_not_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
