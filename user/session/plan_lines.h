/* SPDX-License-Identifier: GPL-2.0-only */
/* A process's plan in the words of the report. */
#ifndef SESSION_PLAN_LINES_H
#define SESSION_PLAN_LINES_H

#include "report/plan_text.h"
#include "session/in_force.h"

/*
 * Prints it to a file, or tells -v of it. costs: of a hit; all 0: not known. 0, -ENOMEM, or -errno
 * where it could not be written.
 */
int plan_lines_print(FILE *out, pid_t pid, const struct process_plan *plan,
		     const struct gate_settings *gates, struct tracer_costs costs);
int plan_lines_log(pid_t pid, const struct process_plan *plan, const struct gate_settings *gates,
		   struct tracer_costs costs);

#endif
