/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies and writes: counted on the strand and by size; only large copies outside spans travel. */
#ifndef BPF_COPY_H
#define BPF_COPY_H

#include "span.h"

/* The verifier takes no variable offset into the registers, so each has its instruction. */
#define CASE_REGISTER(number, field)                                                               \
	case number:                                                                               \
		asm volatile("%0 = *(u64 *)(%1 + %2)"                                              \
			     : "=r"(value)                                                         \
			     : "r"(ctx), "i"(__builtin_offsetof(struct pt_regs, field)));          \
		break

static __always_inline __u64 register_value(struct pt_regs *ctx, __u32 number)
{
	__u64 value = 0;

	switch (number) {
		CASE_REGISTER(MW_RAX, ax);
		CASE_REGISTER(MW_RCX, cx);
		CASE_REGISTER(MW_RDX, dx);
		CASE_REGISTER(MW_RBX, bx);
		CASE_REGISTER(MW_RBP, bp);
		CASE_REGISTER(MW_RSI, si);
		CASE_REGISTER(MW_RDI, di);
		CASE_REGISTER(MW_R8, r8);
		CASE_REGISTER(MW_R9, r9);
		CASE_REGISTER(MW_R10, r10);
		CASE_REGISTER(MW_R11, r11);
		CASE_REGISTER(MW_R12, r12);
		CASE_REGISTER(MW_R13, r13);
		CASE_REGISTER(MW_R14, r14);
		CASE_REGISTER(MW_R15, r15);
	}
	return value;
}

static __always_inline __u64 copy_size(struct pt_regs *ctx, __u32 registers)
{
	return registers ? register_value(ctx, MW_REGISTERS_SIZE(registers)) : ctx->dx;
}

static __always_inline void copy_emit(struct pt_regs *ctx, __u32 registers, __u32 routine)
{
	struct mw_copy *record =
		record_reserve(MW_RECORD_COPY, sizeof(*record), bpf_ktime_get_ns());

	if (!record)
		return;
	record->copied_bytes = copy_size(ctx, registers);
	record->dst_addr = registers ? register_value(ctx, MW_REGISTERS_DST(registers)) : ctx->di;
	record->src_addr = registers ? register_value(ctx, MW_REGISTERS_SRC(registers)) : ctx->si;
	record->routine = routine;
	record->reserved = 0;
	bpf_ringbuf_submit(record, 0);
}

static __always_inline void copy_count(struct pt_regs *ctx, const struct strand *strand,
				       struct mw_totals *mine, __u64 cookie)
{
	__u32 registers = MW_COOKIE_REGISTERS(cookie);
	__u64 bytes = copy_size(ctx, registers);
	__u32 class = size_class(bytes);

	strand->totals->copied_bytes += bytes;
	strand->totals->copies++;
	if (class < MW_SIZE_CLASSES) {
		count_add(mine->copies_by_class[class], 1);
		count_add(mine->bytes_by_class[class], bytes);
	}
	if (bytes > mine->largest_copy_bytes)
		count_max(&mine->largest_copy_bytes, bytes);
	/* memwatch's own calls, of 0 bytes, are no news even with --min-bytes 0. */
	if (bytes < min_bytes || MW_COOKIE_KIND(cookie) == MW_POINT_CALIBRATE)
		return;
	chain_prune(strand, ctx->sp, 0);
	if (strand->totals->top.function)
		return;
	count_add(mine->large_copies, 1);
	copy_emit(ctx, registers, MW_COOKIE_INDEX(cookie));
}

static __always_inline void write_count(struct pt_regs *ctx, const struct strand *strand,
					struct mw_totals *mine)
{
	struct mw_strand *totals = strand->totals;
	__u64 now_ns = bpf_ktime_get_ns();
	__u32 class;

	totals->writes++;
	totals->write_sp = ctx->sp - strand_base(strand);
	totals->write_return_addr = user_word(ctx->sp);
	count_add(mine->writes, 1);
	if (totals->last_write_ns) {
		class = time_class(now_ns - totals->last_write_ns);
		if (class < MW_TIME_CLASSES)
			count_add(mine->write_gap_classes[class], 1);
	}
	totals->last_write_ns = now_ns;
}

#endif
