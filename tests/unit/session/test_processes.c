// SPDX-License-Identifier: GPL-2.0-only
/* What is remembered of a watched process as its life goes on; no kernel is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "session/process.h"

/* One that is watched, and whose copies are counted from 2 KiB on. */
static struct process *watched(struct processes *processes)
{
	struct process *process;

	assert_int_equal(processes_add(processes, getpid(), EVENT_ATTACH, 1), 0);
	process = processes_find(processes, getpid());
	process->live = true;
	process->try_at_ns = 0;
	process->gate_bytes = 2048;
	return process;
}

static void release(struct processes *processes)
{
	processes_drop(processes, getpid());
	array_release(&processes->all);
}

/* Else a next gate above 2 KiB would pass for a raised one, and be told before its links are there.
 */
static void test_exec_counts_no_copy(void **state)
{
	struct mw_exec exec = {.head = {.pid = getpid(), .at_ns = 5}, .old_tid = getpid()};
	struct processes processes = {0};
	struct process *process = watched(&processes);

	(void)state;
	processes_on_exec(&processes, &exec);
	assert_true(process->gate_bytes == MW_NO_GATE);
	process->try_at_ns = 0;
	release(&processes);
}

/* A tracer that is not there shows that nothing is asked of it. */
static void test_links_of_a_program_that_is_gone(void **state)
{
	const enum process_event outdated[] = {EVENT_EXEC, EVENT_REPLAN};
	struct processes processes = {0};
	struct process *process = watched(&processes);

	(void)state;
	for (size_t i = 0; i < sizeof(outdated) / sizeof(outdated[0]); i++) {
		process_mark_due(process, outdated[i], 5);
		assert_false(process_plan_holds(process));
		assert_int_equal(processes_set_gate_level(&processes, getpid(), GATE_HIGH), 0);
		assert_int_equal(process->level, GATE_HIGH);
		assert_int_equal(processes_throttle_function(&processes, 0, FUNCTION_DROPPED), 0);
		process->try_at_ns = 0;
	}
	assert_true(process_plan_holds(process));
	process_mark_due(process, EVENT_LIBRARY, 5);
	assert_true(process_plan_holds(process));
	process->links_stale = true;
	assert_false(process_plan_holds(process));
	process->try_at_ns = 0;
	release(&processes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec_counts_no_copy),
		cmocka_unit_test(test_links_of_a_program_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
