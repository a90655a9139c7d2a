/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The watched processes: those named or launched, and their descendants. Life events mark what
 * has to be done; processes_work() does it, one process at a time, and takes in new life events in
 * between, so that a child which has already called exec (or ended) is not planned for what it was.
 */
#ifndef SESSION_PROCESSES_H
#define SESSION_PROCESSES_H

#include "analyse/result.h"
#include "session/in_force.h"

struct process;

/* Told of each process once its probes are live, or once it is clear that they never will be. */
typedef void (*child_fn)(void *context, const struct child_report *child);

/* Told of what code each process has, before its probes are live. */
typedef void (*code_fn)(void *context, pid_t pid, uint64_t since_ns,
			const struct process_plan *plan);

struct processes {
	struct tracer *tracer;
	struct modules modules;
	struct watchlist *watchlist;
	struct gate_settings gates;
	enum function_watch watch[MW_MAX_FUNCTIONS]; /* of each watched function, everywhere */
	child_fn on_child;
	code_fn on_code;
	void (*take_life_events)(void *context); /* reads what is there and tells it to the below */
	void *context;
	ARRAY(struct process *) all; /* in the order of their pids */
	pid_t session_pid; /* the one whose copies may have return probes: see LINK_SESSION */
	size_t seen, watched;
	uint64_t gate_bytes; /* as in struct run_summary, where the gates are not fixed */
	uint64_t worst_unwatched_ns;
	uint64_t ended_cpu_ns;          /* of those that ended, while they were watched */
	uint64_t ended_copies_spent_ns; /* process_spending.copies_spent_ns of those */
};

enum process_event {
	EVENT_LAUNCH,
	EVENT_ATTACH,
	EVENT_FORK,
	EVENT_EXEC,
	EVENT_LIBRARY, /* one was loaded */
	EVENT_REPLAN,  /* its program is what it was, but must be watched in another way */
};

/* since_ns: from when on it runs unwatched. The links come with processes_work(). */
int processes_add(struct processes *processes, pid_t pid, enum process_event event,
		  uint64_t since_ns);

void processes_on_fork(struct processes *processes, const struct mw_fork *fork);
void processes_on_exec(struct processes *processes, const struct mw_exec *exec);
void processes_on_exit(struct processes *processes, const struct mw_exit *exit);
void processes_on_loader(struct processes *processes, const struct mw_loader *loader);
/* For an end that no record told of: a process that had ended before it was followed. */
void processes_drop(struct processes *processes, pid_t pid);

/*
 * Puts the probes that are due. Gives the time (monotonic) of the next try where a process's
 * loader is still at work; 0 where nothing is due.
 */
uint64_t processes_work(struct processes *processes);

/*
 * A held process whose slots are not filled in: true until it was run on far enough. Looks at it
 * again, and puts its probes as soon as it can.
 */
bool processes_held_is_early(struct processes *processes, pid_t pid);

/* A launched process that was held runs from now on. */
void processes_let_go(struct processes *processes, pid_t pid);

/* True where no process is watched, and none is going to be. */
bool processes_hopeless(const struct processes *processes);

/* The watch ends: tells of each whose probes never came to be. */
void processes_give_up_due(struct processes *processes);

/* What the budget knows of one process whose probes are live. */
struct process_spending {
	pid_t pid, parent_pid; /* 0: it was not forked by one that is watched */
	char comm[COMM_BYTES];
	uint64_t copies_spent_ns; /* by the hits of its copies so far, whatever program it runs */
	enum gate_level level;    /* in force */
	enum gate_level lowest;   /* where it began */
	bool is_movable;          /* a level above is of use: it has copy routines, not fixed */
	uint64_t gate_bytes[GATE_LEVELS]; /* from which size on each level counts; MW_NO_GATE */
};
typedef ARRAY(struct process_spending) process_spendings;

/* Appends one for each live process, in the order of their pids. 0 or -ENOMEM. */
int processes_spending(const struct processes *processes, process_spendings *spendings);

/*
 * Moves a process's copies to another level; its children whose probes are not live yet go along
 * where that is up. 0, -ESRCH, or why the links could not be made.
 */
int processes_set_gate_level(struct processes *processes, pid_t pid, enum gate_level level);

/*
 * From now on a watched function is timed no more, in any process: its calls are counted, or not
 * even that. Calls that are open in the same file, of others too, are not seen to end. 0, or the
 * first negative errno, while the other processes have it.
 */
int processes_throttle_function(struct processes *processes, unsigned function,
				enum function_watch watch);

/*
 * Looks whether the thresholds that the gates' proofs rest on still hold what they did; has
 * processes_work() plan a process anew where they do not. glibc sets them before main() at the
 * latest (2.31 in a constructor of libc's), so it is worth a look some 100 ms after a process
 * began, and seldom afterwards.
 */
void processes_check_constants(struct processes *processes);

/* CPU time of all of them since each was first watched. */
uint64_t processes_cpu_ns(const struct processes *processes);

/* Hands every link to the tracer to be removed, and frees all. */
void processes_release(struct processes *processes);

#endif
