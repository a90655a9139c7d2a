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

static __always_inline int is_outside_spans(const struct strand *strand)
{
	chain_prune(strand->totals, strand->owner, strand->sp, 0);
	return !strand->totals->top.function;
}

#define REGISTER_OFF(number, field) [number] = __builtin_offsetof(struct pt_regs, field)

/* volatile: else clang puts it into a section of its own that libbpf 1.1 does not load. */
static const volatile __u8 register_offs[MW_REGISTER_COUNT] = {
	REGISTER_OFF(MW_RAX, ax),  REGISTER_OFF(MW_RCX, cx),  REGISTER_OFF(MW_RDX, dx),
	REGISTER_OFF(MW_RBX, bx),  REGISTER_OFF(MW_RSP, sp),  REGISTER_OFF(MW_RBP, bp),
	REGISTER_OFF(MW_RSI, si),  REGISTER_OFF(MW_RDI, di),  REGISTER_OFF(MW_R8, r8),
	REGISTER_OFF(MW_R9, r9),   REGISTER_OFF(MW_R10, r10), REGISTER_OFF(MW_R11, r11),
	REGISTER_OFF(MW_R12, r12), REGISTER_OFF(MW_R13, r13), REGISTER_OFF(MW_R14, r14),
	REGISTER_OFF(MW_R15, r15),
};

/* The same for what few hits need: dearer, but next to nothing to verify. */
static __always_inline __u64 register_read(struct pt_regs *ctx, __u32 number)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value),
			      (void *)ctx + register_offs[number % MW_REGISTER_COUNT]);
	return value;
}

/* memwatch's own calls, of 0 or 1 bytes, are timed where they ask for it. */
static __always_inline int copy_is_timed(__u64 cookie, __u64 bytes, int is_hijacked)
{
	__u64 from_bytes = is_hijacked ? time_by_session_from : time_by_returns_from;

	if (!(MW_COOKIE_FLAGS(cookie) & MW_POINT_TIMED))
		return 0;
	if (MW_COOKIE_KIND(cookie) == MW_POINT_CALIBRATE)
		return bytes != 0;
	return from_bytes && bytes >= from_bytes;
}

/*
 * What is only done for copies that are reported or timed. Gives whether its end is awaited;
 * is_hijacked as in mw_open_copy.
 */
static __always_inline int copy_follow(struct pt_regs *ctx, const struct strand *strand,
				       struct mw_totals *mine, __u64 cookie, __u64 bytes,
				       int is_hijacked)
{
	__u32 registers = MW_COOKIE_REGISTERS(cookie);
	struct mw_open_copy copy = {
		.sp = strand->sp,
		.bytes = bytes,
		.routine = MW_COOKIE_INDEX(cookie),
		.is_hijacked = is_hijacked,
	};
	int is_timed = copy_is_timed(cookie, copy.bytes, is_hijacked);

	/* memwatch's own are no news even with --min-bytes 0. */
	if (copy.bytes >= min_bytes && MW_COOKIE_KIND(cookie) != MW_POINT_CALIBRATE &&
	    is_outside_spans(strand)) {
		count_add(mine->large_copies, 1);
		copy.is_large = 1;
	}
	if (!is_timed && !copy.is_large)
		return 0;
	copy.dst_addr = register_read(ctx, registers ? MW_REGISTERS_DST(registers) : MW_RDI);
	copy.src_addr = register_read(ctx, registers ? MW_REGISTERS_SRC(registers) : MW_RSI);
	copy.return_addr = user_word(strand->sp);
	copy.start_ns = bpf_ktime_get_ns();
	if (copy.is_large)
		stack_emit(strand, MW_SAMPLE_LARGE_COPY, copy.start_ns);
	if (is_timed && open_copy_start(strand, &copy))
		return 1;
	if (copy.is_large) {
		copy_emit(&copy, 0);
		copy_charge(cookie, copy.start_ns);
	}
	return 0;
}

/* Gives whether the copy's end is awaited. */
static __always_inline int copy_count(struct pt_regs *ctx, const struct strand *strand,
				      struct mw_totals *mine, __u64 cookie, int is_hijacked)
{
	__u64 bytes = copy_size(ctx, MW_COOKIE_REGISTERS(cookie));
	__u32 class = size_class(bytes);

	if (bytes < links[MW_COOKIE_LINK(cookie)].gate_bytes)
		return 0;
	strand->totals->copied_bytes += bytes;
	strand->totals->copies++;
	if (class < MW_SIZE_CLASSES) {
		count_add(mine->copies_by_class[class], 1);
		count_add(mine->bytes_by_class[class], bytes);
	}
	if (bytes > mine->largest_copy_bytes)
		count_max(&mine->largest_copy_bytes, bytes);
	if (bytes < min_bytes && !copy_is_timed(cookie, bytes, is_hijacked))
		return 0;
	return copy_follow(ctx, strand, mine, cookie, bytes, is_hijacked);
}

static __always_inline void write_count(struct pt_regs *ctx, const struct strand *strand,
					struct mw_totals *mine)
{
	struct mw_strand *totals = strand->totals;
	__u64 now_ns = bpf_ktime_get_ns();
	__u32 class;

	totals->writes++;
	totals->write_sp = strand->sp - strand_base(strand->owner);
	totals->write_return_addr = user_word(strand->sp);
	count_add(mine->writes, 1);
	if (totals->last_write_ns) {
		class = time_class(now_ns - totals->last_write_ns);
		if (class < MW_TIME_CLASSES)
			count_add(mine->write_gap_classes[class], 1);
	}
	totals->last_write_ns = now_ns;
}

#endif
