// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session/budget_world.h"

/* ---- what programs do ---- */

/* 100,000 strings of 10 kB joined, then 100,000 cheap writes: python3's StringIO. */
static struct actor *add_string_io(struct world *world, enum gate_level lowest)
{
	struct actor *actor = world_add(world, lowest);

	actor_does(actor, (struct phase){.work_ms = 30});
	actor_does(actor, (struct phase){10000, 760, .copies = 100000, .is_flush = true});
	return actor;
}

/* Copies of one size for ever. */
static struct actor *add_storm(struct world *world, enum gate_level lowest, uint64_t bytes,
			       uint64_t copy_ns)
{
	struct actor *actor = world_add(world, lowest);

	actor_does(actor, (struct phase){bytes, copy_ns, .work_ms = 1000});
	return actor;
}

static void bursts_are_whole_while_the_credit_lasts(void **state)
{
	struct world world;
	struct actor *actor;

	(void)state;
	world_init(&world, 2, true);
	actor = add_string_io(&world, GATE_EVERY);
	while (actor->flushes < 2)
		world_runs(&world, 1);
	assert_int_equal(actor->whole_flushes, 2);
	assert_int_equal(actor->moves, 0);
	world_runs(&world, 120000);
	/* Copies of 10 kB pass the low gate as well: it goes to the high one at once, and back. */
	assert_true(actor->whole_flushes >= 10);
	assert_int_equal(actor->old_level, GATE_EVERY);
	assert_within_budget(&world);
	world_end(&world);
}

/*
 * Two flushes in full are what the credit is for. As measured on Linux 6.18 beside a busy target:
 * 12 to 16 ms to attach the new link, 2 to 7 until the former probes are gone.
 */
static void two_flushes_are_whole_where_a_hit_is_dear(void **state)
{
	static const uint64_t hits_ns[] = {600, 750, 880};

	(void)state;
	for (size_t i = 0; i < sizeof(hits_ns) / sizeof(*hits_ns) * 20; i++) {
		struct phase flush = {1024, 50, .copies = 100000, .is_flush = true};
		struct world world;
		struct actor *actor;

		world_init(&world, 2, true);
		world.hit_ns = hits_ns[i / 20];
		world.swap_ms = 15;
		world.removal_ms = 6;
		actor = world_add(&world, GATE_EVERY);
		/* It may begin at any time between two looks. */
		actor_does(actor, (struct phase){64, 50, .copies = 1});
		actor_does(actor, (struct phase){.work_ms = 1 + i % 20});
		actor_does(actor, flush);
		actor_does(actor, flush);
		world_runs(&world, 1000);
		assert_true(actor->moves > 0);
		assert_true(actor->whole_flushes >= 2);
		assert_within_budget(&world);
		world_end(&world);
	}
}

/* Nothing is known of any flush, so the lowest level is tried less and less often. */
static void storms_of_small_copies(void **state)
{
	struct world world;
	struct actor *actor;

	(void)state;
	world_init(&world, 2, true);
	actor = add_storm(&world, GATE_EVERY, 64, 3);
	world_runs(&world, 300);
	assert_int_equal(actor->level, GATE_LOW);
	world_runs(&world, 600000);
	assert_in_range(actor->moves, 5, 13);
	assert_within_budget(&world);
	world_end(&world);
}

static void a_burst_after_silence_is_whole(void **state)
{
	struct phase flush = {10000, 760, .copies = 100000, .is_flush = true};
	struct world world;
	struct actor *actor;

	(void)state;
	world_init(&world, 2, true);
	actor = world_add(&world, GATE_EVERY);
	for (int i = 0; i < 3; i++)
		actor_does(actor, flush);
	actor_does(actor, (struct phase){.work_ms = 15000});
	while (actor->flushes < 12)
		world_runs(&world, 1);
	assert_int_equal(actor->whole_flushes, 8);
	assert_within_budget(&world);
	world_end(&world);
}

/* One after the other: the second spends on until the first has been moved. */
static void several_are_moved_in_time(void **state)
{
	(void)state;
	for (int count = 2; count <= 3; count++) {
		struct world world;

		world_init(&world, 2, true);
		world.swap_ms = 15;
		world.removal_ms = 6;
		for (int i = 0; i < count; i++)
			add_storm(&world, GATE_EVERY, 64, 3);
		world_runs(&world, 10000);
		assert_true(world.moves >= (size_t)count);
		assert_within_budget(&world);
		world_end(&world);
	}
}

