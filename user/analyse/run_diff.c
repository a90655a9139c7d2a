// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/run_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- which functions are the same ---- */

static int compare_texts(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

/* By module, then name; without one, by place. Strings of two runs have two addresses. */
static int compare_frames(const struct frame *a, const struct frame *b)
{
	int order = compare_texts(a->module, b->module);
	uint64_t place_a, place_b;

	if (!order)
		order = compare_texts(a->name, b->name);
	if (order || a->name)
		return order;
	place_a = a->function_off ? a->function_off : a->module ? a->offset : a->addr;
	place_b = b->function_off ? b->function_off : b->module ? b->offset : b->addr;
	return (place_a > place_b) - (place_a < place_b);
}

/* ---- culprits ---- */

/* Those of the frame; NULL where memory is out. */
static struct diff_figures *figures_of(struct run_diff *diff, const struct frame *frame, int run)
{
	struct diff_culprit *culprit, added = {.frame = *frame};

	array_each (culprit, &diff->culprits) {
		if (!compare_frames(&culprit->frame, frame))
			return &culprit->runs[run];
	}
	if (array_push(&diff->culprits, added))
		return NULL;
	return &diff->culprits.items[diff->culprits.count - 1].runs[run];
}

static void add_times(struct diff_figures *figures, uint64_t stalls, uint64_t total_ns,
		      uint64_t max_ns, uint64_t copied_bytes)
{
	figures->stalls += stalls;
	figures->total_ns += total_ns;
	figures->copied_bytes += copied_bytes;
	if (max_ns > figures->max_ns)
		figures->max_ns = max_ns;
}

/* What its figures are of, and nothing of it was left uncounted. */
static bool has_all_bytes(const struct function_summary *function)
{
	return function->whole_calls >= function->outermost && !function->untimed &&
	       !function->is_dropped;
}

/* Of watched ones, exactly; in their calls, samples make no stalls. */
static int add_functions(struct run_diff *diff, int run, const struct run_summary *summary)
{
	for (size_t i = 0; i < summary->function_count; i++) {
		const struct function_summary *function = &summary->functions[i];
		struct frame frame = {.name = function->function,
				      .symbol = function->symbol,
				      .module = function->module};
		struct diff_figures *figures = figures_of(diff, &frame, run);

		if (!figures)
			return -ENOMEM;
		add_times(figures, function->reported, function->total_ns, function->max_ns,
			  function->copied_bytes);
		figures->is_at_least |= !has_all_bytes(function);
		figures->calls_known = !summary->is_partial;
		figures->calls += function->calls;
	}
	return 0;
}

static int add_culprits(struct run_diff *diff, int run, const struct stall_summary *stalls)
{
	for (size_t i = 0; i < stalls->culprit_count; i++) {
		const struct culprit *culprit = &stalls->culprits[i];
		struct diff_figures *figures;

		if (!culprit->frame || !culprit->stalls)
			continue;
		figures = figures_of(diff, culprit->frame, run);
		if (!figures)
			return -ENOMEM;
		add_times(figures, culprit->stalls, culprit->total_ns, culprit->max_ns,
			  culprit->copied_bytes);
		figures->is_at_least |= culprit->gate_bytes || !culprit->copied_bytes;
	}
	return 0;
}

static uint64_t distance(const uint64_t values[DIFF_RUNS])
{
	return values[DIFF_SLOW] > values[DIFF_FAST] ? values[DIFF_SLOW] - values[DIFF_FAST]
						     : values[DIFF_FAST] - values[DIFF_SLOW];
}

static uint64_t culprit_distance(const struct diff_culprit *culprit)
{
	const uint64_t totals[] = {culprit->runs[DIFF_SLOW].total_ns,
				   culprit->runs[DIFF_FAST].total_ns};

	return distance(totals);
}

static int compare_culprits(const void *left, const void *right)
{
	const struct diff_culprit *a = left, *b = right;
	uint64_t at_a = culprit_distance(a), at_b = culprit_distance(b);

	if (at_a != at_b)
		return at_a > at_b ? -1 : 1;
	return compare_frames(&a->frame, &b->frame);
}

/* ---- what led to copies ---- */

/* Where it calls itself, its time is in that of the outer call. */
static bool is_within_itself(const struct stall_summary *stalls, size_t index)
{
	const struct call_node *node = &stalls->nodes[index];
	size_t depth = node->depth;

	/* Depth first: the nearest one before it that is less deep is its caller. */
	while (index-- && depth) {
		const struct call_node *outer = &stalls->nodes[index];

		if (outer->depth >= depth)
			continue;
		depth = outer->depth;
		if (outer->frame && !compare_frames(outer->frame, node->frame))
			return true;
	}
	return false;
}

static int compare_by_frame(const void *left, const void *right)
{
	const struct diff_function *a = left, *b = right;

	return compare_frames(&a->frame, &b->frame);
}

static int compare_functions(const void *left, const void *right)
{
	const struct diff_function *a = left, *b = right;
	uint64_t at_a = distance(a->time_ns), at_b = distance(b->time_ns);

	if (at_a != at_b)
		return at_a > at_b ? -1 : 1;
	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return compare_frames(&a->frame, &b->frame);
}

static int add_nodes(struct run_diff *diff, int run, const struct stall_summary *stalls)
{
	for (size_t i = 0; i < stalls->node_count; i++) {
		struct diff_function function = {0};

		if (!stalls->nodes[i].frame || is_within_itself(stalls, i))
			continue;
		function.frame = *stalls->nodes[i].frame;
		function.depth = stalls->nodes[i].depth;
		function.time_ns[run] = stalls->nodes[i].time_ns;
		if (array_push(&diff->functions, function))
			return -ENOMEM;
	}
	return 0;
}

/* One of each, the farthest apart first. */
static void sum_functions(struct run_diff *diff)
{
	struct diff_function *function, *sum = NULL;
	size_t kept = 0;

	if (!diff->functions.count)
		return;
	qsort(diff->functions.items, diff->functions.count, sizeof(*function), compare_by_frame);
	array_each (function, &diff->functions) {
		if (!sum || compare_by_frame(sum, function)) {
			sum = &diff->functions.items[kept++];
			*sum = *function;
			continue;
		}
		if (function->depth < sum->depth)
			sum->depth = function->depth;
		for (int run = 0; run < DIFF_RUNS; run++)
			sum->time_ns[run] += function->time_ns[run];
	}
	diff->functions.count = kept;
	qsort(diff->functions.items, kept, sizeof(*function), compare_functions);
}

/* ---- the verdict ---- */

/* The time by which its stalls are longer in the slow run. */
static uint64_t longer_ns(const struct diff_culprit *culprit)
{
	const struct diff_figures *slow = &culprit->runs[DIFF_SLOW];
	const struct diff_figures *fast = &culprit->runs[DIFF_FAST];

	return slow->stalls && slow->total_ns > fast->total_ns ? slow->total_ns - fast->total_ns
							       : 0;
}

static void judge(struct run_diff *diff)
{
	const struct diff_culprit *culprit;
	bool stalls = false;

	array_each (culprit, &diff->culprits) {
		for (int run = 0; run < DIFF_RUNS; run++) {
			stalls |= culprit->runs[run].stalls != 0;
			if (culprit->runs[run].stalls)
				diff->stalled_ns[run] += culprit->runs[run].total_ns;
		}
		if (longer_ns(culprit) &&
		    (!diff->worst || longer_ns(culprit) > longer_ns(diff->worst)))
			diff->worst = culprit;
	}
	if (!stalls)
		diff->verdict = DIFF_NOTHING_STALLS;
	else if (!diff->worst)
		diff->verdict = DIFF_NOT_SLOWER;
	else
		diff->verdict = diff->worst->runs[DIFF_FAST].stalls ? DIFF_LONGER : DIFF_ALONE;
}

int run_diff_make(const struct diffed_run runs[DIFF_RUNS], struct run_diff *diff)
{
	int err = 0;

	for (int run = 0; !err && run < DIFF_RUNS; run++) {
		const struct run_summary *summary = runs[run].summary;

		diff->runs[run] = runs[run];
		err = add_functions(diff, run, summary);
		if (!err)
			err = add_culprits(diff, run, &summary->stalls);
		if (!err)
			err = add_nodes(diff, run, &summary->stalls);
	}
	if (err)
		return err;
	if (diff->culprits.count)
		qsort(diff->culprits.items, diff->culprits.count, sizeof(*diff->culprits.items),
		      compare_culprits);
	sum_functions(diff);
	judge(diff);
	return 0;
}

void run_diff_release(struct run_diff *diff)
{
	array_release(&diff->culprits);
	array_release(&diff->functions);
	diff->worst = NULL;
}
