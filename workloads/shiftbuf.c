// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue kept at the start of its storage: to consume the first message moves all the others
 * down, so that each message costs as much as the backlog is long.
 *
 * Messages are made in place. The shifts are the only copies.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "truth.h"

#define NUMBER_MAX (1ULL << 40)

struct settings {
	uint64_t messages;
	uint64_t message_bytes;
	uint64_t backlog;
	uint64_t pause_ns;
	const char *truth_path;
	bool wait;
};

struct queue {
	char *data;
	size_t message_bytes;
	size_t used_bytes;
	uint64_t produced;
	uint64_t consumed;
	struct truth truth;
	int tid;
};

/* A message is its own number, over and over; a prime keeps neighbours and pages apart. */
static char message_byte(uint64_t number)
{
	return (char)(number % 251);
}

static void produce(struct queue *queue)
{
	queue->produced++;
	memset(queue->data + queue->used_bytes, message_byte(queue->produced),
	       queue->message_bytes);
	queue->used_bytes += queue->message_bytes;
}

static bool front_is_next(const struct queue *queue)
{
	char expected = message_byte(queue->consumed + 1);

	return queue->data[0] == expected && queue->data[queue->message_bytes - 1] == expected;
}

/* Source and destination overlap while more than two messages are held. */
__attribute__((noinline)) void consume_front(struct queue *queue)
{
	struct truth_record record = {
		.start_ns = monotonic_ns(),
		.bytes = queue->used_bytes - queue->message_bytes,
		.copies = 1,
		.write_index = ++queue->consumed,
		.tid = queue->tid,
	};

	queue->used_bytes = record.bytes;
	memmove(queue->data, queue->data + queue->message_bytes, queue->used_bytes);

	record.duration_ns = monotonic_ns() - record.start_ns;
	truth_add(&queue->truth, record);
}

static bool prepare(struct queue *queue, const struct settings *settings)
{
	size_t storage_bytes;

	/* One more than the backlog: a message arrives before the first one leaves. */
	if (__builtin_mul_overflow(settings->backlog + 1, settings->message_bytes, &storage_bytes))
		return false;
	queue->message_bytes = settings->message_bytes;
	queue->tid = gettid();
	queue->data = malloc(storage_bytes);
	if (!queue->data || truth_init(&queue->truth, settings->messages))
		return false;
	for (uint64_t i = 0; i < settings->backlog; i++)
		produce(queue);
	return true;
}

static bool pass_messages(struct queue *queue, const struct settings *settings)
{
	for (uint64_t i = 0; i < settings->messages; i++) {
		produce(queue);
		if (!front_is_next(queue))
			return false;
		consume_front(queue);
		pause_for(settings->pause_ns);
	}
	return front_is_next(queue) &&
	       queue->used_bytes == settings->backlog * settings->message_bytes;
}

static bool read_settings(int argc, char **argv, struct settings *settings, int *exit_status)
{
	const struct argument table[] = {
		{"messages", ARGUMENT_COUNT, &settings->messages, 1, NUMBER_MAX,
		 .help = "messages to consume (1000)"},
		{"message", ARGUMENT_BYTES, &settings->message_bytes, 1, NUMBER_MAX,
		 .help = "size of a message (1K)"},
		{"backlog", ARGUMENT_COUNT, &settings->backlog, 2, NUMBER_MAX,
		 .help = "messages held, which each shift moves (10000)"},
		{"pause", ARGUMENT_DURATION, &settings->pause_ns, 0, UINT64_MAX,
		 .help = "sleep after each shift (0s)"},
		{"wait", ARGUMENT_FLAG, .flag = &settings->wait,
		 .help = "wait for SIGUSR1 before the first message"},
		{"truth", ARGUMENT_TEXT, .text = &settings->truth_path,
		 .help = "write one JSON line for each shift to this file"},
	};

	return arguments_read(argc, argv, table, sizeof(table) / sizeof(*table), exit_status);
}

static bool run(const struct settings *settings, FILE *truth_file)
{
	struct queue queue = {0};
	uint64_t start_ns;
	bool good;

	if (!prepare(&queue, settings)) {
		fprintf(stderr, "shiftbuf: no memory; give a smaller --backlog or --message\n");
		return false;
	}
	start_ns = monotonic_ns();
	good = pass_messages(&queue, settings);
	printf("%llu messages of %llu bytes in %.3f s, %llu bytes moved for each\n",
	       (unsigned long long)queue.consumed, (unsigned long long)queue.message_bytes,
	       (double)(monotonic_ns() - start_ns) / 1e9, (unsigned long long)queue.used_bytes);
	if (!good)
		fprintf(stderr, "shiftbuf: the queue gave a wrong message\n");
	if (truth_file)
		truth_write(&queue.truth, truth_file);
	truth_free(&queue.truth);
	free(queue.data);
	return good;
}

int main(int argc, char **argv)
{
	struct settings settings = {.messages = 1000, .message_bytes = 1024, .backlog = 10000};
	FILE *truth_file;
	int exit_status;
	bool good;

	if (!read_settings(argc, argv, &settings, &exit_status))
		return exit_status;
	if (truth_open(settings.truth_path, &truth_file)) {
		fprintf(stderr, "shiftbuf: cannot write %s; give --truth a writable path\n",
			settings.truth_path);
		return EXIT_USAGE;
	}
	if (settings.wait)
		wait_for_signal("shiftbuf");
	good = run(&settings, truth_file);
	if (truth_close(truth_file)) {
		fprintf(stderr, "shiftbuf: could not write all of %s\n", settings.truth_path);
		good = false;
	}
	return good ? EXIT_SUCCESS : EXIT_WRONG;
}
