// SPDX-License-Identifier: GPL-2.0-only
#include "receive/receive.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

/* Of the ring's 4 MiB, which the next look may find full: some hundred stacks. */
#define RECEIVE_MANY 16

struct receiver {
	struct ring_buffer *ring;
	struct ring_buffer *life_ring;
	struct mw_reader *reader;
	unsigned batch;    /* records that may still be handed on */
	uint64_t taken;    /* off the ring so far */
	uint64_t took;     /* of them by the last drain, */
	bool more;         /* which left some */
	uint64_t pause_ns; /* the latest; 0: it sleeps */
	uint64_t empty_ns; /* as long as no drain has found any */
	const struct record_handlers *handlers;
	void *context;
	uint64_t malformed;
};

static size_t record_bytes(uint32_t type)
{
	switch (type) {
	case MW_RECORD_SPAN:
		return sizeof(struct mw_span);
	case MW_RECORD_COPY:
		return sizeof(struct mw_copy);
	case MW_RECORD_FORK:
		return sizeof(struct mw_fork);
	case MW_RECORD_EXEC:
		return sizeof(struct mw_exec);
	case MW_RECORD_EXIT:
		return sizeof(struct mw_exit);
	case MW_RECORD_LOADER:
		return sizeof(struct mw_loader);
	case MW_RECORD_SPENDING:
		return sizeof(struct mw_spending);
	case MW_RECORD_SAMPLE:
		return sizeof(struct mw_sample);
	case MW_RECORD_HOT:
		return sizeof(struct mw_hot);
	case MW_RECORD_PLACE:
		return sizeof(struct mw_risen);
	}
	return 0;
}

/* A sample has its stack behind it. */
static bool size_holds(const struct mw_head *head, size_t bytes)
{
	size_t least = record_bytes(head->type);

	if (!least || head->bytes > bytes)
		return false;
	if (head->type != MW_RECORD_SAMPLE)
		return head->bytes == least;
	return head->bytes >= least && head->bytes - least <= MW_STACK_MOST &&
	       ((const struct mw_sample *)head)->stack_bytes <= head->bytes - least;
}

static bool span_holds(const struct mw_span *span)
{
	return span->function < MW_MAX_FUNCTIONS && span->duration_ns <= span->head.at_ns &&
	       span->copy_ns <= span->head.at_ns && !(span->flags & ~MW_SPAN_FLAGS);
}

/* at_ns is its start. */
static bool copy_holds(const struct mw_copy *copy)
{
	return copy->duration_ns <= UINT64_MAX - copy->head.at_ns;
}

static bool sample_holds(const struct mw_sample *sample)
{
	return sample->kind && sample->kind < MW_SAMPLE_KINDS &&
	       !(sample->flags & ~MW_SAMPLE_FLAGS) && sample->weight_ns <= sample->head.at_ns &&
	       sample->start_ns <= sample->head.at_ns;
}

static bool fields_hold(const struct mw_head *head)
{
	switch (head->type) {
	case MW_RECORD_SPAN:
		return span_holds((const void *)head);
	case MW_RECORD_COPY:
		return copy_holds((const void *)head);
	case MW_RECORD_SAMPLE:
		return sample_holds((const void *)head);
	case MW_RECORD_HOT:
		return ((const struct mw_hot *)head)->caller < MW_CALLERS;
	}
	return true;
}

static void hand_on(struct receiver *receiver, const void *record)
{
	const struct record_handlers *handlers = receiver->handlers;
	void *context = receiver->context;

	switch (((const struct mw_head *)record)->type) {
	case MW_RECORD_SPAN:
		handlers->span(context, record);
		break;
	case MW_RECORD_COPY:
		handlers->copy(context, record);
		break;
	case MW_RECORD_SAMPLE:
		handlers->sample(context, record);
		break;
	case MW_RECORD_FORK:
		handlers->fork(context, record);
		break;
	case MW_RECORD_EXEC:
		handlers->exec(context, record);
		break;
	case MW_RECORD_EXIT:
		handlers->exit(context, record);
		break;
	case MW_RECORD_LOADER:
		handlers->loader(context, record);
		break;
	case MW_RECORD_HOT:
		handlers->hot(context, record);
		break;
	case MW_RECORD_PLACE:
		handlers->place(context, record);
		break;
	case MW_RECORD_SPENDING:
		handlers->spending(context, record);
		break;
	}
}

