/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What memwatch found: the finished values that analyse/ gives and report/ shows. Strings are
 * borrowed and live until the end of the run; they may hold anything the target chose, so a
 * report shows them through text_safe(). Times are CLOCK_MONOTONIC ns. No field is computed later.
 */
#ifndef ANALYSE_RESULT_H
#define ANALYSE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stack/frame.h"

#define COMM_BYTES 16
#define NO_GATE    UINT64_MAX /* as gate_bytes: no copy is counted, whatever its size */

struct run_header {
	const char *version;
	uint64_t start_unix_ns;
	uint64_t start_ns;   /* the zero of "time since start" */
	const char *command; /* resolved path and arguments; NULL for an attach */
	const char *run_as;  /* user the command runs as; NULL for memwatch's own */
	const pid_t *pids;   /* for an attach */
	size_t pid_count;
	bool gate_is_fixed;  /* --gate or --budget none; else the budget moves it */
	uint64_t gate_bytes; /* fixed: 0: every copy */
	double budget_pct;   /* < 0: none */
	uint64_t min_bytes;
	uint64_t min_time_ns;
};

/* One process whose probes are live (the first ones too), or that could not be watched. */
struct child_report {
	pid_t pid;
	pid_t parent_pid; /* 0: named by the user or launched, not followed */
	char comm[COMM_BYTES];
	const char *event; /* "launch", "attach", "fork" or "exec" */
	uint64_t at_ns;
	uint64_t unwatched_ns; /* from its fork or exec until its probes were live */
	bool watched;
	const char *reason; /* why it is not watched, else NULL */
};

struct flush {
	const char *function; /* "ns::Grow::flush" */
	const char *symbol;   /* "_ZN2ns4Grow5flushEv"; NULL where it is the same */
	const char *module;   /* file name without its folders */
	pid_t pid, tid;       /* the thread on which it ended */
	char comm[COMM_BYTES];
	uint64_t start_ns, duration_ns;
	bool unfinished; /* still open when its thread or the watch ended */
	bool recursive;  /* inside another open span of the same function */
	bool left_out;   /* not to be shown: a call of a host that ran nothing of its guest */
	uint64_t copied_bytes, copies;
	bool copies_known; /* false: what it copied could not be read (unfinished ones only) */
	/*
	 * Copies below gate_bytes may be missing in copied_bytes and copies; NO_GATE: any may.
	 * partly: the gate moved within the call, so some of them are counted. raised: the budget
	 * held the gate above where it began. With either, copied_bytes is a lower bound.
	 */
	uint64_t gate_bytes;
	bool partly_counted, gate_raised;
	uint64_t copy_ns, timed_copies, timed_bytes; /* inside the copies whose ends were seen */
	uint64_t goroutine_addr; /* of its g, a Go function's strand; 0: its strand is the thread */
	uint64_t write_index;    /* 1-based, per strand, counted from the attach; 0: not counted */
	bool in_write;           /* that write was still open when it began, so it made it */
	uint64_t probe_hits;     /* of memwatch's probes inside this span, on its strand */
	uint64_t overhead_ns;    /* what they cost, by calibration */
	/* Its call path, taken at its end, the function itself first; 0 frames: not taken. */
	const struct frame *frames;
	size_t frame_count;
	enum stack_end path_end;
};

struct large_copy {
	const char *routine; /* "memmove" */
	const char *module;
	pid_t pid, tid;
	char comm[COMM_BYTES];
	uint64_t start_ns;
	uint64_t bytes;
	uint64_t duration_ns; /* 0: not known */
	uint64_t dst_addr, src_addr;
	/* Its call path, the routine first; 0 frames: not taken. */
	const struct frame *frames;
	size_t frame_count;
	enum stack_end path_end;
};

/*
 * A stretch of one strand's time in copies that no watched function explains, as the clock's
 * samples show it: it began and ended within error_ns of what is said here.
 */
struct stall {
	/* The innermost function that all of its stacks have, but for copy routines; NULL: no stack
	 * was taken, or they have none in common. */
	const struct frame *culprit;
	const struct frame *frames; /* a path that most of its stacks go, the copy first */
	size_t frame_count;
	enum stack_end path_end;
	pid_t pid, tid; /* the thread of its last sample */
	char comm[COMM_BYTES];
	uint64_t goroutine_addr;
	uint64_t start_ns, duration_ns, error_ns;
	bool unfinished;           /* the watch, or its thread, ended in it */
	uint64_t samples, stacks;  /* that were taken; of those samples, with a stack */
	uint64_t stacks_as_copier; /* of these, where the culprit calls the copy itself */
	/* Of frames, the innermost from the culprit on of which all stacks, as far as that is
	 * known, are in one call; the culprit where it is known of none. */
	size_t lasting_frame;
	uint64_t user_ns,
		fault_ns; /* of its CPU time, by samples: copying; in page faults of copies */
	uint64_t ran_ns;  /* its CPU time in all, but for trap_ns; 0: not known of a goroutine */
	uint64_t trap_ns; /* likewise, in memwatch's own probes: what they made longer */
	/* From the tick before its first sample to its last; copies below gate_bytes are not in
	 * them (NO_GATE: none is). */
	uint64_t copied_bytes, copies, gate_bytes;
};

