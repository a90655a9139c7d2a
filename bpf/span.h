/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spans: calls of watched functions. An end matches its entry by strand, function and stack
 * pointer, so that coroutines, longjmp and exceptions cannot make one call's end another's. What
 * was copied inside is the difference of the strand's running totals, so it is inclusive however
 * spans nest. A span that was left stays in the table until its place on the stack is entered
 * again.
 */
#ifndef BPF_SPAN_H
#define BPF_SPAN_H

#include "open_copy.h"
#include "stack.h"

static __always_inline struct mw_span_key span_key(struct pt_regs *ctx, const struct strand *strand,
						   __u32 index)
{
	return (struct mw_span_key){
		.sp = strand->sp - strand_base(strand->owner),
		.owner = strand->owner,
		.id = strand->id,
		.function = index + 1,
	};
}

/*
 * A call below the latest write's return address is inside that write, as long as the address still
 * stands there: what is called after the write puts its own in its place.
 */
static __always_inline int is_in_write(const struct strand *strand, __u64 sp)
{
	const struct mw_strand *totals = strand->totals;

	return totals->write_return_addr && sp <= totals->write_sp &&
	       user_word(strand_base(strand->owner) + totals->write_sp) ==
		       totals->write_return_addr;
}

/* A span that will have no end: its call was left, or lost its probes while it ran. */
static __always_inline void span_count_endless(struct mw_function *function,
					       const struct mw_open_span *span)
{
	if (is_live(span->link))
		count_add(function->abandoned, 1);
	else
		count_add(function->cut_off, 1);
}

static __always_inline void span_enter(struct pt_regs *ctx, const struct strand *strand,
				       __u64 cookie)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 index = MW_COOKIE_INDEX(cookie);
	struct mw_strand *totals = strand->totals;
	struct mw_span_key key = span_key(ctx, strand, index);
	struct mw_function *function = bpf_map_lookup_elem(&functions, &index);
	struct mw_watched *process = watched_process(id >> 32);
	struct mw_open_span span = {}, *left;

	if (!function)
		return;
	count_add(function->calls, 1);
	chain_prune(strand->totals, strand->owner, strand->sp, key.function);
	left = bpf_map_lookup_elem(&open_spans, &key);
	if (left)
		span_count_endless(function, left);

	span.copied_bytes = totals->copied_bytes;
	span.copies = totals->copies;
	span.cheap_hits = totals->cheap_hits;
	span.stepped_hits = totals->stepped_hits;
	span.copy_ns = totals->copy_ns;
	span.timed_copies = totals->timed_copies;
	span.timed_bytes = totals->timed_bytes;
	span.write_index = totals->writes;
	span.gate_bytes = MW_NO_GATE;
	if (process) {
		span.gate_bytes = process->gate_bytes;
		span.gate_step = process->gate_step;
		span.was_raised = process->is_raised;
	}
	span.outer = totals->top;
	span.return_addr = user_word(strand->sp);
	span.pid = id >> 32;
	span.tid = (__u32)id;
	span.link = MW_COOKIE_LINK(cookie);
	span.recursive = chain_has(totals, key.function);
	span.in_write = is_in_write(strand, key.sp);
	span.start_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&open_spans, &key, &span, BPF_ANY)) {
		count_add(function->lost, 1);
		return;
	}
	totals->top = key;
}

/* What the gate was from a span's start to its end. */
struct span_gate {
	__u64 bytes; /* the larger one at the two ends */
	__u32 flags; /* MW_SPAN_GATE_MOVED, MW_SPAN_RAISED */
};

/* The process that ends may be off `watched` before its last thread is: then all is as it was. */
static __always_inline struct span_gate span_gate_of(const struct mw_open_span *span)
{
	const struct mw_watched *process = watched_process(span->pid);
	struct span_gate gate = {span->gate_bytes, span->was_raised ? MW_SPAN_RAISED : 0};

	if (!process)
		return gate;
	if (process->gate_bytes > gate.bytes)
		gate.bytes = process->gate_bytes;
	if (process->gate_step != span->gate_step)
		gate.flags |= MW_SPAN_GATE_MOVED;
	if (process->is_raised)
		gate.flags |= MW_SPAN_RAISED;
	return gate;
}

static __always_inline void span_emit(const struct mw_span_key *key,
				      const struct mw_open_span *span, const struct span_gate *gate,
				      struct mw_strand *strand, __u64 now_ns, __u32 flags)
{
	struct mw_span *record = record_reserve(MW_RECORD_SPAN, sizeof(*record), now_ns);

	if (!record)
		return;
	record->start_ns = span->start_ns;
	record->duration_ns = now_ns - span->start_ns;
	record->goroutine = key->owner;
	record->copied_bytes = strand->copied_bytes - span->copied_bytes;
	record->copies = strand->copies - span->copies;
	record->write_index = span->write_index;
	record->cheap_hits = strand->cheap_hits - span->cheap_hits;
	record->stepped_hits = strand->stepped_hits - span->stepped_hits;
	record->gate_bytes = gate->bytes;
	record->copy_ns = strand->copy_ns - span->copy_ns;
	record->timed_copies = strand->timed_copies - span->timed_copies;
	record->timed_bytes = strand->timed_bytes - span->timed_bytes;
	record->function = key->function - 1;
	record->flags = flags | gate->flags | (span->recursive ? MW_SPAN_RECURSIVE : 0) |
			(span->in_write ? MW_SPAN_IN_WRITE : 0);
	record_submit(record);
}

