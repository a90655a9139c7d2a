/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From what is seen to what is reported: frames are found, stalls grouped, and the reports told. It
 * is one way for what happens now and for what comes out of a recording, so both say the same.
 */
#ifndef SESSION_TELLING_H
#define SESSION_TELLING_H

#include "analyse/run_end.h"
#include "analyse/stall.h"
#include "analyse/summary.h"
#include "choose/watchlist.h"
#include "record/writer.h"
#include "session/outputs.h"
#include "stack/stack.h"

struct telling;

struct telling_settings {
	struct outputs *outputs;
	struct recording_writer *recording; /* told all of it first; NULL: nothing is recorded */
	const struct watchlist *watchlist;  /* what indices of functions and routines stand for */
	uint64_t sample_period_ns;          /* 0: nothing is sampled */
	uint64_t quiet_ns;                  /* as in struct stall_settings */
	uint64_t min_time_ns;
	/* Calls telling_code() anew with what a process has mapped now; NULL: nobody can tell. */
	void (*renew_code)(void *context, pid_t pid);
	void *context;
	bool is_replayed; /* long ago, or elsewhere: no process of these pids runs any more */
};

/* NULL where memory is out. */
struct telling *telling_new(const struct telling_settings *settings);
void telling_free(struct telling *telling);

void telling_header(struct telling *telling, const struct run_header *header);
void telling_child(struct telling *telling, const struct child_report *child);
void telling_budget(struct telling *telling, const struct budget_step *step);
void telling_discovery(struct telling *telling, const struct discovery *discovery);

/* What the process has mapped as code from since_ns on. */
void telling_code(struct telling *telling, pid_t pid, uint64_t since_ns,
		  const struct stack_mapping *mappings, size_t count);
/* A name of its code that is in no file, where a recording knows it. */
void telling_jitted(struct telling *telling, pid_t pid, const struct jitted_code *code);
void telling_process_end(struct telling *telling, pid_t pid, uint64_t now_ns);

/*
 * A sample of a span or a copy comes just before that. Gives what became of one of the clock's;
 * NULL: it was another, or memory is out. It lives until the next call.
 */
const struct sample *telling_sample(struct telling *telling, const struct mw_sample *record);
/* flush and copy get the names and the stack that belong to them. */
void telling_flush(struct telling *telling, unsigned function, struct flush *flush);
void telling_copy(struct telling *telling, unsigned routine, struct large_copy *copy);

/* Nothing came up to now_ns but what was told: stalls may be over. */
void telling_advance(struct telling *telling, uint64_t now_ns);

/* What is known so far, for those who act on it. */
const struct stalls *telling_stalls(const struct telling *telling);
struct stacks *telling_stacks(const struct telling *telling);

/* A status line. */
void telling_live(struct telling *telling, const struct run_end *so_far);
/* The summary. 0 or -ENOMEM. */
int telling_end(struct telling *telling, const struct run_end *end);

#endif
