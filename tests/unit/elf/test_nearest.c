// SPDX-License-Identifier: GPL-2.0-only
#include <limits.h>

#include "elf/image.h"
#include "files.h"

#define FUNC(name_, vaddr_, bytes_, bind_)                                                         \
	{                                                                                          \
		.name = name_, .vaddr = vaddr_, .bytes = bytes_, .type = STT_FUNC, .bind = bind_   \
	}

#define ANY_EDITS UINT_MAX

static void offers_the_nearest_names(void **state)
{
	static const struct made_symbol one[] = {
		FUNC("PyUnicode_Join", 0x100, 8, STB_GLOBAL),
		FUNC("PyUnicode_Joins", 0x200, 8, STB_GLOBAL),
		FUNC("something_else", 0x300, 8, STB_GLOBAL),
		FUNC("PyUnicode_Joni.cold", 0x400, 8, STB_LOCAL),
	};
	static const struct made_symbol other[] = {
		FUNC("PyUnicode_Joint", 0x100, 8, STB_GLOBAL),
		FUNC("PyUnicode_Join", 0x200, 8, STB_GLOBAL),
		FUNC("PyUnicode_John", 0x300, 8, STB_GLOBAL),
	};
	struct elf_image *images[] = {make_image(one, COUNT(one)), make_image(other, COUNT(other))};
	elf_near_names near = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
			elf_nearest_names(images[i], "PyUnicode_Jion", ANY_EDITS, 3, &near), 0);
	assert_int_equal(near.count, 3);
	assert_string_equal(near.items[0].name, "PyUnicode_Join");
	assert_int_equal(near.items[0].distance, 1);
	/* Two edits each; the first file's comes first. */
	assert_string_equal(near.items[1].name, "PyUnicode_Joins");
	assert_int_equal(near.items[1].distance, 2);
	assert_int_equal(near.items[2].distance, 2);
	elf_near_names_release(&near);

	assert_int_equal(elf_nearest_names(images[0], "", ANY_EDITS, 9, &near), 0);
	assert_int_equal(near.count, 3);
	assert_int_equal(near.items[0].distance, 14);
	assert_int_equal(near.items[2].distance, 15);
	assert_int_equal(elf_nearest_names(images[0], "x", ANY_EDITS, 0, &near), 0);
	assert_int_equal(near.count, 3);
	elf_near_names_release(&near);
	elf_image_free(images[0]);
	elf_image_free(images[1]);
}

static void assert_nearest(const struct elf_image *image, const char *wanted, const char *first,
			   size_t count)
{
	elf_near_names near = {0};

	assert_int_equal(elf_nearest_names(image, wanted, (unsigned)strlen(wanted) / 3, 9, &near),
			 0);
	if (near.count != count || (count && strcmp(near.items[0].name, first) != 0))
		fail_msg("'%s': %zu names, the first is %s", wanted, near.count,
			 near.count ? near.items[0].name : "none");
	elf_near_names_release(&near);
}

static void offers_what_has_the_last_word(void **state)
{
	static const struct made_symbol symbols[] = {
		FUNC("_ZN2ns4Grow5flushEm", 0x100, 8, STB_GLOBAL),
		FUNC("_ZN2ns4Grow5flushEv", 0x110, 8, STB_GLOBAL),
		FUNC("_ZN2nspLERNS_4GrowEi", 0x120, 8,
		     STB_GLOBAL), /* ns::operator+=(ns::Grow&, int) */
		FUNC("_ZN2ns2goEv", 0x130, 8, STB_GLOBAL),
		FUNC("runtime.(*mheap).grow", 0x200, 8, STB_LOCAL),
		FUNC("bytes.(*Buffer).grow", 0x210, 8, STB_LOCAL),
		FUNC("main.(*Ring[go.shape.[]uint8_0]).Join", 0x220, 8, STB_LOCAL),
		FUNC("wal/store.Journal.sync", 0x230, 8, STB_LOCAL),
		FUNC("grow", 0x240, 8, STB_LOCAL),
	};
	struct elf_image *image = make_image(symbols, COUNT(symbols));

	(void)state;
	assert_nearest(image, "flush", "ns::Grow::flush", 1);
	assert_nearest(image, "go", "ns::go", 1);
	assert_nearest(image, "Grow::flush(size_t)", "ns::Grow::flush(unsigned long)", 2);
	assert_nearest(image, "operator+=", "ns::operator+=", 1);
	assert_nearest(image, "operator+=(Grow&, long)", "ns::operator+=(ns::Grow&, int)", 1);
	assert_nearest(image, "operator-=", NULL, 0);
	assert_nearest(image, "Buffer.grow", "bytes.(*Buffer).grow", 2);
	assert_nearest(image, "Hidden.grow", "runtime.(*mheap).grow", 2);
	assert_nearest(image, "(*Ring).Join", "main.(*Ring[go.shape.[]uint8_0]).Join", 1);
	assert_nearest(image, "main.(*Ring[uint8]).Join", "main.(*Ring[go.shape.[]uint8_0]).Join",
		       1);
	assert_nearest(image, "Join", "main.(*Ring[go.shape.[]uint8_0]).Join", 1);
	assert_nearest(image, "wal.Journal.sync", "wal/store.Journal.sync", 1);
	assert_nearest(image, ".", NULL, 0);
	elf_image_free(image);
}

