/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which function defers the work, and which carries it out: of the functions on the way to a stall,
 * from the culprit outward, the calls are counted, and somewhere calls per stall jump from about 1
 * to many. What is called often within a stall copies piece by piece; what is called often between
 * two of them is the one that defers. Pure.
 */
#ifndef ANALYSE_BOUNDARY_H
#define ANALYSE_BOUNDARY_H

#include "analyse/stall.h"

/*
 * Whether the stall, so far, shows so clearly whose it is that the calls around it are worth their
 * cost, which can be paid once: it is long, and in copies nearly all the time.
 */
bool boundary_is_worth_it(const struct stall *stall);

struct boundary_settings {
	size_t functions; /* that are counted, outward from the innermost (0); at most MW_CALLERS */
	uint64_t quiet_ns;      /* as in struct stall_settings */
	uint64_t samples_least; /* of a stall: one of fewer may be chance */
	uint64_t since_ns;      /* from when on they are counted */
	pid_t pid;
};

/* So many calls a stall are about one. */
#define BOUNDARY_ONCE_MOST 3

enum boundary_state {
	BOUNDARY_OPEN, /* more has to be seen */
	/* The caller, with a flush unless it flushes by itself; or a flush alone, where all that
	 * are counted are called about once. What is seen later may still change it. */
	BOUNDARY_KNOWN,
	BOUNDARY_NONE, /* it was looked at long enough: neither is among them */
};

enum period_kind { PERIOD_UNKNOWN, PERIOD_CONSTANT, PERIOD_IRREGULAR };

struct boundary_verdict {
	enum boundary_state state;
	int flush;       /* the outermost that is called about once a stall; -1: none */
	int caller;      /* the first that is called often between stalls; -1: none so far */
	uint64_t stalls; /* distances from one's beginning to the next one's that were counted */
	uint64_t calls_per_stall[MW_CALLERS]; /* medians, of one stall's beginning to the next one's
					       */
	uint64_t calls_within[MW_CALLERS]; /* those of them while it copied, as far as is known */
	/* All distances agree within 1 %; a single one does where `stalls` is 1. */
	enum period_kind period_kind;
	uint64_t period_calls; /* of the caller; 0: no constant, or not known */
};

struct boundary;
struct boundary *boundary_new(const struct boundary_settings *settings); /* NULL: no memory */
void boundary_free(struct boundary *boundary);

/*
 * Every sample in a copy of that process, in order for each strand, those of watched calls too. 0
 * or -ENOMEM.
 */
int boundary_add(struct boundary *boundary, const struct sample *sample);
/*
 * The kernel tells: it was called many times while its strand copied nothing. Of functions that
 * call each other, the outer ones are told of first, at one moment: all records that are there are
 * to be taken in before it is judged.
 */
void boundary_hot(struct boundary *boundary, unsigned function);
/* Its calls are counted no more from at_ns on: it was too dear, or it is of no use. */
void boundary_uncount(struct boundary *boundary, unsigned function, uint64_t at_ns);

/* Takes some 100 us where many stalls were seen: for the first sample of each, not for all. */
struct boundary_verdict boundary_judge(const struct boundary *boundary);

#endif
