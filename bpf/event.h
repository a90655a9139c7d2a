/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What crosses between the BPF programs and user space. Both sides include this header; every
 * type has a fixed width and every record starts with struct mw_head.
 */
#ifndef MW_EVENT_H
#define MW_EVENT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define MW_COMM_BYTES    16
#define MW_MAX_FUNCTIONS 64

/* ---- a point's cookie: kind | flags << 8 | index << 16 | registers << 32 | link << 48 ---- */

enum mw_point_kind {
	MW_POINT_COPY = 1,  /* a copy of a certain size is under way; index: routine */
	MW_POINT_ENTRY,     /* a watched function is entered; index: function */
	MW_POINT_END,       /* a watched function ends; index: function */
	MW_POINT_WRITE,     /* the cheap call that --writes names is entered */
	MW_POINT_LOADER,    /* the dynamic loader's list of libraries changed */
	MW_POINT_CALIBRATE, /* memwatch's own: costs what MW_POINT_COPY costs, counts apart */
	MW_POINT_COPY_END,  /* a return that ends copies of MW_POINT_TIMED; index: routine */
	MW_POINT_CALL,      /* a watched function is entered, and only counted; index: function */
	MW_POINT_CALLER,    /* a function that leads to copies is entered; index: of its counter */
};

#define MW_POINT_STEPPED    1u /* the instruction is single-stepped: the hit costs more */
#define MW_POINT_SHARED_END 2u /* this ret also ends calls that are not ours (tail jumps) */
#define MW_POINT_GO         4u /* Go's own code: %r14 holds the current goroutine's g */
#define MW_POINT_TIMED      8u /* a copy's end is seen as well, where it is large enough */

#define MW_COOKIE(kind, flags, index) ((__u64)(kind) | (__u64)(flags) << 8 | (__u64)(index) << 16)
#define MW_COOKIE_KIND(cookie)        ((__u32)((cookie)&0xff))
#define MW_COOKIE_FLAGS(cookie)       ((__u32)((cookie) >> 8 & 0xff))
#define MW_COOKIE_INDEX(cookie)       ((__u32)((cookie) >> 16 & 0xffff))

/*
 * Where a copy's arguments are at its point: three registers, 4 bits each, numbered as
 * instructions do it (enum mw_register). All 0, which no three arguments can be: in %rdi, %rsi and
 * %rdx, as C passes them.
 */
#define MW_COOKIE_REGISTERS(cookie) ((__u32)((cookie) >> 32 & 0xfff))
#define MW_REGISTERS(dst, src, size)                                                               \
	((dst) == MW_RDI && (src) == MW_RSI && (size) == MW_RDX                                    \
		 ? 0                                                                               \
		 : (__u64)(dst) | (__u64)(src) << 4 | (__u64)(size) << 8)
#define MW_REGISTERS_DST(registers)  ((registers)&0xf)
#define MW_REGISTERS_SRC(registers)  ((registers) >> 4 & 0xf)
#define MW_REGISTERS_SIZE(registers) ((registers) >> 8 & 0xf)

enum mw_register {
	MW_RAX,
	MW_RCX,
	MW_RDX,
	MW_RBX,
	MW_RSP,
	MW_RBP,
	MW_RSI,
	MW_RDI,
	MW_R8,
	MW_R9,
	MW_R10,
	MW_R11,
	MW_R12,
	MW_R13,
	MW_R14,
	MW_R15,
	MW_REGISTER_COUNT,
};

/*
 * Which link put it there, since a link that is being removed still hits for some 50 ms, beside
 * the one that takes its place. Numbers come round again after 65,535 links, but for those of
 * links that are still there; 0: memwatch's own, which is never retired.
 */
#define MW_LINK_NUMBERS           (1u << 16)
#define MW_COOKIE_LINK(cookie)    ((__u32)((cookie) >> 48))
#define MW_COOKIE_OF_LINK(number) ((__u64)(number) << 48)

/* What is known of each link, by its number. User space maps it. */
struct mw_link {
	__u64 spent_ns;   /* by its copies' hits and records: what the budget is charged with */
	__u64 gate_bytes; /* smaller copies that pass its points are not counted */
};

