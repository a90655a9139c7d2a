/* SPDX-License-Identifier: GPL-2.0-only */
/* What a recording holds beside the values that analyse/ and bpf/event.h tell of. */
#ifndef RECORD_RECORDED_H
#define RECORD_RECORDED_H

#include "analyse/result.h"
#include "stack/stack.h"

/* How the watch was set up, as far as telling of it again needs that. */
struct recorded_settings {
	uint64_t sample_period_ns; /* 0: nothing was sampled */
	uint64_t quiet_ns;         /* as in struct stall_settings */
	const char *writes_function;
	bool is_copies_only; /* these two as in struct run_end, which may be missing */
};

/* Which file it was, where no build id tells; 0: not known. */
struct file_mark {
	uint64_t bytes;
	uint64_t changed_ns;
};

struct recorded_mapping {
	struct stack_mapping mapping; /* its open_path is not recorded */
	struct file_mark mark;
};

/* What a process has mapped as code from since_ns on. */
struct recorded_code {
	pid_t pid;
	uint64_t since_ns;
	struct recorded_mapping *mappings;
	size_t count;
};

/* A name that is in no file; of the process's code from then on. */
struct recorded_jitted {
	pid_t pid;
	struct jitted_code code;
};

/* Routines are numbered in 16 bits of a probe's cookie. */
#define RECORDED_ROUTINES (1u << 16)

#endif
