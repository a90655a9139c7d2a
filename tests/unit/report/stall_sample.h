/* SPDX-License-Identifier: GPL-2.0-only */
/* Stalls of a python3.11 without symbols for its static functions, and what is known of them. */
#ifndef TESTS_REPORT_STALL_SAMPLE_H
#define TESTS_REPORT_STALL_SAMPLE_H

#include "report/report.h"

#define PYTHON(function, off)                                                                      \
	{                                                                                          \
		.name = function, .module = "python3.11", .function_off = off,                     \
		.offset = off + 0x25, .addr = 0x400000 + off + 0x25                                \
	}

/* What memmove was called by, down to where the thread began. */
static const struct frame sample_frames[] = {
	{.name = "memmove", .module = "libc.so.6", .offset = 0x16db39, .addr = 0x7f0000016db39},
	PYTHON("PyUnicode_Join", 0x199c20),
	PYTHON(NULL, 0x1a2b30),
	PYTHON("PyObject_Vectorcall", 0x12a000),
	PYTHON("_PyEval_EvalFrameDefault", 0x120000),
	PYTHON("PyEval_EvalCode", 0x11f000),
	PYTHON(NULL, 0x11e000),
	PYTHON("PyRun_SimpleFile", 0x11d000),
	PYTHON("Py_RunMain", 0x11c000),
	PYTHON("Py_BytesMain", 0x11b000),
	{.name = "__libc_start_main", .module = "libc.so.6", .offset = 0x27249},
	PYTHON("_start", 0x11a000),
};

#define SAMPLE_FRAMES (sizeof(sample_frames) / sizeof(sample_frames[0]))
#define SAMPLE_JOIN   (&sample_frames[1])
#define SAMPLE_WRITE  (&sample_frames[2])

static inline struct stall sample_stall(uint64_t number)
{
	return (struct stall){
		.culprit = SAMPLE_JOIN,
		.frames = sample_frames,
		.frame_count = SAMPLE_FRAMES,
		.pid = 4242,
		.tid = 4242,
		.comm = "python3",
		.start_ns = 1000000000 + number * 400000000,
		.duration_ns = 520000000 + number * 1000000,
		.error_ns = 1000000,
		.samples = 519,
		.stacks = 519,
		.user_ns = 100000000,
		.fault_ns = 419000000,
		.copied_bytes = 990000000,
		.copies = 99000,
		.gate_bytes = 2113,
	};
}

static inline struct discovery sample_discovery(void)
{
	return (struct discovery){
		.at_ns = 2234000000,
		.pid = 4242,
		.comm = "python3",
		.culprit = SAMPLE_JOIN,
		.flush = SAMPLE_JOIN,
		.caller = SAMPLE_WRITE,
		.stalls = 3,
		.period_calls = 100000,
		.is_watched = true,
		.functions = {{SAMPLE_JOIN, 1, 0},
			      {SAMPLE_WRITE, 100000, 0},
			      {&sample_frames[3], 200000, 5}},
		.function_count = 3,
		.cost_ns = 12000000,
	};
}

static const struct culprit sample_culprits[] = {
	{.frame = SAMPLE_JOIN,
	 .stalls = 3,
	 .samples = 1560,
	 .total_ns = 1563000000,
	 .max_ns = 522000000,
	 .p50_ns = 521000000,
	 .user_ns = 300000000,
	 .fault_ns = 1260000000,
	 .copied_bytes = 2970000000,
	 .gate_bytes = 2113},
};

/* One way down to the join, whose copies are made by two routines. */
static const struct call_node sample_nodes[] = {
	{.frame = &sample_frames[11], .depth = 0, .time_ns = 1600000000},
	{.frame = &sample_frames[10], .depth = 1, .time_ns = 1600000000},
	{.frame = &sample_frames[9], .depth = 2, .time_ns = 1600000000},
	{.frame = &sample_frames[8], .depth = 3, .time_ns = 1600000000},
	{.frame = &sample_frames[7], .depth = 4, .time_ns = 1600000000},
	{.frame = &sample_frames[6], .depth = 5, .time_ns = 1600000000},
	{.frame = &sample_frames[5], .depth = 6, .time_ns = 1600000000},
	{.frame = &sample_frames[4], .depth = 7, .time_ns = 1600000000},
	{.frame = &sample_frames[3], .depth = 8, .time_ns = 1590000000},
	{.frame = &sample_frames[2], .depth = 9, .time_ns = 1565000000},
	{.frame = &sample_frames[1], .depth = 10, .time_ns = 1565000000},
	{.frame = &sample_frames[0], .depth = 11, .time_ns = 1565000000, .own_ns = 1565000000},
	{.frame = &sample_frames[0], .depth = 9, .time_ns = 25000000, .own_ns = 25000000},
	{.frame = &sample_frames[0], .depth = 8, .time_ns = 10000000, .own_ns = 10000000},
};

static const struct stall_summary sample_stalls = {
	.culprits = sample_culprits,
	.culprit_count = 1,
	.nodes = sample_nodes,
	.node_count = sizeof(sample_nodes) / sizeof(sample_nodes[0]),
	.sampled_ns = 1600000000,
};

#endif