/*
 * From which size on a process's copies are counted just now. The programs read it at a span's
 * start and end: user space raises it before the links change and lowers it after they have.
 */
struct mw_watched {
	__u64 gate_bytes; /* MW_NO_GATE: none is counted */
	__u32 gate_step;  /* counts the changes */
	__u32 is_raised;  /* the budget holds it above where it began */
};
#define MW_NO_GATE (~0ULL)

/*
 * ---- records in the ring buffers: spans and copies in one, life events in the other, so that no
 * flood of the former loses sight of a process ----
 */

enum mw_record_type {
	MW_RECORD_SPAN = 1,
	MW_RECORD_COPY,
	MW_RECORD_FORK,
	MW_RECORD_EXEC,
	MW_RECORD_EXIT,
	MW_RECORD_LOADER,
	MW_RECORD_SPENDING,
	MW_RECORD_SAMPLE,
	MW_RECORD_HOT,
	MW_RECORD_PLACE,
};

struct mw_head {
	__u32 type;  /* enum mw_record_type */
	__u32 bytes; /* of the whole record */
	__u64 at_ns; /* CLOCK_MONOTONIC */
	__u32 pid;   /* process (tgid) and thread, as the initial pid namespace numbers them */
	__u32 tid;
	char comm[MW_COMM_BYTES];
};

#define MW_SPAN_UNFINISHED 1u
#define MW_SPAN_RECURSIVE  2u
#define MW_SPAN_IN_WRITE   4u  /* it was called by the write before it, which was still open */
#define MW_SPAN_GATE_MOVED 8u  /* the gate was raised or lowered within it */
#define MW_SPAN_RAISED     16u /* the budget held the gate above where it began */
#define MW_SPAN_FLAGS      31u /* all of them */

struct mw_span {
	struct mw_head head;
	__u64 start_ns;
	__u64 duration_ns;
	__u64 copied_bytes;
	__u64 copies;
	__u64 goroutine;    /* address of its g; 0: C code, on its thread */
	__u64 write_index;  /* of its strand when it began; 0: none counted */
	__u64 cheap_hits;   /* of probes on emulated instructions, inside the span */
	__u64 stepped_hits; /* of probes on single-stepped ones */
	__u64 gate_bytes;   /* the larger one at its two ends; copies below it are not counted */
	__u64 copy_ns;      /* inside the copies whose ends were seen ... */
	__u64 timed_copies; /* ... which are so many */
	__u64 timed_bytes;  /* ... and copied so much */
	__u32 function;
	__u32 flags; /* MW_SPAN_* */
};

struct mw_copy {
	struct mw_head head;
	__u64 copied_bytes;
	__u64 dst_addr;
	__u64 src_addr;
	__u64 duration_ns; /* head.at_ns is its start; 0: its end was not seen */
	__u32 routine;
	__u32 reserved;
};

/* head.pid is the parent. */
struct mw_fork {
	struct mw_head head;
	__u32 child_pid;
	__u32 reserved;
};

/* head.tid is the thread that called exec; its id is the process's from then on. */
struct mw_exec {
	struct mw_head head;
	__u32 old_tid;
	__u32 reserved;
};

/* A whole process ended. */
struct mw_exit {
	struct mw_head head;
	__u64 cpu_ns;
};

struct mw_loader {
	struct mw_head head;
};

/* A probe that is charged to the budget was hit, after user space asked to be told of the next. */
struct mw_spending {
	struct mw_head head;
};

/* Where a thread was, and how it came there. */
enum mw_sample_kind {
	MW_SAMPLE_COPY = 1,   /* the clock found it in a copy, in user mode */
	MW_SAMPLE_FAULT,      /* the same, in the kernel on behalf of one: a page fault */
	MW_SAMPLE_SPAN,       /* at the end of a watched call that is told of */
	MW_SAMPLE_LARGE_COPY, /* at the start of a copy that is */
	MW_SAMPLE_LEFT,       /* the clock finds it elsewhere for some ticks, after a copy */
	MW_SAMPLE_KINDS,
};

