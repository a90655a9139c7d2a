// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "receive/receive.h"

/* A sample without a stack. */
#define RECORD_MOST  sizeof(struct mw_sample)
#define TYPES_BEYOND (MW_RECORD_PLACE + 1)

/* What the handlers were given. */
struct taken {
	unsigned counts[TYPES_BEYOND]; /* by the handler that was called */
	uint8_t last[RECORD_MOST];
	size_t last_bytes;
	size_t stack_bytes; /* of the last sample */
};

static const size_t record_sizes[TYPES_BEYOND] = {
	[MW_RECORD_SPAN] = sizeof(struct mw_span),
	[MW_RECORD_COPY] = sizeof(struct mw_copy),
	[MW_RECORD_FORK] = sizeof(struct mw_fork),
	[MW_RECORD_EXEC] = sizeof(struct mw_exec),
	[MW_RECORD_EXIT] = sizeof(struct mw_exit),
	[MW_RECORD_LOADER] = sizeof(struct mw_loader),
	[MW_RECORD_SPENDING] = sizeof(struct mw_spending),
	[MW_RECORD_SAMPLE] = sizeof(struct mw_sample),
	[MW_RECORD_HOT] = sizeof(struct mw_hot),
	[MW_RECORD_PLACE] = sizeof(struct mw_risen),
};

/* What every handler may rely on. */
static void take(struct taken *taken, enum mw_record_type type, const struct mw_head *head)
{
	assert_int_equal(head->type, type);
	assert_int_equal(head->bytes, record_sizes[type]);
	taken->counts[type]++;
	taken->last_bytes = record_sizes[type];
	memcpy(taken->last, head, record_sizes[type]);
}

static void take_span(void *context, const struct mw_span *span)
{
	assert_true(span->function < MW_MAX_FUNCTIONS);
	assert_true(span->duration_ns <= span->head.at_ns);
	assert_true(span->copy_ns <= span->head.at_ns);
	assert_true(span->flags <= MW_SPAN_FLAGS);
	take(context, MW_RECORD_SPAN, &span->head);
}

static void take_copy(void *context, const struct mw_copy *copy)
{
	assert_true(copy->head.at_ns + copy->duration_ns >= copy->head.at_ns);
	take(context, MW_RECORD_COPY, &copy->head);
}

static void take_fork(void *context, const struct mw_fork *fork)
{
	take(context, MW_RECORD_FORK, &fork->head);
}

static void take_exec(void *context, const struct mw_exec *exec)
{
	take(context, MW_RECORD_EXEC, &exec->head);
}

static void take_exit(void *context, const struct mw_exit *exit)
{
	take(context, MW_RECORD_EXIT, &exit->head);
}

static void take_loader(void *context, const struct mw_loader *loader)
{
	take(context, MW_RECORD_LOADER, &loader->head);
}

static void take_spending(void *context, const struct mw_spending *spending)
{
	take(context, MW_RECORD_SPENDING, &spending->head);
}

static void take_sample(void *context, const struct mw_sample *sample)
{
	assert_true(sample->kind && sample->kind < MW_SAMPLE_KINDS);
	assert_true(sample->flags <= MW_SAMPLE_FLAGS);
	assert_true(sample->stack_bytes <= sample->head.bytes - sizeof(*sample));
	((struct taken *)context)->stack_bytes = sample->stack_bytes;
	((struct taken *)context)->counts[MW_RECORD_SAMPLE]++;
	((struct taken *)context)->last_bytes = sizeof(*sample);
	memcpy(((struct taken *)context)->last, sample, sizeof(*sample));
}

static void take_hot(void *context, const struct mw_hot *hot)
{
	assert_true(hot->caller < MW_CALLERS);
	take(context, MW_RECORD_HOT, &hot->head);
}

static void take_place(void *context, const struct mw_risen *risen)
{
	take(context, MW_RECORD_PLACE, &risen->head);
}

static const struct record_handlers handlers = {
	.span = take_span,
	.copy = take_copy,
	.fork = take_fork,
	.exec = take_exec,
	.exit = take_exit,
	.loader = take_loader,
	.spending = take_spending,
	.sample = take_sample,
	.hot = take_hot,
	.place = take_place,
};

