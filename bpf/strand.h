/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose hit this is. A C function runs on one thread from its entry to its end; a Go function on
 * one goroutine, on whatever threads, so its totals are the goroutine's.
 */
#ifndef BPF_STRAND_H
#define BPF_STRAND_H

#include "maps.h"

struct strand {
	struct mw_strand *totals;
	__u64 sp;    /* at the hit */
	__u64 owner; /* these two as in mw_span_key */
	__u32 id;
};

static __always_inline __u64 user_word(__u64 addr)
{
	__u64 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (void *)addr);
	return word;
}

static const struct mw_strand new_strand;

static __always_inline struct mw_strand *goroutine_totals(__u32 pid, __u64 g_addr)
{
	struct mw_goroutine key = {.g_addr = g_addr, .pid = pid};
	struct mw_strand *totals = bpf_map_lookup_elem(&goroutines, &key);
	struct mw_goroutine mark = {.pid = pid};

	if (totals)
		return totals;
	/*
	 * Whoever looks after the process's end knows by the mark that there is something to
	 * clear. (A flag in `watched` could be lost: user space writes whole values there.)
	 */
	bpf_map_update_elem(&goroutines, &mark, &new_strand, BPF_NOEXIST);
	bpf_map_update_elem(&goroutines, &key, &new_strand, BPF_NOEXIST);
	return bpf_map_lookup_elem(&goroutines, &key);
}

/*
 * totals is NULL where there is no room. Go's code without a g, as a signal handler on a thread of
 * C's before it takes one, runs on its thread.
 */
static __always_inline struct strand strand_of(struct pt_regs *ctx, __u32 point_flags)
{
	__u64 id = bpf_get_current_pid_tgid(), sp = ctx->sp;

	/* Read here alone: clang makes one load with a computed address of several, and the
	 * verifier takes none from the registers.
	 */
	barrier_var(sp);
	if (point_flags & MW_POINT_GO && ctx->r14)
		return (struct strand){
			.totals = goroutine_totals(id >> 32, ctx->r14),
			.sp = sp,
			.owner = ctx->r14,
			.id = id >> 32,
		};
	return (struct strand){
		.sp = sp,
		.totals = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0,
					       BPF_LOCAL_STORAGE_GET_F_CREATE),
		.id = (__u32)id,
	};
}

/* What a key's sp is counted from: g.stack.hi, the second word of a g in all of Go's releases. */
static __always_inline __u64 strand_base(__u64 owner)
{
	return owner ? user_word(owner + 8) : 0;
}

#endif