bool receiver_accept(struct receiver *receiver, const void *record, size_t bytes)
{
	const struct mw_head *head = record;

	if (bytes < sizeof(*head) || !size_holds(head, bytes) || !fields_hold(head)) {
		receiver->malformed++;
		return false;
	}
	hand_on(receiver, record);
	return true;
}

static int on_life_event(void *context, void *record, size_t bytes)
{
	receiver_accept(context, record, bytes);
	return 0;
}

/* libbpf takes the record off the ring before it looks at what this gives. */
static int on_sample(void *context, void *record, size_t bytes)
{
	struct receiver *receiver = context;

	receiver->taken++;
	receiver_accept(receiver, record, bytes);
	return --receiver->batch ? 0 : -EAGAIN;
}

int receiver_new(int ring_map_fd, int life_ring_map_fd, struct mw_reader *reader,
		 const struct record_handlers *handlers, void *context, struct receiver **made)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	int err = 0;

	if (!receiver)
		return -ENOMEM;
	receiver->reader = reader;
	receiver->handlers = handlers;
	receiver->context = context;
	if (ring_map_fd >= 0) {
		receiver->ring = ring_buffer__new(ring_map_fd, on_sample, receiver, NULL);
		err = receiver->ring ? 0 : -errno;
	}
	if (!err && life_ring_map_fd >= 0) {
		receiver->life_ring =
			ring_buffer__new(life_ring_map_fd, on_life_event, receiver, NULL);
		err = receiver->life_ring ? 0 : -errno;
	}
	if (err)
		receiver_free(receiver);
	else
		*made = receiver;
	return err;
}

void receiver_free(struct receiver *receiver)
{
	if (!receiver)
		return;
	ring_buffer__free(receiver->ring);
	ring_buffer__free(receiver->life_ring);
	free(receiver);
}

int receiver_poll_fd(const struct receiver *receiver)
{
	return ring_buffer__epoll_fd(receiver->ring);
}

int receiver_life_poll_fd(const struct receiver *receiver)
{
	return ring_buffer__epoll_fd(receiver->life_ring);
}

void receiver_drain_life(struct receiver *receiver)
{
	ring_buffer__consume(receiver->life_ring);
}

bool receiver_drain(struct receiver *receiver)
{
	uint64_t before = receiver->taken;

	receiver_drain_life(receiver);
	receiver->batch = RECEIVE_BATCH;
	receiver->more = ring_buffer__consume(receiver->ring) == -EAGAIN;
	receiver->took = receiver->taken - before;
	return receiver->more;
}

static uint64_t next_pause_ns(const struct receiver *receiver)
{
	uint64_t pause_ns = 2 * receiver->pause_ns;

	if (!pause_ns || receiver->took >= RECEIVE_MANY)
		return RECEIVE_LOOK_NS;
	return pause_ns < RECEIVE_LOOK_MOST_NS ? pause_ns : RECEIVE_LOOK_MOST_NS;
}

/* Full barriers, as record_submit() in bpf/maps.h has them. */
uint64_t receiver_pause_ns(struct receiver *receiver)
{
	struct mw_reader *reader = receiver->reader;

	if (receiver->more)
		return 0;
	receiver->empty_ns = receiver->took ? 0 : receiver->empty_ns + receiver->pause_ns;
	receiver->pause_ns = next_pause_ns(receiver);
	if (receiver->empty_ns < RECEIVE_AWAKE_NS) {
		__sync_val_compare_and_swap(&reader->state, MW_READER_CALLED, MW_READER_LOOKS);
		return receiver->pause_ns;
	}
	receiver->pause_ns = 0;
	__atomic_exchange_n(&reader->state, MW_READER_SLEEPS, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&reader->records, __ATOMIC_SEQ_CST) == receiver->taken
		       ? RECEIVE_ASLEEP
		       : RECEIVE_LOOK_NS;
}

uint64_t receiver_malformed(const struct receiver *receiver)
{
	return receiver->malformed;
}
