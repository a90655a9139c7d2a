// SPDX-License-Identifier: GPL-2.0-only
#include <dlfcn.h>
#include <errno.h>

#include "base/clock.h"
#include "elf/image_internal.h"
#include "files.h"

#define FUNC(name_, vaddr_, bytes_, bind_)                                                         \
	{                                                                                          \
		.name = name_, .vaddr = vaddr_, .bytes = bytes_, .type = STT_FUNC, .bind = bind_   \
	}

/* ---- functions made to be found ---- */

static volatile int sink;

__attribute__((cold, noinline, used)) static void give_in(int why)
{
	sink = why;
}

/* gcc -O2 moves the unlikely half of this to may_give_up.cold. */
__attribute__((noinline, used, optimize("O2"))) int may_give_up(int value)
{
	if (__builtin_expect(value < 0, 0)) {
		give_in(value);
		give_in(value + 1);
		sink += value * 3;
		give_in(sink);
		return -1;
	}
	sink = value;
	return value * 2;
}

/* ---- by name ---- */

static size_t count_found(const struct elf_image *image, const char *pattern, const char *first)
{
	elf_symbols found = {0};
	size_t count;

	assert_int_equal(elf_find_symbols(image, pattern, &found), 0);
	count = found.count;
	if (first) {
		assert_true(count);
		assert_string_equal(found.items[0].name, first);
	}
	array_release(&found);
	return count;
}

static void finds_where_the_loader_put_it(void **state)
{
	struct loaded_file self = loaded_file(""), libc = loaded_file("libc.so.6");
	struct elf_image *image = open_image(self.path);
	struct elf_image *libc_image = open_image(libc.path);
	void *handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	elf_symbols found = {0};

	(void)state;
	assert_int_equal(elf_find_symbols(image, "may_give_up", &found), 0);
	assert_int_equal(elf_find_symbols(image, "give_in", &found), 0);
	assert_int_equal(elf_find_symbols(libc_image, "qsort", &found), 0);
	assert_int_equal(found.count, 3);
	assert_int_equal(self.base + found.items[0].vaddr, (uintptr_t)may_give_up);
	assert_true(found.items[0].is_global);
	assert_int_equal(self.base + found.items[1].vaddr, (uintptr_t)give_in);
	assert_false(found.items[1].is_global);
	assert_int_equal(libc.base + found.items[2].vaddr, (uintptr_t)dlsym(handle, "qsort"));
	assert_false(found.items[2].is_ifunc);
	array_release(&found);

	assert_int_equal(elf_find_symbols(libc_image, "memmove", &found), 0);
	assert_int_equal(found.count, 1);
	assert_true(found.items[0].is_ifunc);
	array_release(&found);
	/* Imported, not defined. */
	assert_int_equal(count_found(image, "dlsym", NULL), 0);
	assert_int_equal(count_found(image, "may_give", NULL), 0);
	assert_int_equal(count_found(image, "stdout", NULL), 0);
	dlclose(handle);
	elf_image_free(libc_image);
	elf_image_free(image);
}

static void matches_names(void **state)
{
	static const struct made_symbol symbols[] = {
		FUNC("memcpy@@GLIBC_2.14", 0x100, 8, STB_GLOBAL),
		FUNC("memcpy@GLIBC_2.2.5", 0x200, 8, STB_GLOBAL),
		{"memcpy@GLIBC_2.3", 0x300, 8, STT_FUNC, STB_GLOBAL, true},
		{"memcpy", 0x400, 8, STT_OBJECT, STB_GLOBAL, false},
		FUNC("odd@name", 0x500, 8, STB_LOCAL),
		FUNC("__mempcpy", 0x600, 8, STB_GLOBAL),
		FUNC("a_local_mempcpy", 0x600, 8, STB_LOCAL),
		FUNC("mempcpy", 0x600, 8, STB_WEAK),
		FUNC("flush", 0x700, 8, STB_LOCAL),
		FUNC("flush.cold", 0x800, 8, STB_LOCAL),
		FUNC("flush_all", 0x900, 8, STB_LOCAL),
		FUNC("", 0xa00, 8, STB_LOCAL),
	};
	struct elf_image *image = make_image(symbols, COUNT(symbols));

	(void)state;
	assert_int_equal(count_found(image, "memcpy", "memcpy"), 2);
	assert_int_equal(count_found(image, "memcpy@GLIBC_2.14", NULL), 0);
	assert_int_equal(count_found(image, "odd@name", "odd@name"), 1);
	assert_int_equal(count_found(image, "odd", NULL), 0);
	assert_int_equal(count_found(image, "*mempcpy", "mempcpy"), 1);
	assert_int_equal(count_found(image, "__mempcpy", "__mempcpy"), 1);
	assert_int_equal(count_found(image, "a_local*", "a_local_mempcpy"), 1);
	assert_int_equal(count_found(image, "flush*", "flush"), 2);
	assert_int_equal(count_found(image, "flush?all", "flush_all"), 1);
	assert_int_equal(count_found(image, "[fx]lush", "flush"), 1);
	assert_int_equal(count_found(image, "*", "memcpy"), 6);
	assert_int_equal(count_found(image, "", NULL), 0);
	elf_image_free(image);
}

