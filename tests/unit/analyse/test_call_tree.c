// SPDX-License-Identifier: GPL-2.0-only
/* The end of a run: the call tree of all samples, and the culprits of all stalls. */
#include "stall_sample.h"

static const char flush_path[] = "memmove flush_accumulator lazy_write main";

static void assert_node(const struct fixture *fixture, size_t i, const char *name, size_t depth,
			uint64_t time_ns, uint64_t own_ns)
{
	const struct call_node *node = &fixture->summary.nodes[i];

	assert_true(i < fixture->summary.node_count);
	assert_string_equal(node->frame->name, name);
	assert_int_equal(node->depth, depth);
	assert_int_equal(node->time_ns, time_ns);
	assert_int_equal(node->own_ns, own_ns);
}

/* ---- the tree ---- */

static void merges_paths_from_where_threads_begin(void **state)
{
	struct fixture *fixture = *state;

	ticks(fixture, 10 * MS, 3,
	      (const char *const[]){"memmove push main", flush_path, flush_path, NULL});
	tick(fixture, 2, 10 * MS, "memmove grow run");
	tick(fixture, 3, 10 * MS, "copy_item lazy_write main");
	stalls_finish(fixture->stalls, 900 * MS);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.node_count, 10);
	assert_node(fixture, 0, "main", 0, 4 * WEIGHT, 0);
	assert_node(fixture, 1, "lazy_write", 1, 3 * WEIGHT, 0);
	assert_node(fixture, 2, "flush_accumulator", 2, 2 * WEIGHT, 0);
	assert_node(fixture, 3, "memmove", 3, 2 * WEIGHT, 2 * WEIGHT);
	assert_node(fixture, 4, "copy_item", 2, WEIGHT, WEIGHT);
	assert_node(fixture, 5, "push", 1, WEIGHT, 0);
	assert_node(fixture, 6, "memmove", 2, WEIGHT, WEIGHT);
	assert_node(fixture, 7, "run", 0, WEIGHT, 0);
	assert_node(fixture, 8, "grow", 1, WEIGHT, 0);
	assert_node(fixture, 9, "memmove", 2, WEIGHT, WEIGHT);
	assert_int_equal(fixture->summary.sampled_ns, 5 * WEIGHT);
	assert_int_equal(fixture->summary.stackless_ns, 0);
}

/* Equal ones in the order in which they came, so that two runs look alike. */
static void lists_equal_callees_as_they_came(void **state)
{
	struct fixture *fixture = *state;

	tick(fixture, 1, 10 * MS, "push");
	tick(fixture, 2, 10 * MS, "grow");
	tick(fixture, 3, 10 * MS, "join");
	summarize_all(fixture);
	assert_node(fixture, 0, "push", 0, WEIGHT, WEIGHT);
	assert_node(fixture, 1, "grow", 0, WEIGHT, WEIGHT);
	assert_node(fixture, 2, "join", 0, WEIGHT, WEIGHT);
}

static void recursion_goes_down_the_tree(void **state)
{
	struct fixture *fixture = *state;

	tick(fixture, 1, 10 * MS, "memmove join join main");
	tick(fixture, 1, 11 * MS, "memmove join main");
	summarize_all(fixture);
	assert_int_equal(fixture->summary.node_count, 5);
	assert_node(fixture, 1, "join", 1, 2 * WEIGHT, 0);
	assert_node(fixture, 2, "join", 2, WEIGHT, 0);
	assert_node(fixture, 3, "memmove", 3, WEIGHT, WEIGHT);
	assert_node(fixture, 4, "memmove", 2, WEIGHT, WEIGHT);
}

/* The kernel takes a stack now and then. */
static void samples_without_stack_go_the_last_way(void **state)
{
	struct fixture *fixture = *state;

	/* The first ones have to wait for one. */
	tick(fixture, 1, 10 * MS, NULL);
	tick(fixture, 1, 11 * MS, NULL);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.stackless_ns, 2 * WEIGHT);
	assert_int_equal(fixture->summary.node_count, 0);
	tick(fixture, 1, 12 * MS, "push main");
	tick(fixture, 1, 13 * MS, "grow main");
	tick(fixture, 1, 14 * MS, NULL);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.stackless_ns, 0);
	assert_node(fixture, 0, "main", 0, 5 * WEIGHT, 0);
	assert_node(fixture, 1, "push", 1, 3 * WEIGHT, 3 * WEIGHT);
	assert_node(fixture, 2, "grow", 1, 2 * WEIGHT, 2 * WEIGHT);
}

