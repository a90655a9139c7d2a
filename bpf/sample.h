/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sampler: a clock looks where a watched process's threads are, and keeps what it finds in a
 * copy. It sees 100,000 small copies as well as one large one, at a cost that does not depend on
 * how many there are.
 */
#ifndef BPF_SAMPLE_H
#define BPF_SAMPLE_H

#include "stack.h"
#include <bpf/bpf_tracing.h>

/* A place is worth a look from so many samples on: it takes that long to be a stall. */
#define PLACE_RISES_AT 4

/* How often a function is called, without a copy of its strand's in between, to be hot. */
#define HOT_CALLS 64

/* Where in copies it is; NULL: elsewhere. */
static __always_inline const struct mw_code_range *code_range_at(const struct mw_code *code,
								 __u64 addr)
{
	__u64 low = 0, high = code->count;

	/* 2^7 is MW_CODE_RANGES. */
	for (int i = 0; i < 8 && low < high; i++) {
		__u64 middle = (low + high) / 2;
		const struct mw_code_range *range;

		if (middle >= MW_CODE_RANGES)
			return 0;
		range = &code->ranges[middle];
		if (addr < range->start_addr)
			high = middle;
		else if (addr >= range->end_addr)
			low = middle + 1;
		else
			return range;
	}
	return 0;
}

/* rep movsb, movsl; with a REX.W before it, movsq. The trap or fault of one comes back to it. */
static __always_inline int is_rep_movs(const __u8 *code)
{
	return code[0] == 0xf3 &&
	       (code[1] == 0xa4 || code[1] == 0xa5 || (code[1] == 0x48 && code[2] == 0xa5));
}

/*
 * In the kernel, but for a probe of memwatch's own: the breakpoint is before or at the instruction
 * pointer, or a single step runs in the page that the kernel maps for them.
 */
static __always_inline int is_own_trap(const __u8 *around, __u64 ip, __u64 xol_addr)
{
	return around[0] == 0xcc || around[1] == 0xcc || (xol_addr && ip - xol_addr < 4096);
}

static __always_inline __u64 xol_addr(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct xol_area *area = mm ? mm->uprobes_state.xol_area : 0;

	return area ? area->vaddr : 0;
}

static __always_inline void place_tell(__u64 ip)
{
	struct mw_risen *record = life_reserve(MW_RECORD_PLACE, sizeof(*record));

	if (!record)
		return;
	record->addr = ip;
	bpf_ringbuf_submit(record, 0);
}

static __always_inline void place_count(__u32 pid, __u64 ip)
{
	struct mw_place place = {.addr = ip, .pid = pid};
	__u64 first = 1, *hits = bpf_map_lookup_elem(&places, &place);

	if (!hits) {
		bpf_map_update_elem(&places, &place, &first, BPF_ANY);
		return;
	}
	if (__sync_fetch_and_add(hits, 1) == PLACE_RISES_AT - 1)
		place_tell(ip);
}

