// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyse/flush.h"

static const struct symbol_name name = {.function = "flush_accumulator", .module = "python3.9"};
static const struct probe_costs costs = {.cheap_ns = 750, .stepped_ns = 12000};

static void sums_the_cost_of_both_kinds(void **state)
{
	static const struct probe_costs unknown = {0};

	(void)state;
	assert_int_equal(probe_costs_sum_ns(&costs, 10, 2), 10 * 750 + 2 * 12000);
	assert_int_equal(probe_costs_sum_ns(&unknown, 10, 2), 0);
}

static void leaves_out_a_host_that_copied_nothing(void **state)
{
	static const struct symbol_name host = {.function = "save_all", .is_host = true};
	struct mw_span span = {.duration_ns = 4000};
	struct mw_open_span open = {.copies = 7};
	struct mw_strand_line totals = {.strand = {.copies = 7}};
	struct mw_span_key key = {0};

	(void)state;
	assert_false(flush_from_span(&span, &name, &costs).left_out);
	assert_true(flush_from_span(&span, &host, &costs).left_out);
	span.copies = 1;
	assert_false(flush_from_span(&span, &host, &costs).left_out);

	assert_false(flush_from_open_span(&key, &open, &totals, NULL, 9, &name, &costs).left_out);
	assert_true(flush_from_open_span(&key, &open, &totals, NULL, 9, &host, &costs).left_out);
	totals.strand.copies = 8;
	assert_false(flush_from_open_span(&key, &open, &totals, NULL, 9, &host, &costs).left_out);
	/* It may have copied. */
	assert_false(flush_from_open_span(&key, &open, NULL, NULL, 9, &host, &costs).left_out);
}

static void takes_all_of_a_span(void **state)
{
	struct mw_span span = {
		.head = {.pid = 42, .tid = 43, .at_ns = 5000, .comm = "writer"},
		.start_ns = 1000,
		.duration_ns = 4000,
		.copied_bytes = 100,
		.copies = 7,
		.write_index = 100000,
		.cheap_hits = 3,
		.stepped_hits = 2,
	};
	struct flush flush = flush_from_span(&span, &name, &costs);

	(void)state;
	assert_string_equal(flush.function, "flush_accumulator");
	assert_string_equal(flush.module, "python3.9");
	assert_int_equal(flush.pid, 42);
	assert_int_equal(flush.tid, 43);
	assert_string_equal(flush.comm, "writer");
	assert_int_equal(flush.start_ns, 1000);
	assert_int_equal(flush.duration_ns, 4000);
	assert_int_equal(flush.copied_bytes, 100);
	assert_int_equal(flush.copies, 7);
	assert_true(flush.copies_known);
	assert_int_equal(flush.write_index, 100000);
	assert_int_equal(flush.probe_hits, 5);
	assert_int_equal(flush.overhead_ns, 3 * 750 + 2 * 12000);
	assert_false(flush.unfinished);
	assert_false(flush.recursive);

	span.flags = MW_SPAN_UNFINISHED;
	flush = flush_from_span(&span, &name, &costs);
	assert_true(flush.unfinished);
	assert_false(flush.recursive);
	span.flags = MW_SPAN_RECURSIVE;
	flush = flush_from_span(&span, &name, &costs);
	assert_false(flush.unfinished);
	assert_true(flush.recursive);
}

static void ends_a_name_that_has_no_end(void **state)
{
	struct mw_span span = {0};
	struct flush flush;

	(void)state;
	memset(span.head.comm, 'x', sizeof(span.head.comm));
	flush = flush_from_span(&span, &name, &costs);
	assert_int_equal(strnlen(flush.comm, sizeof(flush.comm)), COMM_BYTES - 1);
}