/* Another strand's way is not theirs, nor is that of the stall before. */
static void other_stalls_lend_no_stack(void **state)
{
	struct fixture *fixture = *state;

	tick(fixture, 1, 16 * MS, "push main");
	tick(fixture, 2, 16 * MS, NULL);
	tick(fixture, 1, 100 * MS, NULL);
	for (unsigned i = 0; i < 2; i++) {
		summarize_all(fixture);
		assert_int_equal(fixture->summary.sampled_ns, 3 * WEIGHT);
		assert_int_equal(fixture->summary.stackless_ns, 2 * WEIGHT);
		assert_node(fixture, 0, "main", 0, WEIGHT, 0);
		stalls_finish(fixture->stalls, 200 * MS);
	}
}

/* A watched call's samples have no stack; its end brings one. */
static void end_of_a_watched_call_brings_its_stack(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample = {.at_ns = 20 * MS, .weight_ns = WEIGHT, .in_span = true};

	tick(fixture, 1, 19 * MS, "grow main");
	add(fixture, sample, NULL);
	sample.at_ns += MS;
	add(fixture, sample, NULL);
	sample.at_ns += MS;
	sample.weight_ns = 0;
	/* Whether it says that it is in the call or not. */
	sample.in_span = false;
	add(fixture, sample, "join main");
	sample.weight_ns = WEIGHT;
	sample.in_span = true;
	add(fixture, sample, NULL);
	summarize_all(fixture);
	assert_node(fixture, 0, "main", 0, 4 * WEIGHT, 0);
	assert_node(fixture, 1, "join", 1, 3 * WEIGHT, 3 * WEIGHT);
	assert_int_equal(fixture->summary.stackless_ns, 0);
	assert_int_equal(fixture->summary.sampled_ns, 4 * WEIGHT);
	stalls_finish(fixture->stalls, 100 * MS);
	assert_int_equal(fixture->told.count, 1);
	/* What belongs to nothing adds nothing. */
	sample = (struct sample){.at_ns = 200 * MS};
	add(fixture, sample, "other main");
	add(fixture, sample, NULL);
	stalls_finish(fixture->stalls, 300 * MS);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.node_count, 3);
	assert_int_equal(fixture->told.count, 1);
}

/* Of some thousand different functions the first have nodes; no time gets lost. */
static void tree_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct frame frames[3] = {frame_of("memmove"), frame_of("grow"), frame_of("main")};
	struct call_path path = {.frames = {.items = frames, .count = 3}};
	struct sample sample = {.pid = 1, .tid = 1, .weight_ns = 1, .path = &path};
	uint64_t time_ns = 0;

	for (uint64_t i = 0; i < 100000; i++) {
		frames[1].function_off = 0x10000 + i * 0x10;
		sample.at_ns += QUIET;
		assert_int_equal(stalls_add(fixture->stalls, &sample), 0);
	}
	/* Nor is there a root for them. */
	frames[2] = frame_of("run");
	assert_int_equal(stalls_add(fixture->stalls, &sample), 0);
	summarize_all(fixture);
	assert_true(fixture->summary.node_count < 10000);
	assert_string_equal(fixture->summary.nodes[0].frame->name, "main");
	assert_int_equal(fixture->summary.nodes[0].time_ns, 100000);
	for (size_t i = 0; i < fixture->summary.node_count; i++)
		time_ns += fixture->summary.nodes[i].own_ns;
	assert_int_equal(time_ns, 100001);
	assert_node(fixture, fixture->summary.node_count - 1, "(others)", 0, 1, 1);
}

/* ---- the culprits ---- */

static void stall_of(struct fixture *fixture, uint64_t at_ns, unsigned samples, const char *path)
{
	ticks(fixture, at_ns, samples, (const char *const[]){path, NULL});
	stalls_advance(fixture->stalls, at_ns + 900 * MS);
}

static void sums_up_each_culprit(void **state)
{
	struct fixture *fixture = *state;
	const struct culprit *culprit;

	stall_of(fixture, 1000 * MS, 4, "memmove grow main");
	stall_of(fixture, 2000 * MS, 2, flush_path);
	stall_of(fixture, 3000 * MS, 9, flush_path);
	stall_of(fixture, 4000 * MS, 3, flush_path);
	stall_of(fixture, 5000 * MS, 1, NULL);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.culprit_count, 3);
	culprit = &fixture->summary.culprits[0];
	assert_string_equal(culprit->frame->name, "flush_accumulator");
	assert_int_equal(culprit->stalls, 3);
	assert_int_equal(culprit->samples, 14);
	assert_int_equal(culprit->total_ns, 14 * WEIGHT);
	assert_int_equal(culprit->max_ns, 9 * WEIGHT);
	assert_int_equal(culprit->p50_ns, 3 * WEIGHT);
	assert_int_equal(culprit->user_ns, 14 * WEIGHT);
	assert_string_equal(fixture->summary.culprits[1].frame->name, "grow");
	assert_null(fixture->summary.culprits[2].frame);
	assert_int_equal(fixture->summary.culprits[2].stalls, 1);
	/* The one under way is not among them. */
	tick(fixture, 1, 6000 * MS, "memmove join main");
	summarize_all(fixture);
	assert_int_equal(fixture->summary.culprit_count, 3);
}