static unsigned taken_in_all(const struct taken *taken)
{
	unsigned sum = 0;

	for (size_t type = 0; type < TYPES_BEYOND; type++)
		sum += taken->counts[type];
	return sum;
}

static struct receiver *new_receiver(struct taken *taken)
{
	struct receiver *receiver = NULL;

	memset(taken, 0, sizeof(*taken));
	assert_int_equal(receiver_new(-1, -1, NULL, &handlers, taken, &receiver), 0);
	assert_non_null(receiver);
	assert_int_equal(receiver_malformed(receiver), 0);
	return receiver;
}

/* From a buffer of just that size, so that ASan sees a byte read too many. */
static bool accept_bytes(struct receiver *receiver, const void *record, size_t bytes)
{
	void *copy = malloc(bytes ? bytes : 1);
	bool accepted;

	assert_non_null(copy);
	memcpy(copy, record, bytes);
	accepted = receiver_accept(receiver, copy, bytes);
	free(copy);
	return accepted;
}

/* A record that holds, of bytes that differ from each other. */
static void make_record(uint8_t record[RECORD_MOST], uint32_t type)
{
	struct mw_span *span = (struct mw_span *)record;
	struct mw_head *head = &span->head;

	for (size_t i = 0; i < RECORD_MOST; i++)
		record[i] = (uint8_t)(i + 1);
	head->type = type;
	head->bytes = type < TYPES_BEYOND ? (uint32_t)record_sizes[type] : sizeof(*head);
	if (type == MW_RECORD_SPAN) {
		span->function = MW_MAX_FUNCTIONS - 1;
		span->duration_ns = head->at_ns;
		span->copy_ns = head->at_ns;
		span->flags = MW_SPAN_FLAGS;
	}
	if (type == MW_RECORD_COPY)
		((struct mw_copy *)record)->duration_ns = UINT64_MAX - head->at_ns;
	if (type == MW_RECORD_SAMPLE) {
		struct mw_sample *sample = (struct mw_sample *)record;

		sample->kind = MW_SAMPLE_KINDS - 1;
		sample->flags = MW_SAMPLE_FLAGS;
		sample->weight_ns = sample->start_ns = head->at_ns;
		sample->stack_bytes = 0;
	}
	if (type == MW_RECORD_HOT)
		((struct mw_hot *)record)->caller = MW_CALLERS - 1;
}

static void hands_each_type_on_whole(void **state)
{
	_Alignas(8) uint8_t record[RECORD_MOST];
	struct taken taken;
	struct receiver *receiver = new_receiver(&taken);

	(void)state;
	for (uint32_t type = MW_RECORD_SPAN; type < TYPES_BEYOND; type++) {
		make_record(record, type);
		assert_true(accept_bytes(receiver, record, record_sizes[type]));
		assert_int_equal(taken.counts[type], 1);
		assert_int_equal(taken_in_all(&taken), type);
		assert_int_equal(taken.last_bytes, record_sizes[type]);
		assert_memory_equal(taken.last, record, record_sizes[type]);
	}
	assert_int_equal(receiver_malformed(receiver), 0);
	receiver_free(receiver);
}

static void refuses_unknown_types(void **state)
{
	static const uint32_t types[] = {0, TYPES_BEYOND, 256 + MW_RECORD_SPAN, UINT32_MAX};
	_Alignas(8) uint8_t record[RECORD_MOST];
	struct taken taken;
	struct receiver *receiver = new_receiver(&taken);
	uint64_t refused = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		make_record(record, types[i]);
		assert_false(accept_bytes(receiver, record, RECORD_MOST));
		assert_int_equal(receiver_malformed(receiver), ++refused);
		/* The size that goes with type 0 may be 0. */
		((struct mw_head *)record)->bytes = 0;
		assert_false(accept_bytes(receiver, record, RECORD_MOST));
		assert_int_equal(receiver_malformed(receiver), ++refused);
	}
	assert_int_equal(taken_in_all(&taken), 0);
	receiver_free(receiver);
}

