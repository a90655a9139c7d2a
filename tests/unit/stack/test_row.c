// SPDX-License-Identifier: GPL-2.0-only
#include <dwarf.h>

#include "stack/row.h"
#include "taken.h"

#define CODE_VADDR 0x1000
#define STACK_ADDR 0x7ff000

/* As gcc's CIE: at a function's start the return address is on top of the stack. */
static const uint8_t shared[] = {DW_CFA_def_cfa, DWARF_RSP, 8, DW_CFA_offset | DWARF_RIP, 1};

static struct elf_unwind unwind_of(const uint8_t *own, size_t bytes)
{
	return (struct elf_unwind){
		.range = {CODE_VADDR, 0x100},
		.shared = shared,
		.shared_end = shared + sizeof(shared),
		.own = own,
		.own_end = own + bytes,
		.code_factor = 1,
		.data_factor = -8,
		.return_register = DWARF_RIP,
	};
}

/* The stack's words are 100, 101, ...; the registers of number n are 10 * n. */
static enum row_result apply(const struct row *row, struct registers *caller)
{
	static uint64_t words[16];
	struct taken_bytes taken = {
		.bytes = (const uint8_t *)words,
		.start_addr = STACK_ADDR,
		.count = sizeof(words),
	};
	struct registers registers = {.known = (1u << DWARF_REGISTERS) - 1};

	for (size_t i = 0; i < COUNT(words); i++)
		words[i] = 100 + i;
	for (unsigned reg = 0; reg < DWARF_REGISTERS; reg++)
		registers.values[reg] = 10 * reg;
	registers.values[DWARF_RSP] = STACK_ADDR;
	registers.values[DWARF_RBP] = STACK_ADDR + 32;
	return row_apply(row, &registers, &taken, caller);
}

static void check_caller(const struct row *row, uint64_t rip, uint64_t words_up)
{
	struct registers caller;

	assert_int_equal(apply(row, &caller), ROW_CALLER);
	assert_int_equal(caller.values[DWARF_RIP], rip);
	assert_int_equal(caller.values[DWARF_RSP], STACK_ADDR + 8 * words_up);
}

/*
 *	1000: push %rbp
 *	1001: mov %rsp,%rbp
 *	1004: push %rbx
 *	1005: ...
 *	1020: pop %rbx; leave
 *	1022: ret
 */
static const uint8_t framed[] = {
	DW_CFA_advance_loc | 1,
	DW_CFA_def_cfa_offset,
	16,
	DW_CFA_offset | DWARF_RBP,
	2,
	DW_CFA_advance_loc | 3,
	DW_CFA_def_cfa_register,
	DWARF_RBP,
	DW_CFA_advance_loc | 1,
	DW_CFA_offset | DWARF_RBX,
	3,
	DW_CFA_remember_state,
	DW_CFA_advance_loc1,
	29,
	DW_CFA_def_cfa,
	DWARF_RSP,
	8,
	DW_CFA_advance_loc | 1,
	DW_CFA_restore_state,
};

static void finds_each_row_of_a_function(void **state)
{
	struct elf_unwind unwind = unwind_of(framed, sizeof(framed));
	struct registers caller;
	struct row row;

	(void)state;
	assert_true(row_read(&unwind, CODE_VADDR, &row));
	check_caller(&row, 100, 1);
	assert_true(row_read(&unwind, CODE_VADDR + 1, &row));
	check_caller(&row, 101, 2);
	assert_true(row_read(&unwind, CODE_VADDR + 3, &row));
	check_caller(&row, 101, 2);
	assert_true(row_read(&unwind, CODE_VADDR + 0x10, &row));
	check_caller(&row, 105, 6);
	apply(&row, &caller);
	assert_int_equal(caller.values[DWARF_RBP], 104);
	assert_int_equal(caller.values[DWARF_RBX], 103);
	/* Behind the leave. */
	assert_true(row_read(&unwind, CODE_VADDR + 0x22, &row));
	check_caller(&row, 100, 1);
	assert_true(row_read(&unwind, CODE_VADDR + 0x23, &row));
	check_caller(&row, 105, 6);
}

/* What lies below the stack pointer was popped: its value is in the register. */
static void takes_popped_registers_as_they_are(void **state)
{
	struct elf_unwind unwind = unwind_of(framed, sizeof(framed));
	struct registers caller;
	struct row row;

	(void)state;
	assert_true(row_read(&unwind, CODE_VADDR + 0x22, &row));
	assert_int_equal(apply(&row, &caller), ROW_CALLER);
	assert_true(reg_is_known(&caller, DWARF_RBX) && reg_is_known(&caller, DWARF_RBP));
	assert_int_equal(caller.values[DWARF_RBX], 10 * DWARF_RBX);
	assert_int_equal(caller.values[DWARF_RBP], STACK_ADDR + 32);
	/* Nobody keeps these for a caller. */
	assert_false(reg_is_known(&caller, DWARF_RAX) || reg_is_known(&caller, DWARF_R8));
}

