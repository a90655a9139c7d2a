// SPDX-License-Identifier: GPL-2.0-only
/* The stacks of the test's own threads, whole, cut and spoilt. */
#include <pthread.h>
#include <signal.h>

#include "stack/registers.h"
#include "taken.h"

/* A call in the last place would be a jump. */
#define NO_TAIL __asm__ volatile("" ::: "memory")

static struct kept_stack kept;

static __attribute__((noipa)) void innermost(void)
{
	KEEP_OWN(&kept);
	NO_TAIL;
}

static __attribute__((noipa)) int compare(const void *left, const void *right)
{
	innermost();
	NO_TAIL;
	return (left > right) - (left < right);
}

/* Through libc, and with a stack frame whose size nobody knew. */
static __attribute__((noipa)) int through_sort(size_t bytes)
{
	volatile char room[bytes];
	int items[2] = {2, 1};

	room[0] = 1;
	qsort(items, 2, sizeof(items[0]), compare);
	NO_TAIL;
	return items[0] + room[0];
}

static __attribute__((noipa)) int recursion(unsigned depth)
{
	int result = depth ? recursion(depth - 1) : through_sort(100);

	NO_TAIL;
	return result + 1;
}

static void setup(struct stacks **stacks, struct call_path *path)
{
	*stacks = stacks_new(NULL);
	assert_non_null(*stacks);
	map_process(*stacks, getpid(), NULL);
	*path = (struct call_path){0};
}

static void teardown(struct stacks *stacks, struct call_path *path)
{
	array_release(&path->frames);
	stacks_free(stacks);
}

/* In this order, whatever lies between. */
static void check_order(const struct call_path *path, const char *const *names, size_t count)
{
	const struct frame *frame;
	size_t found = 0;

	array_each (frame, &path->frames)
		found += found < count && is_called(frame, names[found]);
	if (found != count) {
		print_path(path);
		fail_msg("%s is not there", names[found]);
	}
}

static void walks_its_own_thread(void **state)
{
	static const char *const names[] = {
		"innermost", "compare",   "through_sort",         "recursion",
		"recursion", "recursion", "walks_its_own_thread", "main"};
	struct stacks *stacks;
	struct call_path path;

	(void)state;
	recursion(2);
	setup(&stacks, &path);
	assert_int_equal(stacks_walk(stacks, getpid(), &kept.taken, &path), 0);
	check_order(&path, names, COUNT(names));
	assert_int_equal(path.end, STACK_WHOLE);
	assert_string_equal(path.frames.items[0].module, "test_walk");
	teardown(stacks, &path);
}

/* The same frames as with names, less those that were inlined. */
static void walks_by_addresses_alone(void **state)
{
	struct call_path path, named = {0};
	const struct frame *frame;
	struct stacks *stacks;
	size_t at = 0;

	(void)state;
	recursion(2);
	setup(&stacks, &path);
	assert_int_equal(stacks_walk_addresses(stacks, getpid(), &kept.taken, &path), 0);
	assert_int_equal(stacks_walk(stacks, getpid(), &kept.taken, &named), 0);
	array_each (frame, &named.frames) {
		if (frame->is_inlined)
			continue;
		assert_true(at < path.frames.count);
		assert_int_equal(path.frames.items[at].addr, frame->addr);
		assert_int_equal(path.frames.items[at].offset, frame->offset);
		assert_ptr_equal(path.frames.items[at].module, frame->module);
		assert_null(path.frames.items[at++].name);
	}
	assert_int_equal(at, path.frames.count);
	array_release(&named.frames);
	teardown(stacks, &path);
}

/* How many frames of two paths that lead through the same places are of other calls. */
static size_t count_other_calls(const struct call_path *a, const struct call_path *b)
{
	size_t others = 0;

	assert_int_equal(a->frames.count, b->frames.count);
	for (size_t i = 0; i < a->frames.count; i++)
		others += a->frames.items[i].caller_state != b->frames.items[i].caller_state;
	return others;
}

static void tells_calls_by_what_their_callers_keep(void **state)
{
	struct call_path path, same = {0}, other = {0};
	struct stack_taken taken;
	struct stacks *stacks;

	(void)state;
	recursion(2);
	setup(&stacks, &path);
	taken = kept.taken;
	assert_int_equal(stacks_walk_addresses(stacks, getpid(), &taken, &path), 0);
	assert_int_equal(stacks_walk_addresses(stacks, getpid(), &taken, &same), 0);
	taken.registers[DWARF_RBX]++;
	taken.registers[DWARF_R12]++;
	taken.registers[DWARF_R12 + 3]++;
	assert_int_equal(stacks_walk_addresses(stacks, getpid(), &taken, &other), 0);
	assert_int_equal(count_other_calls(&path, &same), 0);
	assert_in_range(count_other_calls(&path, &other), 1, path.frames.count - 1);
	/* All but the one where the thread began have a caller, and no two the same. */
	for (size_t i = 0; i + 1 < path.frames.count; i++) {
		assert_true(path.frames.items[i].caller_state != 0);
		assert_true(path.frames.items[i].caller_state !=
			    path.frames.items[i + 1].caller_state);
	}
	array_release(&same.frames);
	array_release(&other.frames);
	teardown(stacks, &path);
}

static void *thread(void *unused)
{
	recursion(1);
	NO_TAIL;
	return unused;
}

