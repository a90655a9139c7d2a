// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as machine code, and the plans for it. A case starts with struct layout: where in the
 * code behind it functions stand, so that they may overlap or lie outside.
 */
#include <string.h>

#include "plan/inlined_copy.h"
#include "plan/plan.h"
#include "plan/table.h"
#include "plan/walk.h"
#include "tests/fuzz/check.h"

#define CODE_VADDR 0x401000
#define FUNCTIONS  3
/* What a loop has at most, and for how many places of a case it is asked whether they copy. */
#define LOOP_BYTES 512
#define PLACES     48

struct layout {
	struct {
		uint16_t offset, bytes;
	} functions[FUNCTIONS];
	uint8_t named;   /* bit i: function i has a symbol */
	uint8_t unknown; /* bit i: the bounds of function i are not known */
};

struct case_code {
	struct layout layout;
	const uint8_t *bytes;
	size_t count;
};

static const uint8_t *read_code(const void *source, uint64_t vaddr, size_t *bytes)
{
	const struct case_code *code = source;
	uint64_t offset = vaddr - CODE_VADDR;

	if (offset >= code->count)
		return NULL;
	*bytes = code->count - offset;
	return code->bytes + offset;
}

static struct code_range function_range(const struct case_code *code, size_t i)
{
	return (struct code_range){CODE_VADDR + code->layout.functions[i].offset,
				   code->layout.functions[i].bytes};
}

static bool bounds(const void *source, uint64_t vaddr, uint64_t *start, uint64_t *bytes)
{
	const struct case_code *code = source;

	for (size_t i = 0; i < FUNCTIONS; i++) {
		struct code_range function = function_range(code, i);

		if (code->layout.unknown >> i & 1 || !range_covers(&function, vaddr))
			continue;
		*start = function.vaddr;
		*bytes = function.bytes;
		return true;
	}
	return false;
}

static bool names_function(const void *source, uint64_t vaddr)
{
	const struct case_code *code = source;

	for (size_t i = 0; i < FUNCTIONS; i++)
		if (code->layout.named >> i & 1 && function_range(code, i).vaddr == vaddr)
			return true;
	return false;
}

/* Is vaddr where an instruction of this stretch starts, read one after the other? */
static bool starts_insn(const struct code_view *view, struct code_range range, uint64_t vaddr)
{
	struct insn insn = {.vaddr = range.vaddr};

	while (range_covers(&range, insn.vaddr) && insn.vaddr < vaddr) {
		if (code_decode(view, insn.vaddr, &insn))
			return false;
		insn.vaddr += insn.length;
	}
	return insn.vaddr == vaddr && range_covers(&range, vaddr);
}

static void check_point(const struct code_view *view, const struct probe_point *point)
{
	size_t bytes = 0;
	const uint8_t *at = view->read(view->source, point->vaddr, &bytes);
	struct insn insn;

	CHECK(at && bytes && *at == point->original);
	CHECK(point->probe == PROBE_EMULATED || point->probe == PROBE_STEPPED);
	CHECK(!code_decode(view, point->vaddr, &insn) && insn.probe == point->probe);
	CHECK(strnlen(point->reason, sizeof(point->reason)) < sizeof(point->reason));
}

static void check_exit_plan(const struct code_view *view, const struct exit_plan *plan, int err)
{
	struct probe_point *point, *other;
	struct code_range *part;

	CHECK(!err || (err == -ENOTSUP && *plan->note));
	CHECK(plan->own_returns <= plan->returns.count);
	array_each (point, &plan->returns) {
		bool starts = false;

		check_point(view, point);
		array_each (part, &plan->parts)
			starts = starts || starts_insn(view, *part, point->vaddr);
		CHECK(starts);
		/* Of a plan that is used: two probes on one end would count it twice. */
		for (other = plan->returns.items; !err && other < point; other++)
			CHECK(other->vaddr != point->vaddr);
	}
}

static void check_exits(const struct code_view *view, const code_ranges *parts)
{
	struct exit_plan plan;
	int err = plan_exits(view, parts, &plan);

	check_exit_plan(view, &plan, err);
	exit_plan_release(&plan);
	err = plan_reached_exits(view, parts->items[0].vaddr, &plan);
	check_exit_plan(view, &plan, err);
	exit_plan_release(&plan);
}

