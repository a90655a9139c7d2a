// SPDX-License-Identifier: GPL-2.0-only
/*
 * lazy CHUNK LIMIT [FLUSHES]: writes chunks to lazywrite's own buffer again and again. Each
 * LIMIT-th write flushes all of them, and what it took becomes a slice (slices.h). On SIGUSR1 it
 * stops after that.
 */
#include <signal.h>
#include <stdlib.h>

#include "lazybuf.h"
#include "slices.h"
#include "truth.h"

#define FLUSHES_MOST 1000000

static volatile sig_atomic_t has_to_stop;

static void stop_soon(int number)
{
	has_to_stop = number;
}

int main(int argc, char *argv[])
{
	size_t chunk_bytes = argc > 1 ? strtoul(argv[1], NULL, 0) : 0;
	size_t limit = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	size_t flushes = argc > 3 ? strtoul(argv[3], NULL, 0) : FLUSHES_MOST;
	char *chunk = calloc(1, chunk_bytes + 1);
	struct lazy_buffer *buffer;
	struct truth truth = {0};

	if (!chunk || !chunk_bytes || !limit || truth_init(&truth, flushes))
		return 1;
	buffer = lazy_new(LAZY_DEFER, limit, &truth);
	if (!buffer)
		return 1;
	signal(SIGUSR1, stop_soon);
	puts("ready");
	fflush(stdout);
	for (size_t done = 0; done < flushes; done++) {
		struct slice slice;

		for (size_t i = 0; i + 1 < limit; i++) {
			if (lazy_write(buffer, chunk, chunk_bytes) < 0)
				return 1;
		}
		slice = slice_begin();
		if (lazy_write(buffer, chunk, chunk_bytes) < 0)
			return 1;
		slice_end(&slice, "flush", 1);
		lazy_drop_chunks(buffer);
		if (has_to_stop) {
			has_to_stop = 0;
			raise(SIGSTOP);
		}
	}
	return 0;
}