static void span_says_what_is_known_of_its_bytes(void **state)
{
	struct mw_span span = {.gate_bytes = 2113,
			       .copied_bytes = 5,
			       .copy_ns = 30,
			       .timed_copies = 2,
			       .timed_bytes = 4};
	struct flush flush = flush_from_span(&span, &name, &costs);

	(void)state;
	assert_int_equal(flush.gate_bytes, 2113);
	assert_int_equal(flush.copy_ns, 30);
	assert_int_equal(flush.timed_copies, 2);
	assert_int_equal(flush.timed_bytes, 4);
	/* Where the gate began, it is what the user asked for: nothing is missing by the budget. */
	assert_true(flush_is_whole(&flush));
	span.flags = MW_SPAN_GATE_MOVED;
	flush = flush_from_span(&span, &name, &costs);
	assert_true(flush.partly_counted);
	assert_false(flush.gate_raised);
	assert_false(flush_is_whole(&flush));
	span.flags = MW_SPAN_RAISED;
	flush = flush_from_span(&span, &name, &costs);
	assert_false(flush.partly_counted);
	assert_true(flush.gate_raised);
	assert_false(flush_is_whole(&flush));
}

/* It may have been the flush: its copies were not counted. */
static void keeps_a_host_whose_copies_were_not_counted(void **state)
{
	static const struct symbol_name host = {.function = "save_all", .is_host = true};
	struct mw_span span = {.duration_ns = 4000, .flags = MW_SPAN_RAISED};

	(void)state;
	assert_false(flush_from_span(&span, &host, &costs).left_out);
	span.flags = MW_SPAN_GATE_MOVED;
	assert_false(flush_from_span(&span, &host, &costs).left_out);
}

static const struct mw_span_key open_key = {.sp = 0x7ffe0000, .id = 43, .function = 1};
static const struct mw_open_span open_span = {
	.start_ns = 1000,
	.copied_bytes = 500,
	.copies = 5,
	.cheap_hits = 10,
	.stepped_hits = 1,
	.write_index = 12,
	.pid = 42,
	.tid = 43,
	.recursive = 1,
};

static void open_span_holds_what_was_copied_so_far(void **state)
{
	struct mw_strand_line totals = {
		.comm = "writer",
		.strand = {.copied_bytes = 800, .copies = 9, .cheap_hits = 14, .stepped_hits = 2},
	};
	struct flush flush =
		flush_from_open_span(&open_key, &open_span, &totals, NULL, 61000, &name, &costs);

	(void)state;
	assert_true(flush.unfinished);
	assert_true(flush.recursive);
	assert_int_equal(flush.pid, 42);
	assert_int_equal(flush.tid, 43);
	assert_string_equal(flush.comm, "writer");
	assert_int_equal(flush.duration_ns, 60000);
	assert_true(flush.copies_known);
	assert_int_equal(flush.copied_bytes, 300);
	assert_int_equal(flush.copies, 4);
	assert_int_equal(flush.write_index, 12);
	assert_int_equal(flush.probe_hits, 5);
	assert_int_equal(flush.overhead_ns, 4 * 750 + 12000);
}

/* Its key tells of no thread; the record does, of the one on which it began. */
static void open_span_of_a_goroutine_has_both(void **state)
{
	const struct mw_span_key key = {
		.sp = (uint64_t)-0x80, .owner = 0xc000006000, .id = 42, .function = 1};
	struct flush flush =
		flush_from_open_span(&key, &open_span, NULL, NULL, 61000, &name, &costs);
	const struct mw_span span = {.head = {.pid = 42, .tid = 44}, .goroutine = 0xc000006000};

	(void)state;
	assert_int_equal(flush.tid, 43);
	assert_int_equal(flush.goroutine_addr, 0xc000006000);
	flush = flush_from_span(&span, &name, &costs);
	assert_int_equal(flush.tid, 44);
	assert_int_equal(flush.goroutine_addr, 0xc000006000);
}

static void open_span_without_totals_claims_no_copies(void **state)
{
	struct flush flush =
		flush_from_open_span(&open_key, &open_span, NULL, NULL, 61000, &name, &costs);

	(void)state;
	assert_true(flush.unfinished);
	assert_false(flush.copies_known);
	assert_int_equal(flush.copied_bytes, 0);
	assert_int_equal(flush.probe_hits, 0);
	assert_int_equal(flush.duration_ns, 60000);
	assert_string_equal(flush.comm, "");
}

