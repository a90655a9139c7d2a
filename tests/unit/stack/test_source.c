// SPDX-License-Identifier: GPL-2.0-only
/* Lines and inlined functions, as the compiler wrote them down for this very file. */
#include "stack/source.h"
#include "stack/source_ranges.h"
#include "taken.h"

#define NO_TAIL __asm__ volatile("" ::: "memory")

static struct kept_stack kept;
static unsigned inner_line, middle_line, outer_line, caller_line;

/* No function that calls getcontext() is ever inlined. */
static __attribute__((noipa)) void take(void)
{
	KEEP_OWN(&kept);
	NO_TAIL;
}

static inline __attribute__((always_inline)) void inner(void)
{
	inner_line = __LINE__ + 1;
	take();
	NO_TAIL;
}

static inline __attribute__((always_inline)) void middle(void)
{
	NO_TAIL;
	middle_line = __LINE__ + 1;
	inner();
	NO_TAIL;
}

static __attribute__((noipa)) void outer(void)
{
	NO_TAIL;
	outer_line = __LINE__ + 1;
	middle();
	NO_TAIL;
}

static __attribute__((noipa)) void caller(void)
{
	caller_line = __LINE__ + 1;
	outer();
	NO_TAIL;
}

static void check_frame(const struct frame *frame, const char *name, unsigned line, bool is_inlined)
{
	assert_true(is_called(frame, name));
	assert_int_equal(frame->line, line);
	assert_non_null(strstr(frame->file, "tests/unit/stack/test_source.c"));
	assert_string_equal(frame->language, "C");
	assert_true(frame->is_inlined == is_inlined);
}

static void inlined_functions_are_frames(void **state)
{
	struct stacks *stacks = stacks_new(NULL);
	struct call_path path = {0};
	const struct frame *frames;

	(void)state;
	caller();
	map_process(stacks, getpid(), NULL);
	assert_int_equal(stacks_walk(stacks, getpid(), &kept.taken, &path), 0);
	assert_true(path.frames.count > 5);
	assert_true(is_called(&path.frames.items[0], "take"));
	frames = path.frames.items + 1;
	check_frame(&frames[0], "inner", inner_line, true);
	check_frame(&frames[1], "middle", middle_line, true);
	check_frame(&frames[2], "outer", outer_line, false);
	check_frame(&frames[3], "caller", caller_line, false);
	/* Inlined ones are at the place of the function that has the code. */
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(frames[i].addr, frames[2].addr);
		assert_int_equal(frames[i].offset, frames[2].offset);
		assert_int_equal(frames[i].function_off, frames[2].function_off);
	}
	array_release(&path.frames);
	stacks_free(stacks);
}

/* The last to begin that covers: of nested ones the inner, of those that end before, none. */
static void finds_the_innermost_range(void **state)
{
	static const struct source_range items[] = {
		{0x100, 0x100, 1},
		{0x120, 0x10, 2},
		{0x120, 0x20, 3},
		{0x300, 0x10, 4},
	};
	source_ranges ranges = {0};

	(void)state;
	source_ranges_sort(&ranges);
	assert_null(source_ranges_find(&ranges, 0x100));
	for (size_t i = COUNT(items); i-- > 0;)
		assert_int_equal(array_push(&ranges, items[i]), 0);
	source_ranges_sort(&ranges);
	assert_null(source_ranges_find(&ranges, 0xff));
	assert_int_equal(source_ranges_find(&ranges, 0x100)->value, 1);
	assert_int_equal(source_ranges_find(&ranges, 0x12f)->value, 2);
	assert_int_equal(source_ranges_find(&ranges, 0x130)->value, 3);
	assert_int_equal(source_ranges_find(&ranges, 0x1ff)->value, 1);
	assert_null(source_ranges_find(&ranges, 0x200));
	assert_int_equal(source_ranges_find(&ranges, 0x30f)->value, 4);
	assert_null(source_ranges_find(&ranges, UINT64_MAX));
	array_release(&ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_functions_are_frames),
		cmocka_unit_test(finds_the_innermost_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
