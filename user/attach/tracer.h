/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF programs in the kernel, and the links that put them on probe points. It carries out
 * plans and chooses nothing but the kind of link: uprobe_multi where the kernel has one that
 * works (one link for all points of a file and process), else a perf event for each point.
 */
#ifndef ATTACH_TRACER_H
#define ATTACH_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tracer;

enum link_kind {
	LINKS_AUTO,  /* what the kernel has */
	LINKS_MULTI, /* uprobe_multi (kernel 6.6) */
	LINKS_PLAIN, /* perf events */
};

struct tracer_settings {
	uint64_t min_bytes;
	uint64_t min_time_ns;
	bool follow;
	enum link_kind links;
	bool time_copies;          /* LINK_SESSION is wanted */
	uint64_t sample_period_ns; /* of the sampler's clock; 0: there is none */
	uint64_t quiet_ns;         /* a thread that was found in no copy for so long has left it */
};

/*
 * Loads the programs, finds out which links work by trying, and starts to follow processes; no
 * target is touched yet. What went wrong is logged. Errors: -EPERM (capabilities, or the kernel
 * forbids uprobes), -EOPNOTSUPP (no BTF, no uprobes, links asked for do not exist or, for
 * time_copies, may kill), -errno.
 */
int tracer_open(const struct tracer_settings *settings, struct tracer **tracer);
/* Removes every program. Links must have been freed. */
void tracer_close(struct tracer *tracer);

enum link_kind tracer_link_kind(const struct tracer *tracer);

/* What receive/ reads from; it belongs to the tracer. */
struct tracer_outlets {
	int ring_map_fd;
	struct mw_reader *reader; /* of that ring; the programs write it as well */
	int life_ring_map_fd;
	int functions_map_fd;
	int totals_map_fd;
	int open_spans_map_fd;
	int goroutines_map_fd;
	int thread_lines_link_fd; /* an iterator's link; -1 where the kernel refused it */
};
struct tracer_outlets tracer_outlets(const struct tracer *tracer);

/* The process's life events and those of its descendants travel from now on. */
int tracer_follow_process(struct tracer *tracer, pid_t pid);

/*
 * Every program returns at once from now on: what is read afterwards no longer moves. Waits for the
 * costs to be measured.
 */
void tracer_stop_counting(struct tracer *tracer);

/*
 * What one hit costs the target here. A thread measures it on memwatch's own code, some 5 ms from
 * tracer_open() on: until then these are a VM's typical ones.
 */
struct tracer_costs {
	uint64_t cheap_ns;
	uint64_t stepped_ns;
	uint64_t return_ns; /* what a return probe adds to a hit; to be used where there are some */
	uint64_t tick_ns;   /* of the sampler's clock */
	uint64_t switch_ns; /* of it where it is the threads', when one gives way to another */
};
struct tracer_costs tracer_costs(const struct tracer *tracer);
void tracer_await_costs(struct tracer *tracer); /* until they are this machine's: some 30 ms */

/*
 * The same for who watches nothing: loads the programs, measures and removes them again, in some
 * 100 ms. Says nothing where the kernel refuses: 0 or negative errno, and no costs then.
 */
int tracer_measure(enum link_kind links, struct tracer_costs *costs);

/* ---- gates and what they cost ---- */

/*
 * From which size on the process's copies are counted from now on (MW_NO_GATE: none), and whether
 * the budget holds that above where it began: spans tell by it what is known of their bytes. 0 or
 * negative errno.
 */
int tracer_set_gate(struct tracer *tracer, pid_t pid, uint64_t gate_bytes, bool is_raised);
/* The process's gate as it is now. False where it is not watched, or not any more. */
struct mw_watched;
bool tracer_read_gate(const struct tracer *tracer, pid_t pid, struct mw_watched *gate);

