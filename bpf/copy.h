/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies and writes: counted on the thread and by size; only large copies outside spans travel. */
#ifndef BPF_COPY_H
#define BPF_COPY_H

#include "span.h"

static __always_inline void copy_emit(struct pt_regs *ctx, __u32 routine)
{
	struct mw_copy *record =
		record_reserve(MW_RECORD_COPY, sizeof(*record), bpf_ktime_get_ns());

	if (!record)
		return;
	record->copied_bytes = ctx->dx;
	record->dst_addr = ctx->di;
	record->src_addr = ctx->si;
	record->routine = routine;
	record->reserved = 0;
	bpf_ringbuf_submit(record, 0);
}

static __always_inline void copy_count(struct pt_regs *ctx, struct mw_thread *thread,
				       struct mw_totals *mine, __u32 routine, int is_own)
{
	__u64 bytes = ctx->dx;
	__u32 class = size_class(bytes);

	thread->copied_bytes += bytes;
	thread->copies++;
	if (class < MW_SIZE_CLASSES) {
		count_add(mine->copies_by_class[class], 1);
		count_add(mine->bytes_by_class[class], bytes);
	}
	if (bytes > mine->largest_copy_bytes)
		count_max(&mine->largest_copy_bytes, bytes);
	/* memwatch's own calls, of 0 bytes, are no news even with --min-bytes 0. */
	if (bytes < min_bytes || is_own)
		return;
	chain_prune(thread, ctx->sp, 0);
	if (thread->top.function)
		return;
	count_add(mine->large_copies, 1);
	copy_emit(ctx, routine);
}

static __always_inline void write_count(struct mw_thread *thread, struct mw_totals *mine)
{
	__u64 now_ns = bpf_ktime_get_ns();
	__u32 class;

	thread->writes++;
	count_add(mine->writes, 1);
	if (thread->last_write_ns) {
		class = time_class(now_ns - thread->last_write_ns);
		if (class < MW_TIME_CLASSES)
			count_add(mine->write_gap_classes[class], 1);
	}
	thread->last_write_ns = now_ns;
}

#endif
