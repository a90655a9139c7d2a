/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BPF_MAPS_H
#define BPF_MAPS_H

#include "kernel.h"
#include "event.h"
#include <bpf/bpf_helpers.h>

/* Set between open and load. */
const volatile __u64 min_bytes = 1 << 20;
const volatile __u64 min_time_ns = 1000000;
const volatile __u32 follow = 1;
const volatile __u32 takes_stacks = 0;
/* Each strand's stack is taken no more often than this: with each tick of the clock in a VM. */
const volatile __u64 stack_pause_ns = 2500000;
/* Of calls and copies, which may end 200 times a second: 20 us for a stack are 0.1 % of that. */
const volatile __u64 told_stack_pause_ns = 20000000;
/* A thread that was not found in a copy for so long has left it. */
const volatile __u64 quiet_ns = 5000000;

/* User space sets this first when it ends, so that what it then reads no longer moves. */
__u32 stopped;

/*
 * As long as the program at each switch is attached, which takes 0.2 us of each of the whole
 * machine: so not while there are many.
 */
__u32 sleeps_are_told;

/* User space sets it to be told of the next hit that is charged. */
__u32 tell_next_hit;

/* What a hit costs the target: estimates until user space has measured it. */
__u64 cheap_ns;
__u64 stepped_ns;

/*
 * Copies of at least so many bytes are timed, where probes on the routine's returns see their ends,
 * or return probes of the kernel's, whose cost is another; 0: none is.
 */
__u64 time_by_returns_from;
__u64 time_by_session_from;

/*
 * A bit for each link: user space sets it when all of the link's probes are in place, and clears it
 * before it has them removed.
 */
__u64 live_links[MW_LINK_NUMBERS / 64];

static __always_inline int is_live(__u32 link)
{
	return !link || live_links[link / 64 % (MW_LINK_NUMBERS / 64)] >> link % 64 & 1;
}

struct mw_link links[MW_LINK_NUMBERS];

/* By the hits of each function's entry and ends, in all processes. */
__u64 function_spent_ns[MW_MAX_FUNCTIONS];

/* By hits of links that are not live: on their way out, mostly, for some 50 ms each. */
__u64 retired_spent_ns;

#define RING_BYTES (4 << 20)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} ring SEC(".maps");

struct mw_reader reader;

/* Forks, execs, exits, loaded libraries: 10,000 of them. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 << 10);
} life_ring SEC(".maps");

/* Processes that are watched, by tgid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct mw_watched);
} watched SEC(".maps");

static __always_inline struct mw_watched *watched_process(__u32 pid)
{
	return bpf_map_lookup_elem(&watched, &pid);
}

/* Where their copies are done, by tgid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct mw_code);
} copy_code SEC(".maps");

/* Where else the clock found them, and how often. What is not asked for again makes room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct mw_place);
	__type(value, __u64);
} places SEC(".maps");

/* By the entries of MW_POINT_CALLER. */
__u64 callers_spent_ns;

/* Bit by bit, those that were told of as hot. */
__u32 hot_callers;

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mw_strand);
} threads SEC(".maps");

/*
 * Goroutines that hit a probe. A g is never freed but used for the next goroutine, so there are as
 * many as ever lived at once; they go with their process.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct mw_goroutine);
	__type(value, struct mw_strand);
} goroutines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct mw_span_key);
	__type(value, struct mw_open_span);
} open_spans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MW_MAX_FUNCTIONS);
	__type(key, __u32);
	__type(value, struct mw_function);
} functions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MW_TOTALS_KINDS);
	__type(key, __u32);
	__type(value, struct mw_totals);
} totals SEC(".maps");

/*
 * A uprobe's program can be preempted by another one on the same CPU, so even per-CPU counters are
 * added to atomically.
 */
#define count_add(counter, value) __sync_fetch_and_add(&(counter), (value))

