/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The overhead budget: one bucket of credit for all that is watched. Pure: told what the probes
 * have cost and how long the target ran, it says who has to cost less and who may cost more again.
 */
#ifndef SESSION_BUDGET_H
#define SESSION_BUDGET_H

#include "session/processes.h"

/* What the bucket begins with, and the most that it holds. */
#define BUDGET_CREDIT_NS (200 * NS_PER_MS)

struct budget_settings {
	double pct;            /* of the target's CPU time */
	unsigned cpus;         /* on which it may run at once */
	bool copies_are_fixed; /* --gate N: they are not charged and not throttled */
	bool times_functions;  /* a stay on a level is of use once a flush was counted whole */
};

/* What is looked at every time. All sums are of the whole watch so far. */
struct budget_figures {
	uint64_t at_ns;  /* monotonic */
	uint64_t cpu_ns; /* of the target */
	const process_spendings *processes;
	uint64_t ended_spent_ns;   /* by copies of processes that have ended */
	uint64_t retired_spent_ns; /* by probes that were being removed */
	const uint64_t *function_spent_ns;
	size_t function_count; /* at most MW_MAX_FUNCTIONS */
};

/* What is looked at only when it may come to a move, likewise sums so far. */
struct budget_evidence {
	uint64_t copies_by_class[MW_SIZE_CLASSES];
	uint64_t whole_calls; /* of all functions: mw_function.whole_calls */
};

/* Where one consumer has to go. */
struct budget_move {
	pid_t pid; /* whose copies; 0: a function's calls */
	unsigned function;
	enum gate_level from_level, to_level;
	enum function_watch from_watch, to_watch;
	bool is_raised;     /* it costs less from now on; else there is room again */
	uint64_t spent_ns;  /* by this consumer since its move before, or the credit was full ... */
	uint64_t during_ns; /* ... in so much CPU time of the target */
};
#define BUDGET_MOVES_MOST 8

/* The copies of one process. */
struct budget_process {
	pid_t pid, parent_pid;
	enum gate_level level, lowest;
	bool is_movable;
	uint64_t gate_bytes[GATE_LEVELS];
	uint64_t spent_ns;  /* so far */
	uint64_t recent_ns; /* between the latest two looks */
	/* Since its latest move, or since it was first seen: */
	uint64_t stay_since_ns, stay_spent_ns, stay_cpu_ns, stay_whole_calls;
	bool has_moved;
	/* The links that it had before it was raised are gone by settled_at_ns. */
	uint64_t settled_at_ns;
	double new_rate;  /* of spending, as predicted */
	double peak_rate; /* the highest seen on this level: what a burst costs */
	/* Levels below are not tried again until then: they brought nothing, so often in a row. */
	enum gate_level floor;
	uint64_t floor_until_ns;
	unsigned fruitless;
};

struct budget_function {
	enum function_watch watch;
	uint64_t spent_ns, recent_ns;
	uint64_t stay_spent_ns, stay_cpu_ns;
	uint64_t settled_at_ns;
	double new_rate;
};

struct budget {
	struct budget_settings settings;
	double balance_ns;                         /* may be a debt */
	uint64_t at_ns, cpu_ns;                    /* of the latest look */
	uint64_t interval_ns;                      /* between the latest two */
	uint64_t late_look_ns;                     /* the longest of late, while it was spent */
	uint64_t spent_ns;                         /* in that interval, by all */
	double income;                             /* in that interval, in ns per ns */
	uint64_t ended_spent_ns, retired_spent_ns; /* so far */
	uint64_t ended_recent_ns;                  /* in that interval, and not charged before */
	ARRAY(struct budget_process) processes;    /* in the order of their pids */
	struct budget_function functions[MW_MAX_FUNCTIONS];
	size_t function_count;
	/* As of the latest evidence, and what it grew by. */
	uint64_t copies_by_class[MW_SIZE_CLASSES], recent_copies[MW_SIZE_CLASSES];
	uint64_t whole_calls;
};

/* at_ns: now. budget_release() frees what it comes to hold. */
void budget_init(struct budget *budget, const struct budget_settings *settings, uint64_t at_ns);
void budget_release(struct budget *budget);

/*
 * Books what was spent and earned since the look before. True where it may come to a move:
 * budget_decide() is to be asked, with the evidence as it is now.
 */
bool budget_look(struct budget *budget, const struct budget_figures *figures);

/* Gives how many of the moves are to be made, the most urgent first. */
size_t budget_decide(struct budget *budget, const struct budget_evidence *evidence,
		     struct budget_move moves[BUDGET_MOVES_MOST]);

/*
 * The moves were made, at_ns is now: until then the former probes counted, and from now on they
 * are being removed. Beside a busy target that may be later than was to be expected.
 */
void budget_moved(struct budget *budget, uint64_t at_ns);

/*
 * How long until the next look; 0: none is needed before something is spent. Where the latest look
 * saw nothing spent (spent_ns), one is due in any case with the next hit.
 */
uint64_t budget_pause_ns(const struct budget *budget);

#endif