/* The size that a record states is its type's, whatever there is room for. */
static void refuses_wrong_sizes(void **state)
{
	_Alignas(8) uint8_t record[RECORD_MOST];
	struct taken taken;
	struct receiver *receiver = new_receiver(&taken);
	uint64_t refused = 0;

	(void)state;
	for (uint32_t type = MW_RECORD_SPAN; type < TYPES_BEYOND; type++) {
		const uint32_t right = (uint32_t)record_sizes[type];
		const uint32_t wrong[] = {0,         1,         right - 8, right - 1,
					  right + 1, right + 8, UINT32_MAX};

		make_record(record, type);
		for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
			((struct mw_head *)record)->bytes = wrong[i];
			assert_false(accept_bytes(receiver, record, RECORD_MOST));
			assert_int_equal(receiver_malformed(receiver), ++refused);
		}
	}
	assert_int_equal(taken_in_all(&taken), 0);
	receiver_free(receiver);
}

static void refuses_every_short_buffer(void **state)
{
	_Alignas(8) uint8_t record[RECORD_MOST];
	struct taken taken;
	struct receiver *receiver = new_receiver(&taken);
	uint64_t refused = 0;

	(void)state;
	for (uint32_t type = MW_RECORD_SPAN; type < TYPES_BEYOND; type++) {
		make_record(record, type);
		for (size_t bytes = 0; bytes < record_sizes[type]; bytes++) {
			assert_false(accept_bytes(receiver, record, bytes));
			assert_int_equal(receiver_malformed(receiver), ++refused);
		}
	}
	assert_int_equal(taken_in_all(&taken), 0);
	receiver_free(receiver);
}

static void refuses_spans_that_cannot_be(void **state)
{
	static const uint32_t functions[] = {MW_MAX_FUNCTIONS, MW_MAX_FUNCTIONS + 1, UINT32_MAX};
	_Alignas(8) uint8_t record[RECORD_MOST];
	struct mw_span *span = (struct mw_span *)record;
	struct taken taken;
	struct receiver *receiver = new_receiver(&taken);

	(void)state;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		make_record(record, MW_RECORD_SPAN);
		span->function = functions[i];
		assert_false(accept_bytes(receiver, span, sizeof(*span)));
		assert_int_equal(receiver_malformed(receiver), i + 1);
	}
	/* It would have begun before the machine did. */
	make_record(record, MW_RECORD_SPAN);
	span->duration_ns = span->head.at_ns + 1;
	assert_false(accept_bytes(receiver, span, sizeof(*span)));
	assert_int_equal(receiver_malformed(receiver), 4);
	make_record(record, MW_RECORD_SPAN);
	span->copy_ns = span->head.at_ns + 1;
	assert_false(accept_bytes(receiver, span, sizeof(*span)));
	assert_int_equal(receiver_malformed(receiver), 5);
	make_record(record, MW_RECORD_SPAN);
	span->flags = MW_SPAN_FLAGS + 1;
	assert_false(accept_bytes(receiver, span, sizeof(*span)));
	assert_int_equal(receiver_malformed(receiver), 6);
	assert_int_equal(taken_in_all(&taken), 0);
	/* One bad record does not spoil the next. */
	make_record(record, MW_RECORD_SPAN);
	assert_true(accept_bytes(receiver, span, sizeof(*span)));
	assert_int_equal(taken.counts[MW_RECORD_SPAN], 1);
	assert_int_equal(receiver_malformed(receiver), 6);
	receiver_free(receiver);
}

static void refuses_copies_that_end_after_all_time(void **state)
{
	_Alignas(8) uint8_t record[RECORD_MOST];
	struct mw_copy *copy = (struct mw_copy *)record;
	struct taken taken;
	struct receiver *receiver = new_receiver(&taken);

	(void)state;
	make_record(record, MW_RECORD_COPY);
	copy->duration_ns++;
	assert_false(accept_bytes(receiver, copy, sizeof(*copy)));
	assert_int_equal(receiver_malformed(receiver), 1);
	copy->duration_ns = 0;
	assert_true(accept_bytes(receiver, copy, sizeof(*copy)));
	assert_int_equal(taken.counts[MW_RECORD_COPY], 1);
	receiver_free(receiver);
}

/* A stack goes behind the sample, within the record; the record's own size is not that of a type.
 */
