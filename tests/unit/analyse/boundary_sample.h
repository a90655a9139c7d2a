/* SPDX-License-Identifier: GPL-2.0-only */
/* A program whose calls are counted while it stalls now and then. */
#ifndef TESTS_ANALYSE_BOUNDARY_SAMPLE_H
#define TESTS_ANALYSE_BOUNDARY_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyse/boundary.h"

#define MS     1000000ull
#define WEIGHT (MS + MS / 2)
#define QUIET  (5 * MS)
#define SINCE  (1000 * MS)

#define THREADS 4

struct program {
	struct boundary *boundary;
	uint64_t now_ns;
	uint64_t calls[THREADS][MW_CALLERS]; /* by tid */
};

static inline int set_up(void **state)
{
	struct program *program = calloc(1, sizeof(*program));
	const struct boundary_settings settings = {
		.functions = 4, .samples_least = 1, .quiet_ns = QUIET, .since_ns = SINCE, .pid = 1};

	program->boundary = boundary_new(&settings);
	program->now_ns = 2 * SINCE;
	*state = program;
	return !program->boundary;
}

static inline int tear_down(void **state)
{
	struct program *program = *state;

	boundary_free(program->boundary);
	free(program);
	return 0;
}

/* A thread's calls of the four, by a comma list in the order of the path. */
#define CALLS(...) ((const uint64_t[MW_CALLERS]){__VA_ARGS__})

static inline void call(struct program *program, pid_t tid, const uint64_t calls[MW_CALLERS])
{
	for (size_t i = 0; i < MW_CALLERS; i++)
		program->calls[tid][i] += calls[i];
}

static inline void tick(struct program *program, pid_t tid)
{
	struct sample sample = {.pid = 1,
				.tid = tid,
				.at_ns = program->now_ns,
				.ticks = program->now_ns / MS,
				.weight_ns = WEIGHT};

	memcpy(sample.calls, program->calls[tid], sizeof(sample.calls));
	assert_int_equal(boundary_add(program->boundary, &sample), 0);
	program->now_ns += WEIGHT;
}

static inline void pause_for(struct program *program, uint64_t ns)
{
	program->now_ns += ns;
}

/* So many samples, between which it calls; then it does other things for long. */
static inline void stall(struct program *program, pid_t tid, unsigned samples,
			 const uint64_t calls[MW_CALLERS])
{
	for (unsigned i = 0; i < samples; i++) {
		if (i)
			call(program, tid, calls);
		tick(program, tid);
	}
	pause_for(program, 20 * QUIET);
}

static inline struct boundary_verdict judge(const struct program *program)
{
	return boundary_judge(program->boundary);
}

static inline void assert_roles(const struct program *program, enum boundary_state state, int flush,
				int caller)
{
	struct boundary_verdict verdict = judge(program);

	assert_int_equal(verdict.state, state);
	assert_int_equal(verdict.flush, flush);
	assert_int_equal(verdict.caller, caller);
}

static inline void assert_period(const struct program *program, enum period_kind kind,
				 uint64_t calls)
{
	struct boundary_verdict verdict = judge(program);

	assert_int_equal(verdict.period_kind, kind);
	assert_int_equal(verdict.period_calls, calls);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
