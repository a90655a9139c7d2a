// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "choose/gates.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)

/* A gate of a routine that is made up: at one point, or none where vaddr is 0. */
struct made_gate {
	uint64_t from_bytes, least_bytes, vaddr;
	enum probe_kind probe;
	uint64_t other_vaddr; /* a second point; 0: none */
};

struct made_routine {
	struct made_gate gates[8]; /* ascending; from_bytes 0 ends them */
	int sizes_err;             /* -ENOTSUP: none is told from any other */
	int plan_err;
	bool is_stepped;
};

static int made_sizes(const void *context, gate_sizes *sizes, char reason[PLAN_REASON_BYTES])
{
	const struct made_routine *made = context;
	int err = made->sizes_err;

	if (err)
		snprintf(reason, PLAN_REASON_BYTES, "an indirect jump");
	for (size_t i = 0; !err && made->gates[i].from_bytes; i++)
		err = array_push(sizes, made->gates[i].from_bytes);
	return err;
}

static int add_point(struct gate_plan *plan, uint64_t vaddr, enum probe_kind probe)
{
	return array_push(&plan->points,
			  ((struct gate_point){.point = {.vaddr = vaddr, .probe = probe}}));
}

/* The highest of its gates that lets all copies from from_bytes on pass. */
static int made_plan(const void *context, uint64_t from_bytes, struct gate_plan *plan,
		     char reason[PLAN_REASON_BYTES])
{
	const struct made_routine *made = context;
	const struct made_gate *gate = NULL;

	for (size_t i = 0; made->gates[i].from_bytes && made->gates[i].from_bytes <= from_bytes;
	     i++)
		gate = &made->gates[i];
	if (made->plan_err)
		return made->plan_err;
	if (!gate || !gate->vaddr) {
		snprintf(reason, PLAN_REASON_BYTES, "a loop");
		return -ENOTSUP;
	}
	*plan = (struct gate_plan){.from_bytes = from_bytes, .least_bytes = gate->least_bytes};
	assert_int_equal(add_point(plan, gate->vaddr, gate->probe), 0);
	if (gate->other_vaddr)
		assert_int_equal(add_point(plan, gate->other_vaddr, gate->probe), 0);
	return 0;
}

static const struct gate_settings moving = {.begins_low = true};

static int choose(const struct made_routine *made, const struct gate_settings *settings,
		  struct routine_levels *levels)
{
	const struct gated_routine routine = {made_sizes, made_plan, made, made->is_stepped};

	return routine_levels_choose(&routine, settings, levels);
}

/* vaddr 0: the routine is not counted there. */
static void assert_gate(const struct routine_level *level, uint64_t from_bytes, uint64_t vaddr)
{
	assert_int_equal(level->is_counted, vaddr != 0);
	assert_int_equal(level->has_gate, vaddr != 0);
	if (!vaddr)
		return;
	assert_int_equal(level->from_bytes, from_bytes);
	assert_int_equal(level->gate.points.items[0].point.vaddr, vaddr);
}

static void assert_every(const struct routine_level *level)
{
	assert_true(level->is_counted);
	assert_false(level->has_gate);
	assert_int_equal(level->from_bytes, 0);
}

/* __memmove_avx512_unaligned_erms of glibc 2.36, with a stop threshold of 1 MiB. */
static const struct made_routine erms = {
	.gates =
		{
			{129, 129, 0x10, PROBE_EMULATED, 0},
			{513, 513, 0x20, PROBE_EMULATED, 0},
			{2113, 2113, 0x30, PROBE_EMULATED, 0},
			{MIB, 513, 0x40, PROBE_EMULATED, 0x48},
			{96 * MIB, 513, 0x50, PROBE_EMULATED, 0x48},
		},
};

static void test_low_proves_two_kib_and_high_is_the_lowest_of_large_copies(void **state)
{
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&erms, &moving, &levels), 0);
	assert_every(&levels.at[GATE_EVERY]);
	assert_gate(&levels.at[GATE_LOW], 2113, 0x30);
	assert_gate(&levels.at[GATE_HIGH], MIB, 0x40);
	assert_gate(&levels.at[GATE_NONE], 0, 0);
	assert_string_equal(levels.reason, "");
	routine_levels_release(&levels);
}