static __always_inline struct mw_strand *sampled_strand(__u32 pid, __u64 owner)
{
	if (owner)
		return goroutine_totals(pid, owner);
	return bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* What the kernel counts of the thread anyway. */
static __always_inline void switches_count(struct sample_ask *ask, struct mw_strand *thread,
					   const struct task_struct *task, struct mw_totals *mine)
{
	__u64 sleeps = task->nvcsw, switches = sleeps + task->nivcsw;

	if (thread->seen_switches)
		count_add(mine->switches, switches - thread->seen_switches);
	thread->seen_switches = switches;
	/* Else clang makes one load of the two, whose pointers the verifier does not let mix. */
	barrier_var(sleeps);
	if (sleeps_are_told)
		sleeps = thread->sleeps;
	ask->sleeps = sleeps;
}

static __always_inline void tick_count(struct sample_ask *ask, struct mw_strand *thread)
{
	ask->ticks = ++thread->ticks;
	ask->traps = thread->traps;
	ask->prior_bytes = thread->tick_bytes;
	ask->prior_copies = thread->tick_copies;
	thread->tick_bytes = thread->copied_bytes;
	thread->tick_copies = thread->copies;
}

static __always_inline void sample_take(struct sample_ask *ask, struct mw_strand *strand)
{
	__u64 now_ns = bpf_ktime_get_ns(), word = user_word(user_regs()->sp);

	/* The first of a stall has its stack, however short it is, and so has the next caller's. */
	if (now_ns - strand->last_sample_ns > quiet_ns || word != strand->last_word)
		strand->last_stack_ns = 0;
	strand->last_word = word;
	strand->last_sample_ns = now_ns;
	for (int i = 0; i < MW_CALLERS; i++)
		strand->sampled_calls[i] = strand->calls[i];
	/* The call's own end brings one. */
	ask->wants_stack = !strand->top.function;
	if (strand->top.function)
		ask->flags |= MW_SAMPLE_IN_SPAN;
	sample_emit(ask, strand);
}

static __always_inline void tell_left(struct sample_ask *ask, struct mw_strand *thread)
{
	if (!thread || !thread->copy_ticks || thread->ticks - thread->copy_ticks < MW_LEFT_TICKS)
		return;
	thread->copy_ticks = 0;
	ask->kind = MW_SAMPLE_LEFT;
	ask->weight_ns = 0;
	sample_emit(ask, thread);
}

static __always_inline int sample_clock(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct pt_regs *regs = user_regs();
	struct mw_totals *mine;
	int in_kernel = !(ctx->regs.cs & 3);
	struct sample_ask ask = {.weight_ns = ctx->sample_period};
	const struct mw_code_range *range;
	struct mw_strand *strand, *thread;
	const struct mw_code *code;
	__u32 pid = task->tgid;
	__u8 around[4] = {};

	/* A CPU's clock also finds those that nobody watches, and nobody at all. */
	if (stopped || !pid)
		return 0;
	code = bpf_map_lookup_elem(&copy_code, &pid);
	if (!code)
		return 0;
	mine = totals_of(code->is_own ? MW_TOTALS_CALIBRATION : MW_TOTALS_TARGET);
	if (!mine)
		return 0;
	count_add(mine->samples, 1);
	thread = sampled_strand(pid, 0);
	/* Both: an emulated instruction's trap has its own ip, others' the next one. */
	bpf_probe_read_user(around, sizeof(around), (void *)(regs->ip - 1));
	if (in_kernel && is_own_trap(around, regs->ip, xol_addr(task))) {
		count_add(mine->trap_samples, 1);
		if (thread)
			thread->traps++;
		return 0;
	}
	if (thread) {
		switches_count(&ask, thread, task, mine);
		tick_count(&ask, thread);
	}
	range = code_range_at(code, regs->ip);
	if (!range && !is_rep_movs(around + 1)) {
		if (!in_kernel)
			place_count(pid, regs->ip);
		tell_left(&ask, thread);
		return 0;
	}
	if (range && range->flags & MW_CODE_GO)
		ask.owner = regs->r14;
	if (!range || range->flags & MW_CODE_INLINED)
		ask.flags = MW_SAMPLE_INLINED;
	ask.kind = in_kernel ? MW_SAMPLE_FAULT : MW_SAMPLE_COPY;
	count_add(mine->copy_samples, 1);
	strand = ask.owner ? sampled_strand(pid, ask.owner) : thread;
	if (thread && !ask.owner)
		thread->copy_ticks = thread->ticks;
	if (strand && ask.owner) {
		ask.prior_bytes = strand->copied_bytes;
		ask.prior_copies = strand->copies;
	}
	if (strand)
		sample_take(&ask, strand);
	else
		count_loss(ask.owner ? MW_LOSS_GOROUTINE : MW_LOSS_THREAD_STATE);
	return 0;
}

/* ---- who sleeps ---- */

/* A page fault of a copy may sleep, too: the thread has not left the copy then. */
static __always_inline void sleep_count(struct task_struct *task)
{
	__u32 pid = task->tgid;
	const struct mw_code *code = bpf_map_lookup_elem(&copy_code, &pid);
	struct mw_strand *thread;
	__u64 ip = 0;

	if (!code)
		return;
	thread = bpf_task_storage_get(&threads, task, 0, 0);
	if (!thread || !thread->ticks)
		return;
	bpf_probe_read_kernel(&ip, sizeof(ip),
			      (void *)bpf_task_pt_regs(task) +
				      __builtin_offsetof(struct pt_regs, ip));
	if (!code_range_at(code, ip))
		thread->sleeps++;
}

/* ---- who calls what copies ---- */

static __always_inline void caller_tell(__u32 caller)
{
	struct mw_hot *record;

	if (__sync_fetch_and_or(&hot_callers, 1u << caller) & 1u << caller)
		return;
	record = life_reserve(MW_RECORD_HOT, sizeof(*record));
	if (!record)
		return;
	record->caller = caller;
	record->reserved = 0;
	bpf_ringbuf_submit(record, 0);
}

static __always_inline void caller_count(struct mw_strand *strand, __u64 cookie)
{
	__u32 caller = MW_COOKIE_INDEX(cookie);
	__u64 calls;

	if (caller >= MW_CALLERS)
		return;
	calls = ++strand->calls[caller];
	if (calls - strand->sampled_calls[caller] >= HOT_CALLS && strand->last_sample_ns &&
	    bpf_ktime_get_ns() - strand->last_sample_ns >= quiet_ns / 2)
		caller_tell(caller);
}

#endif
