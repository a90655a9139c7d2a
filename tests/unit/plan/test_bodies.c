// SPDX-License-Identifier: GPL-2.0-only
#include "code_bytes.h"

#include "plan/bodies.h"

#define VADDR 0x1000
#define MOST  8

/* The bodies of doors at these offsets, as digits: "001". */
static void assert_bodies(const struct code_bytes *bytes, const uint64_t *offsets,
			  const char *expected)
{
	const struct code_view view = code_bytes_view(bytes);
	struct copy_door doors[MOST] = {0};
	unsigned bodies[MOST];
	char seen[MOST + 1] = "";
	size_t count = 0;

	for (; expected[count]; count++)
		doors[count] = (struct copy_door){"memmove", bytes->vaddr + offsets[count]};
	assert_int_equal(plan_bodies(&view, doors, count, bodies), 0);
	for (size_t i = 0; i < count; i++)
		seen[i] = '0' + bodies[i];
	assert_string_equal(seen, expected);
}

/* As in glibc: mempcpy jumps into memmove, __memmove_chk falls into it; a second one is apart. */
static void doors_that_meet_are_one_body(void **state)
{
	static const uint8_t code[] = {
		0x90,       /* 1000 __memmove_chk: nop */
		0x74, 0x01, /* 1001 memmove: je 1004 */
		0xc3,       /* 1003 ret */
		0xc3,       /* 1004 ret */
		0xeb, 0xfa, /* 1005 mempcpy: jmp 1001 */
		0x74, 0x01, /* 1007 another: je 100a */
		0xc3,       /* 1009 ret */
		0xc3,       /* 100a ret */
	};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), NULL, NULL};

	(void)state;
	assert_bodies(&bytes, (uint64_t[]){0, 1, 5, 7}, "0001");
	assert_bodies(&bytes, (uint64_t[]){7, 5, 0, 7}, "0110");
}

/* The first two have nothing in common but the third, which branches into both. */
static void a_door_joins_the_bodies_before_it(void **state)
{
	static const uint8_t code[] = {
		0xc3,       /* 1000 ret */
		0xc3,       /* 1001 ret */
		0x74, 0xfc, /* 1002 je 1000 */
		0xeb, 0xfb, /* 1004 jmp 1001 */
		0xc3,       /* 1006 ret */
	};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), NULL, NULL};

	(void)state;
	assert_bodies(&bytes, (uint64_t[]){0, 1, 6}, "012");
	assert_bodies(&bytes, (uint64_t[]){0, 6, 1, 2}, "0100");
}

/* As glibc's ssse3 routines: their tables lead to anywhere within the function. */
static void an_indirect_jump_reaches_its_whole_function(void **state)
{
	static const uint8_t code[] = {
		0xff, 0xe0, /* 1000 jmp *%rax */
		0xc3,       /* 1002 ret: an entry of the table */
		0xc3,       /* 1003 ret: another function */
	};
	static const struct code_range functions[] = {{VADDR, 3}, {VADDR + 3, 1}, {0, 0}};
	const struct code_bytes known = {VADDR, code, sizeof(code), functions, NULL};
	const struct code_bytes unknown = {VADDR, code, sizeof(code), NULL, NULL};

	(void)state;
	assert_bodies(&known, (uint64_t[]){0, 2, 3}, "001");
	assert_bodies(&unknown, (uint64_t[]){0, 2, 3}, "000");
	assert_bodies(&unknown, (uint64_t[]){2, 3}, "01");
}

static void what_does_not_decode_may_lead_anywhere(void **state)
{
	static const uint8_t code[] = {
		0x06, /* 1000 (bad) */
		0xc3, /* 1001 ret */
		0xc3, /* 1002 ret */
	};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), NULL, NULL};

	(void)state;
	assert_bodies(&bytes, (uint64_t[]){1, 2, 0}, "000");
	assert_bodies(&bytes, (uint64_t[]){0}, "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doors_that_meet_are_one_body),
		cmocka_unit_test(a_door_joins_the_bodies_before_it),
		cmocka_unit_test(an_indirect_jump_reaches_its_whole_function),
		cmocka_unit_test(what_does_not_decode_may_lead_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
