/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The open spans of one strand, linked from the innermost out by their `outer` keys. The chain
 * says whether a copy is inside any span, and whether a call is recursive; the sums do not need it.
 *
 * Nothing tells when longjmp or an exception leaves a call, so the chain is looked through when the
 * next probe needs it. A span that is dead then leaves the chain, but not the table: should its end
 * come after all (a coroutine's stack was taken for this one), it is still found by its key.
 */
#ifndef BPF_CHAIN_H
#define BPF_CHAIN_H

#include "strand.h"

#define CHAIN_STEPS_MOST 4096

/* The mapping that the stack pointer lies in: one stack, as a rule. */
struct stack_range {
	__u64 start;
	__u64 end;
};

static long stack_range_set(struct task_struct *task, struct vm_area_struct *vma,
			    struct stack_range *range)
{
	range->start = vma->vm_start;
	range->end = vma->vm_end;
	return 0;
}

/* Empty where the kernel has no time for it (mmap_lock is taken): then no stack is this one. */
static __always_inline struct stack_range stack_range_at(__u64 sp)
{
	struct stack_range range = {};

	bpf_find_vma(bpf_get_current_task_btf(), sp, stack_range_set, &range, 0);
	return range;
}

/* As keys count. A goroutine has one stack at a time, and nothing else lies on it. */
static __always_inline struct stack_range stack_range_of(__u64 owner, __u64 sp)
{
	if (owner)
		return (struct stack_range){0, ~0ULL};
	return stack_range_at(sp);
}

struct chain_walk {
	struct mw_strand *strand;
	__u64 sp;   /* of the probe that looks, as in a key */
	__u64 base; /* what keys' stack pointers are counted from */
	struct stack_range stack;
	__u32 function; /* index + 1 of the one that is entered; 0: none is */
	__u32 found;
	struct mw_span_key key;   /* where the walk stands */
	struct mw_span_key inner; /* the one before it; function 0: the strand's top */
};

/*
 * Above a live call's return address, on the same stack, nothing of the program runs. Below it the
 * address stays as it was: a word that differs was written by later calls. (A page that can't be
 * read reads as 0, and proves nothing.)
 */
static __always_inline int span_is_dead(const struct chain_walk *walk,
					const struct mw_span_key *key,
					const struct mw_open_span *span)
{
	__u64 word;

	if (!is_live(span->link))
		return 1;
	if (key->sp == walk->sp && key->function == walk->function)
		return 1;
	if (key->sp < walk->sp && key->sp >= walk->stack.start && key->sp < walk->stack.end)
		return 1;
	word = user_word(walk->base + key->sp);
	return word && word != span->return_addr;
}

static long chain_drop_dead(__u32 step, struct chain_walk *walk)
{
	struct mw_span_key key = walk->strand->top;
	struct mw_open_span *span;

	if (!key.function)
		return 1;
	span = bpf_map_lookup_elem(&open_spans, &key);
	if (!span) {
		walk->strand->top.function = 0;
		return 1;
	}
	if (!span_is_dead(walk, &key, span))
		return 1;
	walk->strand->top = span->outer;
	return 0;
}

/*
 * Takes dead spans off the top, as seen from a probe at address sp; function as in chain_walk. It
 * is global, as what follows is: verified once, not with each caller's strand.
 */
__noinline int chain_prune(struct mw_strand *totals, __u64 owner, __u64 sp, __u32 function)
{
	struct chain_walk walk = {.strand = totals, .function = function};

	if (!totals || !totals->top.function)
		return 0;
	walk.base = strand_base(owner);
	walk.sp = sp - walk.base;
	if (totals->top.sp < walk.sp)
		walk.stack = stack_range_of(owner, sp);
	bpf_loop(CHAIN_STEPS_MOST, chain_drop_dead, &walk, 0);
	return 0;
}

static long chain_find_function(__u32 step, struct chain_walk *walk)
{
	struct mw_open_span *span;

	if (walk->key.function == walk->function)
		walk->found = 1;
	if (!walk->key.function || walk->found)
		return 1;
	span = bpf_map_lookup_elem(&open_spans, &walk->key);
	if (!span)
		return 1;
	walk->key = span->outer;
	return 0;
}

__noinline int chain_has(struct mw_strand *totals, __u32 function)
{
	struct chain_walk walk = {.function = function};

	if (!totals)
		return 0;
	walk.key = totals->top;
	bpf_loop(CHAIN_STEPS_MOST, chain_find_function, &walk, 0);
	return walk.found;
}

/* Links what is before walk->key in the chain to `outer` instead. */
static __always_inline void chain_bypass(struct chain_walk *walk, const struct mw_span_key *outer)
{
	struct mw_open_span *inner;

	if (!walk->inner.function) {
		walk->strand->top = *outer;
		return;
	}
	inner = bpf_map_lookup_elem(&open_spans, &walk->inner);
	if (inner)
		inner->outer = *outer;
}

static long chain_step_to_end(__u32 step, struct chain_walk *walk)
{
	struct mw_span_key key = walk->key;
	struct mw_open_span *span;

	if (!key.function)
		return 1;
	span = bpf_map_lookup_elem(&open_spans, &key);
	if (!span)
		return 1;
	walk->key = span->outer;
	if (key.sp == walk->sp && key.function == walk->function) {
		chain_bypass(walk, &span->outer);
		return 1;
	}
	/* Deeper on the stack of a call that ends: left without an end. */
	if (key.sp < walk->sp && key.sp >= walk->stack.start && key.sp < walk->stack.end)
		chain_bypass(walk, &span->outer);
	else
		walk->inner = key;
	return 0;
}

/*
 * Takes the span that ends out of the chain. It is the innermost, as a rule; but a coroutine's may
 * be in it too, and `jmp g` at the end of f, both watched, lets g's ret end both in any order.
 */
__noinline int chain_unlink(struct mw_strand *totals, const struct mw_span_key *key,
			    const struct mw_open_span *span)
{
	struct chain_walk walk = {};

	if (!totals || !key || !span)
		return 0;
	if (totals->top.sp == key->sp && totals->top.function == key->function) {
		totals->top = span->outer;
		return 0;
	}
	walk.strand = totals;
	walk.sp = key->sp;
	walk.function = key->function;
	walk.key = totals->top;
	walk.stack = stack_range_of(key->owner, key->sp);
	bpf_loop(CHAIN_STEPS_MOST, chain_step_to_end, &walk, 0);
	return 0;
}

#endif