static void open_span_looks_at_the_gate_as_its_end_would(void **state)
{
	struct mw_open_span open = {.gate_bytes = 2113, .gate_step = 4, .copy_ns = 5};
	struct mw_strand_line totals = {
		.strand = {.copy_ns = 35, .timed_copies = 2, .timed_bytes = 8}};
	struct mw_watched now = {.gate_bytes = 2113, .gate_step = 4};
	struct flush flush =
		flush_from_open_span(&open_key, &open, &totals, NULL, 9, &name, &costs);

	(void)state;
	assert_true(flush_is_whole(&flush));
	assert_int_equal(flush.gate_bytes, 2113);
	assert_int_equal(flush.copy_ns, 30);
	assert_int_equal(flush.timed_copies, 2);
	assert_int_equal(flush.timed_bytes, 8);
	flush = flush_from_open_span(&open_key, &open, &totals, &now, 9, &name, &costs);
	assert_true(flush_is_whole(&flush));
	/* It went up and came down again. */
	now.gate_step = 6;
	flush = flush_from_open_span(&open_key, &open, &totals, &now, 9, &name, &costs);
	assert_true(flush.partly_counted);
	assert_false(flush.gate_raised);
	now = (struct mw_watched){.gate_bytes = MW_NO_GATE, .gate_step = 5, .is_raised = 1};
	flush = flush_from_open_span(&open_key, &open, &totals, &now, 9, &name, &costs);
	assert_true(flush.partly_counted);
	assert_true(flush.gate_raised);
	assert_true(flush.gate_bytes == NO_GATE);
	open.was_raised = 1;
	now = (struct mw_watched){.gate_bytes = 0, .gate_step = 4};
	flush = flush_from_open_span(&open_key, &open, &totals, &now, 9, &name, &costs);
	assert_true(flush.gate_raised);
	assert_int_equal(flush.gate_bytes, 2113);
	/* What could not be read is not whole. */
	flush = flush_from_open_span(&open_key, &open, NULL, NULL, 9, &name, &costs);
	assert_false(flush_is_whole(&flush));
}

/* The totals may have been read before the span began: nothing wraps round to 2^64. */
static void open_span_never_goes_below_zero(void **state)
{
	struct mw_strand_line totals = {0};
	struct flush flush =
		flush_from_open_span(&open_key, &open_span, &totals, NULL, 900, &name, &costs);

	(void)state;
	assert_int_equal(flush.duration_ns, 0);
	assert_int_equal(flush.copied_bytes, 0);
	assert_int_equal(flush.copies, 0);
	assert_int_equal(flush.probe_hits, 0);
	assert_int_equal(flush.overhead_ns, 0);
}

static void takes_all_of_a_copy(void **state)
{
	const struct symbol_name routine = {.function = "memmove", .module = "libc.so.6"};
	const struct mw_copy record = {
		.head = {.pid = 42, .tid = 43, .at_ns = 5000, .comm = "writer"},
		.copied_bytes = 1 << 24,
		.dst_addr = 0x1000,
		.src_addr = 0x2000,
		.duration_ns = 700,
	};
	struct large_copy copy = large_copy_from_record(&record, &routine);

	(void)state;
	assert_string_equal(copy.routine, "memmove");
	assert_string_equal(copy.module, "libc.so.6");
	assert_int_equal(copy.pid, 42);
	assert_int_equal(copy.tid, 43);
	assert_string_equal(copy.comm, "writer");
	assert_int_equal(copy.start_ns, 5000);
	assert_int_equal(copy.bytes, 1 << 24);
	assert_int_equal(copy.duration_ns, 700);
	assert_int_equal(copy.dst_addr, 0x1000);
	assert_int_equal(copy.src_addr, 0x2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_the_cost_of_both_kinds),
		cmocka_unit_test(leaves_out_a_host_that_copied_nothing),
		cmocka_unit_test(takes_all_of_a_span),
		cmocka_unit_test(span_says_what_is_known_of_its_bytes),
		cmocka_unit_test(keeps_a_host_whose_copies_were_not_counted),
		cmocka_unit_test(ends_a_name_that_has_no_end),
		cmocka_unit_test(open_span_holds_what_was_copied_so_far),
		cmocka_unit_test(open_span_of_a_goroutine_has_both),
		cmocka_unit_test(open_span_without_totals_claims_no_copies),
		cmocka_unit_test(open_span_looks_at_the_gate_as_its_end_would),
		cmocka_unit_test(open_span_never_goes_below_zero),
		cmocka_unit_test(takes_all_of_a_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
