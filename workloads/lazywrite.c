// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to lazy buffers. In the lazy mode every write is free but each --limit-th, which copies
 * all of them. Writes left over at the end are never copied, as in a program that never reads
 * its buffer.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "lazybuf.h"
#include "truth.h"

#define NUMBER_MAX  (1ULL << 40)
#define THREADS_MAX 1024
/* A prime, so that the pattern does not repeat at the same place in every page. */
#define PATTERN_BYTES 251

#define NO_MEMORY   "has no memory; give a smaller --chunk, --limit or --threads"
#define WRONG_BYTES "joined the wrong bytes"

enum when {
	WHEN_LIMIT_REACHED, /* lazy: the library flushes by itself */
	WHEN_WRITTEN,       /* eager: there is nothing to flush */
	WHEN_READ,          /* getvalue: reading the value flushes */
};

struct settings {
	uint64_t writes;
	uint64_t chunk_bytes;
	uint64_t limit;
	uint64_t threads;
	uint64_t pause_ns;
	const char *mode;
	const char *truth_path;
	enum when when;
	bool wait;
};

struct worker {
	const struct settings *settings;
	pthread_t thread;
	unsigned int number;
	char *source;
	struct lazy_buffer *buffer;
	struct truth truth;
	uint64_t joined_bytes;
	uint64_t pending;
	const char *problem; /* NULL if all went well */
};

static char pattern_at(const struct worker *worker, size_t offset)
{
	return (char)(offset % PATTERN_BYTES + worker->number);
}

/* Looks at one byte of each write, at a place that wanders through the writes. */
static bool joined_well(const struct worker *worker, const char *data, size_t bytes)
{
	size_t chunk_bytes = worker->settings->chunk_bytes;

	for (size_t start = 0; start < bytes; start += chunk_bytes) {
		size_t offset = (start / chunk_bytes * PATTERN_BYTES) % chunk_bytes;

		if (data[start + offset] != pattern_at(worker, offset))
			return false;
	}
	return true;
}

/* The checks, and what is built on them, return a problem or NULL. */
static const char *check_value(struct worker *worker)
{
	size_t bytes;
	char *value = lazy_getvalue(worker->buffer, &bytes);
	bool good;

	if (!value)
		return NO_MEMORY;
	good = joined_well(worker, value, bytes);
	worker->joined_bytes += bytes;
	free(value);
	return good ? NULL : WRONG_BYTES;
}

static const char *check_chunks(struct worker *worker)
{
	const struct lazy_chunk *chunk = lazy_chunks(worker->buffer);

	for (; chunk; chunk = chunk->next) {
		if (!joined_well(worker, chunk->data, chunk->bytes))
			return WRONG_BYTES;
		worker->joined_bytes += chunk->bytes;
	}
	return NULL;
}

static const char *end_batch(struct worker *worker)
{
	bool read = worker->settings->when == WHEN_READ;
	const char *problem = read ? check_value(worker) : check_chunks(worker);

	lazy_drop_chunks(worker->buffer);
	pause_for(worker->settings->pause_ns);
	return problem;
}

static const char *write_all(struct worker *worker)
{
	const struct settings *settings = worker->settings;
	const char *problem = NULL;

	for (uint64_t i = 1; i <= settings->writes && !problem; i++) {
		int outcome = lazy_write(worker->buffer, worker->source, settings->chunk_bytes);

		if (outcome < 0)
			return NO_MEMORY;
		if (i % settings->limit == 0)
			problem = end_batch(worker);
	}
	return problem;
}

/* Counts what the last batch left behind, and compares with what should have been copied. */
static const char *check_rest(struct worker *worker)
{
	const struct settings *settings = worker->settings;
	uint64_t rest = settings->when == WHEN_WRITTEN ? 0 : settings->writes % settings->limit;
	const char *problem = check_chunks(worker);

	worker->pending = lazy_pending(worker->buffer);
	if (problem)
		return problem;
	if (worker->pending != rest ||
	    worker->joined_bytes != (settings->writes - rest) * settings->chunk_bytes)
		return WRONG_BYTES;
	return NULL;
}

static bool prepare_buffer(struct worker *worker)
{
	const struct settings *settings = worker->settings;
	enum lazy_mode mode = settings->when == WHEN_WRITTEN ? LAZY_EAGER : LAZY_DEFER;
	/* The one more reference is never used: the value is read before the library flushes. */
	size_t limit = settings->limit + (settings->when == WHEN_READ);

	worker->source = malloc(settings->chunk_bytes);
	if (!worker->source)
		return false;
	for (size_t i = 0; i < settings->chunk_bytes; i++)
		worker->source[i] = pattern_at(worker, i);
	if (truth_init(&worker->truth, settings->writes / settings->limit + 1))
		return false;
	worker->buffer = lazy_new(mode, limit, &worker->truth);
	return worker->buffer != NULL;
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	worker->problem = prepare_buffer(worker) ? write_all(worker) : NO_MEMORY;
	if (!worker->problem)
		worker->problem = check_rest(worker);
	lazy_free(worker->buffer);
	free(worker->source);
	return NULL;
}