static void sums_up_what_was_copied(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample = {.at_ns = 10 * MS, .weight_ns = WEIGHT, .gate_bytes = 2113};

	for (unsigned i = 1; i <= 4; i++) {
		sample.prior_bytes = sample.copied_bytes;
		sample.copied_bytes += 1000;
		sample.in_fault = i == 2;
		sample.at_ns += i == 3 ? 100 * MS : MS;
		add(fixture, sample, "memmove grow main");
		sample.gate_bytes = 0;
	}
	stalls_finish(fixture->stalls, 900 * MS);
	summarize_all(fixture);
	assert_int_equal(fixture->summary.culprits[0].stalls, 2);
	assert_int_equal(fixture->summary.culprits[0].copied_bytes, 4000);
	assert_int_equal(fixture->summary.culprits[0].fault_ns, WEIGHT);
	assert_int_equal(fixture->summary.culprits[0].user_ns, 3 * WEIGHT);
	assert_int_equal(fixture->summary.culprits[0].gate_bytes, 2113);
}

/* Of few stalls it is exact, of many within 3 %. */
static void median_of_many_stalls_is_near(void **state)
{
	struct fixture *fixture = *state;
	struct sample sample = {.weight_ns = WEIGHT};
	uint64_t p50_ns;

	for (unsigned i = 1; i <= 1001; i++) {
		sample.at_ns += 1000 * MS;
		sample.weight_ns = i * MS / 10;
		add(fixture, sample, "memmove grow main");
		stalls_advance(fixture->stalls, sample.at_ns + 500 * MS);
		if (i != 31 && i != 33)
			continue;
		summarize_all(fixture);
		p50_ns = fixture->summary.culprits[0].p50_ns;
		if (i == 31)
			assert_int_equal(p50_ns, 16 * MS / 10);
		else
			assert_true(p50_ns > 165 * MS / 100 && p50_ns < 175 * MS / 100);
	}
	summarize_all(fixture);
	p50_ns = fixture->summary.culprits[0].p50_ns;
	assert_true(p50_ns > 501 * MS / 10 * 97 / 100 && p50_ns < 501 * MS / 10 * 103 / 100);
	assert_int_equal(fixture->summary.culprits[0].max_ns, 1001 * MS / 10);
	assert_int_equal(fixture->summary.culprits[0].stalls, 1001);
}

static void culprits_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct frame frames[3] = {frame_of("memmove"), frame_of("grow"), frame_of("main")};
	struct call_path path = {.frames = {.items = frames, .count = 3}};
	struct sample sample = {.pid = 1, .tid = 1, .weight_ns = WEIGHT, .path = &path};
	uint64_t stalls = 0, samples = 0;

	for (uint64_t i = 0; i < 100000; i++) {
		frames[1].function_off = 0x10000 + i * 0x10;
		sample.at_ns += 10 * QUIET;
		sample.ticks = sample.at_ns / MS;
		assert_int_equal(stalls_add(fixture->stalls, &sample), 0);
	}
	stalls_finish(fixture->stalls, sample.at_ns + QUIET);
	summarize_all(fixture);
	assert_int_equal(fixture->told.count, 100000);
	assert_true(fixture->summary.culprit_count < 5000);
	assert_string_equal(fixture->summary.culprits[0].frame->name, "(others)");
	for (size_t i = 0; i < fixture->summary.culprit_count; i++) {
		stalls += fixture->summary.culprits[i].stalls;
		samples += fixture->summary.culprits[i].samples;
	}
	assert_int_equal(stalls, 100000);
	assert_int_equal(samples, 100000);
}

/* A status line may want it while the run goes on. */
static void summary_outlives_later_samples(void **state)
{
	struct fixture *fixture = *state;
	const struct frame *culprit, *root;

	stall_of(fixture, 1000 * MS, 4, "memmove grow main");
	summarize_all(fixture);
	culprit = fixture->summary.culprits[0].frame;
	root = fixture->summary.nodes[0].frame;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		stall_of(fixture, (2000 + 1000 * i) * MS, 4, names[i]);
	assert_string_equal(culprit->name, "grow");
	assert_string_equal(root->name, "main");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(merges_paths_from_where_threads_begin),
		TEST(lists_equal_callees_as_they_came),
		TEST(recursion_goes_down_the_tree),
		TEST(samples_without_stack_go_the_last_way),
		TEST(other_stalls_lend_no_stack),
		TEST(end_of_a_watched_call_brings_its_stack),
		TEST(tree_is_bounded),
		TEST(sums_up_each_culprit),
		TEST(sums_up_what_was_copied),
		TEST(median_of_many_stalls_is_near),
		TEST(culprits_are_bounded),
		TEST(summary_outlives_later_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
