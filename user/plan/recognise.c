// SPDX-License-Identifier: GPL-2.0-only
#include "plan/recognise.h"

#include <string.h>

#include "plan/argument_use.h"
#include "plan/walk.h"

/* __memmove_avx512_unaligned_erms of glibc 2.36 has 560 instructions; each is seen a few times. */
#define STEPS_MAX  20000
#define BLOCKS_MAX 1024

/* Where a way starts, and what is known on it. */
struct block {
	uint64_t vaddr;
	struct argument_state state;
	bool is_due;
};

struct walk {
	const struct code_view *code;
	struct copy_nature *nature;
	ARRAY(struct block) blocks;
	size_t steps;
};

static int go_to(struct walk *walk, uint64_t vaddr, const struct argument_state *state)
{
	struct block *block;

	array_each (block, &walk->blocks) {
		if (block->vaddr != vaddr)
			continue;
		if (argument_state_join(&block->state, state))
			block->is_due = true;
		return 0;
	}
	if (walk->blocks.count == BLOCKS_MAX) {
		walk->nature->lost = true;
		return 0;
	}
	return array_push(&walk->blocks, ((struct block){vaddr, *state, true}));
}

static int note_forward(struct walk *walk, const struct insn *insn,
			const struct argument_events *events)
{
	struct copy_forward forward = {insn->target_vaddr, events->slot_vaddr};
	const struct copy_forward *known;

	array_each (known, &walk->nature->forwards) {
		if (known->target_vaddr == forward.target_vaddr &&
		    known->slot_vaddr == forward.slot_vaddr)
			return 0;
	}
	return array_push(&walk->nature->forwards, forward);
}

static void note_return(struct walk *walk, const struct argument_state *state)
{
	struct copy_nature *nature = walk->nature;
	uint8_t result = state->general[CPU_RAX];

	if (!(result & FROM_DESTINATION) || result & (FROM_SOURCE | FROM_CONTENTS))
		nature->gives_other = true;
	else if (result & FROM_SIZE)
		nature->gives_end = true;
	else
		nature->gives_start = true;
}

static int note_events(struct walk *walk, const struct insn *insn,
		       const struct argument_events *events)
{
	struct copy_nature *nature = walk->nature;

	nature->copies |= events->copies;
	nature->does_other |= events->does_other;
	nature->by_size |= events->by_size;
	return events->hands_on ? note_forward(walk, insn, events) : 0;
}

/* __memcpy_chk: cmp %rdx,%rcx; jb __chk_fail */
static bool is_failure(const struct walk *walk, uint64_t vaddr)
{
	struct code_range function;

	return function_at(walk->code, vaddr, &function) && function.vaddr == vaddr &&
	       never_returns(walk->code, vaddr);
}

/* Goes along the way at vaddr up to its end; others that part from it become blocks. */
static int follow(struct walk *walk, uint64_t vaddr, struct argument_state state)
{
	struct argument_events events;
	struct insn insn;
	size_t bytes;
	int err;

	for (;;) {
		const uint8_t *code = walk->code->read(walk->code->source, vaddr, &bytes);

		if (walk->steps++ == STEPS_MAX || !code || insn_decode(code, bytes, vaddr, &insn)) {
			walk->nature->lost = true;
			return 0;
		}
		argument_step(&state, code, bytes, &insn, &events);
		err = note_events(walk, &insn, &events);
		if (!err && insn.flow == FLOW_BRANCH)
			err = go_to(walk, vaddr + insn.length, &state);
		if (!err && (insn.flow == FLOW_BRANCH || insn.flow == FLOW_JUMP))
			return is_failure(walk, insn.target_vaddr)
				       ? 0
				       : go_to(walk, insn.target_vaddr, &state);
		if (insn.flow == FLOW_RETURN)
			note_return(walk, &state);
		if (err || (insn.flow != FLOW_NEXT && insn.flow != FLOW_CALL))
			return err;
		vaddr += insn.length;
	}
}

int copy_nature_of(const struct code_view *code, uint64_t vaddr, struct copy_nature *nature)
{
	struct walk walk = {.code = code, .nature = nature};
	struct argument_state state;
	int err;

	*nature = (struct copy_nature){0};
	argument_state_init(&state);
	err = go_to(&walk, vaddr, &state);
	for (size_t i = 0; !err && !nature->lost && i < walk.blocks.count;) {
		struct block *block = &walk.blocks.items[i++];

		if (!block->is_due)
			continue;
		block->is_due = false;
		err = follow(&walk, block->vaddr, block->state);
		/* It may have made an earlier one due again. */
		i = 0;
	}
	array_release(&walk.blocks);
	return err;
}

void copy_nature_release(struct copy_nature *nature)
{
	array_release(&nature->forwards);
}

const char *plan_recognise_copy(const struct code_view *code, uint64_t vaddr)
{
	struct copy_nature nature;
	const char *name = NULL;

	if (!copy_nature_of(code, vaddr, &nature) && nature.copies && nature.by_size &&
	    !nature.does_other && !nature.gives_other && !nature.lost && !nature.forwards.count) {
		if (nature.gives_end) /* __mempcpy_erms gives the start where the size is 0 */
			name = "mempcpy";
		else if (nature.gives_start)
			name = "memmove";
	}
	copy_nature_release(&nature);
	return name;
}