static size_t count_written(const struct elf_image *image, const char *text)
{
	elf_symbols found = {0};
	size_t count;

	assert_int_equal(elf_find_written(image, text, &found), 0);
	count = found.count;
	array_release(&found);
	return count;
}

/* As Go prints them in stack traces and profiles. */
static void go_instances_have_one_name(void **state)
{
	static const struct made_symbol symbols[] = {
		FUNC("main.(*Ring[go.shape.uint32_0]).Join", 0x100, 8, STB_LOCAL),
		FUNC("main.(*Ring[go.shape.[]uint8_0]).Join", 0x200, 8, STB_LOCAL),
		FUNC("main.(*Ring[go.shape.uint32_0]).Join.func1", 0x300, 8, STB_LOCAL),
		FUNC("main.(*Ring).Join", 0x400, 8, STB_LOCAL),
		FUNC("main.Map[go.shape.int_0,go.shape.string_1].func1", 0x500, 8, STB_LOCAL),
		FUNC("main.(*Ring[go.shape.uint32_0", 0x600, 8, STB_LOCAL),
	};
	struct elf_image *image = make_image(symbols, COUNT(symbols));

	(void)state;
	assert_int_equal(count_written(image, "main.(*Ring[...]).Join"), 2);
	assert_int_equal(count_written(image, "main.(*Ring[...]).Join.func1"), 1);
	assert_int_equal(count_written(image, "main.Map[...].func1"), 1);
	assert_int_equal(count_written(image, "main.Map[...]"), 0);
	assert_int_equal(count_written(image, "Ring[...]).Join"), 0);
	assert_int_equal(count_written(image, "main.(*Ring[...]"), 0);
	elf_image_free(image);
}

/* ---- by address ---- */

static const char *name_at(const struct elf_image *image, uint64_t vaddr)
{
	const struct elf_symbol *symbol = elf_symbol_at(image, vaddr);

	return symbol ? symbol->name : "none";
}

static void names_the_innermost_function(void **state)
{
	static const struct made_symbol symbols[] = {
		FUNC("outer", 0x1000, 0x100, STB_LOCAL),
		FUNC("inner", 0x1010, 0x10, STB_LOCAL),
		FUNC("label", 0x1040, 0, STB_GLOBAL),
		FUNC("twin_empty", 0x2000, 0, STB_GLOBAL),
		FUNC("twin_local", 0x2000, 0x20, STB_LOCAL),
		FUNC("_twin_global", 0x2000, 0x20, STB_GLOBAL),
		FUNC("last", UINT64_MAX - 7, UINT64_MAX, STB_GLOBAL),
	};
	struct elf_image *image = make_image(symbols, COUNT(symbols));
	struct elf_range range;

	(void)state;
	assert_string_equal(name_at(image, 0xfff), "none");
	assert_string_equal(name_at(image, 0x1000), "outer");
	assert_string_equal(name_at(image, 0x1010), "inner");
	assert_string_equal(name_at(image, 0x101f), "inner");
	assert_string_equal(name_at(image, 0x1020), "outer");
	assert_string_equal(name_at(image, 0x1040), "label");
	assert_string_equal(name_at(image, 0x1041), "outer");
	assert_string_equal(name_at(image, 0x10ff), "outer");
	assert_string_equal(name_at(image, 0x1100), "none");
	assert_string_equal(name_at(image, 0x2000), "_twin_global");
	assert_string_equal(name_at(image, 0x201f), "_twin_global");
	assert_string_equal(name_at(image, UINT64_MAX - 1), "last");
	assert_int_equal(elf_function_bounds(image, 0x1050, &range), 0);
	assert_int_equal(range.vaddr, 0x1000);
	assert_int_equal(range.bytes, 0x100);
	assert_int_equal(elf_function_bounds(image, 0x3000, &range), -ENOENT);
	elf_image_free(image);
}

/* Every function of the stripped python3.11 whose size .dynsym states: its FDE must say the same.
 */
