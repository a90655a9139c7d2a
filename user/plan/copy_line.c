// SPDX-License-Identifier: GPL-2.0-only
#include "plan/copy_line.h"

#include <inttypes.h>
#include <stdio.h>

#include "plan/walk.h"

/* Far more than any routine takes up to its first branch. */
#define STEPS_MAX 256
#define LINES_MAX 64
/* glibc's and musl's are resolved after one; a file made to do harm may go on and on. */
#define ROUNDS_MAX 16

/* Where the arguments are, at some place on a line, and whether a probe there sees them. */
struct line_state {
	struct held_arguments held;
	bool usable;
};

struct line_end {
	struct insn insn; /* the last */
	struct line_state after;
};

static struct line_state state_at_door(const struct copy_registers *in)
{
	return (struct line_state){
		.held = {CPU_BIT(in->dst), CPU_BIT(in->src), CPU_BIT(in->size)},
		.usable = true,
	};
}

bool all_held(const struct held_arguments *held)
{
	return held->dst && held->src && held->size;
}

struct held_arguments held_by_both(const struct held_arguments *a, const struct held_arguments *b)
{
	return (struct held_arguments){a->dst & b->dst, a->src & b->src, a->size & b->size};
}

/* mov %rdi,%rax: what %rdi held is in both from then on. */
static unsigned held_after(unsigned held, const struct insn *insn)
{
	unsigned after = held & ~insn->destroys;

	if (insn->moves_from == insn->moves_to)
		return after;
	if (held & CPU_BIT(insn->moves_from))
		after |= CPU_BIT(insn->moves_to);
	if (insn->exchanges && held & CPU_BIT(insn->moves_to))
		after |= CPU_BIT(insn->moves_from);
	return after;
}

static struct line_state state_after(const struct line_state *state, const struct insn *insn)
{
	struct line_state after = {
		.held =
			{
				held_after(state->held.dst, insn),
				held_after(state->held.src, insn),
				held_after(state->held.size, insn),
			},
	};

	after.usable = state->usable && all_held(&after.held) && !(insn->destroys & DESTROYS_RSP);
	return after;
}

struct line_step *copy_line_step(const struct copy_line *line, uint64_t vaddr)
{
	struct line_step *step;

	array_each (step, &line->steps)
		if (step->vaddr == vaddr)
			return step;
	return NULL;
}

static const struct copy_line *line_through(const struct copy_lines *lines, uint64_t vaddr)
{
	const struct copy_line *line;

	array_each (line, &lines->lines)
		if (copy_line_step(line, vaddr))
			return line;
	return NULL;
}

/*
 * Appends the instructions from vaddr on, along jmps, up to and with the first that is neither
 * plain nor a jmp. Goes on past writes to the arguments, since the way may yet join another line.
 * -ELOOP: it comes back to itself, -E2BIG: it has no end.
 */
static int line_follow(const struct code_view *code, uint64_t vaddr, struct line_state state,
		       struct copy_line *line, struct line_end *end)
{
	struct insn insn;

	*end = (struct line_end){.insn.flow = FLOW_STOP, .after = state};
	while (!code_decode(code, vaddr, &insn)) {
		struct line_step step = {vaddr, insn.probe, end->after.held, end->after.usable};

		if (line->steps.count == STEPS_MAX)
			return -E2BIG;
		if (copy_line_step(line, vaddr))
			return -ELOOP;
		if (array_push(&line->steps, step))
			return -ENOMEM;
		end->insn = insn;
		end->after = state_after(&end->after, &insn);
		if (insn.flow == FLOW_NEXT)
			vaddr += insn.length;
		else if (insn.flow == FLOW_JUMP)
			vaddr = insn.target_vaddr;
		else
			break;
	}
	return 0;
}

