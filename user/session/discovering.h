/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who defers the work that a stall carries out? From the culprit outward, the entries of the
 * functions on its call path are counted for a while: somewhere calls per stall jump from about 1
 * to many. The last one before that is the flush, and is watched from then on as if --flush had
 * named it.
 */
#ifndef SESSION_DISCOVERING_H
#define SESSION_DISCOVERING_H

#include "analyse/boundary.h"
#include "session/processes.h"
#include "session/spending.h"
#include "session/telling.h"

/* What the counting may cost the target beyond the budget, once in a watch. */
#define DISCOVERING_NS_MOST (100 * NS_PER_MS)

struct discovering_settings {
	bool is_on;
	struct tracer *tracer;
	struct processes *processes;
	struct watchlist *watchlist;
	struct telling *telling;
	struct spending *spending;
	uint64_t quiet_ns; /* as in struct stall_settings */
};

/* A function on the way to the stall, whose entries are counted. */
struct counted_entry {
	struct frame frame;
	struct module *module; /* has it; held by `users` */
	uint64_t vaddr;
	struct link_point point;
	struct probe_link *link; /* NULL: it is not counted any more */
};

/* The culprits that were looked into, or are not to be. */
struct known_culprit {
	const char *module; /* of frames, so equal ones are one string */
	uint64_t function_off;
	const char *name;
};

struct discovering {
	struct discovering_settings settings;
	ARRAY(struct known_culprit) known;
	bool is_spent; /* there is no credit for more */

	/* The one that is looked into; pid 0: none. */
	pid_t pid;
	char comm[COMM_BYTES];
	struct frame culprit;
	bool is_apart;                            /* the latest stack does not have it */
	struct counted_entry entries[MW_CALLERS]; /* from the stall's lasting_frame outward */
	size_t count;
	struct boundary *boundary;
	uint64_t since_ns, look_at_ns;
	uint64_t settled_at_ns;             /* what is known to be hot is not judged before */
	uint64_t spent_before_ns;           /* by all that were looked into before */
	uint64_t seen_at_ns, seen_spent_ns; /* at the last look */
	uint64_t removal_ns;                /* what the removal of a probe may cost, by then */
	int watched;                        /* which entry bears spans; -1: none */
};

void discovering_init(struct discovering *discovering, const struct discovering_settings *settings);
void discovering_release(struct discovering *discovering);

/* The sample has just been told of. */
void discovering_on_sample(struct discovering *discovering, const struct sample *sample);
void discovering_on_hot(struct discovering *discovering, const struct mw_hot *hot);
/* The process ended, or runs another program. */
void discovering_on_process_end(struct discovering *discovering, pid_t pid);

/* Does what is due. Gives when (monotonic) something is next; 0: nothing is. */
uint64_t discovering_work(struct discovering *discovering);

/*
 * Before the summary, and before the processes go: tells of what is under way as far as it came,
 * and begins nothing any more.
 */
void discovering_close(struct discovering *discovering);

#endif
