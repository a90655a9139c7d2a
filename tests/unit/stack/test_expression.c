// SPDX-License-Identifier: GPL-2.0-only
#include <dwarf.h>

#include "stack/expression.h"
#include "taken.h"

#define WORD       0x1122334455667788
#define STACK_ADDR 0x7ff000

static const uint64_t words[] = {WORD, 1};

static bool value_of(const uint8_t *code, size_t bytes, const uint64_t *first, uint64_t *value)
{
	struct registers registers = {.known = 1u << DWARF_RSP | 1u << DWARF_RIP};
	struct taken_bytes taken = {
		.bytes = (const uint8_t *)words,
		.start_addr = STACK_ADDR,
		.count = sizeof(words),
	};
	struct expression expression = {code, bytes};

	registers.values[DWARF_RSP] = STACK_ADDR;
	registers.values[DWARF_RIP] = 0x40100b;
	return expression_value(&expression, &registers, &taken, first, value);
}

#define CODE(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

struct expected {
	const uint8_t *code;
	size_t bytes;
	uint64_t value;
};

static void computes_what_each_operation_says(void **state)
{
	const struct expected cases[] = {
		{CODE(DW_OP_lit31), 31},
		{CODE(DW_OP_const1s, 0xff), UINT64_MAX},
		{CODE(DW_OP_const2u, 0x34, 0x12), 0x1234},
		{CODE(DW_OP_const4s, 0, 0, 0, 0x80), 0xffffffff80000000},
		{CODE(DW_OP_constu, 0x80, 0x01), 128},
		{CODE(DW_OP_consts, 0x7f), UINT64_MAX},
		{CODE(DW_OP_breg7, 8), STACK_ADDR + 8},
		{CODE(DW_OP_breg7, 0x78), STACK_ADDR - 8},
		{CODE(DW_OP_bregx, 7, 0), STACK_ADDR},
		{CODE(DW_OP_breg7, 0, DW_OP_deref), WORD},
		{CODE(DW_OP_breg7, 0, DW_OP_deref_size, 2), 0x7788},
		{CODE(DW_OP_lit1, DW_OP_lit2, DW_OP_minus), UINT64_MAX},
		{CODE(DW_OP_lit1, DW_OP_lit2, DW_OP_swap, DW_OP_minus), 1},
		{CODE(DW_OP_lit1, DW_OP_lit2, DW_OP_over, DW_OP_plus), 3},
		{CODE(DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_drop), 1},
		{CODE(DW_OP_lit1, DW_OP_lit2, DW_OP_pick, 1, DW_OP_mul), 2},
		{CODE(DW_OP_lit6, DW_OP_lit3, DW_OP_and, DW_OP_lit8, DW_OP_or), 10},
		{CODE(DW_OP_lit6, DW_OP_neg, DW_OP_abs, DW_OP_not, DW_OP_not), 6},
		{CODE(DW_OP_lit1, DW_OP_const1u, 64, DW_OP_shl), 0},
		{CODE(DW_OP_const1s, 0x80, DW_OP_const1u, 99, DW_OP_shra), UINT64_MAX},
		{CODE(DW_OP_lit1, DW_OP_neg, DW_OP_lit1, DW_OP_lt), 1},
		{CODE(DW_OP_lit1, DW_OP_bra, 1, 0, DW_OP_lit7, DW_OP_lit8), 8},
		{CODE(DW_OP_lit5, DW_OP_skip, 0, 0, DW_OP_nop), 5},
		{CODE(DW_OP_lit5, DW_OP_plus_uconst, 0x80, 0x01), 133},
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(value_of(cases[i].code, cases[i].bytes, NULL, &value));
		if (value != cases[i].value)
			fail_msg("case %zu is %#lx", i, (unsigned long)value);
	}
}

/* Of ld's .plt: one word more from the push of the index on, which ends at byte 11 of 16. */
static void knows_plts(void **state)
{
	static const uint8_t code[] = {
		DW_OP_breg7, 8,        DW_OP_breg16, 0,         DW_OP_lit15, DW_OP_and,
		DW_OP_lit11, DW_OP_ge, DW_OP_lit3,   DW_OP_shl, DW_OP_plus,
	};
	uint64_t value;

	(void)state;
	assert_true(value_of(code, sizeof(code), NULL, &value));
	assert_int_equal(value, STACK_ADDR + 16);
}

static void starts_with_the_cfa_where_it_is_given(void **state)
{
	static const uint8_t code[] = {DW_OP_lit8, DW_OP_minus};
	uint64_t first = 100, value;

	(void)state;
	assert_true(value_of(code, sizeof(code), &first, &value));
	assert_int_equal(value, 92);
	assert_false(value_of(code, sizeof(code), NULL, &value));
}

static void refuses_what_is_broken_or_endless(void **state)
{
	const struct expected cases[] = {
		{CODE(DW_OP_const8u, 1, 2), 0},
		{CODE(DW_OP_plus), 0},
		{CODE(DW_OP_breg0, 0), 0},
		{CODE(DW_OP_bregx, 99, 0), 0},
		{CODE(DW_OP_breg7, 16, DW_OP_deref), 0},
		{CODE(DW_OP_breg7, 12, DW_OP_deref), 0},
		{CODE(DW_OP_breg7, 0, DW_OP_deref_size, 9), 0},
		{CODE(DW_OP_skip, 0xfd, 0xff), 0},
		{CODE(DW_OP_skip, 0xfc, 0xff), 0},
		{CODE(DW_OP_skip, 1, 0), 0},
		{CODE(DW_OP_lit1, DW_OP_skip, 0xfc, 0xff), 0},
		{CODE(DW_OP_lit1, DW_OP_lit1, DW_OP_div), 0},
		{CODE(0xff), 0},
		{NULL, 0, 0},
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (value_of(cases[i].code, cases[i].bytes, NULL, &value))
			fail_msg("case %zu is %#lx", i, (unsigned long)value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(computes_what_each_operation_says),
		cmocka_unit_test(knows_plts),
		cmocka_unit_test(starts_with_the_cfa_where_it_is_given),
		cmocka_unit_test(refuses_what_is_broken_or_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
