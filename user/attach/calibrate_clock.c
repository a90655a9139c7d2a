// SPDX-License-Identifier: GPL-2.0-only
#include "attach/calibrate_clock.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach/sampler.h"
#include "base/clock.h"
#include "bpf/event.h"

/*
 * Enough of them to stand out from a loop's own noise: a tick takes 13 us in a VM where the thread
 * computes, 20 to 30 where it copies what no cache holds, as those do that memwatch looks for.
 */
#define PERIOD_NS    (100 * NS_PER_US)
#define ROUNDS       12
#define ROUND_COPIES 8
/* More than most second-level caches have. */
#define COPY_BYTES (2ull << 20)

struct buffers {
	unsigned char *from, *to;
};

/* A fixed piece of work; some ms. */
static uint64_t work_ns(const struct buffers *buffers)
{
	uint64_t start_ns = clock_thread_cpu_ns();

	for (unsigned i = 0; i < ROUND_COPIES; i++) {
		memcpy(buffers->to, buffers->from, COPY_BYTES);
		__asm__ volatile("" ::: "memory");
	}
	return clock_thread_cpu_ns() - start_ns;
}

static int compare_ns(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* The host makes some rounds longer, and none shorter. */
static uint64_t lower_quartile_ns(uint64_t *rounds_ns)
{
	qsort(rounds_ns, ROUNDS, sizeof(*rounds_ns), compare_ns);
	return rounds_ns[ROUNDS / 4];
}

static uint64_t measure(int fd, const struct buffers *buffers)
{
	uint64_t with_ns[ROUNDS], without_ns[ROUNDS], without, with;

	for (int i = 0; i < ROUNDS; i++) {
		without_ns[i] = work_ns(buffers);
		sampler_event_start(fd);
		with_ns[i] = work_ns(buffers);
		sampler_event_stop(fd);
	}
	without = lower_quartile_ns(without_ns);
	with = lower_quartile_ns(with_ns);
	/* A tick for each 100 us of the time that it lengthens. */
	return with > without ? (with - without) * PERIOD_NS / with : 0;
}

uint64_t calibrate_clock_ns(const struct bpf_program *program, int copy_code_map_fd)
{
	struct sampler_settings settings = {.program = program, .period_ns = PERIOD_NS};
	struct buffers buffers = {malloc(COPY_BYTES), malloc(COPY_BYTES)};
	struct mw_code *code = calloc(1, sizeof(*code));
	uint32_t pid = (uint32_t)getpid();
	uint64_t tick_ns = 0;
	int fd = -1;

	if (!code || !buffers.from || !buffers.to)
		goto out;
	/* Untouched, all of its pages would be one of zeroes. */
	memset(buffers.from, 1, COPY_BYTES);
	work_ns(&buffers);
	code->is_own = 1;
	fd = sampler_event_open(&settings, gettid());
	if (fd >= 0 && !bpf_map_update_elem(copy_code_map_fd, &pid, code, BPF_ANY))
		tick_ns = measure(fd, &buffers);
	bpf_map_delete_elem(copy_code_map_fd, &pid);
out:
	if (fd >= 0)
		close(fd);
	free(code);
	free(buffers.from);
	free(buffers.to);
	return tick_ns;
}
