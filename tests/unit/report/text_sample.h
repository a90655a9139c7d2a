/* SPDX-License-Identifier: GPL-2.0-only */
/* A text report that writes into memory, and a run to show in it. */
#ifndef TESTS_REPORT_TEXT_SAMPLE_H
#define TESTS_REPORT_TEXT_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/report.h"

#define MS 1000000ull
#define S  1000000000ull

struct fixture {
	struct report *report;
	FILE *out;
	char *shown;
	size_t bytes;
};

static inline void open_report(struct fixture *fixture, struct text_settings settings)
{
	*fixture = (struct fixture){0};
	fixture->out = open_memstream(&fixture->shown, &fixture->bytes);
	assert_non_null(fixture->out);
	fixture->report = report_text_new(fixture->out, &settings);
	assert_non_null(fixture->report);
}

static inline void close_report(struct fixture *fixture)
{
	fixture->report->ops->free(fixture->report);
	fclose(fixture->out);
	free(fixture->shown);
}

static inline void show_header(struct fixture *fixture, const char *command)
{
	const struct run_header header = {
		.version = "0.1.0",
		.start_ns = 1 * S,
		.command = command,
		.run_as = "alice",
		.gate_is_fixed = true,
		.gate_bytes = 2113,
		.budget_pct = -1,
		.min_bytes = 1 << 20,
		.min_time_ns = 1 * MS,
	};

	assert_int_equal(fixture->report->ops->header(fixture->report, &header), 0);
}

static inline struct flush sample_flush(uint64_t number)
{
	return (struct flush){
		.function = "flush_accumulator",
		.module = "python3.9",
		.pid = 4242,
		.tid = 4242,
		.comm = "python3",
		.start_ns = 1 * S + number * 400 * MS + 12 * MS,
		.duration_ns = 26 * MS + number * 100000,
		.copied_bytes = 100000000,
		.copies = 100000,
		.copies_known = true,
		.write_index = number * 100000,
		.probe_hits = 100002,
		.overhead_ns = 75 * MS,
	};
}

static inline void show_flush(struct fixture *fixture, struct flush flush)
{
	assert_int_equal(fixture->report->ops->flush(fixture->report, &flush), 0);
}

static inline struct large_copy sample_copy(const char *routine)
{
	return (struct large_copy){
		.routine = routine,
		.module = "libc.so.6",
		.pid = 4242,
		.tid = 4250,
		.comm = "loader",
		.start_ns = 1 * S + 850 * MS,
		.bytes = 16 << 20,
		.dst_addr = 0x7f33a4600010,
		.src_addr = 0x7f33a2000010,
	};
}

static inline void show_copy(struct fixture *fixture, const char *routine)
{
	const struct large_copy copy = sample_copy(routine);

	assert_int_equal(fixture->report->ops->copy(fixture->report, &copy), 0);
}

static inline void show_step(struct fixture *fixture, struct budget_step step)
{
	assert_int_equal(fixture->report->ops->budget(fixture->report, &step), 0);
}

static inline void show_child(struct fixture *fixture, struct child_report child)
{
	assert_int_equal(fixture->report->ops->child(fixture->report, &child), 0);
}

static inline void show_summary(struct fixture *fixture, const struct run_summary *summary)
{
	assert_int_equal(fixture->report->ops->summary(fixture->report, summary), 0);
}

static const struct function_summary sample_functions[] = {
	{.function = "flush_accumulator",
	 .module = "python3.9",
	 .calls = 10,
	 .ended = 9,
	 .unfinished = 1,
	 .total_ns = 236 * MS,
	 .p50_ns = 26200000,
	 .p99_ns = 26900000,
	 .max_ns = 26900000,
	 .copied_bytes = 900000000,
	 .copies = 900000,
	 .reported = 9},
	{.function = "PyUnicode_Join",
	 .module = "python3.9",
	 .calls = 1234567,
	 .ended = 1234567,
	 .total_ns = 98765432,
	 .p50_ns = 80,
	 .p99_ns = 140,
	 .max_ns = 2100000,
	 .copied_bytes = 4096,
	 .copies = 2},
};

static const struct run_summary sample_summary = {
	.wall_ns = 4 * S,
	.functions = sample_functions,
	.function_count = 2,
	.finding = {.found = true,
		    .function = "flush_accumulator",
		    .writes_function = "lazy_write",
		    .calls_per_stall = 100000,
		    .copied_bytes = 100000000,
		    .whole_flushes = 9,
		    .bytes_are_typical = true,
		    .duration_ns = 26100000,
		    .flushes = 9,
		    .other_write_ns = 810},
	.copies = 1000001,
	.copied_bytes = 1016777216,
	.largest_copy_bytes = 16 << 20,
	.large_copies = 1,
	.writes = 1000000,
	.budget_pct = -1,
	.probe_hits = 1100012,
	.overhead_ns = 880 * MS,
	.hit_cheap_ns = 800,
	.hit_stepped_ns = 12000,
	.target_cpu_ns = 3900 * MS,
	.processes_watched = 2,
	.processes_seen = 3,
	.worst_unwatched_ns = 11200000,
};

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE      ((const char *const[]){NULL})

/* The summary, on wide lines, has all of the first and none of the others. */
static inline void check_summary(const struct run_summary *summary, const char *const *wanted,
				 const char *const *unwanted)
{
	struct fixture fixture;

	open_report(&fixture, (struct text_settings){.columns = 1000});
	show_header(&fixture, "app");
	show_summary(&fixture, summary);
	for (; *wanted; wanted++) {
		if (!strstr(fixture.shown, *wanted))
			fail_msg("no \"%s\" in: %s", *wanted, fixture.shown);
	}
	for (; *unwanted; unwanted++) {
		if (strstr(fixture.shown, *unwanted))
			fail_msg("\"%s\" in: %s", *unwanted, fixture.shown);
	}
	close_report(&fixture);
}

#endif