/* Without rep movsb, glibc's routines part no sizes between 8 vectors and some MiB. */
static void test_low_falls_below_two_kib_where_the_next_gate_is_far(void **state)
{
	static const struct made_routine made = {
		.gates =
			{
				{33, 33, 0x10, PROBE_EMULATED, 0},
				{129, 129, 0x20, PROBE_EMULATED, 0},
				{64 * KIB + 1, 64 * KIB + 1, 0x30, PROBE_EMULATED, 0},
			},
	};
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&made, &moving, &levels), 0);
	assert_gate(&levels.at[GATE_LOW], 129, 0x20);
	assert_gate(&levels.at[GATE_HIGH], 0, 0);
	routine_levels_release(&levels);
}

static void test_low_takes_no_gate_that_lets_small_copies_pass(void **state)
{
	static const struct made_routine made = {
		.gates =
			{
				{64, 64, 0x10, PROBE_EMULATED, 0},
				{1024, 127, 0x20, PROBE_EMULATED, 0},
				{2048, 2047, 0x30, PROBE_EMULATED, 0},
				{64 * KIB, 2048, 0x40, PROBE_EMULATED, 0},
			},
	};
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&made, &moving, &levels), 0);
	assert_gate(&levels.at[GATE_LOW], 64 * KIB, 0x40);
	routine_levels_release(&levels);
}

/* musl's: past 8 bytes it parts none. */
static void test_routine_without_a_gate_counts_every_copy_or_none(void **state)
{
	static const struct made_routine made = {.gates = {{9, 9, 0x10, PROBE_EMULATED, 0}}};
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&made, &moving, &levels), 0);
	assert_every(&levels.at[GATE_EVERY]);
	assert_gate(&levels.at[GATE_LOW], 0, 0);
	assert_gate(&levels.at[GATE_HIGH], 0, 0);
	assert_non_null(strstr(levels.reason, "128"));
	routine_levels_release(&levels);
}

static void test_refused_routine_says_why(void **state)
{
	static const struct made_routine refused = {.sizes_err = -ENOTSUP}, flat = {0};
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&refused, &moving, &levels), 0);
	assert_every(&levels.at[GATE_EVERY]);
	assert_string_equal(levels.reason, "an indirect jump");
	routine_levels_release(&levels);
	assert_int_equal(choose(&flat, &moving, &levels), 0);
	assert_false(levels.at[GATE_LOW].is_counted);
	assert_string_not_equal(levels.reason, "");
	routine_levels_release(&levels);
}

/* A gate through whose points all of the lower one's copies pass as well costs what that costs. */
static void test_high_gate_that_spares_no_hit_is_none(void **state)
{
	static const struct made_routine made = {
		.gates =
			{
				{2113, 2113, 0x30, PROBE_EMULATED, 0},
				{MIB, 2113, 0x28, PROBE_EMULATED, 0x30},
				{2 * MIB, 60, 0x50, PROBE_EMULATED, 0},
				{4 * MIB, 4 * MIB, 0x60, PROBE_EMULATED, 0},
			},
	};
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&made, &moving, &levels), 0);
	assert_gate(&levels.at[GATE_LOW], 2113, 0x30);
	assert_gate(&levels.at[GATE_HIGH], 4 * MIB, 0x60);
	routine_levels_release(&levels);
}

/* Go's memmove: what all copies pass is single-stepped. */
static void test_every_takes_an_emulated_gate_instead_of_a_stepped_entry(void **state)
{
	static const struct made_routine made = {
		.gates =
			{
				{17, 17, 0x10, PROBE_STEPPED, 0},
				{257, 257, 0x20, PROBE_EMULATED, 0},
				{2049, 2049, 0x30, PROBE_EMULATED, 0},
			},
		.is_stepped = true,
	};
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&made, &moving, &levels), 0);
	assert_gate(&levels.at[GATE_EVERY], 257, 0x20);
	assert_gate(&levels.at[GATE_LOW], 2049, 0x30);
	routine_levels_release(&levels);
}

