/* SPDX-License-Identifier: GPL-2.0-only */
/* What the summary is made of, and the summary. */
#ifndef TESTS_ANALYSE_SUMMARY_SAMPLE_H
#define TESTS_ANALYSE_SUMMARY_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyse/summary.h"

#define FUNCTIONS 3

static const struct symbol_name names[FUNCTIONS] = {{.function = "flush", .module = "lazy"},
						    {.function = "join", .module = "lazy"},
						    {.function = "grow", .module = "libgrow.so"}};

/* What summarize() is given; the big ones are on the heap, all zero at first. */
struct fixture {
	struct mw_function *functions;
	struct mw_totals *totals;
	struct tally tally;
	struct summary_input input;
	struct summary summary;
};

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->functions = calloc(FUNCTIONS, sizeof(*fixture->functions));
	fixture->totals = calloc(1, sizeof(*fixture->totals));
	fixture->input = (struct summary_input){
		.names = names,
		.functions = fixture->functions,
		.function_count = FUNCTIONS,
		.totals = fixture->totals,
		.costs = {.cheap_ns = 800, .stepped_ns = 12000},
	};
	*state = fixture;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	tally_release(&fixture->tally);
	summary_release(&fixture->summary);
	free(fixture->functions);
	free(fixture->totals);
	free(fixture);
	return 0;
}

static inline void run(struct fixture *fixture)
{
	summary_release(&fixture->summary);
	assert_int_equal(summarize(&fixture->input, &fixture->tally, &fixture->summary), 0);
}

static inline void add(struct fixture *fixture, size_t function, struct flush flush)
{
	/* Of a call that ended, they always are. */
	if (!flush.unfinished)
		flush.copies_known = true;
	assert_int_equal(tally_add_flush(&fixture->tally, function, &flush), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
