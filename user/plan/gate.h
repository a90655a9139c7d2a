/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gates: probe points inside a copy routine that only copies of a certain size pass. Pure: code
 * bytes and the values of the routine's thresholds in, points and what is proven of them out.
 */
#ifndef PLAN_GATE_H
#define PLAN_GATE_H

#include "plan/plan.h"

/* No copy is larger than the address space that a process has: 2^47 bytes. */
#define COPY_BYTES_MOST ((uint64_t)1 << 47)

/*
 * What the process holds in its data: the thresholds that a routine compares sizes with, as the C
 * library has set them for this CPU and its tunables. False where vaddr is not mapped, or may
 * change at any time.
 */
struct memory_view {
	bool (*read)(const void *source, uint64_t vaddr, void *bytes, size_t count);
	const void *source;
};

/* A word of the process's memory that a proof rests on. */
struct gate_constant {
	uint64_t vaddr;
	uint64_t value;
	uint8_t bytes; /* how many of them: 1, 2, 4 or 8 */
};
typedef ARRAY(struct gate_constant) gate_constants;

struct gate_point {
	/* point.reason: what it is and what is proven (see gate_words.h); point.in says where the
	 * arguments are. */
	struct probe_point point;
	uint64_t least_bytes, most_bytes;   /* of the copies that pass it: no others do */
	char neighbours[PLAN_REASON_BYTES]; /* why none of those before and behind it; may be empty
					     */
};
typedef ARRAY(struct gate_point) gate_points;

/* A return by which copies of at least from_bytes end. */
struct gate_return {
	struct probe_point point;
	uint64_t least_bytes, most_bytes; /* of all copies that end there */
};
typedef ARRAY(struct gate_return) gate_returns;

struct gate_plan {
	uint64_t from_bytes;  /* every copy of at least so many passes exactly one point, once */
	uint64_t least_bytes; /* no copy of fewer passes any */
	gate_points points;
	gate_returns returns; /* all by which they end; empty where one bears no probe */
	gate_constants constants;
};

/*
 * The sizes at which the routine's own choices part the copies, ascending, each once: from_bytes
 * for which a plan may let no smaller copy pass. Empty: no size is told from any other. 0, -ENOTSUP
 * with reason (a jump or return that leads where is not known, a call, code that does not decode),
 * -ENOMEM.
 */
typedef ARRAY(uint64_t) gate_sizes;
int plan_gate_sizes(const struct code_view *code, const struct memory_view *memory, bool is_go,
		    const struct copy_door *doors, size_t door_count, gate_sizes *sizes,
		    char reason[PLAN_REASON_BYTES]);

/*
 * The cheapest points such that each call through any of the doors that copies at least from_bytes
 * passes exactly one of them, once, with destination, source, size and return address in place. Of
 * smaller copies it lets pass as few as it can; with from_bytes 0 all pass. is_go: arguments as Go
 * passes them. 0, -ENOTSUP with reason: none are proven, -ENOMEM. gate_plan_release() frees what
 * it holds.
 */
int plan_gate(const struct code_view *code, const struct memory_view *memory, bool is_go,
	      const struct copy_door *doors, size_t door_count, uint64_t from_bytes,
	      struct gate_plan *plan, char reason[PLAN_REASON_BYTES]);
void gate_plan_release(struct gate_plan *plan);

#endif