static void finds_bounds_without_symbols(void **state)
{
	struct elf_image *image = open_image("/usr/bin/python3.11");
	struct elf_range range, again;
	elf_symbols found = {0};
	const struct elf_symbol *symbol;
	size_t unnamed = 0, checked = 0;

	(void)state;
	assert_int_equal(elf_find_symbols(image, "PyUnicode_Join", &found), 0);
	assert_int_equal(found.count, 1);
	assert_true(found.items[0].is_global);
	assert_int_equal(elf_find_symbols(image, "Py*", &found), 0);
	array_each (symbol, &found) {
		if (!symbol->bytes)
			continue;
		checked++;
		assert_int_equal(elf_frame_bounds(image, symbol->vaddr + symbol->bytes / 2, &range),
				 0);
		assert_int_equal(range.vaddr, symbol->vaddr);
		assert_int_equal(range.bytes, symbol->bytes);
		/* What follows is often a static function, which has no name here. */
		if (elf_symbol_at(image, symbol->vaddr + symbol->bytes + 32) ||
		    elf_function_bounds(image, symbol->vaddr + symbol->bytes + 32, &range))
			continue;
		unnamed++;
		assert_null(elf_symbol_at(image, range.vaddr));
		assert_int_equal(elf_function_bounds(image, range.vaddr, &again), 0);
		assert_memory_equal(&again, &range, sizeof(range));
		assert_int_equal(elf_function_bounds(image, range.vaddr + range.bytes - 1, &again),
				 0);
		assert_memory_equal(&again, &range, sizeof(range));
	}
	print_message("%zu functions with a stated size, %zu without a name\n", checked, unnamed);
	assert_true(checked > 500 && unnamed > 100);
	array_release(&found);
	elf_image_free(image);
}

static void finds_cold_parts(void **state)
{
	static const struct made_symbol symbols[] = {
		FUNC("join", 0x100, 0x10, STB_GLOBAL),
		FUNC("join.cold", 0x200, 7, STB_LOCAL),
		FUNC("join.cold.12", 0x300, 9, STB_LOCAL),
		FUNC("join.cold", 0x400, 0, STB_LOCAL),
		FUNC("join.coldest", 0x500, 9, STB_LOCAL),
		FUNC("join.cold.x", 0x600, 9, STB_LOCAL),
		FUNC("rejoin.cold", 0x700, 9, STB_LOCAL),
		FUNC("jo", 0x800, 9, STB_LOCAL),
		FUNC("join.isra.0.cold", 0x900, 9, STB_LOCAL),
	};
	struct elf_image *image = make_image(symbols, COUNT(symbols));
	elf_ranges parts = {0};

	(void)state;
	assert_int_equal(elf_cold_parts(image, "join", &parts), 0);
	assert_int_equal(parts.count, 2);
	assert_int_equal(parts.items[0].vaddr, 0x200);
	assert_int_equal(parts.items[0].bytes, 7);
	assert_int_equal(parts.items[1].vaddr, 0x300);
	assert_int_equal(elf_cold_parts(image, "jo", &parts), 0);
	assert_int_equal(parts.count, 2);
	elf_image_free(image);
	array_release(&parts);
	image = open_image("/proc/self/exe");
	assert_int_equal(elf_cold_parts(image, "may_give_up", &parts), 0);
	assert_int_equal(parts.count, 1);
	assert_string_equal(name_at(image, parts.items[0].vaddr + parts.items[0].bytes - 1),
			    "may_give_up.cold");
	elf_image_free(image);
	array_release(&parts);
}

static void loads_half_a_million_symbols_in_a_blink(void **state)
{
	const size_t count = 500000;
	struct made_symbol *symbols = calloc(count, sizeof(*symbols));
	char(*names)[48] = calloc(count, sizeof(*names));
	struct elf_image *image;
	uint64_t started_ns, took_ns;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		/* In no order, as a linker leaves them. */
		uint64_t place = i * 7919 % count;

		sprintf(names[i], "_ZN5crate6module8function17h%zuE", place);
		symbols[i] = (struct made_symbol)FUNC(names[i], 0x1000 + place * 32, 32, STB_LOCAL);
	}
	image = make_image(symbols, count);
	started_ns = clock_monotonic_ns();
	assert_string_equal(name_at(image, 0x1000 + 32 * 77777 + 5),
			    "_ZN5crate6module8function17h77777E");
	took_ns = clock_monotonic_ns() - started_ns;
	print_message("%.1f ms\n", (double)took_ns / NS_PER_MS);
	/* 24 bytes each, and a number for every 16 of them. */
	assert_int_equal(image->tables->symbols.symbols.capacity, count);
	assert_int_equal(sizeof(*image->tables->symbols.symbols.items), 24);
	/* About 80 ms; the rest is for slow machines and sanitizers. */
	assert_true(took_ns < 2 * NS_PER_S);
	elf_image_free(image);
	free(symbols);
	free(names);
}