static void knows_all_rules(void **state)
{
	static const uint8_t own[] = {
		DW_CFA_register,
		DWARF_RBX,
		DWARF_RAX,
		DW_CFA_same_value,
		DWARF_R8,
		DW_CFA_undefined,
		DWARF_RBP,
		DW_CFA_val_offset,
		DWARF_R12,
		2,
		DW_CFA_expression,
		DWARF_R12 + 1,
		2,
		DW_OP_lit8,
		DW_OP_plus,
		DW_CFA_val_expression,
		DWARF_R12 + 2,
		2,
		DW_OP_lit1,
		DW_OP_minus,
		DW_CFA_offset_extended_sf,
		DWARF_R12 + 3,
		0x7e,
		/* %xmm0, which nobody follows, and arguments on the stack */
		DW_CFA_offset | 17,
		9,
		DW_CFA_GNU_args_size,
		16,
		DW_CFA_nop,
	};
	struct elf_unwind unwind = unwind_of(own, sizeof(own));
	struct registers caller;
	struct row row;

	(void)state;
	assert_true(row_read(&unwind, CODE_VADDR, &row));
	assert_int_equal(apply(&row, &caller), ROW_CALLER);
	assert_int_equal(caller.values[DWARF_RBX], 10 * DWARF_RAX);
	assert_int_equal(caller.values[DWARF_R8], 10 * DWARF_R8);
	assert_false(reg_is_known(&caller, DWARF_RBP));
	assert_int_equal(caller.values[DWARF_R12], STACK_ADDR + 8 - 16);
	assert_int_equal(caller.values[DWARF_R12 + 1], 102);
	assert_int_equal(caller.values[DWARF_R12 + 2], STACK_ADDR + 7);
	assert_int_equal(caller.values[DWARF_R12 + 3], 103);
}

static void an_undefined_return_address_is_the_end(void **state)
{
	static const uint8_t own[] = {DW_CFA_undefined, DWARF_RIP};
	struct elf_unwind unwind = unwind_of(own, sizeof(own));
	struct registers caller;
	struct row row;

	(void)state;
	assert_true(row_read(&unwind, CODE_VADDR, &row));
	assert_int_equal(apply(&row, &caller), ROW_END);
}

static void fails_where_the_stack_was_not_taken(void **state)
{
	static const uint8_t own[] = {DW_CFA_def_cfa_offset, 0x90, 0x01};
	struct elf_unwind unwind = unwind_of(own, sizeof(own));
	struct registers caller;
	struct row row;

	(void)state;
	assert_true(row_read(&unwind, CODE_VADDR, &row));
	assert_int_equal(apply(&row, &caller), ROW_FAILED);
}

#define OWN(...)                                                                                   \
	{                                                                                          \
		(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})             \
	}

static void refuses_broken_instructions(void **state)
{
	const struct {
		const uint8_t *code;
		size_t bytes;
	} cases[] = {
		OWN(DW_CFA_def_cfa, DWARF_RSP),
		OWN(DW_CFA_def_cfa, 17, 8),
		OWN(DW_CFA_restore_state),
		OWN(DW_CFA_advance_loc4, 1, 2),
		OWN(DW_CFA_def_cfa_expression, 9, DW_OP_lit0),
		OWN(DW_CFA_def_cfa_expression, 1, DW_OP_lit0, DW_CFA_def_cfa_offset, 8),
		OWN(DW_CFA_register, DWARF_RBX, 99),
		OWN(DW_CFA_offset_extended, 0xff, 0xff, 0xff, 0xff),
		OWN(DW_CFA_set_loc, 0, 0, 0, 0, 0, 0, 0, 0),
		OWN(0x3f),
		OWN(DW_CFA_remember_state, DW_CFA_remember_state, DW_CFA_remember_state,
		    DW_CFA_remember_state, DW_CFA_remember_state, DW_CFA_remember_state,
		    DW_CFA_remember_state, DW_CFA_remember_state, DW_CFA_remember_state),
	};
	struct elf_unwind unwind;
	struct row row;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unwind = unwind_of(cases[i].code, cases[i].bytes);
		if (row_read(&unwind, CODE_VADDR + 1, &row))
			fail_msg("case %zu is believed", i);
	}
	unwind = unwind_of(NULL, 0);
	unwind.return_register = DWARF_RBX;
	assert_false(row_read(&unwind, CODE_VADDR, &row));
	unwind.return_register = DWARF_RIP;
	unwind.shared_end = unwind.shared;
	assert_false(row_read(&unwind, CODE_VADDR, &row));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_each_row_of_a_function),
		cmocka_unit_test(takes_popped_registers_as_they_are),
		cmocka_unit_test(knows_all_rules),
		cmocka_unit_test(an_undefined_return_address_is_the_end),
		cmocka_unit_test(fails_where_the_stack_was_not_taken),
		cmocka_unit_test(refuses_broken_instructions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