static void only_the_hot_one_of_many_is_raised(void **state)
{
	struct world world;
	struct actor *hot;

	(void)state;
	world_init(&world, 2, false);
	world.settings.cpus = world.budget.settings.cpus = PROCESSES_MOST;
	for (int i = 0; i < PROCESSES_MOST; i++) {
		struct actor *actor = world_add(&world, GATE_LOW);

		if (i == 7)
			continue;
		actor_does(actor, (struct phase){.work_ms = 10});
		actor_does(actor, (struct phase){1 << 20, 24000, .copies = 10});
	}
	hot = &world.actors[7];
	actor_does(hot, (struct phase){4096, 100, .work_ms = 1000});
	world_runs(&world, 60000);
	assert_true(hot->moves > 0);
	for (int i = 0; i < PROCESSES_MOST; i++) {
		if (i != 7)
			assert_int_equal(world.actors[i].moves, 0);
	}
	assert_within_budget(&world);
	world_end(&world);
}

/* All that spend have to go before the credit is gone, so several go at once. */
static void all_are_raised_where_all_are_hot(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 2, true);
	for (int i = 0; i < 4; i++)
		add_storm(&world, GATE_EVERY, 64, 3);
	world_runs(&world, 100);
	for (int i = 0; i < 4; i++)
		assert_int_equal(world.actors[i].level, GATE_LOW);
	world_end(&world);
}

/* The least that helps: small copies go uncounted, those that matter stay. */
static void the_next_level_that_can_be_paid(void **state)
{
	static const struct {
		uint64_t bytes, copy_ns;
		enum gate_level from, to;
	} cases[] = {
		{64, 3, GATE_EVERY, GATE_LOW},         {4096, 100, GATE_EVERY, GATE_HIGH},
		{4096, 100, GATE_LOW, GATE_HIGH},      {2 << 20, 4000, GATE_LOW, GATE_NONE},
		{2 << 20, 4000, GATE_HIGH, GATE_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world world;
		struct actor *actor;

		world_init(&world, 2, true);
		actor = add_storm(&world, cases[i].from, cases[i].bytes, cases[i].copy_ns);
		while (!actor->moves)
			world_runs(&world, 1);
		assert_int_equal(actor->level, cases[i].to);
		world_runs(&world, 60000);
		assert_within_budget(&world);
		world_end(&world);
	}
}

/* As with plain links on Linux 6.1: what is spent meanwhile is not held against the new level. */
static void a_move_that_takes_long_is_waited_for(void **state)
{
	struct world world;
	struct actor *actor;

	(void)state;
	world_init(&world, 2, false);
	world.swap_ms = 200;
	actor = add_storm(&world, GATE_LOW, 4096, 100);
	while (!actor->moves)
		world_runs(&world, 1);
	assert_int_equal(actor->level, GATE_HIGH);
	world_runs(&world, 1000);
	assert_int_equal(actor->level, GATE_HIGH);
	assert_int_equal(actor->moves, 1);
	world_end(&world);
}

static void a_hot_function_is_counted_then_dropped(void **state)
{
	struct world world;
	struct actor *actor;

	(void)state;
	world_init(&world, 2, true);
	actor = world_add(&world, GATE_EVERY);
	actor_does(actor, (struct phase){.work_ms = 10});
	world.call_ns = 12750;
	world.entry_ns = HIT_NS;
	world.calls_per_ms = 50;
	world_runs(&world, 300);
	assert_int_equal(world.watch, FUNCTION_COUNTED);
	world_runs(&world, 60000);
	assert_int_equal(world.watch, FUNCTION_DROPPED);
	assert_int_equal(actor->moves, 0);
	world_end(&world);
}

/*
 * On a busy machine a thread that does nothing but calls looks as if it had better things to do:
 * it waits for a CPU. Once they are only counted, as much is spent, and looks are late.
 */
static void a_hot_function_beside_busy_processes(void **state)
{
	static const uint64_t late_ms[] = {0, 5, 15, 30};

	(void)state;
	for (size_t i = 0; i < sizeof(late_ms) / sizeof(*late_ms); i++) {
		for (uint64_t share = 25; share <= 100; share += 25) {
			struct world world;

			world_init(&world, 2, true);
			world.late_ms = late_ms[i];
			world.swap_ms = 10;
			world.call_ns = 10500;
			world.entry_ns = HIT_NS;
			world.call_work_ns = 50;
			world.calling_share = share;
			world_runs(&world, 10000);
			assert_int_equal(world.watch, FUNCTION_DROPPED);
			assert_within_budget(&world);
			world_end(&world);
		}
	}
}

/* The calls end before the credit does. */
static void a_halt_does_not_end_a_function(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 2, true);
	actor_does(world_add(&world, GATE_EVERY), (struct phase){.work_ms = 10});
	world.call_ns = 12750;
	world.entry_ns = HIT_NS;
	world.calls_per_ms = 31;
	world_runs(&world, 40);
	world.late_ms = 200;
	world_runs(&world, 240);
	world.calls_per_ms = 0;
	world.late_ms = 0;
	world_runs(&world, 10000);
	assert_int_equal(world.watch, FUNCTION_TIMED);
	assert_within_budget(&world);
	world_end(&world);
}

