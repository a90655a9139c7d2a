// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a copy routine, and the gates that are planned for it: they must be on its way, and
 * on instructions that bear a probe. Whether they tell sizes apart, execute_gates.c tries.
 */
#include "plan/walk.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/gate_case.h"

#define CODE_BYTES 65536

/* What control reaches from the doors on without indirect jumps. */
struct reached {
	bool starts[CODE_BYTES]; /* an instruction, by offset */
	bool indirect;           /* there is such a jump: it may reach more */
	uint16_t open[CODE_BYTES];
	size_t open_count;
};

static void reach(const struct gate_case *given, struct reached *reached, uint64_t vaddr)
{
	uint64_t offset = vaddr - given->vaddr;

	if (offset >= given->count || offset >= CODE_BYTES || reached->starts[offset])
		return;
	reached->starts[offset] = true;
	reached->open[reached->open_count++] = offset;
}

static void reach_all(const struct gate_case *given, const struct code_view *view,
		      struct reached *reached)
{
	while (reached->open_count) {
		uint64_t vaddr = given->vaddr + reached->open[--reached->open_count];
		struct insn insn;

		if (code_decode(view, vaddr, &insn))
			continue;
		if (insn.flow == FLOW_NEXT || insn.flow == FLOW_BRANCH || insn.flow == FLOW_CALL)
			reach(given, reached, vaddr + insn.length);
		if (insn.flow == FLOW_BRANCH || insn.flow == FLOW_JUMP)
			reach(given, reached, insn.target_vaddr);
		reached->indirect |= insn.flow == FLOW_JUMP_INDIRECT;
	}
}

static void check_point(const struct code_view *view, const struct probe_point *point,
			const struct reached *reached)
{
	uint64_t offset = point->vaddr - GATE_CODE_VADDR;
	size_t bytes = 0;
	const uint8_t *at = view->read(view->source, point->vaddr, &bytes);
	struct insn insn;

	CHECK(at && bytes && *at == point->original);
	CHECK(point->probe == PROBE_EMULATED || point->probe == PROBE_STEPPED);
	CHECK(!code_decode(view, point->vaddr, &insn) && insn.probe == point->probe);
	CHECK(offset < CODE_BYTES && (reached->starts[offset] || reached->indirect));
	CHECK(strnlen(point->reason, sizeof(point->reason)) < sizeof(point->reason));
}

static void check_points(const struct code_view *view, const struct gate_plan *plan,
			 const struct reached *reached)
{
	const struct gate_point *at, *other;

	CHECK(plan->points.count);
	array_each (at, &plan->points) {
		const struct copy_registers *in = &at->point.in;

		check_point(view, &at->point, reached);
		CHECK(in->dst < CPU_REGISTERS && in->src < CPU_REGISTERS &&
		      in->size < CPU_REGISTERS);
		CHECK(in->dst != CPU_RSP && in->src != CPU_RSP && in->size != CPU_RSP);
		CHECK(at->least_bytes <= at->most_bytes && at->least_bytes >= plan->least_bytes);
		CHECK(strnlen(at->neighbours, sizeof(at->neighbours)) < sizeof(at->neighbours));
		for (other = plan->points.items; other < at; other++)
			CHECK(other->point.vaddr != at->point.vaddr);
	}
}

static void check_returns(const struct code_view *view, const struct gate_plan *plan,
			  const struct reached *reached)
{
	const struct gate_return *end, *other;

	array_each (end, &plan->returns) {
		struct insn insn;

		check_point(view, &end->point, reached);
		CHECK(!code_decode(view, end->point.vaddr, &insn) && insn.flow == FLOW_RETURN);
		CHECK(end->least_bytes <= end->most_bytes);
		for (other = plan->returns.items; other < end; other++)
			CHECK(other->point.vaddr != end->point.vaddr);
	}
}

static void check_constants(const struct memory_view *memory, const struct gate_plan *plan)
{
	const struct gate_constant *constant;

	array_each (constant, &plan->constants) {
		uint64_t value = 0;

		CHECK(constant->bytes == 1 || constant->bytes == 2 || constant->bytes == 4 ||
		      constant->bytes == 8);
		CHECK(memory->read(memory->source, constant->vaddr, &value, constant->bytes));
		CHECK(value == constant->value);
	}
}

static void check_plan(const struct gate_case *given, uint64_t from_bytes,
		       const struct reached *reached)
{
	const struct code_view view = gate_case_view(given);
	const struct memory_view memory = gate_case_memory_view(given);
	struct copy_door doors[GATE_DOORS];
	size_t count = gate_case_doors(given, doors);
	char reason[PLAN_REASON_BYTES] = "";
	struct gate_plan plan;
	int err = plan_gate(&view, &memory, given->layout.is_go, doors, count, from_bytes, &plan,
			    reason);

	CHECK(!err || (err == -ENOTSUP && *reason));
	CHECK(strnlen(reason, sizeof(reason)) < sizeof(reason));
	if (err)
		return;
	/* least_bytes may be more: copies between them may come to no end. */
	CHECK(plan.from_bytes <= from_bytes);
	check_points(&view, &plan, reached);
	check_returns(&view, &plan, reached);
	check_constants(&memory, &plan);
	gate_plan_release(&plan);
}

/* At a size that the routine tells apart. */
static void check_sizes(const struct gate_case *given, const struct reached *reached)
{
	const struct code_view view = gate_case_view(given);
	const struct memory_view memory = gate_case_memory_view(given);
	struct copy_door doors[GATE_DOORS];
	size_t count = gate_case_doors(given, doors);
	char reason[PLAN_REASON_BYTES] = "";
	gate_sizes sizes = {0};
	int err =
		plan_gate_sizes(&view, &memory, given->layout.is_go, doors, count, &sizes, reason);

	CHECK(!err || (err == -ENOTSUP && *reason));
	for (size_t i = 1; i < sizes.count; i++)
		CHECK(sizes.items[i - 1] < sizes.items[i]);
	/* One of them, another in each case. */
	if (sizes.count)
		check_plan(given, sizes.items[given->layout.from_bytes / 2 % sizes.count], reached);
	array_release(&sizes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static struct reached reached;
	struct gate_case given;
	struct code_view view = gate_case_view(&given);
	struct copy_door doors[GATE_DOORS];

	if (!gate_case_take(&given, bytes, count))
		return 0;
	memset(reached.starts, 0, given.count < CODE_BYTES ? given.count : CODE_BYTES);
	reached.indirect = false;
	for (size_t i = 0; i < gate_case_doors(&given, doors); i++)
		reach(&given, &reached, doors[i].vaddr);
	reach_all(&given, &view, &reached);
	if (given.layout.from_bytes % 2)
		check_sizes(&given, &reached);
	else
		check_plan(&given, given.layout.from_bytes, &reached);
	return 0;
}