#define MW_SAMPLE_CUT     1u /* more of the stack lies behind what was taken */
#define MW_SAMPLE_INLINED 2u /* no routine: the program's own loop, or its rep movs */
#define MW_SAMPLE_IN_SPAN 4u /* a watched call was open */
#define MW_SAMPLE_FLAGS   7u /* all of them */

/* How many functions' calls are counted at a time to find the one that defers the work. */
#define MW_CALLERS 8

/*
 * A thread at one moment. Its sleeps are without those for memory that it copies; while the clock
 * is the CPUs' (attach/sampler.h) these are in it, too, and where that changes it says nothing.
 */
struct mw_sample {
	struct mw_head head;
	__u64 registers[MW_REGISTER_COUNT]; /* of user mode, as enum mw_register numbers them */
	__u64 ip_addr;
	__u64 start_ns;  /* of the call or copy that it belongs to; else 0 */
	__u64 ticks;     /* of the clock in its thread so far: CPU time, whoever else had the CPU */
	__u64 sleeps;    /* how often it has waited: see above */
	__u64 traps;     /* ticks that found it in memwatch's own probes so far */
	__u64 weight_ns; /* CPU time that it stands for; else 0 */
	__u64 goroutine;
	__u64 copied_bytes; /* these: its strand's running totals */
	__u64 copies;
	__u64 prior_bytes; /* these two: at the clock's tick before, wherever that was */
	__u64 prior_copies;
	__u64 gate_bytes; /* of its process just now: smaller copies are not in them */
	__u64 calls[MW_CALLERS];
	__u32 kind;
	__u32 flags;       /* MW_SAMPLE_* */
	__u32 stack_bytes; /* what follows is of the stack, from %rsp on; 0: none was taken */
	__u32 reserved;    /* the record goes on behind them */
};

/* The sizes of stack that there is room for in a record. */
#define MW_STACK_SMALL  2048
#define MW_STACK_MEDIUM 8192
#define MW_STACK_LARGE  24576
#define MW_STACK_MOST   65536

/* So many ticks elsewhere, and a thread has left its copies: what comes then is another stall. */
#define MW_LEFT_TICKS 4

/* A function of MW_POINT_CALLER is called often while its strand copies nothing. */
struct mw_hot {
	struct mw_head head;
	__u32 caller; /* its counter */
	__u32 reserved;
};

/* The clock found threads there again and again, and it is no code that is known to copy. */
struct mw_risen {
	struct mw_head head;
	__u64 addr;
};

/* The reader alone goes back to an earlier one of these. */
enum mw_reader_state {
	MW_READER_SLEEPS,
	MW_READER_LOOKS,  /* by itself, soon */
	MW_READER_CALLED, /* it was woken early, since there is much */
};

/*
 * Who wakes the reader of spans and copies: a wakeup is an interrupt to another CPU, which costs
 * the target more than all else of a record. So whoever puts a record in while nobody reads wakes
 * the reader; from then on it looks by itself, until nothing has come for a while and it has taken
 * all that was ever put in.
 */
struct mw_reader {
	__u32 state; /* enum mw_reader_state */
	__u32 reserved;
	__u64 records; /* that were put in so far, or are just being put in */
};

/* ---- counters that user space reads from maps ---- */

/* Times in classes of 1/16 of an octave: 0..15 ns exactly, then (exponent, 4 bits) to 2^44 ns. */
#define MW_TIME_CLASSES 656
/* Sizes: class 0 is 0 bytes, class i is 2^(i-1) <= bytes < 2^i. */
#define MW_SIZE_CLASSES 64

/*
 * Of one watched function. The maximum and the classes are of all calls that ended; total time and
 * bytes leave out recursive ones, which are inside another that is counted.
 */
