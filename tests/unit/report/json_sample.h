/* SPDX-License-Identifier: GPL-2.0-only */
/* A JSON report that writes into memory, and a flush to show in it. */
#ifndef TESTS_REPORT_JSON_SAMPLE_H
#define TESTS_REPORT_JSON_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/report.h"

struct fixture {
	struct report *report;
	FILE *out;
	char *shown;
	size_t bytes;
};

static inline void open_report(struct fixture *fixture)
{
	*fixture = (struct fixture){0};
	fixture->out = open_memstream(&fixture->shown, &fixture->bytes);
	fixture->report = report_json_new(fixture->out);
	assert_non_null(fixture->report);
}

static inline void close_report(struct fixture *fixture)
{
	fixture->report->ops->free(fixture->report);
	fclose(fixture->out);
	free(fixture->shown);
}

/* The report's one line, whole, must be that text. */
static inline void check_line(struct fixture *fixture, int status, const char *wanted)
{
	assert_int_equal(status, 0);
	assert_string_equal(fixture->shown, wanted);
	close_report(fixture);
}

static const struct flush sample_flush = {
	.function = "flush_accumulator",
	.module = "python3.9",
	.pid = 4242,
	.tid = 4250,
	.comm = "python3",
	.start_ns = 1000,
	.duration_ns = 26100000,
	.copied_bytes = 100000000,
	.copies = 100000,
	.copies_known = true,
	.write_index = 100000,
	.probe_hits = 100002,
	.overhead_ns = 80000000,
};

#endif