static void counting_alone_can_be_paid(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 2, true);
	actor_does(world_add(&world, GATE_EVERY), (struct phase){.work_ms = 10});
	world.call_ns = 12750;
	world.entry_ns = HIT_NS;
	world.calls_per_ms = 20;
	world_runs(&world, 60000);
	assert_int_equal(world.watch, FUNCTION_COUNTED);
	assert_int_equal(world.moves, 1);
	world_end(&world);
}

/* The copies are what costs: the function that makes them stays. */
static void a_function_pays_for_itself_alone(void **state)
{
	struct world world;
	struct actor *actor;

	(void)state;
	world_init(&world, 2, true);
	actor = add_storm(&world, GATE_EVERY, 64, 3);
	world.call_ns = 12750;
	world.calls_per_ms = 1;
	world_runs(&world, 60000);
	assert_true(actor->moves > 0);
	assert_int_equal(world.watch, FUNCTION_TIMED);
	assert_within_budget(&world);
	world_end(&world);
}

static void rare_large_copies_never_step(void **state)
{
	struct world world;
	struct actor *actor;

	(void)state;
	world_init(&world, 2, false);
	actor = world_add(&world, GATE_LOW);
	actor_does(actor, (struct phase){.work_ms = 100});
	actor_does(actor, (struct phase){1 << 20, 24000, .copies = 1});
	world_runs(&world, 600000);
	assert_int_equal(world.moves, 0);
	assert_within_budget(&world);
	world_end(&world);
}

/* Fixed by --gate: whatever its copies cost, they are counted. */
static void copies_that_were_asked_for_are_not_charged(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 2, true);
	world.budget.settings.copies_are_fixed = true;
	add_storm(&world, GATE_EVERY, 64, 3);
	world_runs(&world, 10000);
	assert_int_equal(world.moves, 0);
	assert_int_equal(budget_pause_ns(&world.budget), 0);
	world_end(&world);
}

static void who_spends_nothing_is_not_looked_at(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 2, true);
	actor_does(world_add(&world, GATE_EVERY), (struct phase){.work_ms = 1000});
	world_runs(&world, 10000);
	assert_int_equal(world.looks, 0);
	world_end(&world);
}

/* One that rests on a high gate may go down with the credit: that takes a look now and then. */
static void who_is_raised_is_looked_at_seldom(void **state)
{
	struct world world;
	struct actor *actor;
	size_t looks;

	(void)state;
	world_init(&world, 2, true);
	actor = world_add(&world, GATE_EVERY);
	actor_does(actor, (struct phase){64, 3, .work_ms = 300});
	actor_does(actor, (struct phase){.work_ms = 100000});
	world_runs(&world, 400);
	assert_int_equal(actor->level, GATE_LOW);
	looks = world.looks;
	world_runs(&world, 60000);
	assert_int_equal(actor->level, GATE_EVERY);
	assert_in_range(world.looks, looks + 10, looks + 40);
	world_end(&world);
}

/* ---- figures that are not what they should be ---- */

