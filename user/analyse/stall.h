/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From samples to stalls: successive ones of one strand are grouped in time, and what they have in
 * common is to blame. Pure: times are those of the samples.
 *
 * A stall goes on as long as its samples are no further apart than quiet_ns, in wall time, or for
 * longer where the thread did nothing else in between (sample_follows()). What a goroutine's thread
 * did in between is not known: kept off the CPU while it copies, it gives two stalls.
 */
#ifndef ANALYSE_STALL_H
#define ANALYSE_STALL_H

#include "analyse/function.h"
#include "analyse/result.h"
#include "bpf/event.h"

/*
 * The clock found a thread in a copy. One without a weight is no tick: it only brings the stack of
 * what is under way on its strand, as the end of a watched call does; such a call's samples have
 * none of their own.
 */
struct sample {
	pid_t pid, tid;
	char comm[COMM_BYTES];
	uint64_t goroutine_addr; /* of its strand; 0: the thread is */
	uint64_t at_ns;
	uint64_t weight_ns; /* CPU time that it stands for */
	uint64_t ticks;  /* of the clock in its thread so far: CPU time, whoever else had the CPU */
	uint64_t sleeps; /* how often the thread has waited, as struct mw_sample has it */
	uint64_t traps;  /* ticks that found the thread in memwatch's own probes so far */
	bool has_left;   /* it is no tick: the thread was found in no copy for some */
	bool in_fault;   /* in the kernel, on behalf of the copy */
	bool is_inlined; /* no copy routine: the innermost frame copies by itself */
	bool in_span;    /* a watched function explains it */
	/* As in struct mw_sample. */
	uint64_t prior_bytes, prior_copies;
	uint64_t copied_bytes, copies, gate_bytes;
	uint64_t calls[MW_CALLERS];
	const struct call_path *path; /* NULL: no stack was taken; else the caller's */
};

/* What tells whether a thread has left its copies between two of its samples. */
struct sampled_at {
	pid_t tid;
	uint64_t goroutine_addr;
	uint64_t at_ns, ticks, sleeps; /* as in struct sample */
};

struct sampled_at sampled_at(const struct sample *sample);
/*
 * Whether the sample goes on with what the one before it was in. Ticks come by CPU time, so none
 * comes while another thread has the CPU: a thread that is preempted has left nothing.
 */
bool sample_follows(const struct sample *sample, const struct sampled_at *before,
		    uint64_t quiet_ns);

typedef void (*stall_fn)(void *context, const struct stall *stall);

struct stalls;

struct stall_settings {
	uint64_t quiet_ns;      /* samples no further apart than that are of one stall */
	uint64_t silence_ns;    /* without a word for so long, a stall is over */
	uint64_t samples_least; /* those of fewer may be chance: in the tree alone */
	uint64_t min_time_ns;   /* shorter ones are counted, and not told of */
	stall_fn on_stall;      /* told of each that is over; what it gets lives for the call */
	void *context;
};

/* NULL where memory is out. */
struct stalls *stalls_new(const struct stall_settings *settings);
void stalls_free(struct stalls *stalls);

/* Samples of one strand come in order. 0 or -ENOMEM. */
int stalls_add(struct stalls *stalls, const struct sample *sample);

/*
 * Tells of those that are over at now_ns, and forgets their strands: to be called every now and
 * then. All samples up to then have come. Whether there was any.
 */
bool stalls_advance(struct stalls *stalls, uint64_t now_ns);
/* The process ended: so did its stalls. */
void stalls_drop_process(struct stalls *stalls, pid_t pid, uint64_t now_ns);
/* The watch ends: tells of all that are left. */
void stalls_finish(struct stalls *stalls, uint64_t now_ns);

/*
 * The stall that is under way on the strand of the sample that came last, as far as it is known;
 * false where a watched function explains it. It lives until the next call.
 */
bool stalls_latest(const struct stalls *stalls, struct stall *stall);

/* Of all that were told of or counted; it lives until stalls_free(). 0 or -ENOMEM. */
int stalls_summarize(struct stalls *stalls, struct stall_summary *summary);

#endif
