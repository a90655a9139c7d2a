// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "session/budget.h"

/*
 * A world in steps of a millisecond. Each process has a CPU of its own and does one thing after
 * the other: copies of one size, each of which takes its time and, where it passes a gate, what a
 * hit costs; or work without copies.
 */

#define HIT_NS         750 /* on an instruction that is emulated, as measured in a VM */
#define REMOVAL_MS     50  /* until the kernel has taken a link's probes away */
#define PROCESSES_MOST 20
#define PHASES_MOST    4

struct phase {
	uint64_t bytes;   /* of each copy; 0: work without copies */
	uint64_t copy_ns; /* for one, untraced */
	uint64_t copies;  /* then the next phase; 0: for ... */
	uint64_t work_ms; /* ... so long */
	bool is_flush;
};

struct actor {
	struct phase phases[PHASES_MOST]; /* again and again */
	size_t phase_count;
	size_t phase;
	uint64_t left; /* of this phase: copies or ms */
	bool is_whole; /* this flush, so far */
	enum gate_level level, lowest;
	enum gate_level old_level; /* its probes are there until ... */
	uint64_t old_until_ms;
	uint64_t spent_ns; /* as counted by the probes of its level */
	uint64_t flushes, whole_flushes;
	size_t moves;
};

struct world {
	struct budget budget;
	struct budget_settings settings;
	uint64_t now_ms;
	uint64_t next_look_ms; /* 0: none but with the next hit after one that saw none */
	uint64_t swap_ms;      /* until a move is made; all goes on as before */
	struct actor actors[PROCESSES_MOST];
	size_t actor_count;
	uint64_t copies_by_class[MW_SIZE_CLASSES];
	uint64_t call_ns; /* what a call of function 0 costs, and an entry of it alone */
	uint64_t entry_ns, calls_per_ms;
	enum function_watch watch;
	uint64_t function_spent_ns;
	double cost_ns;      /* in truth, with probes that are being removed */
	uint64_t retired_ns; /* by those */
	double worst_ns;     /* the most that was ever spent above what was earned */
	size_t looks, moves;
};

static const uint64_t gates[GATE_LEVELS] = {0, 2113, 1 << 20, MW_NO_GATE};

static void world_init(struct world *world, double pct, bool times_functions)
{
	*world = (struct world){
		.settings = {.pct = pct, .cpus = 4, .times_functions = times_functions},
	};
	budget_init(&world->budget, &world->settings, 0);
}

static struct actor *world_add(struct world *world, enum gate_level lowest)
{
	struct actor *actor = &world->actors[world->actor_count++];

	actor->level = actor->lowest = actor->old_level = lowest;
	return actor;
}

static void actor_does(struct actor *actor, struct phase phase)
{
	actor->phases[actor->phase_count++] = phase;
	actor->left = actor->phases[0].copies ? actor->phases[0].copies : actor->phases[0].work_ms;
	actor->is_whole = true;
}

static bool passes(uint64_t bytes, enum gate_level level)
{
	return bytes && bytes >= gates[level];
}

static unsigned class_of(uint64_t bytes)
{
	return bytes ? 64 - (unsigned)__builtin_clzll(bytes) : 0;
}

static void next_phase(struct actor *actor)
{
	const struct phase *phase = &actor->phases[actor->phase];

	if (phase->is_flush) {
		actor->flushes++;
		actor->whole_flushes += actor->is_whole && actor->level == actor->lowest;
	}
	actor->phase = (actor->phase + 1) % actor->phase_count;
	phase = &actor->phases[actor->phase];
	actor->left = phase->copies ? phase->copies : phase->work_ms;
	actor->is_whole = true;
}

/* A millisecond of its CPU. */
static void actor_runs(struct world *world, struct actor *actor)
{
	double room_ns = NS_PER_MS;

	while (room_ns >= 1) {
		const struct phase *phase = &actor->phases[actor->phase];
		bool counts = passes(phase->bytes, actor->level);
		bool traps = counts || (world->now_ms < actor->old_until_ms &&
					passes(phase->bytes, actor->old_level));
		uint64_t each_ns = phase->copy_ns + (traps ? HIT_NS : 0), copies;

		if (!phase->bytes) {
			room_ns = 0;
			if (!phase->copies && !--actor->left)
				next_phase(actor);
			continue;
		}
		copies = (uint64_t)(room_ns / (double)each_ns) + 1;
		if (phase->copies && copies > actor->left)
			copies = actor->left;
		room_ns -= (double)(copies * each_ns);
		if (traps)
			world->cost_ns += (double)(copies * HIT_NS);
		if (counts) {
			actor->spent_ns += copies * HIT_NS;
			world->copies_by_class[class_of(phase->bytes)] += copies;
		} else if (traps) {
			world->retired_ns += copies * HIT_NS;
		}
		if (phase->copies) {
			actor->left -= copies;
			if (!actor->left)
				next_phase(actor);
		} else if (room_ns < 1 && !--actor->left) {
			next_phase(actor);
		}
	}
}

static void function_runs(struct world *world)
{
	uint64_t each_ns = world->watch == FUNCTION_TIMED     ? world->call_ns
			   : world->watch == FUNCTION_COUNTED ? world->entry_ns
							      : 0;

	world->function_spent_ns += each_ns * world->calls_per_ms;
	world->cost_ns += (double)(each_ns * world->calls_per_ms);
}