static void check_copies(const struct code_view *view, const struct case_code *code)
{
	static const char *const names[FUNCTIONS] = {"memmove", "memcpy", "mempcpy"};
	struct copy_door doors[FUNCTIONS];
	char reason[PLAN_REASON_BYTES];
	struct probe_point *point, *other;
	probe_points points = {0};
	int err;

	for (size_t i = 0; i < FUNCTIONS; i++)
		doors[i] = (struct copy_door){names[i], function_range(code, i).vaddr};
	err = plan_copies(view, doors, FUNCTIONS, &points, reason);
	CHECK(!err || (err == -ENOTSUP && *reason));
	array_each (point, &points) {
		check_point(view, point);
		for (other = points.items; other < point; other++)
			CHECK(other->vaddr != point->vaddr);
		/* Never within an instruction of a door's routine. */
		for (size_t i = 0; i < FUNCTIONS; i++) {
			struct code_range body;

			CHECK(!function_at(view, doors[i].vaddr, &body) ||
			      !range_covers(&body, point->vaddr) ||
			      starts_insn(view, body, point->vaddr));
		}
	}
	array_release(&points);
}

static void check_functions(const struct code_view *view, const struct case_code *code)
{
	code_ranges parts = {0};

	for (size_t i = 0; i < FUNCTIONS; i++) {
		struct code_range function = function_range(code, i);
		struct probe_point point;
		uint64_t slot_vaddr;
		int err = plan_entry(view, function, &point);

		CHECK(!err || (err == -ENOTSUP && *point.reason));
		if (!err) {
			check_point(view, &point);
			CHECK(!function.bytes || starts_insn(view, function, point.vaddr));
		}
		plan_stub_slot(view, function.vaddr, &slot_vaddr);
		CHECK(!array_push(&parts, function));
		parts.items[0] = function;
		parts.count = 1;
		check_exits(view, &parts);
	}
	/* As a function with its .cold parts. */
	for (size_t i = 1; i < FUNCTIONS; i++)
		CHECK(!array_push(&parts, function_range(code, i)));
	parts.items[0] = function_range(code, 0);
	check_exits(view, &parts);
	array_release(&parts);
}

static bool in_same_function(const struct code_view *view, uint64_t vaddr, uint64_t other)
{
	struct code_range a = {0, 0}, b = {0, 0};

	return function_at(view, vaddr, &a) == function_at(view, other, &b) && a.vaddr == b.vaddr &&
	       a.bytes == b.bytes;
}

/* A copy contains the place, is code from its start to its end, and is one at its start, too. */
static void check_inlined_at(const struct code_view *view, uint64_t vaddr)
{
	struct inlined_copy copy, again;
	struct code_range range;

	CHECK(!plan_inlined_copy(view, vaddr, &copy));
	CHECK(*copy.reason && strnlen(copy.reason, sizeof(copy.reason)) < sizeof(copy.reason));
	if (copy.kind == INLINED_NONE)
		return;
	range = (struct code_range){copy.start_vaddr, copy.end_vaddr - copy.start_vaddr};
	CHECK(range_covers(&range, vaddr) && range.bytes <= LOOP_BYTES);
	CHECK(starts_insn(view, range, vaddr));
	CHECK(!plan_inlined_copy(view, copy.start_vaddr, &again));
	CHECK(!in_same_function(view, vaddr, copy.start_vaddr) ||
	      (again.kind == copy.kind && again.start_vaddr == copy.start_vaddr &&
	       again.end_vaddr == copy.end_vaddr));
}

static void check_inlined(const struct code_view *view, const struct case_code *code)
{
	size_t step = code->count / PLACES + 1;

	for (size_t at = 0; at < code->count; at += step)
		check_inlined_at(view, CODE_VADDR + at);
}

static void check_insns(const struct case_code *code)
{
	char text[INSN_TEXT_BYTES];
	struct insn insn;

	for (size_t at = 0; at < code->count && at < 256; at++) {
		if (!insn_decode(code->bytes + at, code->count - at, CODE_VADDR + at, &insn))
			CHECK(insn.length && insn.length <= 15 && insn.length <= code->count - at);
		insn_text(text, code->bytes + at, code->count - at, CODE_VADDR + at);
		CHECK(strnlen(text, sizeof(text)) < sizeof(text));
		table_judge(code->bytes, at, at & 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct code_view view = {read_code, bounds, names_function, NULL};
	struct case_code code;

	if (count < sizeof(code.layout))
		return 0;
	memcpy(&code.layout, bytes, sizeof(code.layout));
	code.bytes = bytes + sizeof(code.layout);
	code.count = count - sizeof(code.layout);
	view.source = &code;
	check_insns(&code);
	check_functions(&view, &code);
	check_copies(&view, &code);
	check_inlined(&view, &code);
	return 0;
}