/*
 * True where LINK_SESSION was wanted and works: tracer_open() fails where it was and does not.
 *
 * The program says for each hit whether the kernel shall set a return probe. But it only runs in
 * the process that its link is for, and where it does not run Linux (6.13 to 6.18 at least) sets
 * one: each of two processes that have a session on one instruction, and each child that was forked
 * from one, gets return probes on all its copies that pass it, also on one inside another, from a
 * signal handler. So only one process at a time may have sessions, and it should lose them (by
 * probe_link_swap()) when it forks.
 */
bool tracer_has_sessions(const struct tracer *tracer);

/* What the hits of a function's entry and ends have cost all processes so far. */
uint64_t tracer_function_spent_ns(const struct tracer *tracer, unsigned function);

/* What the hits of links that were retired cost on their way out; none of them counts otherwise. */
uint64_t tracer_retired_spent_ns(const struct tracer *tracer);

/* The next hit that is charged to the budget makes a MW_RECORD_SPENDING of the life ring. */
void tracer_tell_next_hit(struct tracer *tracer);

/* ---- the sampler ---- */

/*
 * Its clock ticks in all threads of the process from now on, and in all that these start; -ENOTSUP
 * where the tracer has none.
 */
int tracer_sample(struct tracer *tracer, pid_t pid);

/* Its clock is the CPUs', or the threads' of processes that are to be sampled anew then. */
int tracer_sample_cpus(struct tracer *tracer);
void tracer_sample_threads(struct tracer *tracer);

/*
 * Where the process does its copies: what the clock finds there is told of. In the order of their
 * addresses, none within another; what is past MW_CODE_RANGES is left out. 0 or negative errno.
 */
struct mw_code_range;
int tracer_set_code(struct tracer *tracer, pid_t pid, const struct mw_code_range *ranges,
		    size_t count);

/* Calls of MW_POINT_CALLER: what they have cost, and those that were told of as hot no more. */
uint64_t tracer_callers_spent_ns(const struct tracer *tracer);
void tracer_reset_hot(struct tracer *tracer);

/* ---- links ---- */

/* One point as the kernel takes it. An offset may stand twice, with two cookies. */
struct link_point {
	uint64_t file_off;
	uint64_t cookie;
};

struct probe_link;

enum link_end {
	LINK_ENTRY,   /* hits alone */
	LINK_SESSION, /* the return of each large copy as well, by a return probe of the kernel's */
	LINK_ENDS,
};

/* Copies of at least so many bytes are timed, where links of that kind see their ends; 0: none. */
void tracer_time_copies_from(struct tracer *tracer, enum link_end end, uint64_t bytes);

struct link_settings {
	const char *path; /* opens the file */
	pid_t pid;        /* the process, with all its threads */
	const struct link_point *points;
	size_t count;
	uint64_t gate_bytes; /* smaller copies are not counted; 0: all are */
	enum link_end end;
};

/*
 * Puts the points on the file. The link survives exec, not fork. 0 or negative errno: -ESRCH (the
 * process is gone), -ENOTSUP (an instruction that the kernel refuses), -EBUSY (a session, and
 * another process's is still there), ...; then nothing is attached. What it sees does not count
 * until probe_link_swap(): that makes the new link count and the old one (NULL: none) not any more,
 * and retires the old one.
 */
int probe_link_prepare(struct tracer *tracer, const struct link_settings *settings,
		       struct probe_link **link);
void probe_link_swap(struct tracer *tracer, struct probe_link *old, struct probe_link *link);

/* What the hits of its copies have cost its process so far. */
uint64_t probe_link_spent_ns(const struct tracer *tracer, const struct probe_link *link);

/*
 * What the link's probes see from now on does not count. Hands it to threads that remove it, since
 * the kernel takes 24 to 54 ms for a multi link and 100 ms for each point of a plain one.
 */
void probe_link_retire(struct tracer *tracer, struct probe_link *link);

/* False for the number (mw_open_span.link) of a link that was retired. */
bool probe_link_is_live(const struct tracer *tracer, uint32_t number);

/* How many links and points are still to be removed, after waiting for at most wait_ms. */
size_t tracer_retiring(struct tracer *tracer, unsigned wait_ms);

#endif
