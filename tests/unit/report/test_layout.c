// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report/layout.h"

static void shortens_names_in_the_middle(void **state)
{
	char buf[LAYOUT_NAME_BYTES];

	(void)state;
	assert_string_equal(layout_name(buf, "abcdefghij", 10), "abcdefghij");
	assert_string_equal(layout_name(buf, "abcdefghijk", 10), "abcd..hijk");
	assert_string_equal(layout_name(buf, "abcdefghijk", 9), "abcd..ijk");
	assert_string_equal(layout_name(buf, "abcdefghijk", 3), "a..");
	/* Two columns each: five fit in eleven, beside the dots two at each end. */
	assert_string_equal(layout_name(buf, "\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e", 7),
			    "\xe8\xaa\x9e..\xe8\xaa\x9e");
	assert_int_equal(layout_width("\xe8\xaa\x9e"), 2);
	assert_int_equal(layout_width("\xc3\xa9"), 1);
	assert_int_equal(layout_width("\xf0\x9f\x98\x80"), 2);
}

/* What a paragraph or a row looks like. */
static void check_page(struct page *page, const char *wanted)
{
	assert_int_equal(page_close(page), 0);
	assert_string_equal(page->text, wanted);
	free(page->text);
}

static void fills_paragraphs(void **state)
{
	struct page page;

	(void)state;
	assert_int_equal(page_open(&page), 0);
	layout_paragraph(&page, 2, 10, "%s", "one two three four");
	check_page(&page, "one two\n  three\n  four\n");
	/* A line that is exactly full, and a word that is longer than a line. */
	assert_int_equal(page_open(&page), 0);
	layout_paragraph(&page, 0, 7, "%s", "one two abcdefghij");
	check_page(&page, "one two\nabcdefg\nhij\n");
	assert_int_equal(page_open(&page), 0);
	layout_paragraph(&page, 0, 12, "%s", "it took 12.5 ms long");
	check_page(&page, "it took\n12.5 ms long\n");
}

static void keeps_the_pieces_of_a_chain_whole(void **state)
{
	struct page page;
	struct layout_chain chain = {.page = &page, .hang = 2, .columns = 12, .used = 2};

	(void)state;
	assert_int_equal(page_open(&page), 0);
	layout_chain_add(&chain, "", "one");
	layout_chain_add(&chain, "<-", "two");
	layout_chain_add(&chain, "<-", "three 3");
	layout_chain_add(&chain, "<-", "\xe8\xaa\x9e");
	/* Wider than a line, it has one of its own. */
	layout_chain_add(&chain, "<-", "abcdefghijklm");
	layout_chain_add(&chain, "<-", "z");
	check_page(&page, "one <-two\n  <-three 3\n  <-\xe8\xaa\x9e\n  <-abcdefghijklm\n  <-z");
	/* A line that is exactly full, and one that would be too long by the space. */
	chain.used = 2;
	assert_int_equal(page_open(&page), 0);
	layout_chain_add(&chain, "", "abcd");
	layout_chain_add(&chain, "<-", "xyz");
	layout_chain_add(&chain, "<-", "abc");
	layout_chain_add(&chain, "<-", "xyz");
	check_page(&page, "abcd <-xyz\n  <-abc\n  <-xyz");
	/* Behind what its caller put there. */
	chain.used = 5;
	assert_int_equal(page_open(&page), 0);
	fputs("12345", page.stream);
	layout_chain_add(&chain, "", "abcd");
	check_page(&page, "12345 abcd");
}

static void rows_keep_their_figures(void **state)
{
	struct page page;

	(void)state;
	assert_int_equal(page_open(&page), 0);
	layout_row(&page, 40, "1234567890123456789", "short", "");
	layout_row(&page, 40, "1234567890123456789", "short", "remark");
	layout_row(&page, 40, "1234567890123456789", "nineteen_characters", "remark");
	layout_row(&page, 40, "1234567890123456789", "these_are_twenty_char", "remark");
	layout_row(&page, 40, "1234567890123456789", "thirty_characters_and_some_more", "");
	layout_row(&page, 40, "1234567890123456789",
		   "a_first_line_of_29_characters_a_second_one_of_29_characters_and", "remark");
	layout_row(&page, 40, "1234567890123456789",
		   "a_first_line_of_29_characters_a_second_one_of_29_characters_"
		   "a_third_one_that_is_too_long_",
		   "");
	layout_row(&page, 40, "1234567890123456789", "ns::flush(unsigned long, char const*)", "");
	layout_row(&page, 10, "1234567890123456789", "too_narrow", "remark");
	check_page(&page, "1234567890123456789  short\n"
			  "1234567890123456789  short, remark\n"
			  "1234567890123456789  nineteen_characters\n"
			  "                     remark\n"
			  "1234567890123456789\n"
			  "           these_are_twenty_char, remark\n"
			  "1234567890123456789\n"
			  "           thirty_characters_and_some_mo\n"
			  "           re\n"
			  "1234567890123456789\n"
			  "           a_first_line_of_29_characters\n"
			  "           _a_second_one_of_29_character\n"
			  "           s_and, remark\n"
			  "1234567890123456789\n"
			  "           a_first_line_of_29_characters\n"
			  "           _a_second_one_..9_characters_\n"
			  "           a_third_one_that_is_too_long_\n"
			  "1234567890123456789\n"
			  "           ns::flush(unsigned long, char\n"
			  "           const*)\n"
			  "1234567890123456789\n"
			  "           too_narrow\n"
			  "           remark\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shortens_names_in_the_middle),
		cmocka_unit_test(fills_paragraphs),
		cmocka_unit_test(keeps_the_pieces_of_a_chain_whole),
		cmocka_unit_test(rows_keep_their_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
