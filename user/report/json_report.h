/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the JSON report share; for json*.c alone. */
#ifndef REPORT_JSON_REPORT_H
#define REPORT_JSON_REPORT_H

#include "report/json_line.h"
#include "report/report.h"

/* pid, tid and, where it is known, comm. */
void json_add_thread(struct json_line *line, pid_t pid, pid_t tid, const char *comm);

/* Absent where no copy is counted, whatever its size. */
void json_add_gate(struct json_line *line, const char *key, uint64_t gate_bytes);

/* A call path (these are in json_stall.c), as stack and stack_end; absent where none was taken. */
void json_add_stack(struct json_line *line, const struct frame *frames, size_t count,
		    enum stack_end end);

int json_send_stall(FILE *out, const struct stall *stall);
int json_send_discovery(FILE *out, const struct discovery *discovery);
int json_send_diff(FILE *out, const struct run_diff *diff); /* json_diff.c */

/* What the summary tells of samples; nothing where none were to be taken. */
void json_add_samples(struct json_line *line, const struct run_summary *summary);

#endif