static void clocks_that_stand_still_or_go_back(void **state)
{
	static const uint64_t times_ms[] = {10, 10, 20, 15, 30, 40, 50, 60};
	static const uint64_t cpu_ms_then[] = {10, 10, 5, 5, 1000000, 0, 1000000, 1000000};
	static const uint64_t spent_ms[] = {5, 5, 3, 10, 2, 12, 0, 500};
	struct budget_evidence evidence = {0};
	struct budget_move moves[BUDGET_MOVES_MOST];
	struct process_spending spending = {.pid = 1, .is_movable = true};
	process_spendings spendings = {&spending, 1, 1};
	struct budget_settings settings = {.pct = 2, .cpus = 2, .times_functions = true};
	struct budget budget;
	size_t count = 0;

	(void)state;
	memcpy(spending.gate_bytes, gates, sizeof(gates));
	budget_init(&budget, &settings, 0);
	for (size_t i = 0; i < sizeof(times_ms) / sizeof(*times_ms); i++) {
		struct budget_figures figures = {
			.at_ns = times_ms[i] * NS_PER_MS,
			.cpu_ns = cpu_ms_then[i] * NS_PER_MS,
			.processes = &spendings,
		};

		assert_int_equal(count, 0);
		spending.copies_spent_ns = spent_ms[i] * NS_PER_MS;
		if (budget_look(&budget, &figures))
			count = budget_decide(&budget, &evidence, moves);
		assert_true(budget.balance_ns <= (double)BUDGET_CREDIT_NS);
		/* Time that can't have passed on two CPUs has earned nothing: 15 ms are gone. */
		if (i == 6)
			assert_true(budget.balance_ns < 190.0 * NS_PER_MS);
	}
	assert_int_equal(count, 1);
	assert_int_equal(moves[0].to_level, GATE_NONE);
	assert_true(moves[0].is_raised);
	budget_release(&budget);
}

/* What children spent that came and went between two looks: the next ones begin higher. */
static void children_that_end_too_soon_to_be_raised(void **state)
{
	struct budget_evidence evidence = {.copies_by_class = {[7] = 1000}};
	struct budget_move moves[BUDGET_MOVES_MOST];
	struct process_spending parent = {.pid = 1, .is_movable = true};
	process_spendings spendings = {&parent, 1, 1};
	struct budget_settings settings = {.pct = 2, .cpus = 1, .times_functions = true};
	struct budget budget;

	(void)state;
	memcpy(parent.gate_bytes, gates, sizeof(gates));
	budget_init(&budget, &settings, 0);
	for (uint64_t i = 1; i <= 2; i++) {
		struct budget_figures figures = {
			.at_ns = i * 20 * NS_PER_MS,
			.processes = &spendings,
			.ended_spent_ns = i * 80 * NS_PER_MS,
		};

		assert_true(budget_look(&budget, &figures));
		assert_true(budget.balance_ns == 200.0 * NS_PER_MS - i * 80.0 * NS_PER_MS);
		assert_int_equal(budget_decide(&budget, &evidence, moves), i == 1 ? 1 : 0);
	}
	assert_int_equal(moves[0].pid, 1);
	assert_int_equal(moves[0].to_level, GATE_LOW);
	budget_release(&budget);
}

/* The end of a process is no reason to charge a second time for what it spent before. */
static void who_ends_is_charged_for_the_rest_alone(void **state)
{
	struct process_spending child = {.pid = 2, .is_movable = true};
	process_spendings child_alone = {&child, 1, 1}, none = {0};
	struct budget_settings settings = {.pct = 2, .cpus = 1, .times_functions = true};
	struct budget_figures figures = {.at_ns = 20 * NS_PER_MS, .processes = &child_alone};
	struct budget budget;

	(void)state;
	child.copies_spent_ns = 5 * NS_PER_MS;
	budget_init(&budget, &settings, 0);
	budget_look(&budget, &figures);
	assert_true(budget.balance_ns == 195.0 * NS_PER_MS);
	figures.at_ns = 40 * NS_PER_MS;
	figures.processes = &none;
	figures.ended_spent_ns = 8 * NS_PER_MS;
	budget_look(&budget, &figures);
	assert_true(budget.balance_ns == 192.0 * NS_PER_MS);
	budget_release(&budget);
}

