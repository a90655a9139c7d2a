/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where one stall turns into another without a pause: a buffer that is filled and grown in turn
 * copies all the time, now by one function for a while and now by another. Samples wait until it is
 * clear whether that is so, or whether one function calls both by turns.
 */
#ifndef ANALYSE_TURN_H
#define ANALYSE_TURN_H

#include "analyse/stall.h"
#include "base/array.h"

/* With a path of its own, where it has one. */
struct waiting_sample {
	struct sample sample;
	struct call_path path;
};

enum turn_verdict {
	TURN_NONE,   /* the sample belongs to the run, and so does what waited */
	TURN_WAIT,   /* it was put to those that wait */
	TURN_HERE,   /* a run of its own began with the first of those that wait */
	TURN_FAILED, /* memory is out; the sample belongs to the run */
};

/* All zero at first. */
struct turn {
	struct frame copier; /* who called the latest copies */
	uint64_t steady;     /* how many stacks in a row had it; 0: none had any */
	uint64_t changes;    /* of the run, from one to another before that */
	struct frame next_copier;
	uint64_t next_steady;
	ARRAY(struct waiting_sample) waiting;
};

/* After TURN_NONE and TURN_HERE, the caller takes those that wait, and then turn_taken(). */
enum turn_verdict turn_judge(struct turn *turn, const struct sample *sample);
/* turned: the run that goes on is the new one. */
void turn_taken(struct turn *turn, bool turned);
/* Forgets all. */
void turn_release(struct turn *turn);

#endif