static uint64_t whole_flushes(const struct world *world)
{
	uint64_t whole = 0;

	for (size_t i = 0; i < world->actor_count; i++)
		whole += world->actors[i].whole_flushes;
	return whole;
}

static void make_move(struct world *world, const struct budget_move *move)
{
	struct actor *actor;

	world->moves++;
	if (!move->pid) {
		assert_int_equal(move->from_watch, world->watch);
		assert_true(move->to_watch > move->from_watch);
		world->watch = move->to_watch;
		return;
	}
	actor = &world->actors[move->pid - 1];
	assert_int_equal(move->from_level, actor->level);
	assert_int_not_equal(move->to_level, actor->level);
	assert_int_equal(move->is_raised, move->to_level > actor->level);
	assert_true(move->to_level >= actor->lowest);
	if (move->is_raised) {
		actor->old_level = actor->level;
		actor->old_until_ms = world->now_ms + REMOVAL_MS;
	}
	actor->level = move->to_level;
	actor->is_whole = false;
	actor->moves++;
}

static uint64_t cpu_ms(const struct world *world)
{
	return world->now_ms * (world->actor_count ? world->actor_count : 1);
}

static void time_passes(struct world *world)
{
	double over_ns;

	for (size_t i = 0; i < world->actor_count; i++)
		actor_runs(world, &world->actors[i]);
	function_runs(world);
	world->now_ms++;
	over_ns = world->cost_ns - (double)(cpu_ms(world) * NS_PER_MS) * world->settings.pct / 100;
	if (over_ns > world->worst_ns)
		world->worst_ns = over_ns;
}

static void make_moves(struct world *world, const struct budget_move *moves, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (uint64_t ms = 0; ms < world->swap_ms; ms++)
			time_passes(world);
		make_move(world, &moves[i]);
	}
}

static void world_look(struct world *world)
{
	process_spendings spendings = {0};
	struct budget_move moves[BUDGET_MOVES_MOST];
	struct budget_figures figures = {
		.at_ns = world->now_ms * NS_PER_MS,
		.cpu_ns = cpu_ms(world) * NS_PER_MS,
		.processes = &spendings,
		.function_spent_ns = &world->function_spent_ns,
		.function_count = 1,
		.retired_spent_ns = world->retired_ns,
	};
	struct budget_evidence evidence = {.whole_calls = whole_flushes(world)};
	size_t count = 0;

	for (size_t i = 0; i < world->actor_count; i++) {
		struct process_spending spending = {
			.pid = (pid_t)i + 1,
			.copies_spent_ns = world->actors[i].spent_ns,
			.level = world->actors[i].level,
			.lowest = world->actors[i].lowest,
			.is_movable = true,
		};

		memcpy(spending.gate_bytes, gates, sizeof(gates));
		assert_int_equal(array_push(&spendings, spending), 0);
	}
	memcpy(evidence.copies_by_class, world->copies_by_class, sizeof(world->copies_by_class));
	world->looks++;
	if (budget_look(&world->budget, &figures))
		count = budget_decide(&world->budget, &evidence, moves);
	make_moves(world, moves, count);
	array_release(&spendings);
	world->next_look_ms = budget_pause_ns(&world->budget) / NS_PER_MS;
	if (world->next_look_ms)
		world->next_look_ms += world->now_ms;
}

static uint64_t counted_ns(const struct world *world)
{
	uint64_t sum_ns = world->function_spent_ns;

	for (size_t i = 0; i < world->actor_count; i++)
		sum_ns += world->actors[i].spent_ns;
	return sum_ns;
}

static void world_runs(struct world *world, uint64_t ms)
{
	while (ms--) {
		uint64_t before_ns = counted_ns(world);
		bool is_hit;

		time_passes(world);
		is_hit = counted_ns(world) > before_ns;
		if ((world->next_look_ms && world->now_ms >= world->next_look_ms) ||
		    (is_hit && !world->budget.spent_ns))
			world_look(world);
	}
}

static void world_end(struct world *world)
{
	budget_release(&world->budget);
}

/* All that was ever spent: what was earned by then, and the credit. */
static void assert_within_budget(const struct world *world)
{
	if (world->worst_ns > (double)BUDGET_CREDIT_NS)
		print_error("%.1f ms above what was earned\n", world->worst_ns / 1e6);
	assert_true(world->worst_ns <= (double)BUDGET_CREDIT_NS);
}

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
	assert_true(budget.functions[0].settled_at_ns == budget.at_ns + 150 * NS_PER_MS);
	budget_release(&budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bursts_are_whole_while_the_credit_lasts),
		cmocka_unit_test(storms_of_small_copies),
		cmocka_unit_test(a_burst_after_silence_is_whole),
		cmocka_unit_test(only_the_hot_one_of_many_is_raised),
		cmocka_unit_test(all_are_raised_where_all_are_hot),
		cmocka_unit_test(the_next_level_that_can_be_paid),
		cmocka_unit_test(a_move_that_takes_long_is_waited_for),
		cmocka_unit_test(a_hot_function_is_counted_then_dropped),
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
