/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a process does its copies, for the sampler: the code of its routines. */
#ifndef CHOOSE_COPY_CODE_H
#define CHOOSE_COPY_CODE_H

#include "choose/doors.h"

/*
 * Fills the plan's code with the functions behind the doors, those that are left out too: who hands
 * a copy on is in it. Doors whose bounds nobody states are left out. 0 or -ENOMEM.
 */
int copy_code_plan(struct planning *planning, const live_doors *doors);

#endif