static void takes_samples_with_their_stacks(void **state)
{
	enum { ROOM = MW_STACK_MOST + 8 };
	struct mw_sample *sample = calloc(1, sizeof(*sample) + ROOM);
	struct taken taken;
	struct receiver *receiver = new_receiver(&taken);
	const struct {
		uint32_t room, stack_bytes;
		bool holds;
	} cases[] = {
		{0, 0, true},
		{0, 1, false},
		{MW_STACK_SMALL, MW_STACK_SMALL, true},
		{MW_STACK_SMALL, 3, true},
		{MW_STACK_SMALL, MW_STACK_SMALL + 1, false},
		{MW_STACK_SMALL, UINT32_MAX, false},
		{MW_STACK_MOST, MW_STACK_MOST, true},
		{ROOM, MW_STACK_MOST, false},
	};

	(void)state;
	assert_non_null(sample);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		make_record((uint8_t *)sample, MW_RECORD_SAMPLE);
		sample->head.bytes = (uint32_t)sizeof(*sample) + cases[i].room;
		sample->stack_bytes = cases[i].stack_bytes;
		assert_int_equal(accept_bytes(receiver, sample, sample->head.bytes),
				 cases[i].holds);
		if (cases[i].holds)
			assert_int_equal(taken.stack_bytes, cases[i].stack_bytes);
		/* The ring has less than the record says. */
		if (sample->head.bytes > sizeof(*sample))
			assert_false(accept_bytes(receiver, sample, sample->head.bytes - 1));
	}
	receiver_free(receiver);
	free(sample);
}

static void refuses_samples_that_cannot_be(void **state)
{
	struct mw_sample sample;
	struct taken taken;
	struct receiver *receiver = new_receiver(&taken);
	unsigned refused = 0;

	(void)state;
#define REFUSES(field, value)                                                                      \
	do {                                                                                       \
		make_record((uint8_t *)&sample, MW_RECORD_SAMPLE);                                 \
		sample.field = value;                                                              \
		assert_false(accept_bytes(receiver, &sample, sizeof(sample)));                     \
		assert_int_equal(receiver_malformed(receiver), ++refused);                         \
	} while (0)
	REFUSES(kind, 0);
	REFUSES(kind, MW_SAMPLE_KINDS);
	REFUSES(flags, MW_SAMPLE_FLAGS + 1);
	REFUSES(weight_ns, sample.head.at_ns + 1);
	REFUSES(start_ns, sample.head.at_ns + 1);
#undef REFUSES
	assert_int_equal(taken_in_all(&taken), 0);
	receiver_free(receiver);
}

static void refuses_counters_that_are_not_there(void **state)
{
	_Alignas(8) uint8_t record[RECORD_MOST];
	struct taken taken;
	struct receiver *receiver = new_receiver(&taken);

	(void)state;
	make_record(record, MW_RECORD_HOT);
	((struct mw_hot *)record)->caller = MW_CALLERS;
	assert_false(accept_bytes(receiver, record, sizeof(struct mw_hot)));
	assert_int_equal(taken_in_all(&taken), 0);
	receiver_free(receiver);
}

/* xorshift64: the same bytes each time. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Random throughout, or with some fields near to what they should be, lest all fail at the first.
 */
static size_t make_noise(uint8_t record[RECORD_MOST], uint64_t *seed)
{
	struct mw_span *span = (struct mw_span *)record;
	uint64_t choice = next_random(seed);

	for (size_t i = 0; i < RECORD_MOST; i++)
		record[i] = (uint8_t)(next_random(seed) >> 32);
	if (choice & 1)
		span->head.type = (uint32_t)(next_random(seed) % (TYPES_BEYOND + 1));
	if (choice & 2 && span->head.type < TYPES_BEYOND)
		span->head.bytes = (uint32_t)record_sizes[span->head.type];
	if (choice & 4) {
		span->function = (uint32_t)(next_random(seed) % (2 * MW_MAX_FUNCTIONS));
		span->flags = (uint32_t)(next_random(seed) % (2 * MW_SPAN_FLAGS));
	}
	if (choice & 4 && span->head.type == MW_RECORD_SAMPLE) {
		struct mw_sample *sample = (struct mw_sample *)record;

		sample->kind = (uint32_t)(next_random(seed) % (2 * MW_SAMPLE_KINDS));
		sample->flags = (uint32_t)(next_random(seed) % (2 * MW_SAMPLE_FLAGS));
		sample->stack_bytes = 0;
		sample->weight_ns = sample->start_ns = 0;
	}
	if (choice & 4 && span->head.type == MW_RECORD_HOT)
		((struct mw_hot *)record)->caller =
			(uint32_t)(next_random(seed) % (2 * MW_CALLERS));
	return choice & 8 ? RECORD_MOST : (choice >> 8) % (RECORD_MOST + 1);
}

