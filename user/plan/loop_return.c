// SPDX-License-Identifier: GPL-2.0-only
#include "plan/loop_find.h"
#include "plan/walk.h"

/* What is followed of the code around a loop: less than 1 ms. */
#define INSNS_MOST  4096
#define BLOCKS_MOST 512

struct way {
	const struct code_view *code;
	const struct straight_loop *loop;
	uint64_t blocks[BLOCKS_MOST]; /* where ways start, each once */
	size_t count;
	size_t insns;
	struct loop_return found;
};

static bool starts_block(const struct way *way, uint64_t vaddr)
{
	for (size_t i = 0; i < way->count; i++)
		if (way->blocks[i] == vaddr)
			return true;
	return false;
}

/* A jump to another function is the end; a .cold part has no name that is a function's. */
static bool is_elsewhere(const struct way *way, uint64_t vaddr)
{
	return way->loop->has_bounds && !range_covers(&way->loop->function, vaddr) &&
	       way->code->names_function(way->code->source, vaddr);
}

static void note_return(struct way *way, uint64_t from_vaddr)
{
	const struct straight_loop *loop = way->loop;

	if (from_vaddr >= loop->end_vaddr ||
	    (loop->has_bounds && from_vaddr < loop->function.vaddr))
		way->found.from_behind = true;
	else
		way->found.from_before = true;
}

/* from_vaddr: the instruction that leads to vaddr. False where the way is known, or ends. */
static bool goes_on(struct way *way, uint64_t from_vaddr, uint64_t vaddr)
{
	if (vaddr >= way->loop->start_vaddr && vaddr < way->loop->end_vaddr) {
		note_return(way, from_vaddr);
		return false;
	}
	return !starts_block(way, vaddr) && !is_elsewhere(way, vaddr);
}

static void add_block(struct way *way, uint64_t vaddr)
{
	if (starts_block(way, vaddr))
		return;
	if (way->count == BLOCKS_MOST)
		way->found.is_unsure = true;
	else
		way->blocks[way->count++] = vaddr;
}

static void follow(struct way *way, uint64_t vaddr)
{
	struct insn insn;

	do {
		if (way->insns++ == INSNS_MOST || code_decode(way->code, vaddr, &insn) ||
		    insn.flow == FLOW_JUMP_INDIRECT) {
			way->found.is_unsure = true;
			return;
		}
		if (insn_leads_elsewhere(&insn) && goes_on(way, vaddr, insn.target_vaddr))
			add_block(way, insn.target_vaddr);
		vaddr += insn.length;
	} while ((insn.flow == FLOW_NEXT || insn.flow == FLOW_BRANCH || insn.flow == FLOW_CALL) &&
		 goes_on(way, insn.vaddr, vaddr));
}

struct loop_return loop_return_of(const struct code_view *code, const struct straight_loop *loop,
				  const uint64_t *exits, size_t exit_count)
{
	struct way way = {.code = code, .loop = loop};

	for (size_t i = 0; i < exit_count; i++)
		if (goes_on(&way, loop->end_vaddr, exits[i]))
			add_block(&way, exits[i]);
	for (size_t i = 0; i < way.count && way.insns <= INSNS_MOST; i++)
		follow(&way, way.blocks[i]);
	return way.found;
}
