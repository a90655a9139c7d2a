/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's side of the data: records out of the ring buffer, counters out of maps. Each
 * record's size and type is checked before anyone sees it; what fails is counted, not passed on.
 */
#ifndef RECEIVE_RECEIVE_H
#define RECEIVE_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "bpf/event.h"

/* Called with each record in the order of the ring; a record lives for the call alone. */
struct record_handlers {
	void (*span)(void *context, const struct mw_span *span);
	/* A copy that was timed is told of at its end, so later than others that began after it. */
	void (*copy)(void *context, const struct mw_copy *copy);
	/* Of a span or a copy, it comes just before that. */
	void (*sample)(void *context, const struct mw_sample *sample);
	void (*fork)(void *context, const struct mw_fork *fork);
	void (*exec)(void *context, const struct mw_exec *exec);
	void (*exit)(void *context, const struct mw_exit *exit);
	void (*loader)(void *context, const struct mw_loader *loader);
	void (*spending)(void *context, const struct mw_spending *spending);
	void (*hot)(void *context, const struct mw_hot *hot);
	void (*place)(void *context, const struct mw_risen *risen);
};

struct receiver;

/*
 * handlers and context are kept; the maps' descriptors stay the caller's, and so does what it
 * shares with the programs (bpf/event.h). -1 for both: a receiver for tests, which has no ring; its
 * reader may be NULL.
 */
int receiver_new(int ring_map_fd, int life_ring_map_fd, struct mw_reader *reader,
		 const struct record_handlers *handlers, void *context, struct receiver **receiver);
void receiver_free(struct receiver *receiver);

/* Readable when records wait: the first only once the reader sleeps (receiver_pause_ns()). */
int receiver_poll_fd(const struct receiver *receiver);
int receiver_life_poll_fd(const struct receiver *receiver);

/* Hands on every life event that is there. */
void receiver_drain_life(struct receiver *receiver);

/*
 * Hands on every life event, then at most RECEIVE_BATCH spans and copies, so that a target which
 * fills the ring as fast as it is read leaves time for all else, looks at what it costs above all:
 * up to 15 us each, where all of them are printed. True where more may be there.
 */
#define RECEIVE_BATCH 256
bool receiver_drain(struct receiver *receiver);

/*
 * After receiver_drain(): how long the caller may wait before it drains again, in ns. 0: more is
 * there. RECEIVE_ASLEEP: until the descriptor becomes readable, as nothing is on its way and the
 * next record will wake whoever waits for it. That is an interrupt, which in a VM leaves the guest:
 * so those that come now and then are looked for instead, the less
 * often the fewer there are, until none has come for RECEIVE_AWAKE_NS.
 */
#define RECEIVE_LOOK_NS      (4 * 1000000ULL)
#define RECEIVE_LOOK_MOST_NS (32 * 1000000ULL)
#define RECEIVE_AWAKE_NS     (500 * 1000000ULL)
#define RECEIVE_ASLEEP       UINT64_MAX
uint64_t receiver_pause_ns(struct receiver *receiver);

/*
 * Checks one record of `bytes` bytes and hands it on; false where it is none of ours (then it is
 * counted). receiver_drain() does this with each; on its own it is for tests.
 */
bool receiver_accept(struct receiver *receiver, const void *record, size_t bytes);

/* Records that failed the checks. */
uint64_t receiver_malformed(const struct receiver *receiver);

/* ---- counters (receive/counters.c); 0 or negative errno ---- */

/* functions: room for MW_MAX_FUNCTIONS. */
int counters_read_functions(int functions_map_fd, struct mw_function *functions, size_t count);

/* The target's totals, summed over the CPUs. */
int counters_read_totals(int totals_map_fd, struct mw_totals *totals);

struct open_span {
	struct mw_span_key key;
	struct mw_open_span span;
};
typedef ARRAY(struct open_span) open_span_list;

/* Calls that are still in the table: open ones, and those left without an end. Counting has
 * stopped. */
int counters_read_open_spans(int open_spans_map_fd, open_span_list *spans);

typedef ARRAY(struct mw_strand_line) strand_line_list;
/* Appends the running totals of every thread that ever hit a probe and still lives. */
int counters_read_threads(int thread_lines_link_fd, strand_line_list *strands);
/* The same of goroutines, which have no tid and no comm. Counting has stopped. */
int counters_read_goroutines(int goroutines_map_fd, strand_line_list *strands);

#endif
