/* SPDX-License-Identifier: GPL-2.0-only */
/* Which doors lead into one body of code: only those have points in common. */
#ifndef PLAN_BODIES_H
#define PLAN_BODIES_H

#include "plan/plan.h"

/*
 * Gives each door the number of its body, from 0 on in the order of their first doors: bodies[i] is
 * that of doors[i]. No instruction is reached from doors of two bodies. Where an indirect jump is
 * met, or what does not decode, all of the function around it counts as reached; where its bounds
 * are not known, everything does. 0 or -ENOMEM.
 */
int plan_bodies(const struct code_view *code, const struct copy_door *doors, size_t door_count,
		unsigned *bodies);

#endif
