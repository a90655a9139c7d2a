/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies that are timed: one at a time on each strand, from its point to its end. The end is a hit
 * on the routine's `ret`, or a return probe that the kernel sets for this one call.
 *
 * A return probe on a call that is inside another one with a return probe can kill the target: from
 * a signal handler on a stack at a higher address (sigaltstack) the kernel takes the outer call for
 * left by longjmp and forgets where it returns to. So none is set as long as the one before may
 * still come to its end.
 */
#ifndef BPF_OPEN_COPY_H
#define BPF_OPEN_COPY_H

#include "chain.h"

static __always_inline void copy_emit(const struct mw_open_copy *copy, __u64 duration_ns)
{
	struct mw_copy *record = record_reserve(MW_RECORD_COPY, sizeof(*record), copy->start_ns);

	if (!record)
		return;
	record->copied_bytes = copy->bytes;
	record->dst_addr = copy->dst_addr;
	record->src_addr = copy->src_addr;
	record->duration_ns = duration_ns;
	record->routine = copy->routine;
	record->reserved = 0;
	record_submit(record);
}

/*
 * On the budget's bill, beside the hit: beside a large copy little of the ring is in a cache, and a
 * record takes two thirds of what the hit does. More than that was a preemption, which is not the
 * record's cost.
 */
#define RECORD_NS_MOST 5000

static __always_inline void copy_charge(__u64 cookie, __u64 since_ns)
{
	__u64 spent_ns = bpf_ktime_get_ns() - since_ns;

	count_add(links[MW_COOKIE_LINK(cookie)].spent_ns,
		  spent_ns < RECORD_NS_MOST ? spent_ns : RECORD_NS_MOST);
}

/* Where a return probe lets its call return to: the start of a page that the kernel maps. */
static __always_inline __u64 trampoline_addr(void)
{
	return bpf_get_current_task_btf()->mm->uprobes_state.xol_area->vaddr;
}

/*
 * True where the open copy was left (siglongjmp() out of a signal handler) or its end was missed.
 * With a return probe only what its return address's place now holds proves that: as long as it is
 * the trampoline's address, or can't be read, the call may still be under way. Else a word that
 * differs proves it, and that the program runs above it on the same stack.
 */
static __always_inline int open_copy_is_stale(const struct strand *strand, __u64 sp)
{
	const struct mw_open_copy *copy = &strand->totals->copy;
	struct stack_range stack;
	__u64 word;

	if (bpf_probe_read_user(&word, sizeof(word), (void *)copy->sp))
		return 0;
	if (copy->is_hijacked)
		return word != trampoline_addr();
	if (word != copy->return_addr || sp == copy->sp)
		return 1;
	if (sp < copy->sp)
		return 0;
	stack = stack_range_at(sp);
	return copy->sp >= stack.start && copy->sp < stack.end;
}

/* Its end will not be seen: what is known of it is told. */
static __always_inline void open_copy_abandon(struct mw_strand *strand)
{
	if (strand->copy.start_ns && strand->copy.is_large)
		copy_emit(&strand->copy, 0);
	strand->copy.start_ns = 0;
}

/* False where another copy is under way, or was left so that nobody can tell. */
static __always_inline int open_copy_start(const struct strand *strand,
					   const struct mw_open_copy *copy)
{
	struct mw_open_copy *open = &strand->totals->copy;

	if (open->start_ns) {
		if (!open_copy_is_stale(strand, copy->sp))
			return 0;
		open_copy_abandon(strand->totals);
	}
	*open = *copy;
	return 1;
}

/* sp: where the return address lies, or lay, of the copy that ends. */
static __always_inline void open_copy_end(struct mw_strand *strand, struct mw_totals *mine,
					  __u64 cookie, __u64 sp)
{
	struct mw_open_copy *copy = &strand->copy;
	__u64 now_ns, duration_ns;

	if (!copy->start_ns || copy->sp != sp)
		return;
	now_ns = bpf_ktime_get_ns();
	duration_ns = now_ns - copy->start_ns;
	strand->copy_ns += duration_ns;
	strand->timed_copies++;
	strand->timed_bytes += copy->bytes;
	count_add(mine->copy_ns, duration_ns);
	count_add(mine->timed_copies, 1);
	count_add(mine->timed_bytes, copy->bytes);
	if (copy->is_large) {
		copy_emit(copy, duration_ns);
		copy_charge(cookie, now_ns);
	}
	copy->start_ns = 0;
}

#endif