static __always_inline void span_count_whole(struct mw_function *function, __u64 duration_ns,
					     __u64 bytes)
{
	__u64 kib = bytes >> 10;

	count_add(function->whole_calls, 1);
	count_add(function->whole_ns, duration_ns);
	count_add(function->whole_bytes, bytes);
	count_add(function->whole_kib, kib);
	count_add(function->whole_kib_squared, kib * kib);
}

static __always_inline void span_count(struct mw_function *function,
				       const struct mw_open_span *span,
				       const struct span_gate *gate, const struct mw_strand *strand,
				       __u64 duration_ns)
{
	__u64 bytes = strand->copied_bytes - span->copied_bytes;
	__u32 class = time_class(duration_ns);

	count_add(function->ended, 1);
	if (class < MW_TIME_CLASSES)
		count_add(function->time_classes[class], 1);
	count_max(&function->max_ns, duration_ns);
	if (span->recursive)
		return;
	count_add(function->outermost, 1);
	count_add(function->total_ns, duration_ns);
	count_add(function->copied_bytes, bytes);
	count_add(function->copies, strand->copies - span->copies);
	if (!gate->flags)
		span_count_whole(function, duration_ns, bytes);
}

static __always_inline void span_end(struct pt_regs *ctx, const struct strand *strand, __u64 cookie)
{
	__u32 index = MW_COOKIE_INDEX(cookie);
	__u64 now_ns = bpf_ktime_get_ns();
	struct mw_span_key key = span_key(ctx, strand, index);
	struct mw_function *function = bpf_map_lookup_elem(&functions, &index);
	struct mw_open_span *span = bpf_map_lookup_elem(&open_spans, &key);
	struct span_gate gate;

	if (!function)
		return;
	if (!span) {
		if (!(MW_COOKIE_FLAGS(cookie) & MW_POINT_SHARED_END))
			count_add(function->unmatched_ends, 1);
		return;
	}
	chain_unlink(strand->totals, &key, span);
	/* A plugin was unloaded within the call, or a link went; calls since then had no entry. */
	if (!is_live(span->link)) {
		count_add(function->cut_off, 1);
		count_add(function->unmatched_ends, 1);
		bpf_map_delete_elem(&open_spans, &key);
		return;
	}
	gate = span_gate_of(span);
	span_count(function, span, &gate, strand->totals, now_ns - span->start_ns);
	if (now_ns - span->start_ns >= min_time_ns) {
		stack_emit(strand, MW_SAMPLE_SPAN, span->start_ns);
		span_emit(&key, span, &gate, strand->totals, now_ns, 0);
	}
	bpf_map_delete_elem(&open_spans, &key);
}

struct unfinish_walk {
	struct mw_strand *strand;
	__u64 now_ns;
};

static long span_unfinish(__u32 step, struct unfinish_walk *walk)
{
	struct mw_strand *strand = walk->strand;
	struct mw_span_key key = strand->top;
	__u32 index = key.function - 1;
	struct mw_function *function;
	struct mw_open_span *span;
	struct span_gate gate;

	if (!key.function)
		return 1;
	span = bpf_map_lookup_elem(&open_spans, &key);
	function = bpf_map_lookup_elem(&functions, &index);
	if (!span || !function) {
		strand->top.function = 0;
		return 1;
	}
	strand->top = span->outer;
	gate = span_gate_of(span);
	/* Its end had no probe any more: nobody knows when it came. */
	if (!is_live(span->link)) {
		count_add(function->cut_off, 1);
		bpf_map_delete_elem(&open_spans, &key);
		return 0;
	}
	count_add(function->unfinished, 1);
	if (walk->now_ns - span->start_ns >= min_time_ns)
		span_emit(&key, span, &gate, strand, walk->now_ns, MW_SPAN_UNFINISHED);
	bpf_map_delete_elem(&open_spans, &key);
	return 0;
}

/* The strand ends, or its program does by exec: what is open on it will have no end. */
static __always_inline void strand_unfinish(struct mw_strand *strand)
{
	struct unfinish_walk walk = {.strand = strand, .now_ns = bpf_ktime_get_ns()};

	open_copy_abandon(strand);
	bpf_loop(CHAIN_STEPS_MOST, span_unfinish, &walk, 0);
}

static long goroutine_end(struct bpf_map *map, const struct mw_goroutine *key,
			  struct mw_strand *strand, __u32 *pid)
{
	if (key->pid != *pid)
		return 0;
	strand_unfinish(strand);
	bpf_map_delete_elem(map, key);
	return 0;
}

/* The process ends, or its program does. Its next program has its g's at the same addresses. */
static __always_inline void goroutines_end(__u32 pid)
{
	struct mw_goroutine mark = {.pid = pid};

	if (!bpf_map_lookup_elem(&goroutines, &mark))
		return;
	bpf_for_each_map_elem(&goroutines, goroutine_end, &pid, 0);
}

#endif
