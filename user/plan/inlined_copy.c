// SPDX-License-Identifier: GPL-2.0-only
#include "plan/inlined_copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan/loop_find.h"
#include "plan/loop_stride.h"
#include "plan/walk.h"

/*
 * A register may be another's, or a pointer in memory be loaded through another, a round later:
 * after the first three nothing new is found. The last two are compared.
 */
#define ROUNDS     6
#define SETTLED_AT 3
#define EXITS_MOST 64

struct exits {
	uint64_t vaddrs[EXITS_MOST];
	size_t count;
};

struct judgement {
	const struct code_view *code;
	struct straight_loop loop;
	struct loop_state state;
	struct exits exits; /* all */
	struct exits final; /* those behind which the loop must have ended */
	struct loop_stride stride;
	char *reason;
};

static const char *text_at(const struct code_view *code, uint64_t vaddr, char buf[INSN_TEXT_BYTES])
{
	size_t bytes = 0;
	const uint8_t *at = code->read(code->source, vaddr, &bytes);

	return at ? insn_text(buf, at, bytes, vaddr) : "(bad)";
}

static bool refuse(const struct judgement *judgement, const char *why)
{
	snprintf(judgement->reason, PLAN_REASON_BYTES, "loop at 0x%" PRIx64 ": %s",
		 judgement->loop.start_vaddr, why);
	return false;
}

static bool refuse_insn(const struct judgement *judgement, uint64_t vaddr, const char *why)
{
	char text[INSN_TEXT_BYTES];

	snprintf(judgement->reason, PLAN_REASON_BYTES, "loop at 0x%" PRIx64 ": %.60s %s",
		 judgement->loop.start_vaddr, text_at(judgement->code, vaddr, text), why);
	return false;
}

static bool add_exit(struct exits *exits, uint64_t vaddr)
{
	if (exits->count == EXITS_MOST)
		return false;
	exits->vaddrs[exits->count++] = vaddr;
	return true;
}

/*
 * A branch out of the loop, or the one at its end, which leaves where it does not jump. One that is
 * taken by what was loaded may lead to code that changes it and comes back, as toupper() does; one
 * that leads to before the loop may make it part of another.
 */
static bool note_exit(struct judgement *judgement, const struct loop_op *op)
{
	const struct straight_loop *loop = &judgement->loop;
	uint64_t leads_to = op->op.insn.target_vaddr;
	bool is_final;

	if (op->op.insn.flow != FLOW_BRANCH)
		return true;
	if (leads_to == loop->start_vaddr)
		leads_to = loop->end_vaddr;
	is_final = leads_to < loop->start_vaddr || loop_state_chooses(&judgement->state, op);
	if (!add_exit(&judgement->exits, leads_to) ||
	    (is_final && !add_exit(&judgement->final, leads_to)))
		return refuse(judgement, "it has too many ways out");
	return true;
}

/* jmp to the start, at the end of the loop: while (...) as -Os has it. */
static bool is_jump_back(const struct straight_loop *loop, size_t index)
{
	return index == loop->count - 1 && loop->insns[index].op.op.insn.flow == FLOW_JUMP;
}

static bool run_round(struct judgement *judgement)
{
	struct straight_loop *loop = &judgement->loop;

	judgement->exits.count = judgement->final.count = 0;
	loop_state_start_round(&judgement->state);
	for (size_t i = 0; i < loop->count; i++) {
		const struct loop_op *op = &loop->insns[i].op;
		const char *fault;

		if (is_jump_back(loop, i))
			continue;
		if (loop->insns[i].is_entered)
			loop_state_forget_loaded(&judgement->state);
		fault = loop_state_step(&judgement->state, op, i);
		if (fault)
			return refuse_insn(judgement, op->op.insn.vaddr, fault);
		if (!note_exit(judgement, op))
			return false;
	}
	return true;
}

