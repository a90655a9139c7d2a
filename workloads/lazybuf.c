// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lazybuf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef INLINE_FLUSH
#define FLUSH static inline __attribute__((always_inline))
FLUSH int flush_accumulator(struct lazy_buffer *buffer);
#else
#define FLUSH __attribute__((noinline))
#endif

/* Large enough that malloc() maps it, so that realloc() remaps it and never copies. */
#define EAGER_ROOM_MIN_BYTES ((size_t)1 << 20)

struct lazy_reference {
	const char *data;
	size_t bytes;
};

struct lazy_buffer {
	enum lazy_mode mode;
	struct lazy_reference *references;
	size_t limit;
	size_t pending;
	size_t pending_bytes;
	uint64_t write_count;
	struct lazy_chunk *first;
	struct lazy_chunk **end;
	struct truth *truth;
	int tid;
};

struct lazy_buffer *lazy_new(enum lazy_mode mode, size_t limit, struct truth *truth)
{
	struct lazy_buffer *buffer = calloc(1, sizeof(*buffer));

	if (!buffer)
		return NULL;
	/* All references at once: a list that grew would copy, and stall, by itself. */
	buffer->references = calloc(limit, sizeof(*buffer->references));
	if (!buffer->references) {
		free(buffer);
		return NULL;
	}
	buffer->mode = mode;
	buffer->limit = limit;
	buffer->end = &buffer->first;
	buffer->truth = truth;
	buffer->tid = gettid();
	return buffer;
}

static void free_chunks(struct lazy_buffer *buffer)
{
	while (buffer->first) {
		struct lazy_chunk *next = buffer->first->next;

		free(buffer->first);
		buffer->first = next;
	}
	buffer->end = &buffer->first;
}

void lazy_free(struct lazy_buffer *buffer)
{
	if (!buffer)
		return;
	free_chunks(buffer);
	free(buffer->references);
	free(buffer);
}

static bool eager_reserve(struct lazy_buffer *buffer, size_t more_bytes)
{
	struct lazy_chunk *chunk = buffer->first;
	size_t used_bytes = chunk ? chunk->bytes : 0;
	size_t room_bytes = chunk ? chunk->room_bytes : EAGER_ROOM_MIN_BYTES;

	while (room_bytes - used_bytes < more_bytes) {
		if (__builtin_mul_overflow(room_bytes, 2, &room_bytes))
			return false;
	}
	if (chunk && room_bytes == chunk->room_bytes)
		return true;
	chunk = realloc(chunk, sizeof(*chunk) + room_bytes);
	if (!chunk)
		return false;
	chunk->next = NULL;
	chunk->bytes = used_bytes;
	chunk->room_bytes = room_bytes;
	buffer->first = chunk;
	return true;
}

__attribute__((noinline)) int lazy_write(struct lazy_buffer *buffer, const char *data, size_t bytes)
{
	int error;

	buffer->write_count++;
	if (buffer->mode == LAZY_EAGER) {
		if (!eager_reserve(buffer, bytes))
			return -ENOMEM;
		memcpy(buffer->first->data + buffer->first->bytes, data, bytes);
		buffer->first->bytes += bytes;
		return LAZY_STORED;
	}

	buffer->references[buffer->pending++] = (struct lazy_reference){data, bytes};
	buffer->pending_bytes += bytes;
	if (buffer->pending < buffer->limit)
		return LAZY_STORED;
	/* Not returned as it is: a tail call would take lazy_write() out of the call path. */
	error = flush_accumulator(buffer);
	return error ? error : LAZY_FLUSHED;
}

FLUSH int flush_accumulator(struct lazy_buffer *buffer)
{
	struct truth_record record = {
		.start_ns = monotonic_ns(),
		.bytes = buffer->pending_bytes,
		.copies = buffer->pending,
		.write_index = buffer->write_count,
		.tid = buffer->tid,
	};
	struct lazy_chunk *chunk = malloc(sizeof(*chunk) + buffer->pending_bytes);
	char *end;

	if (!chunk)
		return -ENOMEM;
	chunk->next = NULL;
	chunk->bytes = buffer->pending_bytes;
	chunk->room_bytes = buffer->pending_bytes;
	end = chunk->data;
	for (size_t i = 0; i < buffer->pending; i++) {
		const struct lazy_reference *reference = &buffer->references[i];

		memcpy(end, reference->data, reference->bytes);
		end += reference->bytes;
	}
	*buffer->end = chunk;
	buffer->end = &chunk->next;
	buffer->pending = 0;
	buffer->pending_bytes = 0;

	record.duration_ns = monotonic_ns() - record.start_ns;
	if (buffer->truth)
		truth_add(buffer->truth, record);
	return 0;
}

__attribute__((noinline)) char *lazy_getvalue(struct lazy_buffer *buffer, size_t *bytes)
{
	char *value;
	char *end;

	if (buffer->pending && flush_accumulator(buffer))
		return NULL;
	*bytes = 0;
	for (const struct lazy_chunk *chunk = buffer->first; chunk; chunk = chunk->next)
		*bytes += chunk->bytes;
	/* malloc(0) may give NULL, which here means no memory. */
	value = malloc(*bytes + 1);
	if (!value)
		return NULL;
	end = value;
	for (const struct lazy_chunk *chunk = buffer->first; chunk; chunk = chunk->next) {
		memcpy(end, chunk->data, chunk->bytes);
		end += chunk->bytes;
	}
	return value;
}

const struct lazy_chunk *lazy_chunks(const struct lazy_buffer *buffer)
{
	return buffer->first;
}

size_t lazy_pending(const struct lazy_buffer *buffer)
{
	return buffer->pending;
}

void lazy_drop_chunks(struct lazy_buffer *buffer)
{
	/* Eager writes go on in the same room: after a free, malloc() maps only larger blocks. */
	if (buffer->mode == LAZY_EAGER && buffer->first)
		buffer->first->bytes = 0;
	else
		free_chunks(buffer);
}