/* Does the straight way from vaddr run into another line than `own`, and not into that one? */
static int joins_other_line(const struct copy_lines *lines, const struct code_view *code,
			    const struct copy_line *own, uint64_t vaddr, bool *joins)
{
	struct copy_line way = {0};
	struct line_step *step;
	struct line_end end;
	int err = line_follow(code, vaddr, (struct line_state){.usable = false}, &way, &end);

	*joins = false;
	array_each (step, &way.steps) {
		if (copy_line_step(own, step->vaddr))
			break;
		*joins = line_through(lines, step->vaddr);
		if (*joins)
			break;
	}
	array_release(&way.steps);
	return err == -ENOMEM ? err : 0;
}

/* Remembers the jmps of a line, whose edges its steps stand for. */
static int note_jumps(struct copy_lines *lines, const struct code_view *code,
		      const struct copy_line *line)
{
	struct line_step *step;
	struct insn insn;

	array_each (step, &line->steps)
		if (!code_decode(code, step->vaddr, &insn) && insn.flow == FLOW_JUMP &&
		    array_push(&lines->followed, step->vaddr))
			return -ENOMEM;
	return 0;
}

/* Takes the line on from vaddr. */
static int line_extend(struct copy_lines *lines, const struct code_view *code,
		       struct copy_line *line, uint64_t vaddr, struct line_state state)
{
	struct line_end end;
	int err = line_follow(code, vaddr, state, line, &end);

	return err ? err : note_jumps(lines, code, line);
}

/* Adds a line that starts with the steps of prefix, if any, and goes on from vaddr. */
static int line_add(struct copy_lines *lines, const struct code_view *code,
		    const struct copy_line *prefix, const struct copy_door *door, uint64_t vaddr,
		    struct line_state state)
{
	struct copy_line line = {.door = door};
	const struct line_step *step;
	int err = lines->lines.count == LINES_MAX ? -E2BIG : 0;

	if (prefix)
		array_each (step, &prefix->steps)
			err = err ? err : array_push(&line.steps, *step);
	if (!err)
		err = line_extend(lines, code, &line, vaddr, state);
	if (!err)
		err = array_push(&lines->lines, line);
	if (err)
		array_release(&line.steps);
	return err;
}

static struct line_end line_end(const struct code_view *code, const struct copy_line *line)
{
	struct line_end end = {.insn.flow = FLOW_STOP};
	const struct line_step *last;

	if (!line->steps.count)
		return end;
	last = &line->steps.items[line->steps.count - 1];
	if (!code_decode(code, last->vaddr, &end.insn))
		end.after = state_after(&(struct line_state){last->held, last->usable}, &end.insn);
	return end;
}

/*
 * Makes two of line `index`, which ends with a branch. A point on what they share would count the
 * side that runs into another line twice.
 */
static int line_split(struct copy_lines *lines, const struct code_view *code, size_t index,
		      const struct line_end *fork)
{
	struct copy_line *line = &lines->lines.items[index];
	struct line_step *step;
	int err;

	array_each (step, &line->steps)
		step->usable = false;
	err = line_add(lines, code, line, line->door, fork->insn.target_vaddr, fork->after);
	if (err)
		return err;
	return line_extend(lines, code, &lines->lines.items[index],
			   fork->insn.vaddr + fork->insn.length, fork->after);
}

/*
 * Takes line `index` on over the branch at its end, where a side of it runs into another line:
 * - __memcpy_chk: `cmp %rdx,%rcx; jb __chk_fail` and on into memmove: the line grows;
 * - musl's memmove: `cmp %rdx,%rax; jae memcpy`, else it copies backwards: two lines.
 * *grown: look at it again.
 */
static int line_resolve(struct copy_lines *lines, const struct code_view *code, size_t index,
			bool *grown)
{
	struct copy_line *line = &lines->lines.items[index];
	struct line_end end = line_end(code, line);
	uint64_t next = end.insn.vaddr + end.insn.length;
	bool falls, jumps;
	int err;

	*grown = false;
	if (end.insn.flow != FLOW_BRANCH)
		return 0;
	err = joins_other_line(lines, code, line, next, &falls);
	if (!err)
		err = joins_other_line(lines, code, line, end.insn.target_vaddr, &jumps);
	if (err || (!falls && !jumps))
		return err;
	*grown = true;
	if (array_push(&lines->followed, end.insn.vaddr))
		return -ENOMEM;
	if (!jumps && never_returns(code, end.insn.target_vaddr))
		return line_extend(lines, code, line, next, end.after);
	return line_split(lines, code, index, &end);
}

