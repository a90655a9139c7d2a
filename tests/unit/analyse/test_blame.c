// SPDX-License-Identifier: GPL-2.0-only
#include "stall_sample.h"

#include "analyse/blame.h"

/* One stall of so many samples with those stacks; it ends. */
static const struct told *stall_of(struct fixture *fixture, const char *const *paths)
{
	unsigned count = 0;

	while (paths[count])
		count++;
	stalls_advance(fixture->stalls, ticks(fixture, 1000 * MS, count, paths) + 100 * MS);
	return &fixture->told.items[fixture->told.count - 1];
}

#define STALL_OF(...) stall_of(fixture, (const char *const[]){__VA_ARGS__, NULL})

/* `odd` of `count` stacks go another way, none next to another: that would be a turn. */
static const struct told *stall_with_odd(struct fixture *fixture, unsigned count, unsigned odd)
{
	for (unsigned i = 0; i < count; i++)
		tick(fixture, 1, i * WEIGHT,
		     i < 2 * odd && i % 2 ? "memmove other main"
					  : "memmove flush_accumulator lazy_write main");
	stalls_advance(fixture->stalls, count * WEIGHT + 100 * MS);
	return &fixture->told.items[fixture->told.count - 1];
}

/* ---- functions ---- */

static void frames_of_one_function_are_the_same(void **state)
{
	struct frame a = frame_of("join"), b = frame_of("join");
	struct frame jit = {.name = name_of("join"), .addr = 1};
	struct frame nameless = {.module = a.module, .offset = 0x10, .addr = 2};

	(void)state;
	assert_int_not_equal(a.addr, b.addr);
	assert_true(frame_same_function(&a, &b));
	/* A quick walk tells no names. */
	b.name = NULL;
	assert_true(frame_same_function(&a, &b));
	b.module = "another";
	assert_false(frame_same_function(&a, &b));
	b = frame_of("grow");
	assert_false(frame_same_function(&a, &b));
	/* Inlined into the same host. */
	a.is_inlined = b.is_inlined = true;
	a.function_off = b.function_off = 0x100;
	assert_false(frame_same_function(&a, &b));
	b.name = a.name;
	assert_true(frame_same_function(&a, &b));
	/* The host itself. */
	b.is_inlined = false;
	assert_false(frame_same_function(&a, &b));
	/* No beginning is known: the name, else the place. */
	b = jit;
	b.addr = 9;
	assert_true(frame_same_function(&jit, &b));
	b.name = NULL;
	assert_false(frame_same_function(&jit, &b));
	b = nameless;
	b.addr = 9;
	assert_true(frame_same_function(&nameless, &b));
	b.offset = 0x11;
	assert_false(frame_same_function(&nameless, &b));
	b = nameless;
	b.module = nameless.module = NULL;
	assert_true(frame_same_function(&nameless, &b));
	b.addr = 9;
	assert_false(frame_same_function(&nameless, &b));
}

static void functions_are_numbered_as_they_come(void **state)
{
	struct functions functions;
	struct frame join = frame_of("join"), again = frame_of("join"), grow = frame_of("grow");
	struct frame main_frame = frame_of("main");

	(void)state;
	assert_int_equal(functions_init(&functions, 3), 0);
	assert_int_equal(functions_number(&functions, NO_FUNCTION, &join), 0);
	assert_int_equal(functions_number(&functions, NO_FUNCTION, &grow), 1);
	assert_int_equal(functions_number(&functions, NO_FUNCTION, &again), 0);
	/* Below another one it has another number. */
	assert_int_equal(functions_number(&functions, 1, &join), 2);
	assert_int_equal(functions_number(&functions, 1, &again), 2);
	/* There is no room left. */
	assert_int_equal(functions_number(&functions, NO_FUNCTION, &main_frame), NO_FUNCTION);
	assert_int_equal(functions_number(&functions, NO_FUNCTION, &grow), 1);
	functions_release(&functions);
	/* The hashes of so many meet. */
	assert_int_equal(functions_init(&functions, 100), 0);
	for (unsigned twice = 0; twice < 2; twice++) {
		for (uint32_t i = 0; i < 100; i++)
			assert_int_equal(
				functions_number(&functions, i ? i - 1 : NO_FUNCTION, &join), i);
	}
	functions_release(&functions);
}