/* The functions on the way to a stall whose calls were counted at a time. */
#define DISCOVERY_FUNCTIONS 8

struct counted_function {
	const struct frame *frame;
	uint64_t calls_per_stall; /* the median, from one stall's beginning to the next one's */
	uint64_t calls_within;    /* those of them that came while it copied */
};

/*
 * What counting the calls around a culprit's stalls came to: which function carries out what which
 * other one defers.
 */
struct discovery {
	uint64_t at_ns;
	pid_t pid;
	char comm[COMM_BYTES];
	const struct frame *culprit;
	const struct frame *flush;  /* called about once a stall, the outermost such; NULL: none */
	const struct frame *caller; /* called often between stalls; NULL: none was found */
	uint64_t stalls;            /* that were counted */
	uint64_t period_calls; /* of the caller, from stall to stall; 0: no constant, or unknown */
	bool is_irregular;     /* the distances differ */
	bool is_watched;       /* the flush bears a span probe from now on */
	struct counted_function functions[DISCOVERY_FUNCTIONS]; /* from the culprit outward */
	size_t function_count;
	uint64_t cost_ns;   /* of the counting, beyond the budget */
	const char *reason; /* why it came to nothing; NULL: it did not */
};

/* All stalls of one culprit. */
struct culprit {
	/* As in struct stall; NULL: those without one. A name in parentheses stands for many. */
	const struct frame *frame;
	uint64_t stalls, samples;
	uint64_t total_ns, max_ns, p50_ns;
	uint64_t user_ns, fault_ns;
	uint64_t copied_bytes, gate_bytes; /* gate_bytes: the largest of theirs */
};

/* A function of the call tree: the time of all samples in copies that were made below it. */
struct call_node {
	const struct frame *frame; /* a name in parentheses stands for many */
	size_t depth;              /* 0: where threads begin */
	uint64_t time_ns;          /* its callees' in it */
	uint64_t own_ns;           /* of samples that ended here: those of copies */
};

/* What copies took time, by whom; from samples, named flushes' too. */
struct stall_summary {
	const struct culprit *culprits; /* the longest total_ns first */
	size_t culprit_count;
	const struct call_node *nodes; /* depth first, the heaviest callee first */
	size_t node_count;
	uint64_t sampled_ns;   /* of all samples in copies */
	uint64_t stackless_ns; /* of those without a stack of their own or of their stall */
};

/* How the calls of a function are watched. */
enum watch_kind {
	WATCH_TIMED,
	WATCH_COUNTED, /* at their entry alone */
	WATCH_DROPPED,
};

/* A step of the budget: a process's gate, or how a function is watched, was changed. */
struct budget_step {
	uint64_t at_ns;
	pid_t pid; /* whose copies; 0: a function's, in all processes */
	char comm[COMM_BYTES];
	const char *function;                    /* NULL: copies */
	uint64_t from_gate_bytes, to_gate_bytes; /* of copies; may be NO_GATE */
	enum watch_kind from_watch, to_watch;    /* of a function */
	bool is_raised; /* it costs less from now on; else the budget has room again */
	/* What its probes cost since the step before it, or the credit was full ... */
	uint64_t spent_ns;
	uint64_t during_ns; /* ... in so much CPU time of the target; 0: not known */
	uint64_t took_ns;   /* from the decision until the new probes counted, by at_ns */
};

struct function_summary {
	const char *function;
	const char *symbol; /* NULL where it is the same */
	const char *module;
	uint64_t calls;      /* entries seen */
	uint64_t ended;      /* whose end was seen too; the times below are of these */
	uint64_t unfinished; /* open at the end of their thread or of the watch */
	uint64_t abandoned;  /* left by longjmp, an exception or an exit that has no probe */
	uint64_t cut_off;    /* open when the budget took their probes */
	uint64_t lost;       /* not followed: memwatch's table was full */
	uint64_t untimed;    /* begun while the budget had its calls counted alone */
	uint64_t total_ns;   /* of outermost calls: recursion is not counted twice */
	uint64_t p50_ns, p99_ns, max_ns;
	uint64_t copied_bytes, copies; /* of outermost calls: those that were counted */
	/*
	 * Outermost calls that ended, and those of them that no raised gate has touched. Where that
	 * is not all of them, copied_bytes is a lower bound, and estimated_bytes is what all of
	 * them copied, by the mean of the whole ones (of reported ones and of the others apart), +-
	 * error_bytes (95 %, from their spread; 0: too few to tell); it is 0 where there is none,
	 * too few of the reported ones are whole, or there is nothing to estimate.
	 */
	uint64_t outermost, whole_calls, whole_bytes;
	uint64_t estimated_bytes, error_bytes;
	bool is_throttled;    /* the budget ended its timing, be it for a while */
	bool is_counted_only; /* too hot to be timed: the budget ended that while it ran */
	bool is_dropped;      /* likewise, too hot to be counted: calls lacks those since then */
	uint64_t reported;    /* how many were shown as flushes */
	bool ends_unseen;     /* some of its ways out are known to bear no probe */
	/*
	 * Processes that ran before their probes were live, where it ends in nothing but code that
	 * others call as well: calls that had begun by then are in no figure.
	 */
	uint64_t unseen_starts;
};