static void test_stepped_routine_without_an_emulated_gate_is_still_counted(void **state)
{
	static const struct made_routine made = {
		.gates = {{17, 17, 0x10, PROBE_STEPPED, 0}},
		.is_stepped = true,
	};
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&made, &moving, &levels), 0);
	assert_every(&levels.at[GATE_EVERY]);
	routine_levels_release(&levels);
}

/* ---- what the user fixed ---- */

static void test_fixed_gate_is_the_best_for_its_size(void **state)
{
	const struct gate_settings fixed = {.is_fixed = true, .from_bytes = 4096};
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&erms, &fixed, &levels), 0);
	assert_gate(&levels.at[GATE_EVERY], 4096, 0x30);
	assert_false(levels.at[GATE_LOW].is_counted);
	assert_string_equal(levels.reason, "");
	routine_levels_release(&levels);
}

static void test_fixed_gate_that_a_routine_lacks_is_left_to_the_filter(void **state)
{
	static const struct made_routine made = {.gates = {{9, 9, 0x10, PROBE_EMULATED, 0}},
						 .plan_err = -ENOTSUP};
	const struct gate_settings fixed = {.is_fixed = true, .from_bytes = 4096};
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&made, &fixed, &levels), 0);
	assert_true(levels.at[GATE_EVERY].is_counted);
	assert_false(levels.at[GATE_EVERY].has_gate);
	assert_int_equal(levels.at[GATE_EVERY].from_bytes, 4096);
	routine_levels_release(&levels);
}

static void test_fixed_at_every_copy_asks_for_no_gate(void **state)
{
	const struct gate_settings fixed = {.is_fixed = true};
	const struct made_routine made = {.plan_err = -ENOMEM, .is_stepped = true};
	struct routine_levels levels;

	(void)state;
	assert_int_equal(choose(&made, &fixed, &levels), 0);
	assert_every(&levels.at[GATE_EVERY]);
	routine_levels_release(&levels);
}

static void test_out_of_memory_is_told(void **state)
{
	struct made_routine made = erms;
	struct routine_levels levels;

	(void)state;
	made.plan_err = -ENOMEM;
	assert_int_equal(choose(&made, &moving, &levels), -ENOMEM);
	made.plan_err = 0;
	made.sizes_err = -ENOMEM;
	assert_int_equal(choose(&made, &moving, &levels), -ENOMEM);
}

static void test_process_begins_at_every_copy_where_a_function_is_named(void **state)
{
	(void)state;
	assert_int_equal(gate_settings_lowest(&(struct gate_settings){0}), GATE_EVERY);
	assert_int_equal(gate_settings_lowest(&moving), GATE_LOW);
	assert_int_equal(
		gate_settings_lowest(&(struct gate_settings){.is_fixed = true, .begins_low = true}),
		GATE_EVERY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_low_proves_two_kib_and_high_is_the_lowest_of_large_copies),
		cmocka_unit_test(test_low_falls_below_two_kib_where_the_next_gate_is_far),
		cmocka_unit_test(test_low_takes_no_gate_that_lets_small_copies_pass),
		cmocka_unit_test(test_routine_without_a_gate_counts_every_copy_or_none),
		cmocka_unit_test(test_refused_routine_says_why),
		cmocka_unit_test(test_high_gate_that_spares_no_hit_is_none),
		cmocka_unit_test(test_every_takes_an_emulated_gate_instead_of_a_stepped_entry),
		cmocka_unit_test(test_stepped_routine_without_an_emulated_gate_is_still_counted),
		cmocka_unit_test(test_fixed_gate_is_the_best_for_its_size),
		cmocka_unit_test(test_fixed_gate_that_a_routine_lacks_is_left_to_the_filter),
		cmocka_unit_test(test_fixed_at_every_copy_asks_for_no_gate),
		cmocka_unit_test(test_out_of_memory_is_told),
		cmocka_unit_test(test_process_begins_at_every_copy_where_a_function_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
