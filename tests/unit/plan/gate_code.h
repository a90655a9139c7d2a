/* SPDX-License-Identifier: GPL-2.0-only */
/* Routines at 0x1000 with a threshold and a jump table in memory. */
#ifndef TEST_GATE_CODE_H
#define TEST_GATE_CODE_H

#include <string.h>

#include "code_bytes.h"
#include "plan/gate.h"

#define ROUTINE   0x1000
#define THRESHOLD 0x3000 /* 2,112 */
#define UNKNOWN   0x3010 /* what the process may change */
#define TABLE     0x3100 /* four offsets from itself, of the rets at 0x101d and behind */

static const uint64_t gate_threshold = 2112;
static const int32_t gate_table[] = {0x101d - TABLE, 0x101e - TABLE, 0x101f - TABLE,
				     0x1020 - TABLE};

static bool gate_memory_read(const void *source, uint64_t vaddr, void *bytes, size_t count)
{
	(void)source;
	if (vaddr == THRESHOLD && count <= sizeof(gate_threshold))
		memcpy(bytes, &gate_threshold, count);
	else if (vaddr - TABLE + count <= sizeof(gate_table))
		memcpy(bytes, (const uint8_t *)gate_table + (vaddr - TABLE), count);
	else
		return false;
	return true;
}

static const struct memory_view gate_memory = {gate_memory_read, NULL};
static const struct copy_door gate_door = {"memmove", ROUTINE};

#define PLAN(code, from, plan, reason)                                                             \
	plan_bytes(code, sizeof(code), &gate_door, 1, false, from, plan, reason)

static inline int plan_bytes(const uint8_t *code, size_t count, const struct copy_door *doors,
			     size_t door_count, bool is_go, uint64_t from_bytes,
			     struct gate_plan *plan, char *reason)
{
	const struct code_bytes bytes = {ROUTINE, code, count, NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);

	return plan_gate(&view, &gate_memory, is_go, doors, door_count, from_bytes, plan, reason);
}

static inline const struct gate_point *point_of(const struct gate_plan *plan, uint64_t vaddr)
{
	const struct gate_point *point;

	array_each (point, &plan->points)
		if (point->point.vaddr == vaddr)
			return point;
	fail_msg("no point at %#lx", vaddr);
	return NULL;
}

static inline void expect_one(const uint8_t *code, size_t count, uint64_t from_bytes,
			      uint64_t vaddr, uint64_t least_bytes)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	assert_int_equal(plan_bytes(code, count, &gate_door, 1, false, from_bytes, &plan, reason),
			 0);
	assert_int_equal(plan.points.count, 1);
	assert_int_equal(plan.points.items[0].point.vaddr, vaddr);
	assert_int_equal(plan.points.items[0].least_bytes, least_bytes);
	assert_int_equal(plan.least_bytes, least_bytes);
	assert_int_equal(plan.from_bytes, from_bytes);
	gate_plan_release(&plan);
}

static inline void expect_refusal(const uint8_t *code, size_t count, uint64_t from_bytes,
				  const char *why)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	assert_int_equal(plan_bytes(code, count, &gate_door, 1, false, from_bytes, &plan, reason),
			 -ENOTSUP);
	assert_string_equal(reason, why);
	assert_null(plan.points.items);
}

static inline const struct gate_return *return_of(const struct gate_plan *plan, uint64_t vaddr)
{
	const struct gate_return *end;

	array_each (end, &plan->returns)
		if (end->point.vaddr == vaddr)
			return end;
	return NULL;
}

#endif