#define SIZE_CLASSES 64 /* class 0: 0 bytes; class i: 2^(i-1) <= bytes < 2^i */

struct loss_counts {
	uint64_t ring_full; /* events the ring buffer had no room for */
	uint64_t span_table_full;
	uint64_t thread_state_failed;
	uint64_t goroutine_table_full;
	uint64_t malformed;   /* records that failed the receiver's checks */
	uint64_t samples;     /* of copies, that the ring buffer had no room for */
	uint64_t life_events; /* forks, execs, exits and libraries that were not told of */
};

/* The sentence that a person can repeat. */
struct finding {
	bool found;
	const char *function;
	const char *writes_function; /* NULL without --writes, or where its calls did not flush */
	uint64_t calls_per_stall;    /* writes per flush, of one flush its write; 0: not counted,
					or it is no constant */
	uint64_t stalled_writes;     /* how many writes had such a flush; 0: not counted */
	uint64_t copied_bytes;       /* the median of those flushes whose bytes are whole */
	uint64_t whole_flushes;      /* how many these are */
	bool bytes_are_typical;      /* these are enough; else copied_bytes is not known: 0 */
	uint64_t duration_ns;        /* of the typical (median) reported flush */
	uint64_t overhead_ns;        /* likewise: memwatch's own cost in it; 0: not known */
	uint64_t flushes;            /* how many it speaks of */
	uint64_t other_write_ns; /* the median gap from write to write, the probe's cost in it; 0:
				    not known */
};

struct run_summary {
	uint64_t wall_ns;
	/*
	 * Of a recording without its end: figures are those of what was told of, and what that
	 * can't tell is 0.
	 */
	bool is_partial;
	struct stall_summary stalls;
	const struct discovery *discoveries; /* as they were told of, in that order */
	size_t discovery_count;
	bool is_sampled; /* the clock looked for copies */
	uint64_t sample_period_ns;
	uint64_t samples, copy_samples, trap_samples, stacks; /* that it took; where; with stacks */
	uint64_t sampling_ns; /* what that cost the target, by estimate; it is in overhead_ns */
	const struct function_summary *functions;
	size_t function_count;
	struct finding finding;
	uint64_t flushes;              /* all that were reported */
	uint64_t left_out;             /* long calls of hosts, without a copy: not reported */
	uint64_t copyless_flushes;     /* those of them that are known to have copied nothing */
	uint64_t copies, copied_bytes; /* all that were counted, in flushes or not */
	uint64_t largest_copy_bytes;
	uint64_t large_copies;                  /* of at least min_bytes, outside any flush */
	uint64_t copies_by_class[SIZE_CLASSES]; /* by size */
	uint64_t bytes_by_class[SIZE_CLASSES];
	const char *writes_function; /* NULL without --writes */
	uint64_t writes;             /* its calls */
	uint64_t write_gap_ns;   /* the median from one to the next, the probe's cost in it; 0: not
				    known */
	uint64_t unmatched_ends; /* ends of calls that began before the attach */
	struct loss_counts losses;
	uint64_t timed_copies, timed_bytes, copy_ns; /* whose ends were seen */
	double budget_pct;                           /* < 0: none */
	uint64_t budget_credit_ns;                   /* what it began with; 0: not to be told */
	uint64_t budget_steps;                       /* how many were reported */
	bool gate_is_fixed;
	uint64_t gate_bytes; /* the largest from which some process's copies were ever counted on
				at first; smaller copies were not counted at all there. NO_GATE: in
				some copy routine there is none */
	uint64_t probe_hits, overhead_ns;
	uint64_t hit_cheap_ns, hit_stepped_ns; /* calibrated cost of a hit of either kind */
	uint64_t target_cpu_ns;                /* 0: not known */
	size_t processes_watched, processes_seen;
	uint64_t worst_unwatched_ns; /* of the followed ones */
	const char *const *watched;  /* "PyUnicode_Join in python3.11", "memmove in libc.so.6" */
	size_t watched_count;
	const char *const *uncalled; /* those of the functions that nobody called */
	size_t uncalled_count;
	bool is_copies_only; /* no function was named with --flush */
};

#endif
