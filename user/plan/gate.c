// SPDX-License-Identifier: GPL-2.0-only
#include "plan/gate.h"

#include <errno.h>
#include <stdio.h>

int plan_gate_sizes(const struct code_view *code, const struct memory_view *memory, bool is_go,
		    const struct copy_door *doors, size_t door_count, gate_sizes *sizes,
		    char reason[PLAN_REASON_BYTES])
{
	(void)code, (void)memory, (void)is_go, (void)doors, (void)door_count, (void)sizes;
	snprintf(reason, PLAN_REASON_BYTES, "gates are not planned yet");
	return -ENOTSUP;
}

int plan_gate(const struct code_view *code, const struct memory_view *memory, bool is_go,
	      const struct copy_door *doors, size_t door_count, uint64_t from_bytes,
	      struct gate_plan *plan, char reason[PLAN_REASON_BYTES])
{
	(void)code, (void)memory, (void)is_go, (void)doors, (void)door_count, (void)plan;
	(void)from_bytes;
	snprintf(reason, PLAN_REASON_BYTES, "gates are not planned yet");
	return -ENOTSUP;
}

void gate_plan_release(struct gate_plan *plan)
{
	array_release(&plan->points);
	array_release(&plan->returns);
	array_release(&plan->constants);
}