struct mw_function {
	__u64 calls;
	__u64 ended;
	__u64 unfinished;
	__u64 abandoned;
	__u64 cut_off; /* open when their probes went: by the budget, or with their code */
	__u64 lost;
	__u64 unmatched_ends;
	__u64 total_ns;
	__u64 max_ns;
	__u64 copied_bytes;
	__u64 copies;
	__u64 outermost; /* calls that ended and are not recursive: what the three above are of */
	/*
	 * Those of them that no raised gate has touched: what the bytes of the others are estimated
	 * by. The spread is of whole KiB, rounded down, since squares of bytes would not fit.
	 */
	__u64 whole_calls;
	__u64 whole_ns;
	__u64 whole_bytes;
	__u64 whole_kib;         /* the sum of bytes / 1024 */
	__u64 whole_kib_squared; /* the sum of (bytes / 1024)^2 */
	__u64 time_classes[MW_TIME_CLASSES];
};

enum mw_loss {
	MW_LOSS_RING_FULL,
	MW_LOSS_THREAD_STATE, /* a hit on a thread whose totals had no room */
	MW_LOSS_GOROUTINE,    /* the same of a goroutine */
	MW_LOSS_LIFE,         /* a fork, exec, exit or loaded library that could not be told of */
	MW_LOSS_STACK,        /* a sample that the ring had no room for */
	MW_LOSS_KINDS,
};

/* Per CPU; entry MW_TOTALS_TARGET is the target's, the other memwatch's own calibration. */
enum { MW_TOTALS_TARGET, MW_TOTALS_CALIBRATION, MW_TOTALS_KINDS };

struct mw_totals {
	__u64 copies_by_class[MW_SIZE_CLASSES];
	__u64 bytes_by_class[MW_SIZE_CLASSES];
	__u64 largest_copy_bytes;
	__u64 large_copies; /* of at least min_bytes, outside any span */
	__u64 timed_copies; /* whose ends were seen */
	__u64 timed_bytes;
	__u64 copy_ns;
	__u64 cheap_hits;
	__u64 stepped_hits;
	__u64 writes;
	__u64 samples; /* by the clock, wherever it found a thread */
	__u64 copy_samples;
	__u64 trap_samples; /* in memwatch's own probes on copies */
	__u64 switches;     /* from or to another thread, as far as ticks have seen them */
	__u64 stacks;       /* that were taken */
	__u64 stack_ns;     /* what they took, and sending them */
	__u64 losses[MW_LOSS_KINDS];
	__u64 write_gap_classes[MW_TIME_CLASSES]; /* from one write to the next of the strand */
};

/*
 * An open call of a watched function: the key finds it again at its end. Go moves a goroutine from
 * thread to thread within a call, and its stack to another place when it grows; the distance from
 * the stack's end stays. It is negative, so as a number it is ordered as addresses are.
 */
struct mw_span_key {
	__u64 sp;       /* at the call, where the return address lies; in Go code less g.stack.hi */
	__u64 owner;    /* 0: a thread; else the address of a goroutine's g */
	__u32 id;       /* tid; of a goroutine the pid, since other processes have the same g */
	__u32 function; /* index + 1; 0: no span */
};

struct mw_open_span {
	__u64 start_ns;
	__u64 copied_bytes; /* these eight: the strand's running totals when it began */
	__u64 copies;
	__u64 cheap_hits;
	__u64 stepped_hits;
	__u64 copy_ns;
	__u64 timed_copies;
	__u64 timed_bytes;
	__u64 write_index;
	__u64 gate_bytes; /* these two: the process's when it began */
	__u32 gate_step;
	__u32 was_raised;
	__u64 return_addr; /* what lies at key.sp's place as long as the call is on its stack */
	struct mw_span_key outer;
	__u32 pid;
	__u32 tid; /* of the thread on which it began */
	__u16 recursive;
	__u16 in_write;
	__u32 link; /* whose probe saw it begin */
};

/* A goroutine, as the key of its strand. */
struct mw_goroutine {
	__u64 g_addr; /* 0: none, but its process has some */
	__u32 pid;
	__u32 reserved;
};

/* A copy whose end is awaited; a leaf has one at a time, but for signal handlers. */
struct mw_open_copy {
	__u64 start_ns; /* 0: none is */
	__u64 sp;       /* where its return address lies */
	__u64 return_addr;
	__u64 bytes;
	__u64 dst_addr;
	__u64 src_addr;
	__u32 routine;
	__u16 is_large;    /* it is to be reported as a copy outside any span */
	__u16 is_hijacked; /* the kernel puts its trampoline in place of the return address */
};