/* Where a way out leads back into the loop, it may be a detour that changes what is copied. */
static bool judge_exits(const struct judgement *judgement)
{
	const struct exits *exits = &judgement->exits, *final = &judgement->final;
	const struct straight_loop *loop = &judgement->loop;
	struct loop_return back;

	if (!exits->count)
		return refuse(judgement, "it has no end");
	back = loop_return_of(judgement->code, loop, final->vaddrs, final->count);
	if (back.from_before || back.from_behind || back.is_unsure)
		return refuse(judgement, "it may be left and come back to in the middle of a copy");
	back = loop_return_of(judgement->code, loop, exits->vaddrs, exits->count);
	if (back.from_behind || (back.is_unsure && loop->is_entered_from_behind))
		return refuse(judgement, "code behind it leads back into it");
	return true;
}

static bool judge(struct judgement *judgement)
{
	const char *fault;

	loop_state_init(&judgement->state);
	for (unsigned round = 0; round < ROUNDS; round++) {
		judgement->state.is_settled = round >= SETTLED_AT;
		if (!run_round(judgement))
			return false;
	}
	fault = loop_stride_of(&judgement->state, &judgement->stride);
	if (fault)
		return refuse(judgement, fault);
	return judge_exits(judgement);
}

/*
 * The load of what is stored first. Where the loop is entered at its load, that stands behind the
 * store, and the last round's is a step further on.
 */
static uint64_t load_vaddr(const struct judgement *judgement)
{
	const struct loop_store *store = judgement->stride.first;
	struct loop_place next = store->from;

	next.constant += (uint64_t)judgement->stride.step;
	for (size_t i = 0; i < judgement->loop.count; i++) {
		const struct loop_op *op = &judgement->loop.insns[i].op;
		const struct loop_place *from =
			op->op.insn.vaddr > store->vaddr ? &next : &store->from;

		if (op->action == LOOP_MOVES && op->move.load.kind != OPERAND_NONE &&
		    place_equals(&judgement->state.loads[i], from))
			return op->op.insn.vaddr;
	}
	return store->vaddr;
}

static void describe(const struct judgement *judgement)
{
	const struct loop_stride *stride = &judgement->stride;
	char load[INSN_TEXT_BYTES], store[INSN_TEXT_BYTES];

	snprintf(judgement->reason, PLAN_REASON_BYTES,
		 "loop at 0x%" PRIx64 ": %.48s; %.48s; %" PRIu64 " bytes a round",
		 judgement->loop.start_vaddr, text_at(judgement->code, load_vaddr(judgement), load),
		 text_at(judgement->code, stride->first->vaddr, store), stride->bytes);
}

static int find_loop(const struct code_view *code, uint64_t vaddr, struct inlined_copy *copy)
{
	struct judgement *judgement = calloc(1, sizeof(*judgement));

	if (!judgement)
		return -ENOMEM;
	judgement->code = code;
	judgement->reason = copy->reason;
	if (!loop_find(code, vaddr, &judgement->loop, copy->reason) && judge(judgement)) {
		copy->kind = INLINED_LOOP;
		copy->start_vaddr = judgement->loop.start_vaddr;
		copy->end_vaddr = judgement->loop.end_vaddr;
		describe(judgement);
	}
	free(judgement);
	return 0;
}

int plan_inlined_copy(const struct code_view *code, uint64_t vaddr, struct inlined_copy *copy)
{
	char text[INSN_TEXT_BYTES];
	struct insn insn;

	*copy = (struct inlined_copy){.kind = INLINED_NONE};
	if (code_decode(code, vaddr, &insn)) {
		snprintf(copy->reason, sizeof(copy->reason), "0x%" PRIx64 " is no instruction",
			 vaddr);
		return 0;
	}
	if (!insn.repeats_movs)
		return find_loop(code, vaddr, copy);
	copy->kind = INLINED_REP_MOVS;
	copy->start_vaddr = vaddr;
	copy->end_vaddr = vaddr + insn.length;
	snprintf(copy->reason, sizeof(copy->reason), "0x%" PRIx64 ": %s", vaddr,
		 text_at(code, vaddr, text));
	return 0;
}