/* A shell's: the next child is not to begin where this one did. */
static void parents_of_short_children_go_up_as_well(void **state)
{
	struct budget_evidence evidence = {.copies_by_class = {[7] = 1000}};
	struct budget_settings settings = {.pct = 2, .cpus = 1, .times_functions = true};

	(void)state;
	for (int ended = 0; ended < 2; ended++) {
		struct budget_move moves[BUDGET_MOVES_MOST];
		struct process_spending all[] = {
			{.pid = 1, .is_movable = true},
			{.pid = 2, .parent_pid = 1, .is_movable = true},
			{.pid = 3, .parent_pid = 2, .is_movable = true},
		};
		process_spendings spendings = {all, 3, 3};
		struct budget_figures figures = {
			.at_ns = 20 * NS_PER_MS,
			.processes = &spendings,
			.ended_spent_ns = ended ? 140 * NS_PER_MS : 0,
		};
		struct budget budget;

		for (int i = 0; i < 3; i++)
			memcpy(all[i].gate_bytes, gates, sizeof(gates));
		all[2].copies_spent_ns = (ended ? 20 : 160) * NS_PER_MS;
		budget_init(&budget, &settings, 0);
		assert_true(budget_look(&budget, &figures));
		assert_int_equal(budget_decide(&budget, &evidence, moves), ended ? 3 : 1);
		for (int i = 0; i < (ended ? 3 : 1); i++) {
			assert_int_equal(moves[i].pid, 3 - i);
			assert_int_equal(moves[i].to_level, moves[0].to_level);
		}
		budget_release(&budget);
	}
}

/* Half the cost of each call would hardly help: twice as many would be made. */
static void who_does_nothing_but_calls_is_dropped(void **state)
{
	uint64_t spent_ns = 0;
	process_spendings none = {0};
	struct budget_settings settings = {.pct = 2, .cpus = 1, .times_functions = true};
	struct budget_evidence evidence = {0};
	struct budget_move moves[BUDGET_MOVES_MOST];
	struct budget budget;
	size_t count = 0;

	(void)state;
	budget_init(&budget, &settings, 0);
	for (uint64_t at_ms = 10; !count && at_ms < 300; at_ms += 10) {
		struct budget_figures figures = {
			.at_ns = at_ms * NS_PER_MS,
			.cpu_ns = at_ms * NS_PER_MS,
			.processes = &none,
			.function_spent_ns = &spent_ns,
			.function_count = 1,
		};

		spent_ns = figures.at_ns * 95 / 100;
		if (budget_look(&budget, &figures))
			count = budget_decide(&budget, &evidence, moves);
	}
	assert_int_equal(count, 1);
	assert_int_equal(moves[0].to_watch, FUNCTION_DROPPED);
	/* What the removal costs, which begins once the move is made. */
	budget_moved(&budget, budget.at_ns + 100 * NS_PER_MS);
	assert_true(budget.functions[0].settled_at_ns == budget.at_ns + 120 * NS_PER_MS);
	budget_release(&budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bursts_are_whole_while_the_credit_lasts),
		cmocka_unit_test(two_flushes_are_whole_where_a_hit_is_dear),
		cmocka_unit_test(storms_of_small_copies),
		cmocka_unit_test(a_burst_after_silence_is_whole),
		cmocka_unit_test(several_are_moved_in_time),
		cmocka_unit_test(only_the_hot_one_of_many_is_raised),
		cmocka_unit_test(all_are_raised_where_all_are_hot),
		cmocka_unit_test(the_next_level_that_can_be_paid),
		cmocka_unit_test(a_move_that_takes_long_is_waited_for),
		cmocka_unit_test(a_hot_function_is_counted_then_dropped),
		cmocka_unit_test(a_hot_function_beside_busy_processes),
		cmocka_unit_test(a_halt_does_not_end_a_function),
		cmocka_unit_test(counting_alone_can_be_paid),
		cmocka_unit_test(a_function_pays_for_itself_alone),
		cmocka_unit_test(rare_large_copies_never_step),
		cmocka_unit_test(copies_that_were_asked_for_are_not_charged),
		cmocka_unit_test(who_spends_nothing_is_not_looked_at),
		cmocka_unit_test(who_is_raised_is_looked_at_seldom),
		cmocka_unit_test(clocks_that_stand_still_or_go_back),
		cmocka_unit_test(children_that_end_too_soon_to_be_raised),
		cmocka_unit_test(parents_of_short_children_go_up_as_well),
		cmocka_unit_test(who_does_nothing_but_calls_is_dropped),
		cmocka_unit_test(who_ends_is_charged_for_the_rest_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
