// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "session/telling.h"

#define CODE_ADDR   0x10000
#define STACK_BYTES 64
#define KEPT        64 /* so many processes that have ended are remembered */

struct fixture {
	struct outputs outputs; /* to nobody */
	struct watchlist watchlist;
	struct telling *telling;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct telling_settings settings = {.outputs = &fixture->outputs,
					    .watchlist = &fixture->watchlist,
					    .quiet_ns = 5 * NS_PER_MS};

	fixture->telling = telling_new(&settings);
	*state = fixture;
	return !fixture->telling;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	telling_free(fixture->telling);
	free(fixture);
	return 0;
}

static void map(struct fixture *fixture, pid_t pid, uint64_t since_ns)
{
	const struct stack_mapping mapping = {.start_addr = CODE_ADDR,
					      .end_addr = CODE_ADDR + 0x1000};

	telling_code(fixture->telling, pid, since_ns, &mapping, 1);
}

/* Whether a stack of the process leads anywhere at that time. */
static bool has_path(struct fixture *fixture, pid_t pid, uint64_t at_ns)
{
	struct {
		struct mw_sample sample;
		uint8_t stack[STACK_BYTES];
	} record = {
		.sample = {.head = {.at_ns = at_ns, .pid = (uint32_t)pid, .tid = (uint32_t)pid},
			   .kind = MW_SAMPLE_COPY,
			   .weight_ns = NS_PER_MS,
			   .ip_addr = CODE_ADDR + 0x800,
			   .stack_bytes = STACK_BYTES},
	};
	const struct sample *sample = telling_sample(fixture->telling, &record.sample);

	assert_non_null(sample);
	return sample->path;
}

static void samples_are_of_the_program_that_ran(void **state)
{
	struct fixture *fixture = *state;

	assert_false(has_path(fixture, 7, 100));
	map(fixture, 7, 200);
	assert_false(has_path(fixture, 7, 199));
	assert_true(has_path(fixture, 7, 200));
	/* It called exec. */
	map(fixture, 7, 300);
	assert_false(has_path(fixture, 7, 299));
}

/* They may come after it, from another ring. */
static void samples_of_one_that_has_ended_have_stacks(void **state)
{
	struct fixture *fixture = *state;

	map(fixture, 7, 100);
	telling_process_end(fixture->telling, 7, 200);
	for (pid_t pid = 1001; pid < 1000 + KEPT; pid++) {
		map(fixture, pid, 200);
		telling_process_end(fixture->telling, pid, 300);
	}
	assert_true(has_path(fixture, 7, 199));
	/* As many as are remembered have ended since. */
	telling_process_end(fixture->telling, 5000, 400);
	assert_false(has_path(fixture, 7, 199));
	assert_true(has_path(fixture, 1001, 299));
}

static void a_pid_that_is_used_again_is_not_forgotten(void **state)
{
	struct fixture *fixture = *state;

	map(fixture, 7, 100);
	telling_process_end(fixture->telling, 7, 200);
	map(fixture, 7, 300);
	for (pid_t pid = 1001; pid <= 1000 + KEPT; pid++)
		telling_process_end(fixture->telling, pid, 400);
	assert_true(has_path(fixture, 7, 500));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(samples_are_of_the_program_that_ran),
		TEST(samples_of_one_that_has_ended_have_stacks),
		TEST(a_pid_that_is_used_again_is_not_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
