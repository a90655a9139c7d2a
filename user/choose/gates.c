// SPDX-License-Identifier: GPL-2.0-only
#include "choose/gates.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * A hit costs what some 30 KiB of copying cost (0.75 us against 24 us for a MiB), so the low gate
 * is a compromise: at 2 KiB it sees the chunks that buffers are written in, and a loop over
 * anything that fits into a page of text runs at full speed.
 */
#define LOW_PROVEN_BYTES (UINT64_C(2) << 10)
#define LOW_MOST_BYTES   (UINT64_C(64) << 10)
/* What most copies of everyday programs are below. */
#define LEAST_PROVEN_BYTES 128
#define HIGH_LEAST_BYTES   (UINT64_C(256) << 10)

enum gate_level gate_settings_lowest(const struct gate_settings *settings)
{
	return settings->begins_low && !settings->is_fixed ? GATE_LOW : GATE_EVERY;
}

/* 1: the routine has such a gate; 0: it has none, and reason says why; -ENOMEM. */
static int gate_from(const struct gated_routine *routine, uint64_t from_bytes,
		     struct routine_level *level, char reason[PLAN_REASON_BYTES])
{
	int err = routine->plan(routine->context, from_bytes, &level->gate, reason);

	if (err)
		return err == -ENOMEM ? err : 0;
	level->is_counted = level->has_gate = true;
	level->from_bytes = from_bytes;
	return 1;
}

static void give_back(struct routine_level *level)
{
	gate_plan_release(&level->gate);
	*level = (struct routine_level){0};
}

static bool is_emulated(const struct gate_plan *gate)
{
	const struct gate_point *point;

	array_each (point, &gate->points) {
		if (point->point.probe != PROBE_EMULATED)
			return false;
	}
	return true;
}

static bool has_point(const struct gate_plan *gate, uint64_t vaddr)
{
	const struct gate_point *point;

	array_each (point, &gate->points) {
		if (point->point.vaddr == vaddr)
			return true;
	}
	return false;
}

/* Copies of all sizes that the lower gate counts pass the upper one too: nothing is won by it. */
static bool is_no_better(const struct gate_plan *upper, const struct gate_plan *lower)
{
	const struct gate_point *point;

	array_each (point, &lower->points) {
		if (!has_point(upper, point->point.vaddr))
			return false;
	}
	return lower->points.count > 0;
}

static int choose_low(const struct gated_routine *routine, const gate_sizes *sizes,
		      struct routine_level *level, char reason[PLAN_REASON_BYTES])
{
	const uint64_t *size;
	int found = 0;

	array_each (size, sizes) {
		if (*size < LOW_PROVEN_BYTES || *size > LOW_MOST_BYTES)
			continue;
		found = gate_from(routine, *size, level, reason);
		if (found < 0)
			return found;
		if (found && level->gate.least_bytes >= LOW_PROVEN_BYTES)
			return 0;
		give_back(level);
	}
	for (size_t i = sizes->count; i-- > 0;) {
		if (sizes->items[i] >= LOW_PROVEN_BYTES)
			continue;
		found = gate_from(routine, sizes->items[i], level, reason);
		if (found < 0)
			return found;
		if (found && level->gate.least_bytes >= LEAST_PROVEN_BYTES)
			return 0;
		give_back(level);
	}
	return 0;
}

static int choose_high(const struct gated_routine *routine, const gate_sizes *sizes,
		       const struct routine_level *low, struct routine_level *level)
{
	char reason[PLAN_REASON_BYTES];
	const uint64_t *size;

	array_each (size, sizes) {
		int found;

		if (*size < HIGH_LEAST_BYTES)
			continue;
		found = gate_from(routine, *size, level, reason);
		if (found < 0)
			return found;
		if (found && level->gate.least_bytes >= LEAST_PROVEN_BYTES &&
		    !is_no_better(&level->gate, &low->gate))
			return 0;
		give_back(level);
	}
	return 0;
}

/* Go 1.19's memmove: its first instruction is single-stepped, its `jbe` past 256 bytes is not. */
static int choose_every(const struct gated_routine *routine, const gate_sizes *sizes,
			struct routine_level *level)
{
	char reason[PLAN_REASON_BYTES];
	const uint64_t *size;

	array_each (size, sizes) {
		int found = routine->is_stepped ? gate_from(routine, *size, level, reason) : 0;

		if (found < 0)
			return found;
		if (found && is_emulated(&level->gate))
			return 0;
		give_back(level);
	}
	/* Dear where it is stepped and has no gate: as long as the credit lasts. */
	level->is_counted = true;
	return 0;
}

static int choose_fixed(const struct gated_routine *routine, uint64_t from_bytes,
			struct routine_levels *levels)
{
	struct routine_level *level = &levels->at[GATE_EVERY];
	int found = from_bytes ? gate_from(routine, from_bytes, level, levels->reason) : 0;

	if (found < 0)
		return found;
	if (found)
		*levels->reason = '\0';
	level->is_counted = true;
	level->from_bytes = from_bytes;
	return 0;
}

static int choose_moving(const struct gated_routine *routine, struct routine_levels *levels)
{
	gate_sizes sizes = {0};
	int err = routine->sizes(routine->context, &sizes, levels->reason);

	if (err == -ENOTSUP)
		err = 0;
	else if (!err && !sizes.count)
		snprintf(levels->reason, sizeof(levels->reason), "its code never parts them");
	if (!err)
		err = choose_every(routine, &sizes, &levels->at[GATE_EVERY]);
	if (!err)
		err = choose_low(routine, &sizes, &levels->at[GATE_LOW], levels->reason);
	if (!err)
		err = choose_high(routine, &sizes, &levels->at[GATE_LOW], &levels->at[GATE_HIGH]);
	if (levels->at[GATE_LOW].is_counted)
		*levels->reason = '\0';
	else if (!err && !*levels->reason)
		snprintf(levels->reason, sizeof(levels->reason),
			 "none lets copies of %d bytes or more pass alone", LEAST_PROVEN_BYTES);
	array_release(&sizes);
	return err;
}

int routine_levels_choose(const struct gated_routine *routine, const struct gate_settings *settings,
			  struct routine_levels *levels)
{
	int err;

	memset(levels, 0, sizeof(*levels));
	err = settings->is_fixed ? choose_fixed(routine, settings->from_bytes, levels)
				 : choose_moving(routine, levels);
	if (err)
		routine_levels_release(levels);
	return err;
}

void routine_levels_release(struct routine_levels *levels)
{
	for (unsigned i = 0; i < GATE_LEVELS; i++)
		gate_plan_release(&levels->at[i].gate);
}
