/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A string buffer whose writes are free until one of them is not, as CPython 3.9's io.StringIO.
 *
 * A write keeps a reference to the caller's bytes. The write that brings the references to the
 * limit calls flush_accumulator(), which joins them all. Every copy the library makes:
 *
 *   lazy_write()         LAZY_EAGER only: one memcpy() of the bytes written.
 *   flush_accumulator()  one memcpy() per reference, into a fresh chunk. Nothing else.
 *   lazy_getvalue()      one memcpy() per chunk, into the value; before that, whatever
 *                        flush_accumulator() copies if references are pending.
 *
 * A buffer belongs to the thread that made it.
 */
#ifndef WORKLOADS_LAZYBUF_H
#define WORKLOADS_LAZYBUF_H

#include <stddef.h>

#include "truth.h"

enum lazy_mode {
	LAZY_DEFER,
	LAZY_EAGER,
};

/* What lazy_write() did, if it did not fail. */
enum lazy_outcome {
	LAZY_STORED,
	LAZY_FLUSHED,
};

/* Joined bytes. A buffer holds a list of chunks, oldest first. */
struct lazy_chunk {
	struct lazy_chunk *next;
	size_t bytes;
	size_t room_bytes;
	char data[];
};

struct lazy_buffer;

/*
 * Each flush adds a record to the truth, which may be NULL. The record's time is read first and
 * last in flush_accumulator(). Returns NULL without memory.
 */
struct lazy_buffer *lazy_new(enum lazy_mode mode, size_t limit, struct truth *truth);
void lazy_free(struct lazy_buffer *buffer);

/*
 * The data must stay alive until it is flushed. Returns a lazy_outcome or -ENOMEM, after which
 * the buffer is good for lazy_free() only.
 */
int lazy_write(struct lazy_buffer *buffer, const char *data, size_t bytes);

/*
 * Joins the pending references into a new chunk. Returns 0 or -ENOMEM. With INLINE_FLUSH it is
 * lazybuf.c's own, inlined into each of its callers, as gcc does with CPython's.
 */
#ifndef INLINE_FLUSH
int flush_accumulator(struct lazy_buffer *buffer);
#endif

/* Everything written and not dropped, in one piece for the caller to free; NULL without memory. */
char *lazy_getvalue(struct lazy_buffer *buffer, size_t *bytes);

const struct lazy_chunk *lazy_chunks(const struct lazy_buffer *buffer);
size_t lazy_pending(const struct lazy_buffer *buffer);

/* Forgets what has been joined, so that memory stays at about one flush. Pending writes stay. */
void lazy_drop_chunks(struct lazy_buffer *buffer);

#endif