static void noise_reaches_no_handler(void **state)
{
	enum { ROUNDS = 200000 };
	_Alignas(8) uint8_t record[RECORD_MOST];
	uint64_t seed = 0x6d656d7761746368;
	struct taken taken;
	struct receiver *receiver = new_receiver(&taken);
	unsigned accepted = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t bytes = make_noise(record, &seed);

		accepted += accept_bytes(receiver, record, bytes);
		assert_int_equal(taken_in_all(&taken), accepted);
		assert_int_equal(receiver_malformed(receiver), i + 1 - accepted);
	}
	/* It was not all refused for one reason. */
	for (uint32_t type = MW_RECORD_SPAN; type < TYPES_BEYOND; type++)
		assert_true(taken.counts[type] > 100);
	receiver_free(receiver);
}

/* The ring is read in live tests; here nothing is ever found in it. */
static void looks_ever_more_rarely_before_it_sleeps(void **state)
{
	struct mw_reader reader = {.state = MW_READER_CALLED};
	struct receiver *receiver = NULL;
	uint64_t pause_ns, before_ns = 0, waited_ns = 0;
	struct taken taken;

	(void)state;
	assert_int_equal(receiver_new(-1, -1, &reader, &handlers, &taken, &receiver), 0);
	while ((pause_ns = receiver_pause_ns(receiver)) != RECEIVE_ASLEEP) {
		assert_true(pause_ns >= before_ns && pause_ns <= RECEIVE_LOOK_MOST_NS);
		before_ns = pause_ns;
		waited_ns += pause_ns;
		/* There is no need to wake it, unless there is much. */
		assert_int_equal(reader.state, MW_READER_LOOKS);
		assert_true(waited_ns <= RECEIVE_AWAKE_NS + RECEIVE_LOOK_MOST_NS);
	}
	assert_int_equal(before_ns, RECEIVE_LOOK_MOST_NS);
	assert_true(waited_ns >= RECEIVE_AWAKE_NS);
	/* So the next record wakes it. */
	assert_int_equal(reader.state, MW_READER_SLEEPS);
	receiver_free(receiver);
}

static void sleeps_only_when_all_was_taken(void **state)
{
	struct mw_reader reader = {.state = MW_READER_LOOKS};
	struct receiver *receiver = NULL;
	struct taken taken;
	uint64_t pause_ns;

	(void)state;
	assert_int_equal(receiver_new(-1, -1, &reader, &handlers, &taken, &receiver), 0);
	/* Counted, but its program was preempted before it was complete. */
	reader.records = 1;
	for (uint64_t waited_ns = 0; waited_ns < 4 * RECEIVE_AWAKE_NS; waited_ns += pause_ns) {
		pause_ns = receiver_pause_ns(receiver);
		assert_true(pause_ns <= RECEIVE_LOOK_MOST_NS);
	}
	reader.records = 0;
	assert_true(receiver_pause_ns(receiver) == RECEIVE_ASLEEP);
	receiver_free(receiver);
}

static void freeing_none_is_fine(void **state)
{
	(void)state;
	receiver_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_each_type_on_whole),
		cmocka_unit_test(refuses_unknown_types),
		cmocka_unit_test(refuses_wrong_sizes),
		cmocka_unit_test(refuses_every_short_buffer),
		cmocka_unit_test(refuses_spans_that_cannot_be),
		cmocka_unit_test(refuses_copies_that_end_after_all_time),
		cmocka_unit_test(takes_samples_with_their_stacks),
		cmocka_unit_test(refuses_samples_that_cannot_be),
		cmocka_unit_test(refuses_counters_that_are_not_there),
		cmocka_unit_test(noise_reaches_no_handler),
		cmocka_unit_test(looks_ever_more_rarely_before_it_sleeps),
		cmocka_unit_test(sleeps_only_when_all_was_taken),
		cmocka_unit_test(freeing_none_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
