/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a thread is and how it came there: its registers and what lies on its stack, for user space
 * to unwind.
 */
#ifndef BPF_STACK_H
#define BPF_STACK_H

#include "chain.h"

/*
 * The registers of user mode; at a probe they are its own, whose trap comes from there. They are
 * read where they lie: a copy of these 168 bytes does not fit on the BPF stack, whose 512 bytes are
 * for all functions that are open at once. (From 6.13 on, large frames have a stack of their own.)
 */
static __always_inline const struct pt_regs *user_regs(void)
{
	return (const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

/* What a sample is to say, beside the registers. */
struct sample_ask {
	__u64 start_ns;
	__u64 weight_ns;
	__u64 ticks;
	__u64 sleeps;
	__u64 traps;
	__u64 prior_bytes;
	__u64 prior_copies;
	__u64 owner;
	__u32 kind;
	__u32 flags;
	__u32 wants_stack;
};

/* A stack of more is no thread's: a heap that coroutines live in, say. */
#define STACK_PLAUSIBLE (64ULL << 20)

/* Up to where it goes, from sp on; 0: not known. */
static __always_inline __u64 stack_depth(__u64 owner, __u64 sp)
{
	__u64 end = owner ? strand_base(owner) : stack_range_at(sp).end;

	return end > sp && end - sp < STACK_PLAUSIBLE ? end - sp : 0;
}

static __always_inline void sample_fill(struct mw_sample *record, const struct sample_ask *ask,
					const struct mw_strand *strand)
{
	const struct mw_watched *process = watched_process(bpf_get_current_pid_tgid() >> 32);
	const struct pt_regs *regs = user_regs();

	record->registers[MW_RAX] = regs->ax;
	record->registers[MW_RCX] = regs->cx;
	record->registers[MW_RDX] = regs->dx;
	record->registers[MW_RBX] = regs->bx;
	record->registers[MW_RSP] = regs->sp;
	record->registers[MW_RBP] = regs->bp;
	record->registers[MW_RSI] = regs->si;
	record->registers[MW_RDI] = regs->di;
	record->registers[MW_R8] = regs->r8;
	record->registers[MW_R9] = regs->r9;
	record->registers[MW_R10] = regs->r10;
	record->registers[MW_R11] = regs->r11;
	record->registers[MW_R12] = regs->r12;
	record->registers[MW_R13] = regs->r13;
	record->registers[MW_R14] = regs->r14;
	record->registers[MW_R15] = regs->r15;
	record->ip_addr = regs->ip;
	record->start_ns = ask->start_ns;
	record->ticks = ask->ticks;
	record->sleeps = ask->sleeps;
	record->traps = ask->traps;
	record->weight_ns = ask->weight_ns;
	record->goroutine = ask->owner;
	record->copied_bytes = strand->copied_bytes;
	record->copies = strand->copies;
	record->prior_bytes = ask->prior_bytes;
	record->prior_copies = ask->prior_copies;
	record->gate_bytes = process ? process->gate_bytes : MW_NO_GATE;
	for (int i = 0; i < MW_CALLERS; i++)
		record->calls[i] = strand->calls[i];
	record->kind = ask->kind;
	record->flags = ask->flags;
	record->stack_bytes = 0;
	record->reserved = 0;
}

#define STACK_PIECE 512

/*
 * A page that was never touched, as there may be one in the frame of a signal, can't be read here:
 * what lies behind it can. The pieces that can't are zeroes.
 */
static __always_inline void stack_take_pieces(struct mw_sample *record, __u64 sp, __u64 bytes,
					      __u64 most)
{
	void *stack = record + 1;

	for (__u64 off = 0; off + STACK_PIECE <= most && off < bytes; off += STACK_PIECE)
		bpf_probe_read_user(stack + off, STACK_PIECE, (void *)(sp + off));
}

static __always_inline void stack_take(struct mw_sample *record, __u64 sp, __u64 depth, __u64 most)
{
	__u64 bytes = depth ? depth : most;

	if (bytes > most)
		bytes = most;
	if (!depth || bytes < depth)
		record->flags |= MW_SAMPLE_CUT;
	record->stack_bytes = bytes;
	barrier_var(bytes);
	if (bytes > most)
		return;
	if (bpf_probe_read_user(record + 1, bytes, (void *)sp))
		stack_take_pieces(record, sp, bytes, most);
}

static __always_inline int sample_send(const struct sample_ask *ask, const struct mw_strand *strand,
				       __u64 depth, __u64 most, __u64 now_ns)
{
	struct mw_sample *record = bpf_ringbuf_reserve(&ring, sizeof(struct mw_sample) + most, 0);

	if (!record) {
		count_loss(MW_LOSS_STACK);
		return 0;
	}
	record_start(&record->head, MW_RECORD_SAMPLE, sizeof(*record) + most, now_ns);
	sample_fill(record, ask, strand);
	if (most)
		stack_take(record, record->registers[MW_RSP], depth, most);
	record_submit(record);
	return 1;
}

/* Stacks, which are large, must not take the room of spans and copies: 1,000 threads may have one.
 */
static __always_inline int has_room_for_stack(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < RING_BYTES / 4;
}

static __always_inline int stack_send(const struct sample_ask *ask, const struct mw_strand *strand,
				      __u64 now_ns)
{
	__u64 depth = stack_depth(ask->owner, user_regs()->sp);

	if (depth && depth <= MW_STACK_SMALL)
		return sample_send(ask, strand, depth, MW_STACK_SMALL, now_ns);
	if (depth && depth <= MW_STACK_MEDIUM)
		return sample_send(ask, strand, depth, MW_STACK_MEDIUM, now_ns);
	if (depth <= MW_STACK_LARGE)
		return sample_send(ask, strand, depth, MW_STACK_LARGE, now_ns);
	return sample_send(ask, strand, depth, MW_STACK_MOST, now_ns);
}

/* Global, as chain_prune() is: verified once. */
__noinline int sample_emit(struct sample_ask *ask, struct mw_strand *strand)
{
	struct mw_totals *mine = totals_of(MW_TOTALS_TARGET);
	__u64 now_ns = bpf_ktime_get_ns();

	if (!ask || !strand)
		return 0;
	if (!ask->wants_stack || now_ns < strand->last_stack_ns + stack_pause_ns ||
	    !has_room_for_stack())
		return sample_send(ask, strand, 0, 0, now_ns);
	strand->last_stack_ns = now_ns;
	stack_send(ask, strand, now_ns);
	if (mine) {
		count_add(mine->stacks, 1);
		count_add(mine->stack_ns, bpf_ktime_get_ns() - now_ns);
	}
	return 1;
}

/* The stack of a hit that is told of; it goes before what is told. */
static __always_inline void stack_emit(const struct strand *strand, __u32 kind, __u64 start_ns)
{
	struct sample_ask ask = {
		.start_ns = start_ns,
		.owner = strand->owner,
		.kind = kind,
		.wants_stack = 1,
	};

	/* Without its stack it would say nothing. */
	if (!takes_stacks || !has_room_for_stack() ||
	    bpf_ktime_get_ns() < strand->totals->last_stack_ns + told_stack_pause_ns)
		return;
	sample_emit(&ask, strand->totals);
}

#endif