/* The main thread is the first worker, so that one thread means a single-threaded process. */
static bool run_workers(struct worker *workers, unsigned int count)
{
	unsigned int started = 1;
	bool good = true;

	while (started < count &&
	       !pthread_create(&workers[started].thread, NULL, work, &workers[started]))
		started++;
	if (started < count) {
		fprintf(stderr, "lazywrite: cannot start %u threads; give fewer --threads\n",
			count);
		good = false;
	}
	work(&workers[0]);
	for (unsigned int i = 1; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	return good;
}

static bool report(struct worker *workers, const struct settings *settings, double seconds,
		   FILE *truth_file)
{
	uint64_t flushes = 0;
	uint64_t pending = 0;
	bool good = true;

	for (unsigned int i = 0; i < settings->threads; i++) {
		if (workers[i].problem) {
			fprintf(stderr, "lazywrite: thread %u %s\n", i, workers[i].problem);
			good = false;
		}
		flushes += workers[i].truth.count;
		pending += workers[i].pending;
		if (truth_file)
			truth_write(&workers[i].truth, truth_file);
		truth_free(&workers[i].truth);
	}
	if (truth_close(truth_file)) {
		fprintf(stderr, "lazywrite: could not write all of %s\n", settings->truth_path);
		good = false;
	}
	printf("%llu writes of %llu bytes in %.3f s, %llu flushes, %llu writes never copied\n",
	       (unsigned long long)(settings->writes * settings->threads),
	       (unsigned long long)settings->chunk_bytes, seconds, (unsigned long long)flushes,
	       (unsigned long long)pending);
	return good;
}

static bool read_mode(struct settings *settings)
{
	if (!strcmp(settings->mode, "lazy"))
		settings->when = WHEN_LIMIT_REACHED;
	else if (!strcmp(settings->mode, "eager"))
		settings->when = WHEN_WRITTEN;
	else if (!strcmp(settings->mode, "getvalue"))
		settings->when = WHEN_READ;
	else
		return false;
	return true;
}

static bool read_settings(int argc, char **argv, struct settings *settings, int *exit_status)
{
	const struct argument table[] = {
		{"writes", ARGUMENT_COUNT, &settings->writes, 1, NUMBER_MAX,
		 .help = "writes of each thread (300000)"},
		{"chunk", ARGUMENT_BYTES, &settings->chunk_bytes, 1, NUMBER_MAX,
		 .help = "size of a write (1K)"},
		{"limit", ARGUMENT_COUNT, &settings->limit, 1, NUMBER_MAX,
		 .help = "writes that one flush copies (100000)"},
		{"threads", ARGUMENT_COUNT, &settings->threads, 1, THREADS_MAX,
		 .help = "threads, each with its own buffer (1)"},
		{"mode", ARGUMENT_TEXT, .text = &settings->mode,
		 .help = "lazy: flush at the limit; eager: copy each write;\n"
			 "                     getvalue: flush by reading at the limit (lazy)"},
		{"pause", ARGUMENT_DURATION, &settings->pause_ns, 0, UINT64_MAX,
		 .help = "sleep after every --limit writes (0s)"},
		{"wait", ARGUMENT_FLAG, .flag = &settings->wait,
		 .help = "wait for SIGUSR1 before the first write"},
		{"truth", ARGUMENT_TEXT, .text = &settings->truth_path,
		 .help = "write one JSON line for each flush to this file"},
	};

	if (!arguments_read(argc, argv, table, sizeof(table) / sizeof(*table), exit_status))
		return false;
	if (!read_mode(settings)) {
		fprintf(stderr, "lazywrite: --mode cannot be '%s'; give lazy, eager or getvalue\n",
			settings->mode);
		*exit_status = EXIT_USAGE;
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct settings settings = {
		.writes = 300000,
		.chunk_bytes = 1024,
		.limit = 100000,
		.threads = 1,
		.mode = "lazy",
	};
	static struct worker workers[THREADS_MAX];
	FILE *truth_file;
	uint64_t start_ns;
	int exit_status;
	bool good;

	if (!read_settings(argc, argv, &settings, &exit_status))
		return exit_status;
	if (truth_open(settings.truth_path, &truth_file)) {
		fprintf(stderr, "lazywrite: cannot write %s; give --truth a writable path\n",
			settings.truth_path);
		return EXIT_USAGE;
	}
	for (unsigned int i = 0; i < settings.threads; i++)
		workers[i] = (struct worker){.settings = &settings, .number = i};
	if (settings.wait)
		wait_for_signal("lazywrite");

	start_ns = monotonic_ns();
	good = run_workers(workers, settings.threads);
	if (!report(workers, &settings, (double)(monotonic_ns() - start_ns) / 1e9, truth_file))
		good = false;
	return good ? EXIT_SUCCESS : EXIT_WRONG;
}
