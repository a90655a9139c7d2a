/* SPDX-License-Identifier: GPL-2.0-only */
/* A made-up target that runs under the budget's decisions, and what it costs in truth. */
#ifndef TEST_BUDGET_WORLD_H
#define TEST_BUDGET_WORLD_H

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
#define REMOVAL_MS     15  /* until the kernel has taken a link's breakpoints away, at the most */
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
	uint64_t late_ms;      /* so much later than it is due */
	uint64_t swap_ms;      /* until a move is made; all goes on as before */
	uint64_t removal_ms;   /* from then on */
	uint64_t hit_ns;
	struct actor actors[PROCESSES_MOST];
	size_t actor_count;
	uint64_t copies_by_class[MW_SIZE_CLASSES];
	uint64_t call_ns; /* what a call of function 0 costs, and an entry of it alone */
	uint64_t entry_ns, calls_per_ms;
	uint64_t calling_share; /* in percent of a CPU: all that a thread gets, which ... */
	uint64_t call_work_ns;  /* ... does nothing but calls of so much; 0: calls_per_ms */
	enum function_watch watch, old_watch; /* the old probes are there until ... */
	uint64_t old_watch_until_ms;
	uint64_t function_spent_ns;
	double cost_ns;      /* in truth, with probes that are being removed */
	uint64_t retired_ns; /* by those */
	double worst_ns;     /* the most that was ever spent above what was earned */
	size_t looks, moves;
};

static const uint64_t gates[GATE_LEVELS] = {0, 2113, 1 << 20, MW_NO_GATE};

static inline void world_init(struct world *world, double pct, bool times_functions)
{
	*world = (struct world){
		.settings = {.pct = pct, .cpus = 4, .times_functions = times_functions},
		.removal_ms = REMOVAL_MS,
		.hit_ns = HIT_NS,
	};
	budget_init(&world->budget, &world->settings, 0);
}

static inline struct actor *world_add(struct world *world, enum gate_level lowest)
{
	struct actor *actor = &world->actors[world->actor_count++];

	actor->level = actor->lowest = actor->old_level = lowest;
	return actor;
}

static inline void actor_does(struct actor *actor, struct phase phase)
{
	actor->phases[actor->phase_count++] = phase;
	actor->left = actor->phases[0].copies ? actor->phases[0].copies : actor->phases[0].work_ms;
	actor->is_whole = true;
}

static inline bool passes(uint64_t bytes, enum gate_level level)
{
	return bytes && bytes >= gates[level];
}

static inline unsigned class_of(uint64_t bytes)
{
	return bytes ? 64 - (unsigned)__builtin_clzll(bytes) : 0;
}

static inline void next_phase(struct actor *actor)
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
static inline void actor_runs(struct world *world, struct actor *actor)
{
	double room_ns = NS_PER_MS;

	while (room_ns >= 1) {
		const struct phase *phase = &actor->phases[actor->phase];
		bool counts = passes(phase->bytes, actor->level);
		bool traps = counts || (world->now_ms < actor->old_until_ms &&
					passes(phase->bytes, actor->old_level));
		uint64_t each_ns = phase->copy_ns + (traps ? world->hit_ns : 0), copies;

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
			world->cost_ns += (double)(copies * world->hit_ns);
		if (counts) {
			actor->spent_ns += copies * world->hit_ns;
			world->copies_by_class[class_of(phase->bytes)] += copies;
		} else if (traps) {
			world->retired_ns += copies * world->hit_ns;
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

static inline uint64_t watched_call_ns(const struct world *world, enum function_watch watch)
{
	if (watch == FUNCTION_TIMED)
		return world->call_ns;
	return watch == FUNCTION_COUNTED ? world->entry_ns : 0;
}

static inline void function_runs(struct world *world)
{
	uint64_t each_ns = watched_call_ns(world, world->watch), cost_ns = each_ns;
	uint64_t calls = world->calls_per_ms;

	if (world->now_ms < world->old_watch_until_ms)
		cost_ns = watched_call_ns(world, world->old_watch);
	if (world->call_work_ns)
		calls = world->calling_share * NS_PER_MS / 100 / (world->call_work_ns + cost_ns);
	world->function_spent_ns += each_ns * calls;
	world->retired_ns += (cost_ns - each_ns) * calls;
	world->cost_ns += (double)(cost_ns * calls);
}

static inline uint64_t whole_flushes(const struct world *world)
{
	uint64_t whole = 0;

	for (size_t i = 0; i < world->actor_count; i++)
		whole += world->actors[i].whole_flushes;
	return whole;
}

static inline void make_move(struct world *world, const struct budget_move *move)
{
	struct actor *actor;

	world->moves++;
	if (!move->pid) {
		assert_int_equal(move->from_watch, world->watch);
		assert_true(move->to_watch > move->from_watch);
		world->old_watch = world->watch;
		world->old_watch_until_ms = world->now_ms + world->removal_ms;
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
		actor->old_until_ms = world->now_ms + world->removal_ms;
	}
	actor->level = move->to_level;
	actor->is_whole = false;
	actor->moves++;
}

static inline uint64_t cpu_ms(const struct world *world)
{
	return world->now_ms * (world->actor_count ? world->actor_count : 1);
}

static inline void time_passes(struct world *world)
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

static inline void make_moves(struct world *world, const struct budget_move *moves, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (uint64_t ms = 0; ms < world->swap_ms; ms++)
			time_passes(world);
		make_move(world, &moves[i]);
	}
}

static inline void world_look(struct world *world)
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
	if (count)
		budget_moved(&world->budget, world->now_ms * NS_PER_MS);
	array_release(&spendings);
	world->next_look_ms = budget_pause_ns(&world->budget) / NS_PER_MS;
	if (world->next_look_ms)
		world->next_look_ms += world->now_ms + world->late_ms;
}

static inline uint64_t counted_ns(const struct world *world)
{
	uint64_t sum_ns = world->function_spent_ns;

	for (size_t i = 0; i < world->actor_count; i++)
		sum_ns += world->actors[i].spent_ns;
	return sum_ns;
}

static inline void world_runs(struct world *world, uint64_t ms)
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

static inline void world_end(struct world *world)
{
	budget_release(&world->budget);
}

/* All that was ever spent: what was earned by then, and the credit. */
static inline void assert_within_budget(const struct world *world)
{
	if (world->worst_ns > (double)BUDGET_CREDIT_NS)
		print_error("%.1f ms above what was earned\n", world->worst_ns / 1e6);
	assert_true(world->worst_ns <= (double)BUDGET_CREDIT_NS);
}

#endif