/* ---- the culprit ---- */

static void blames_the_innermost_that_all_stacks_have(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(STALL_OF("memmove flush_accumulator lazy_write main")->culprit,
			    "flush_accumulator");
	assert_string_equal(STALL_OF("memmove copy_item flush_accumulator lazy_write main",
				     "memmove flush_accumulator lazy_write main",
				     "memmove join flush_accumulator lazy_write main")
				    ->culprit,
			    "flush_accumulator");
	assert_string_equal(STALL_OF("memmove join main", "memmove grow main")->culprit, "main");
	assert_null(STALL_OF("memmove join main", "memmove grow run")->culprit);
	assert_null(STALL_OF("memmove")->culprit);
}

/* The routine may have functions inlined into it; of an inlined copy there is no routine. */
static void routine_is_not_to_blame(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample = {.at_ns = 10 * MS, .weight_ns = WEIGHT, .is_inlined = true};

	assert_string_equal(STALL_OF("[copy_item] memmove [join] grow main")->culprit, "join");
	add(fixture, sample, "[copy_item] grow main");
	stalls_advance(fixture->stalls, 900 * MS);
	assert_string_equal(fixture->told.items[1].culprit, "copy_item");
	sample.at_ns = 1000 * MS;
	add(fixture, sample, "grow main");
	stalls_advance(fixture->stalls, 9000 * MS);
	assert_string_equal(fixture->told.items[2].culprit, "grow");
}

/* With _FORTIFY_SOURCE, each memcpy() is a function that is inlined, and so on in C++ and Rust. */
static void what_languages_wrap_around_copies_is_not_to_blame(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(STALL_OF("memmove [memcpy] join main")->culprit, "join");
	assert_string_equal(
		STALL_OF("memmove [std::__relocate_a_1<A>] [std::__relocate_a<A>] grow main")
			->culprit,
		"grow");
	assert_string_equal(
		STALL_OF("memmove [core::ptr::copy_nonoverlapping::<u8>] [push] main")->culprit,
		"push");
	/* One that has code of its own is a function as others are. */
	assert_string_equal(STALL_OF("memmove memcpy join main")->culprit, "memcpy");
	assert_string_equal(STALL_OF("memmove [memcpy_rows] join main")->culprit, "memcpy_rows");
}

static void recursion_counts_once(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(STALL_OF("memmove copy_item join join join main",
				     "memmove grow push other run main")
				    ->culprit,
			    "main");
	/* Where it is innermost: inside grow() in either stack. */
	assert_string_equal(
		STALL_OF("memmove join grow join join main", "memmove copy_item join grow main")
			->culprit,
		"join");
}

static void one_odd_stack_of_many_does_not_acquit(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(stall_with_odd(fixture, 51, 1)->culprit, "flush_accumulator");
	assert_string_equal(stall_with_odd(fixture, 101, 2)->culprit, "flush_accumulator");
	/* One of fifty is not under 2 %. */
	assert_string_equal(stall_with_odd(fixture, 50, 1)->culprit, "main");
	assert_string_equal(stall_with_odd(fixture, 101, 3)->culprit, "main");
}

static void cut_stacks_are_compared_by_what_they_have(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(STALL_OF("memmove flush_accumulator lazy_write main",
				     "memmove flush_accumulator ...",
				     "memmove copy_item flush_accumulator lazy_write ...")
				    ->culprit,
			    "flush_accumulator");
	/* What is in all of them comes before what the cut ones can't deny. */
	assert_string_equal(STALL_OF("memmove copy_item join main", "memmove copy_item join main",
				     "memmove join ...")
				    ->culprit,
			    "join");
	/* None is in all: the cut one may well have been called by it. */
	assert_string_equal(STALL_OF("memmove copy_item flush_accumulator main",
				     "memmove join flush_accumulator main", "memmove copy_item ...")
				    ->culprit,
			    "flush_accumulator");
	/* But a whole one denies it, and what most don't show is no guess. */
	assert_null(STALL_OF("memmove copy_item flush_accumulator main", "memmove join run",
			     "memmove copy_item ...")
			    ->culprit);
	assert_null(STALL_OF("memmove join main", "memmove copy_item ...", "memmove grow ...",
			     "memmove push ...")
			    ->culprit);
}