static void ends_where_a_thread_began(void **state)
{
	static const char *const names[] = {"innermost", "compare", "recursion", "thread"};
	struct call_path path;
	struct stacks *stacks;
	pthread_t id;

	(void)state;
	assert_int_equal(pthread_create(&id, NULL, thread, NULL), 0);
	pthread_join(id, NULL);
	setup(&stacks, &path);
	assert_int_equal(stacks_walk(stacks, getpid(), &kept.taken, &path), 0);
	check_order(&path, names, COUNT(names));
	assert_int_equal(path.end, STACK_WHOLE);
	teardown(stacks, &path);
}

static void on_signal(int number)
{
	recursion((unsigned)number % 2);
	NO_TAIL;
}

static __attribute__((noipa)) void signalled(void)
{
	kill(getpid(), SIGUSR1);
	NO_TAIL;
}

static void walks_through_a_signal(void **state)
{
	static const char *const names[] = {"innermost", "recursion", "on_signal", "signalled",
					    "main"};
	const struct frame *frame;
	struct call_path path;
	struct stacks *stacks;
	unsigned signals = 0;

	(void)state;
	signal(SIGUSR1, on_signal);
	signalled();
	setup(&stacks, &path);
	assert_int_equal(stacks_walk(stacks, getpid(), &kept.taken, &path), 0);
	check_order(&path, names, COUNT(names));
	assert_int_equal(path.end, STACK_WHOLE);
	array_each (frame, &path.frames)
		signals += frame->is_signal;
	assert_int_equal(signals, 1);
	teardown(stacks, &path);
}

static void stops_at_too_many_frames(void **state)
{
	struct call_path path;
	struct stacks *stacks;

	(void)state;
	recursion(300);
	setup(&stacks, &path);
	assert_int_equal(stacks_walk(stacks, getpid(), &kept.taken, &path), 0);
	assert_int_equal(path.frames.count, FRAMES_MOST);
	assert_int_equal(path.end, STACK_TOO_DEEP);
	teardown(stacks, &path);
}

/* Of fewer bytes, the same path up to some frame, and never one more. */
static void takes_what_is_left_of_a_stack(void **state)
{
	struct call_path path, part = {0};
	struct stack_taken taken;
	struct stacks *stacks;
	size_t before = 0;

	(void)state;
	recursion(2);
	setup(&stacks, &path);
	assert_int_equal(stacks_walk_addresses(stacks, getpid(), &kept.taken, &path), 0);
	taken = kept.taken;
	taken.is_cut = true;
	for (taken.stack_bytes = 0; part.end != STACK_WHOLE || !part.frames.count;
	     taken.stack_bytes++) {
		assert_true(taken.stack_bytes < kept.taken.stack_bytes);
		part.frames.count = 0;
		assert_int_equal(stacks_walk_addresses(stacks, getpid(), &taken, &part), 0);
		assert_true(part.frames.count >= before && part.frames.count <= path.frames.count);
		for (size_t i = 0; i < part.frames.count; i++)
			assert_int_equal(part.frames.items[i].addr, path.frames.items[i].addr);
		assert_true(part.end == STACK_CUT || part.end == STACK_WHOLE);
		before = part.frames.count;
	}
	assert_int_equal(before, path.frames.count);
	taken.is_cut = false;
	taken.stack_bytes = 100;
	part.frames.count = 0;
	assert_int_equal(stacks_walk_addresses(stacks, getpid(), &taken, &part), 0);
	assert_int_equal(part.end, STACK_LOST);
	array_release(&part.frames);
	teardown(stacks, &path);
}

/* Whatever is there, each step leads to code, and there is an end. */
static void check_spoilt(struct stacks *stacks, const struct stack_taken *taken,
			 struct call_path *path)
{
	path->frames.count = 0;
	assert_int_equal(stacks_walk(stacks, getpid(), taken, path), 0);
	assert_true(path->frames.count >= 1 && path->frames.count <= FRAMES_MOST);
	assert_int_equal(path->frames.items[0].addr, taken->ip_addr);
}

static void survives_garbage(void **state)
{
	struct stack_taken taken;
	struct call_path path;
	struct stacks *stacks;
	unsigned seed = 1;

	(void)state;
	recursion(2);
	setup(&stacks, &path);
	taken = kept.taken;
	for (unsigned i = 0; i < 3000; i++) {
		/* A register or word of the stack: far off, near by, or another one of it. */
		uint64_t *words = (uint64_t *)kept.bytes;
		uint64_t values[] = {(uint64_t)rand_r(&seed) << 33,
				     taken.registers[4] + 8 * i % 512, words[rand_r(&seed) % 64],
				     UINT64_MAX, 0};
		uint64_t value = values[rand_r(&seed) % COUNT(values)];

		if (i % 100 == 0) {
			recursion(2);
			taken = kept.taken;
		}
		if (i % 3)
			words[rand_r(&seed) % 64] = value;
		else if (i % 2)
			taken.registers[rand_r(&seed) % STACK_REGISTERS] = value;
		else
			taken.ip_addr = value;
		check_spoilt(stacks, &taken, &path);
	}
	taken.stack = NULL;
	taken.stack_bytes = 0;
	check_spoilt(stacks, &taken, &path);
	teardown(stacks, &path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_its_own_thread),
		cmocka_unit_test(walks_by_addresses_alone),
		cmocka_unit_test(tells_calls_by_what_their_callers_keep),
		cmocka_unit_test(ends_where_a_thread_began),
		cmocka_unit_test(walks_through_a_signal),
		cmocka_unit_test(stops_at_too_many_frames),
		cmocka_unit_test(takes_what_is_left_of_a_stack),
		cmocka_unit_test(survives_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
