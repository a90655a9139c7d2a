// SPDX-License-Identifier: GPL-2.0-only
/* Rows of real files as they are read here, and as libdw reads them. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>

#include "elf/image_internal.h"
#include "stack/row.h"
#include "taken.h"

struct compared {
	struct elf_image *image;
	Dwarf_CFI *cfi;
	Elf *elf;
	size_t rows, expressions;
};

static void open_compared(struct compared *compared, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	memset(compared, 0, sizeof(*compared));
	assert_true(fd >= 0);
	assert_int_equal(elf_image_open(fd, &compared->image), 0);
	compared->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	compared->cfi = dwarf_getcfi_elf(compared->elf);
	assert_non_null(compared->cfi);
}

static void close_compared(struct compared *compared)
{
	print_message("%zu rows, %zu expressions\n", compared->rows, compared->expressions);
	dwarf_cfi_end(compared->cfi);
	elf_end(compared->elf);
	elf_image_free(compared->image);
}

/* libdw gives sums as expressions: bregx REG OFFSET, call_frame_cfa plus_uconst OFFSET. */
static void check_cfa(struct compared *compared, const struct row_rule *cfa, Dwarf_Frame *frame)
{
	Dwarf_Op *ops;
	size_t count;

	assert_int_equal(dwarf_frame_cfa(frame, &ops, &count), 0);
	assert_true(count > 0);
	if (cfa->kind == RULE_EXPRESSION) {
		compared->expressions++;
		assert_true(count > 1 || ops[0].atom != DW_OP_bregx);
		return;
	}
	assert_int_equal(cfa->kind, RULE_REGISTER);
	assert_int_equal(count, 1);
	assert_int_equal(ops[0].atom, DW_OP_bregx);
	assert_int_equal(ops[0].number, cfa->reg);
	assert_int_equal(ops[0].number2, cfa->offset);
}

static void check_register(const struct row *row, unsigned reg, Dwarf_Frame *frame)
{
	const struct row_rule *rule = &row->rules[reg];
	Dwarf_Op memory[3], *ops;
	int64_t offset = 0;
	size_t count;

	assert_int_equal(dwarf_frame_register(frame, (int)reg, memory, &ops, &count), 0);
	if (!count) {
		/* NULL: as it was. */
		assert_true(ops ? rule->kind == RULE_UNDEFINED || rule->kind == RULE_NONE
				: rule->kind == RULE_SAME || rule->kind == RULE_NONE);
		return;
	}
	if (rule->kind != RULE_AT_CFA)
		return;
	assert_int_equal(ops[0].atom, DW_OP_call_frame_cfa);
	if (count > 1)
		offset = (int64_t)ops[1].number;
	assert_int_equal(offset, rule->offset);
}

static void check_place(struct compared *compared, uint64_t vaddr)
{
	static const unsigned checked[] = {DWARF_RBX,     DWARF_RBP,     DWARF_R12, DWARF_R12 + 1,
					   DWARF_R12 + 2, DWARF_R12 + 3, DWARF_RIP};
	struct elf_unwind unwind;
	Dwarf_Frame *frame;
	bool is_signal;
	struct row row;

	assert_int_equal(elf_unwind_at(compared->image, vaddr, &unwind), 0);
	assert_true(row_read(&unwind, vaddr, &row));
	assert_int_equal(dwarf_cfi_addrframe(compared->cfi, vaddr, &frame), 0);
	assert_int_equal(dwarf_frame_info(frame, NULL, NULL, &is_signal), DWARF_RIP);
	assert_true(is_signal == row.is_signal);
	check_cfa(compared, &row.cfa, frame);
	for (size_t i = 0; i < COUNT(checked); i++)
		check_register(&row, checked[i], frame);
	compared->rows++;
	free(frame);
}

/* At both ends of each function, and at some places in it. */
static void rows_are_those_of_libdw(void **state)
{
	static const char *const paths[] = {"/proc/self/exe", "/lib/x86_64-linux-gnu/libc.so.6",
					    "/usr/bin/python3.11", TARGETS "/chain_cxx"};

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		const struct frame_index *index;
		struct compared compared;

		open_compared(&compared, paths[i]);
		index = elf_frame_index(compared.image);
		assert_true(index->count > 0);
		for (size_t at = 0; at < index->count; at++) {
			struct elf_range range;
			int32_t start;

			memcpy(&start, index->entries + 8 * at, sizeof(start));
			assert_int_equal(elf_frame_bounds(compared.image,
							  index->vaddr + (uint64_t)(int64_t)start,
							  &range),
					 0);
			for (uint64_t off = 0; off < range.bytes; off += 1 + range.bytes / 7)
				check_place(&compared, range.vaddr + off);
			check_place(&compared, range.vaddr + range.bytes - 1);
		}
		close_compared(&compared);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_those_of_libdw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
