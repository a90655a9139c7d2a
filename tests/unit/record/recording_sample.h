/* SPDX-License-Identifier: GPL-2.0-only */
/* A recording with all kinds of chunks, each field of which is another value. */
#ifndef TESTS_RECORDING_SAMPLE_H
#define TESTS_RECORDING_SAMPLE_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/writer.h"

#define SAMPLE_START_NS 1000000000000ull
#define SAMPLE_STACK    64
#define SAMPLE_BUILD_ID                                                                            \
	{                                                                                          \
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20              \
	}

static const pid_t sample_pids[] = {4242, 17};
static const char *const sample_watched[] = {"flush in app", "memmove in libc.so.6"};
static const char *const sample_uncalled[] = {"flush in app"};

static const struct run_header sample_header = {
	.version = "0.1.0",
	.start_unix_ns = 1700000000123456789,
	.start_ns = SAMPLE_START_NS,
	.command = "/usr/bin/app --flag",
	.run_as = "somebody",
	.pids = sample_pids,
	.pid_count = 2,
	.gate_is_fixed = true,
	.gate_bytes = 4096,
	.budget_pct = 2.5,
	.min_bytes = 1 << 20,
	.min_time_ns = 1000000,
};

static const struct recorded_settings sample_settings = {
	.sample_period_ns = 1000001,
	.quiet_ns = 5000000,
	.writes_function = "lazy_write",
	.is_copies_only = true,
};

static const struct symbol_name sample_function = {
	.function = "ns::Buf::flush",
	.symbol = "_ZN2ns3Buf5flushEv",
	.module = "app",
	.is_host = true,
	.ends_unseen = true,
	.watch = WATCH_COUNTED,
	.was_throttled = true,
	.unseen_starts = 3,
};

static const struct symbol_name sample_routine = {.function = "memmove", .module = "libc.so.6"};

static const struct jitted_code sample_jitted = {.start_addr = 0x7f0000001000,
						 .bytes = 0x40,
						 .line = 77,
						 .name = "LazyCompile:*sum app.js:3"};

static const struct child_report sample_child = {
	.pid = 4243,
	.parent_pid = 4242,
	.comm = "child",
	.event = "fork",
	.at_ns = SAMPLE_START_NS + 5,
	.unwatched_ns = 77,
	.watched = true,
	.reason = "none at all",
};

static const struct flush sample_flush = {
	.pid = 4242,
	.tid = 4244,
	.comm = "app",
	.start_ns = SAMPLE_START_NS + 100,
	.duration_ns = 2000000,
	.unfinished = true,
	.recursive = true,
	.left_out = true,
	.copied_bytes = 101,
	.copies = 102,
	.copies_known = true,
	.gate_bytes = 103,
	.partly_counted = true,
	.gate_raised = true,
	.copy_ns = 104,
	.timed_copies = 105,
	.timed_bytes = 106,
	.goroutine_addr = 107,
	.write_index = 108,
	.in_write = true,
	.probe_hits = 109,
	.overhead_ns = 110,
};

static const struct large_copy sample_copy = {
	.pid = 4242,
	.tid = 4245,
	.comm = "app",
	.start_ns = SAMPLE_START_NS + 200,
	.bytes = 201,
	.duration_ns = 202,
	.dst_addr = 203,
	.src_addr = 204,
};

static const struct budget_step sample_step = {
	.at_ns = SAMPLE_START_NS + 300,
	.pid = 4242,
	.comm = "app",
	.function = "ns::Buf::flush",
	.from_gate_bytes = 301,
	.to_gate_bytes = NO_GATE,
	.from_watch = WATCH_COUNTED,
	.to_watch = WATCH_DROPPED,
	.is_raised = true,
	.spent_ns = 302,
	.during_ns = 303,
	.took_ns = 304,
};

static const struct frame sample_frames[] = {
	{
		.addr = 401,
		.name = "join",
		.symbol = "_Z4joinv",
		.module = "app",
		.offset = 402,
		.function_off = 403,
		.file = "join.cc",
		.line = 404,
		.language = "C++",
		.is_inlined = true,
		.is_signal = true,
	},
	{.addr = 411, .module = "app", .offset = 412},
	{.addr = 421, .name = "write"},
};

static const struct discovery sample_discovery = {
	.at_ns = SAMPLE_START_NS + 400,
	.pid = 4242,
	.comm = "app",
	.culprit = &sample_frames[0],
	.flush = &sample_frames[1],
	.caller = &sample_frames[2],
	.stalls = 431,
	.period_calls = 432,
	.is_irregular = true,
	.is_watched = true,
	.functions = {{&sample_frames[0], 433, 434},
		      {&sample_frames[1], 435, 436},
		      {&sample_frames[2], 437, 438}},
	.function_count = 3,
	.cost_ns = 439,
	.reason = "it ended",
};