static void counts_edits_between_shared_ends(void **state)
{
	static const struct {
		const char *wanted, *name;
		unsigned distance;
	} pairs[] = {
		{"flush", "flush", 0},
		{"flush", "flushflush", 5},   /* the beginning is the end, too */
		{"aaa", "aa", 1},             /* each letter counts once */
		{"abab", "baab", 1},          /* swapped next to a shared end */
		{"xabx", "xbax", 1},          /* and between two */
		{"aab", "aba", 1},            /* and next to a shared beginning */
		{"bench_ca", "bench_abc", 3}, /* no letter put between two swapped ones */
		{"do_flush_all", "do_fls_all", 2},
		{"", "abc", 3},
	};
	struct made_symbol symbol = FUNC(NULL, 0x100, 8, STB_GLOBAL);

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		elf_near_names near = {0};
		struct elf_image *image;

		symbol.name = pairs[i].name;
		image = make_image(&symbol, 1);
		assert_int_equal(elf_nearest_names(image, pairs[i].wanted, ANY_EDITS, 1, &near), 0);
		assert_int_equal(near.count, 1);
		assert_int_equal(near.items[0].distance, pairs[i].distance);
		elf_near_names_release(&near);
		elf_image_free(image);
	}
}

static void passes_over_names_too_far(void **state)
{
	static const struct made_symbol symbols[] = {
		FUNC("flush_al", 0x100, 8, STB_GLOBAL), FUNC("flush_a", 0x200, 8, STB_GLOBAL),
		FUNC("_ZN4Grow9flush_allEv", 0x300, 8, STB_GLOBAL), /* Grow::flush_all() */
	};
	/* What has the very last word is never too far. */
	static const size_t counts[] = {1, 2, 3};
	struct elf_image *image = make_image(symbols, COUNT(symbols));

	(void)state;
	for (unsigned edits = 0; edits < COUNT(counts); edits++) {
		elf_near_names near = {0};

		assert_int_equal(elf_nearest_names(image, "flush_all", edits, 9, &near), 0);
		assert_int_equal(near.count, counts[edits]);
		elf_near_names_release(&near);
	}
	elf_image_free(image);
}

static void passes_over_endless_names(void **state)
{
	char name[301], wanted[101];
	struct made_symbol symbols[] = {
		FUNC(name, 0x100, 8, STB_GLOBAL),
		FUNC("short", 0x200, 8, STB_GLOBAL),
	};
	elf_near_names near = {0};
	struct elf_image *image;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memset(wanted, 'x', sizeof(wanted));
	wanted[sizeof(wanted) - 1] = '\0';
	image = make_image(symbols, COUNT(symbols));
	assert_int_equal(elf_nearest_names(image, wanted, ANY_EDITS, 9, &near), 0);
	assert_int_equal(near.count, 1);
	assert_string_equal(near.items[0].name, "short");
	assert_int_equal(near.items[0].distance, 100);
	assert_int_equal(elf_nearest_names(image, name, ANY_EDITS, 9, &near), 0);
	assert_int_equal(near.count, 1);
	elf_near_names_release(&near);
	elf_image_free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_the_nearest_names),
		cmocka_unit_test(offers_what_has_the_last_word),
		cmocka_unit_test(passes_over_names_too_far),
		cmocka_unit_test(counts_edits_between_shared_ends),
		cmocka_unit_test(passes_over_endless_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