/*
 * Running totals of one strand: of what executes one thing after the other on one stack. A thread
 * in C code, a goroutine in Go code.
 */
struct mw_strand {
	__u64 copied_bytes;
	__u64 copies;
	__u64 cheap_hits;
	__u64 stepped_hits;
	__u64 copy_ns;
	__u64 timed_copies;
	__u64 timed_bytes;
	__u64 writes;
	__u64 last_write_ns;
	__u64 write_sp; /* of the latest write, as in mw_span_key, and what lay there then */
	__u64 write_return_addr;
	struct mw_span_key top; /* innermost open span */
	struct mw_open_copy copy;
	__u64 sleeps;        /* as in struct mw_sample, as long as they are told */
	__u64 seen_switches; /* at the latest tick; 0: there was none */
	__u64 traps;         /* as in struct mw_sample */
	__u64 ticks;         /* of the clock */
	__u64 tick_bytes;    /* these two: the totals at the last of them */
	__u64 tick_copies;
	__u64 copy_ticks;                /* the same at the last one in a copy; 0: it has left it */
	__u64 last_sample_ns;            /* in a copy */
	__u64 last_stack_ns;             /* when one was taken */
	__u64 last_word;                 /* what lay at (%rsp) then: in a leaf, who called it */
	__u64 calls[MW_CALLERS];         /* of functions that lead to copies */
	__u64 sampled_calls[MW_CALLERS]; /* the same at the last sample in a copy */
};

/*
 * Where the copies of a process are done: routines, and loops of its own. In the order of their
 * addresses, none within another.
 */
#define MW_CODE_RANGES 128

#define MW_CODE_GO      1u /* Go's own code: %r14 holds the current goroutine's g */
#define MW_CODE_INLINED 2u /* no routine */

struct mw_code_range {
	__u64 start_addr;
	__u64 end_addr;
	__u64 flags; /* MW_CODE_* */
};

struct mw_code {
	__u32 count;
	__u32 is_own; /* memwatch's: what its clock finds is counted apart */
	struct mw_code_range ranges[MW_CODE_RANGES];
};

/* Elsewhere in a process the clock found a thread, again and again. */
struct mw_place {
	__u64 addr;
	__u32 pid;
	__u32 reserved;
};

/* What the thread iterator prints. */
struct mw_strand_line {
	__u32 pid;
	__u32 tid; /* 0: a goroutine, which is on no thread for good */
	char comm[MW_COMM_BYTES];
	__u64 owner; /* as in mw_span_key */
	struct mw_strand strand;
};

#define MW_SIZE_IS(type, size) _Static_assert(sizeof(struct type) == (size), #type " changed")
MW_SIZE_IS(mw_head, 40);
MW_SIZE_IS(mw_link, 16);
MW_SIZE_IS(mw_watched, 16);
MW_SIZE_IS(mw_reader, 16);
MW_SIZE_IS(mw_span, 144);
MW_SIZE_IS(mw_copy, 80);
MW_SIZE_IS(mw_sample, 344);
MW_SIZE_IS(mw_hot, 48);
MW_SIZE_IS(mw_risen, 48);
MW_SIZE_IS(mw_code_range, 24);
MW_SIZE_IS(mw_place, 16);
MW_SIZE_IS(mw_fork, 48);
MW_SIZE_IS(mw_exec, 48);
MW_SIZE_IS(mw_exit, 48);
MW_SIZE_IS(mw_span_key, 24);
MW_SIZE_IS(mw_open_span, 136);
MW_SIZE_IS(mw_open_copy, 56);
MW_SIZE_IS(mw_spending, 40);
MW_SIZE_IS(mw_goroutine, 16);
MW_SIZE_IS(mw_strand, 376);
MW_SIZE_IS(mw_strand_line, 408);
MW_SIZE_IS(mw_function, 17 * 8 + MW_TIME_CLASSES * 8);

#endif