/* Raises *maximum to value; a lost race is tried again, a few times. */
static __always_inline void count_max(__u64 *maximum, __u64 value)
{
	for (int i = 0; i < 8; i++) {
		__u64 seen = *(volatile __u64 *)maximum;

		if (value <= seen || __sync_val_compare_and_swap(maximum, seen, value) == seen)
			return;
	}
}

static __always_inline struct mw_totals *totals_of(__u32 kind)
{
	return bpf_map_lookup_elem(&totals, &kind);
}

static __always_inline void count_loss(enum mw_loss kind)
{
	struct mw_totals *mine = totals_of(MW_TOTALS_TARGET);

	if (mine)
		count_add(mine->losses[kind], 1);
}

/*
 * These three are verified once, and not for each path that comes by: with them inlined, loading
 * the programs takes twice as long.
 */
__noinline __u32 log2_floor(__u64 value)
{
	__u32 log = 0;

	if (value >> 32) {
		value >>= 32;
		log += 32;
	}
	if (value >> 16) {
		value >>= 16;
		log += 16;
	}
	if (value >> 8) {
		value >>= 8;
		log += 8;
	}
	if (value >> 4) {
		value >>= 4;
		log += 4;
	}
	if (value >> 2) {
		value >>= 2;
		log += 2;
	}
	return log + (value >> 1);
}

__noinline __u32 time_class(__u64 ns)
{
	__u32 log, class;

	if (ns < 16)
		return ns;
	log = log2_floor(ns);
	class = (log - 3) * 16 + (ns >> (log - 4) & 15);
	return class < MW_TIME_CLASSES ? class : MW_TIME_CLASSES - 1;
}

__noinline __u32 size_class(__u64 bytes)
{
	__u32 class = bytes ? log2_floor(bytes) + 1 : 0;

	return class < MW_SIZE_CLASSES ? class : MW_SIZE_CLASSES - 1;
}

static __always_inline void *record_start(struct mw_head *head, __u32 type, __u64 bytes,
					  __u64 now_ns)
{
	__u64 id = bpf_get_current_pid_tgid();

	head->type = type;
	head->bytes = bytes;
	head->at_ns = now_ns;
	head->pid = id >> 32;
	head->tid = (__u32)id;
	bpf_get_current_comm(head->comm, sizeof(head->comm));
	return head;
}

/* A record of the ring, its head filled in; NULL, and counted, where there is no room. */
static __always_inline void *record_reserve(__u32 type, __u64 bytes, __u64 now_ns)
{
	struct mw_head *head = bpf_ringbuf_reserve(&ring, bytes, 0);

	if (head)
		return record_start(head, type, bytes, now_ns);
	count_loss(MW_LOSS_RING_FULL);
	return 0;
}

/* The ring holds so much that the reader is not to wait for its next look: eight stacks, say. */
#define RING_FULL_BYTES (RING_BYTES / 8)

/*
 * Both atomic operations are full barriers. The reader sleeps before it looks a last time: either
 * it finds this record counted, or this finds that nobody reads. A record that was counted but is
 * not complete yet (its program can be preempted) keeps the reader awake.
 */
static __always_inline int record_wakes(void)
{
	__u32 state = __sync_val_compare_and_swap(&reader.state, MW_READER_SLEEPS, MW_READER_LOOKS);

	if (state != MW_READER_LOOKS)
		return state == MW_READER_SLEEPS;
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= RING_FULL_BYTES &&
	       __sync_val_compare_and_swap(&reader.state, MW_READER_LOOKS, MW_READER_CALLED) ==
		       MW_READER_LOOKS;
}

static __always_inline void record_submit(void *record)
{
	count_add(reader.records, 1);
	bpf_ringbuf_submit(record, record_wakes() ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* record_reserve() for a life event. */
static __always_inline void *life_reserve(__u32 type, __u64 bytes)
{
	struct mw_head *head = bpf_ringbuf_reserve(&life_ring, bytes, 0);

	if (head)
		return record_start(head, type, bytes, bpf_ktime_get_ns());
	count_loss(MW_LOSS_LIFE);
	return 0;
}

#endif