static void deep_and_various_stacks_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct frame frame = frame_of("main"), above = frame_of("run");
	struct call_path path = {0};
	struct sample sample = {.pid = 1, .tid = 1, .weight_ns = WEIGHT, .path = &path};

	for (uint64_t i = 0; i < 2000; i++) {
		path.frames.count = 0;
		sample.at_ns = i * WEIGHT;
		for (uint64_t deep = 0; deep < FRAMES_MOST - 2; deep++) {
			frame.function_off = 0x100000 + (i * FRAMES_MOST + deep) * 0x10;
			assert_int_equal(array_push(&path.frames, frame), 0);
		}
		assert_int_equal(array_push(&path.frames, above), 0);
		assert_int_equal(stalls_add(fixture->stalls, &sample), 0);
	}
	array_release(&path.frames);
	stalls_finish(fixture->stalls, 9000 * MS);
	assert_int_equal(fixture->told.count, 1);
	assert_string_equal(fixture->told.items[0].culprit, "run");
	assert_int_equal(fixture->told.items[0].frame_count, FRAMES_MOST - 1);
}

/* ---- the path ---- */

static void shows_the_way_that_most_stacks_go(void **state)
{
	struct fixture *fixture = *state;
	const struct told *told = STALL_OF(
		"memmove copy_item flush_accumulator main", "memmove flush_accumulator main",
		"memmove flush_accumulator main", "memmove join flush_accumulator main");

	assert_int_equal(told->frame_count, 3);
	assert_string_equal(told->path[0], "memmove");
	assert_string_equal(told->path[1], "flush_accumulator");
	assert_string_equal(told->path[2], "main");
	assert_int_equal(told->stall.path_end, STACK_WHOLE);
	assert_int_equal(told->stall.stacks, 4);
}

/* Most are cut inside of it. */
static void shows_a_way_through_the_culprit(void **state)
{
	struct fixture *fixture = *state;
	const struct told *told =
		STALL_OF("memmove copy_item ...", "memmove copy_item flush_accumulator main",
			 "memmove join flush_accumulator main", "memmove copy_item ...");

	assert_string_equal(told->culprit, "flush_accumulator");
	assert_int_equal(told->frame_count, 4);
	assert_string_equal(told->path[2], "flush_accumulator");
	/* There is no culprit: any will do. */
	told = STALL_OF("memmove join main", "memmove grow run", "memmove grow run");
	assert_null(told->culprit);
	assert_int_equal(told->frame_count, 3);
	assert_string_equal(told->path[1], "grow");
	told = STALL_OF("memmove join ...");
	assert_int_equal(told->stall.path_end, STACK_CUT);
}

/* The first ones are gone once each; there are more of them than are kept. */
static void finds_the_way_among_many_others(void **state)
{
	struct fixture *fixture = *state;
	const struct told *told =
		STALL_OF("memmove join main", "memmove push main", "memmove other main",
			 "memmove run main", "memmove copy_item main", "memmove grow main",
			 "memmove grow main", "memmove lazy_write main", "memmove grow main");

	assert_string_equal(told->culprit, "main");
	assert_string_equal(told->path[1], "grow");
}

/* However different they all are, one is shown. */
static void always_shows_a_way(void **state)
{
	struct fixture *fixture = *state;
	const struct told *told =
		STALL_OF("memmove join main", "memmove push main", "memmove other main",
			 "memmove run main", "memmove copy_item main");

	assert_int_equal(told->frame_count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_one_function_are_the_same),
		cmocka_unit_test(functions_are_numbered_as_they_come),
		TEST(blames_the_innermost_that_all_stacks_have),
		TEST(routine_is_not_to_blame),
		TEST(what_languages_wrap_around_copies_is_not_to_blame),
		TEST(recursion_counts_once),
		TEST(one_odd_stack_of_many_does_not_acquit),
		TEST(cut_stacks_are_compared_by_what_they_have),
		TEST(deep_and_various_stacks_are_bounded),
		TEST(shows_the_way_that_most_stacks_go),
		TEST(shows_a_way_through_the_culprit),
		TEST(finds_the_way_among_many_others),
		TEST(always_shows_a_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
