// SPDX-License-Identifier: GPL-2.0-only
/*
 * A buffer that doubles when it is full. It grows by malloc(), memcpy() and free(), as a C++
 * vector does; glibc's realloc() would remap a large buffer and copy nothing.
 *
 * Each append copies what it appends too, outside grow_buffer().
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "truth.h"

#define NUMBER_MAX     (1ULL << 40)
#define ROOM_MIN_BYTES 4096
/* Doublings from the smallest room to NUMBER_MAX, with some to spare. */
#define GROWTHS_MAX   64
#define PATTERN_BYTES 251

struct settings {
	uint64_t total_bytes;
	uint64_t append_bytes;
	uint64_t pause_ns;
	const char *truth_path;
	bool wait;
};

struct buffer {
	char *data;
	size_t used_bytes;
	size_t room_bytes;
	uint64_t appends;
	struct truth truth;
	int tid;
};

/* Doubles the room. Returns false without memory. */
__attribute__((noinline)) bool grow_buffer(struct buffer *buffer)
{
	struct truth_record record = {
		.start_ns = monotonic_ns(),
		.bytes = buffer->used_bytes,
		.copies = 1,
		.write_index = buffer->appends,
		.tid = buffer->tid,
	};
	char *data = malloc(buffer->room_bytes * 2);

	if (!data)
		return false;
	memcpy(data, buffer->data, buffer->used_bytes);
	free(buffer->data);
	buffer->data = data;
	buffer->room_bytes *= 2;

	record.duration_ns = monotonic_ns() - record.start_ns;
	truth_add(&buffer->truth, record);
	return true;
}

static bool append(struct buffer *buffer, const char *source, size_t bytes, uint64_t pause_ns)
{
	buffer->appends++;
	while (buffer->room_bytes - buffer->used_bytes < bytes) {
		if (!grow_buffer(buffer))
			return false;
		pause_for(pause_ns);
	}
	memcpy(buffer->data + buffer->used_bytes, source, bytes);
	buffer->used_bytes += bytes;
	return true;
}

static bool append_all(struct buffer *buffer, const char *source, const struct settings *settings)
{
	while (buffer->used_bytes < settings->total_bytes) {
		size_t bytes = settings->total_bytes - buffer->used_bytes;

		if (bytes > settings->append_bytes)
			bytes = settings->append_bytes;
		if (!append(buffer, source, bytes, settings->pause_ns))
			return false;
	}
	return true;
}

static char *make_source(size_t bytes)
{
	char *source = malloc(bytes);

	for (size_t i = 0; source && i < bytes; i++)
		source[i] = (char)(i % PATTERN_BYTES);
	return source;
}

/* Looks at one byte of each page or so, at a place that wanders. */
static bool holds_pattern(const struct buffer *buffer, size_t append_bytes)
{
	for (size_t i = 0; i < buffer->used_bytes; i += ROOM_MIN_BYTES + 1) {
		if (buffer->data[i] != (char)(i % append_bytes % PATTERN_BYTES))
			return false;
	}
	return true;
}

static bool prepare(struct buffer *buffer, const struct settings *settings)
{
	buffer->tid = gettid();
	/* Room for the first append, so that no growth copies nothing. */
	buffer->room_bytes = settings->append_bytes;
	if (buffer->room_bytes < ROOM_MIN_BYTES)
		buffer->room_bytes = ROOM_MIN_BYTES;
	buffer->data = malloc(buffer->room_bytes);
	return buffer->data && !truth_init(&buffer->truth, GROWTHS_MAX);
}

static bool fill(struct buffer *buffer, const struct settings *settings)
{
	char *source = make_source(settings->append_bytes);
	bool good = source && prepare(buffer, settings) && append_all(buffer, source, settings);

	free(source);
	if (!good) {
		fprintf(stderr, "growbuf: no memory; give smaller --bytes or --append\n");
		return false;
	}
	if (buffer->used_bytes != settings->total_bytes ||
	    !holds_pattern(buffer, settings->append_bytes)) {
		fprintf(stderr, "growbuf: the buffer holds wrong bytes\n");
		return false;
	}
	return true;
}

static bool read_settings(int argc, char **argv, struct settings *settings, int *exit_status)
{
	const struct argument table[] = {
		{"bytes", ARGUMENT_BYTES, &settings->total_bytes, 1, NUMBER_MAX,
		 .help = "size that the buffer grows to (256M)"},
		{"append", ARGUMENT_BYTES, &settings->append_bytes, 1, NUMBER_MAX,
		 .help = "size of an append (4K)"},
		{"pause", ARGUMENT_DURATION, &settings->pause_ns, 0, UINT64_MAX,
		 .help = "sleep after each growth (0s)"},
		{"wait", ARGUMENT_FLAG, .flag = &settings->wait,
		 .help = "wait for SIGUSR1 before the first append"},
		{"truth", ARGUMENT_TEXT, .text = &settings->truth_path,
		 .help = "write one JSON line for each growth to this file"},
	};

	return arguments_read(argc, argv, table, sizeof(table) / sizeof(*table), exit_status);
}

static bool run(const struct settings *settings, FILE *truth_file)
{
	struct buffer buffer = {0};
	uint64_t start_ns = monotonic_ns();
	bool good = fill(&buffer, settings);

	printf("%llu appends, %llu bytes in %.3f s, %llu growths\n",
	       (unsigned long long)buffer.appends, (unsigned long long)buffer.used_bytes,
	       (double)(monotonic_ns() - start_ns) / 1e9, (unsigned long long)buffer.truth.count);
	if (truth_file)
		truth_write(&buffer.truth, truth_file);
	truth_free(&buffer.truth);
	free(buffer.data);
	return good;
}

int main(int argc, char **argv)
{
	struct settings settings = {.total_bytes = 256 << 20, .append_bytes = 4096};
	FILE *truth_file;
	int exit_status;
	bool good;

	if (!read_settings(argc, argv, &settings, &exit_status))
		return exit_status;
	if (truth_open(settings.truth_path, &truth_file)) {
		fprintf(stderr, "growbuf: cannot write %s; give --truth a writable path\n",
			settings.truth_path);
		return EXIT_USAGE;
	}
	if (settings.wait)
		wait_for_signal("growbuf");
	good = run(&settings, truth_file);
	if (truth_close(truth_file)) {
		fprintf(stderr, "growbuf: could not write all of %s\n", settings.truth_path);
		good = false;
	}
	return good ? EXIT_SUCCESS : EXIT_WRONG;
}