static const struct stack_mapping sample_mappings[] = {
	{
		.start_addr = 0x1000,
		.end_addr = 0x2000,
		.file_off = 0x3000,
		.path = "/usr/bin/app",
		.open_path = "/nowhere",
		.build_id = SAMPLE_BUILD_ID,
		.build_id_bytes = 20,
	},
	{.start_addr = 0x4000, .end_addr = 0x5000, .path = NULL},
	/* No build id, and a file that is there: it is marked. */
	{.start_addr = 0x6000, .end_addr = 0x7000, .path = "/proc/self/exe"},
};
#define SAMPLE_MAPPINGS 3

struct sample_with_stack {
	struct mw_sample record;
	uint8_t stack[SAMPLE_STACK];
};

/* More room than stack, as the kernel gives it. */
static const struct sample_with_stack sample_record = {
	.record =
		{
			.head =
				{
					.type = MW_RECORD_SAMPLE,
					.bytes = sizeof(struct mw_sample) + 2048,
					.at_ns = SAMPLE_START_NS + 500,
					.pid = 4242,
					.tid = 4242,
					.comm = "app",
				},
			.registers = {501, 502, 503, 504, 505, 506, 507, 508, 509, 510, 511, 512,
				      513, 514, 515, 516},
			.ip_addr = 517,
			.start_ns = 0,
			.weight_ns = 1000001,
			.copied_bytes = 518,
			.copies = 519,
			.gate_bytes = 520,
			.prior_bytes = 531,
			.prior_copies = 532,
			.ticks = 529,
			.sleeps = 530,
			.calls = {521, 522, 523, 524, 525, 526, 527, 528},
			.kind = MW_SAMPLE_FAULT,
			.flags = MW_SAMPLE_CUT | MW_SAMPLE_IN_SPAN,
			.stack_bytes = SAMPLE_STACK,
		},
	.stack = "a stack, of which every byte counts",
};

#define SAMPLE_WALL_NS 3210000000ull

static void sample_end(struct run_end *end)
{
	*end = (struct run_end){
		.at_ns = SAMPLE_START_NS + SAMPLE_WALL_NS,
		.functions = {{.calls = 601, .time_classes = {[655] = 602}},
			      {.whole_kib_squared = 603}},
		.totals = {.copies_by_class = {604},
			   .losses = {[MW_LOSS_STACK] = 605},
			   .write_gap_classes = {[655] = 606}},
		.costs = {607, 608},
		.malformed = 609,
		.wall_ns = SAMPLE_WALL_NS,
		.target_cpu_ns = 610,
		.retired_spent_ns = 611,
		.sample_ns = 612,
		.processes_seen = 613,
		.processes_watched = 614,
		.worst_unwatched_ns = 615,
		.budget_credit_ns = 616,
		.budget_steps = 617,
		.gate_bytes = 618,
		.is_copies_only = true,
		.writes_function = "lazy_write",
		.watched = sample_watched,
		.watched_count = 2,
		.uncalled = sample_uncalled,
		.uncalled_count = 1,
	};
}

/* How many chunks write_sample() makes, with the two names before their first use. */
#define SAMPLE_CHUNKS 15

static void write_sample_body(struct recording_writer *writer)
{
	const struct symbol_name functions[] = {sample_function,
						{.function = "other", .module = "app"}};
	struct run_end *end = malloc(sizeof(*end));

	recording_header(writer, &sample_header, &sample_settings);
	recording_child(writer, &sample_child);
	recording_code(writer, 4242, SAMPLE_START_NS + 1, sample_mappings, SAMPLE_MAPPINGS);
	recording_jitted(writer, 4242, &sample_jitted);
	recording_sample(writer, &sample_record.record);
	recording_flush(writer, 0, &sample_function, &sample_flush);
	recording_copy(writer, 1, &sample_routine, &sample_copy);
	recording_budget(writer, &sample_step);
	recording_discovery(writer, &sample_discovery);
	recording_process_end(writer, 4242, SAMPLE_START_NS + 550);
	recording_advance(writer, SAMPLE_START_NS + 600);
	if (end) {
		sample_end(end);
		recording_end(writer, functions, 2, end);
	}
	free(end);
}

/* Into memory: gives a descriptor of it. */
static int write_sample(void)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);
	struct recording_size size;

	struct recording_writer *writer = recording_writer_new(dup(fd), "memory");

	if (!writer)
		return -1;
	write_sample_body(writer);
	return recording_writer_close(writer, &size) ? -1 : fd;
}

#endif