/* As a .symtab and a .dynsym, or several translation units, may have it. */
static void keeps_a_name_of_an_address_once(void **state)
{
	static const struct made_symbol symbols[] = {
		FUNC("join", 0x100, 8, STB_GLOBAL),  FUNC("join", 0x100, 8, STB_GLOBAL),
		FUNC("join", 0x200, 8, STB_GLOBAL),  FUNC("other", 0x100, 8, STB_GLOBAL),
		FUNC("join", 0x100, 16, STB_GLOBAL),
	};
	struct elf_image *image = make_image(symbols, COUNT(symbols));

	(void)state;
	assert_int_equal(elf_load_symbols(image), 0);
	assert_int_equal(image->tables->symbols.symbols.count, 4);
	assert_int_equal(count_found(image, "join", "join"), 2);
	elf_image_free(image);
}

/* Every symbol of the file points into one long name, each a byte further. */
static struct elf_image *image_of_one_name(size_t count, char letter)
{
	struct made_symbol *symbols = calloc(count, sizeof(*symbols));
	char *name = malloc(count + 1);
	struct elf_image *image;

	assert_non_null(symbols);
	assert_non_null(name);
	memset(name, letter, count);
	/* So that each would have to be cut, and copied. */
	name[count - 1] = '@';
	name[count] = '\0';
	for (size_t i = 0; i < count; i++)
		symbols[i] = (struct made_symbol)FUNC("", 0x100, 8, STB_GLOBAL);
	symbols[0].name = name;
	image = make_image_with(symbols, count, true);
	free(symbols);
	free(name);
	return image;
}

static void a_name_in_a_name_costs_little(void **state)
{
	struct elf_image *image = image_of_one_name(60000, '_');
	uint64_t started_ns = clock_monotonic_ns();
	const elf_symbols *symbols = &image->tables->symbols.symbols;
	size_t bytes = 0;
	char **own;

	(void)state;
	assert_int_equal(elf_load_symbols(image), 0);
	print_message("%zu symbols in %.1f ms\n", symbols->count,
		      (double)(clock_monotonic_ns() - started_ns) / NS_PER_MS);
	/* No more than there is room for, and copied within their own size. */
	assert_true(symbols->count > 0 && symbols->count < 1000);
	assert_true(strlen(symbols->items[0].name) <= 65536);
	array_each (own, &image->tables->symbols.own_names)
		bytes += strlen(*own) + 1;
	assert_true(bytes <= 2 * 60001);
	elf_image_free(image);
}

/* A block of symbols is searched as a whole: what reaches over its end, and over many blocks. */
static void finds_functions_around_many(void **state)
{
	struct made_symbol symbols[200];
	char names[200][16];
	struct elf_image *image;

	(void)state;
	for (size_t i = 0; i < COUNT(symbols); i++) {
		sprintf(names[i], "f%zu", i);
		symbols[i] = (struct made_symbol)FUNC(names[i], 0x1000 + 16 * i, 8, STB_LOCAL);
	}
	symbols[3].bytes = 16 * 150;
	symbols[40].bytes = 16 * 30;
	image = make_image(symbols, COUNT(symbols));
	for (size_t i = 0; i < COUNT(symbols); i++) {
		const char *around = i >= 40 && i < 70 ? "f40" : i >= 3 && i < 153 ? "f3" : "none";

		assert_string_equal(name_at(image, 0x1000 + 16 * i), names[i]);
		assert_string_equal(name_at(image, 0x1000 + 16 * i + 8), around);
	}
	elf_image_free(image);
}

/* Go's names have characters of patterns in them. */
static void names_are_taken_before_patterns(void **state)
{
	static const struct made_symbol symbols[] = {
		{"main.(*Buf).Flush", 0x10010, 4, STT_FUNC, STB_LOCAL, false},
		{"main.(xxBuf).Flush", 0x10020, 4, STT_FUNC, STB_LOCAL, false},
	};
	struct elf_image *image = make_image(symbols, COUNT(symbols));
	elf_symbols found = {0};

	(void)state;
	assert_int_equal(elf_find_symbols(image, "main.(*Buf).Flush", &found), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.items[0].vaddr, 0x10010);
	assert_int_equal(elf_find_symbols(image, "main.(*).Flush", &found), 0);
	assert_int_equal(found.count, 3);
	array_release(&found);
	elf_image_free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_taken_before_patterns),
		cmocka_unit_test(finds_where_the_loader_put_it),
		cmocka_unit_test(matches_names),
		cmocka_unit_test(go_instances_have_one_name),
		cmocka_unit_test(names_the_innermost_function),
		cmocka_unit_test(finds_bounds_without_symbols),
		cmocka_unit_test(finds_cold_parts),
		cmocka_unit_test(keeps_a_name_of_an_address_once),
		cmocka_unit_test(a_name_in_a_name_costs_little),
		cmocka_unit_test(finds_functions_around_many),
		cmocka_unit_test(loads_half_a_million_symbols_in_a_blink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
