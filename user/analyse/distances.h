/* SPDX-License-Identifier: GPL-2.0-only */
/* How many calls of each counted function lie between the beginnings of successive stalls. */
#ifndef ANALYSE_DISTANCES_H
#define ANALYSE_DISTANCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/array.h"
#include "bpf/event.h"

/* So many stalls are kept, the latest. */
#define MARKS_MOST 128

/* A stall of one strand, by the counters' values at its first and last sample. */
struct mark {
	pid_t tid;
	uint64_t goroutine_addr; /* of its strand; 0: the thread is */
	uint64_t first_ns;       /* of its samples, since calls are counted */
	uint64_t last_ns;
	uint64_t last_ticks, last_sleeps; /* as in that sample */
	uint64_t samples;
	uint64_t begin[MW_CALLERS];
	uint64_t end[MW_CALLERS];
};

typedef ARRAY(struct mark) mark_list;

struct counting {
	mark_list marks; /* in the order in which they began */
	size_t functions;
	uint64_t samples_least;        /* as in struct boundary_settings */
	uint64_t until_ns[MW_CALLERS]; /* their calls were counted; UINT64_MAX: they are */
};

/* What is one call of some function, and so one stall: the scheduler may have parted it. */
struct group {
	struct mark mark;            /* of all of them */
	const struct group *earlier; /* of the same strand; NULL: none */
};

struct groups {
	const struct counting *counting;
	size_t base; /* the function whose calls part them */
	struct group items[MARKS_MOST];
	size_t count;
	size_t distances; /* how many have an earlier one */
	size_t parts;     /* stalls that belong to the one before */
	size_t left_out;  /* other functions' */
};

/*
 * Parts the stalls by calls of the function `base`: one before which it was not called again
 * belongs to the one before; or to another function's copies, and is left out, where those further
 * out were. Where it is counted no more, those part the stalls.
 */
void groups_build(struct groups *groups, const struct counting *counting, size_t base);

/* Values of one function, in groups. */
struct values {
	uint64_t items[MARKS_MOST];
	size_t count;
};

/*
 * From the beginning of each to that of the next. Of a stall that was under way when the counting
 * began, it is where that did: of functions that are not called while it copies, that is the same.
 */
void groups_distances(const struct groups *groups, size_t function, struct values *values);

/* As far as that was counted, from a group's beginning to the next one's. */
bool group_distance(const struct groups *groups, const struct group *group, size_t function,
		    uint64_t *calls);

/*
 * From the first sample of each to its last. is_scaled: to what its whole time is likely to have:
 * before the first sample and behind the last there is about one more period, and a single sample
 * tells nothing.
 */
void groups_withins(const struct groups *groups, size_t function, bool is_scaled,
		    struct values *values);

/* Of an even number the upper of the middle two; 0 of none. These sort them. */
uint64_t values_median(struct values *values);
uint64_t values_largest(struct values *values);
uint64_t values_least(struct values *values);

#endif
