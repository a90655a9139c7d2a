/* SPDX-License-Identifier: GPL-2.0-only */
/* Samples and paths in short, and what becomes of them. */
#ifndef TESTS_ANALYSE_STALL_SAMPLE_H
#define TESTS_ANALYSE_STALL_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyse/stall.h"

#define MS     1000000ull
#define WEIGHT (MS + MS / 2)
#define QUIET  (5 * MS)

#define PATH_NAMES 8

/* Names as they are in the frames, each once. */
static const char *const names[] = {"memmove",
				    "main",
				    "flush_accumulator",
				    "join",
				    "copy_item",
				    "lazy_write",
				    "other",
				    "run",
				    "push",
				    "grow",
				    "memcpy",
				    "memcpy_rows",
				    "std::__relocate_a_1<A>",
				    "std::__relocate_a<A>",
				    "core::ptr::copy_nonoverlapping::<u8>"};

static inline const char *name_of(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(names[i], name))
			return names[i];
	}
	fail_msg("%s is in no frame", name);
	return NULL;
}

/* Somewhere in it: a frame's function is told by where it begins. */
static inline struct frame frame_of(const char *name)
{
	static const char module[] = "lazy";
	static uint64_t somewhere;
	struct frame frame = {.name = name_of(name), .module = module};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (frame.name == names[i])
			frame.function_off = 0x1000 * (i + 1);
	}
	frame.offset = frame.function_off + somewhere++ % 0x800;
	frame.addr = 0x550000000000 + frame.offset;
	return frame;
}

/* "memmove flush main": the innermost first. Ends in "..." where it was cut; "[name]": inlined. */
static inline struct call_path path_of(const char *text)
{
	struct call_path path = {.end = STACK_WHOLE};
	char *copy = strdup(text), *rest = copy, *name;

	while ((name = strsep(&rest, " "))) {
		struct frame frame;

		if (!strcmp(name, "...")) {
			path.end = STACK_CUT;
			continue;
		}
		if (*name == '[') {
			name[strlen(name) - 1] = '\0';
			frame = frame_of(name + 1);
			/* Its host's. */
			frame.function_off = 0x100;
			frame.is_inlined = true;
		} else {
			frame = frame_of(name);
		}
		assert_int_equal(array_push(&path.frames, frame), 0);
	}
	free(copy);
	return path;
}

/* The stalls that were told of, their frames by name. */
struct told {
	struct stall stall;
	const char *culprit;
	const char *path[PATH_NAMES];
	size_t frame_count;
};

struct fixture {
	struct stalls *stalls;
	ARRAY(struct told) told;
	struct stall_summary summary;
};

static inline struct told told_of(const struct stall *stall)
{
	struct told told = {.stall = *stall,
			    .culprit = stall->culprit ? stall->culprit->name : NULL,
			    .frame_count = stall->frame_count};

	for (size_t i = 0; i < stall->frame_count && i < PATH_NAMES; i++)
		told.path[i] = stall->frames[i].name;
	return told;
}

static inline void note_stall(void *context, const struct stall *stall)
{
	struct fixture *fixture = context;
	struct told told = told_of(stall);

	assert_int_equal(array_push(&fixture->told, told), 0);
}

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const struct stall_settings settings = {.quiet_ns = QUIET,
						.silence_ns = QUIET,
						.min_time_ns = MS,
						.on_stall = note_stall,
						.context = fixture};

	fixture->stalls = stalls_new(&settings);
	*state = fixture;
	return !fixture->stalls;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	stalls_free(fixture->stalls);
	array_release(&fixture->told);
	free(fixture);
	return 0;
}

/* text: as for path_of(); NULL: no stack. What the path holds is gone when it returns. */
static inline void add(struct fixture *fixture, struct sample sample, const char *text)
{
	struct call_path path = {0};

	if (!sample.pid)
		sample.pid = 1;
	if (!sample.tid)
		sample.tid = sample.pid;
	/* Its thread has the CPU all the time, unless the test says otherwise. */
	if (!sample.ticks)
		sample.ticks = sample.at_ns / MS;
	if (text) {
		path = path_of(text);
		sample.path = &path;
	}
	assert_int_equal(stalls_add(fixture->stalls, &sample), 0);
	array_release(&path.frames);
}

/* A tick of thread `tid` of process 1. */
static inline void tick(struct fixture *fixture, pid_t tid, uint64_t at_ns, const char *text)
{
	add(fixture, (struct sample){.tid = tid, .at_ns = at_ns, .weight_ns = WEIGHT}, text);
}

/* A stall of so many ticks that go those ways by turns, until `paths` ends; gives its last one. */
static inline uint64_t ticks(struct fixture *fixture, uint64_t at_ns, unsigned count,
			     const char *const *paths)
{
	for (unsigned i = 0; i < count; i++) {
		tick(fixture, 1, at_ns + i * WEIGHT, *paths);
		if (*paths)
			paths++;
	}
	return at_ns + (count - 1) * WEIGHT;
}

static inline void summarize_all(struct fixture *fixture)
{
	assert_int_equal(stalls_summarize(fixture->stalls, &fixture->summary), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