/*
 * A step of one line is one of another, too, so many steps from each one's door. Where they hold
 * an argument in different registers, the door that is nearer knows better.
 */
static void step_share(struct line_step *step, ptrdiff_t from_door, const struct line_step *theirs,
		       ptrdiff_t from_theirs)
{
	struct held_arguments both = held_by_both(&step->held, &theirs->held);

	if (step->usable && all_held(&both))
		step->held = both;
	else if (!step->usable || from_theirs < from_door)
		step->held = theirs->held;
	step->usable = true;
}

/*
 * bcopy swaps %rdi and %rsi and jumps into memmove: from there on its arguments are in place
 * again, as memmove's.
 */
static void lines_share_use(struct copy_lines *lines)
{
	struct copy_line *line, *other;
	struct line_step *step, *theirs;

	array_each (line, &lines->lines)
		array_each (step, &line->steps)
			array_each (other, &lines->lines) {
				theirs = copy_line_step(other, step->vaddr);
				if (theirs && theirs->usable)
					step_share(step, step - line->steps.items, theirs,
						   theirs - other->steps.items);
			}
}

bool plan_reads_stack_arguments(const struct code_view *code, uint64_t vaddr)
{
	struct insn insn;

	for (size_t i = 0; i < STEPS_MAX && !code_decode(code, vaddr, &insn); i++) {
		if (insn.reads_arguments)
			return true;
		if (insn.flow != FLOW_NEXT)
			return false;
		vaddr += insn.length;
	}
	return false;
}

static int explain(const struct copy_door *door, int err, char reason[PLAN_REASON_BYTES])
{
	if (err != -ELOOP && err != -E2BIG)
		return err;
	snprintf(reason, PLAN_REASON_BYTES, "%.40s at 0x%" PRIx64 " %s", door->name, door->vaddr,
		 err == -ELOOP ? "runs in a circle before its first branch"
			       : "goes too many ways before they part");
	return -ENOTSUP;
}

/*
 * Resolves all lines until none grows any more: what one grows by may be what a side of another,
 * which was looked at before, runs into.
 */
static int lines_resolve(struct copy_lines *lines, const struct code_view *code,
			 char reason[PLAN_REASON_BYTES])
{
	bool any_grown = true;

	for (size_t round = 0; any_grown; round++) {
		any_grown = false;
		/* Resolving may add lines. */
		for (size_t i = 0; i < lines->lines.count; i++) {
			bool grown = true;
			int err = round == ROUNDS_MAX ? -E2BIG : 0;

			while (!err && grown) {
				err = line_resolve(lines, code, i, &grown);
				any_grown |= grown;
			}
			if (err)
				return explain(lines->lines.items[i].door, err, reason);
		}
	}
	return 0;
}

int copy_lines_build(struct copy_lines *lines, const struct code_view *code,
		     const struct copy_registers *at_door, const struct copy_door *doors,
		     size_t door_count, char reason[PLAN_REASON_BYTES])
{
	int err = 0;

	*lines = (struct copy_lines){.at_door = *at_door};
	for (size_t i = 0; i < door_count; i++) {
		err = line_add(lines, code, NULL, &doors[i], doors[i].vaddr,
			       state_at_door(at_door));
		if (err)
			return explain(&doors[i], err, reason);
	}
	err = lines_resolve(lines, code, reason);
	if (!err)
		lines_share_use(lines);
	return err;
}

void copy_lines_release(struct copy_lines *lines)
{
	struct copy_line *line;

	array_each (line, &lines->lines)
		array_release(&line->steps);
	array_release(&lines->lines);
	array_release(&lines->followed);
}
