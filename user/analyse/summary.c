// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/histogram.h"

_Static_assert(SIZE_CLASSES == MW_SIZE_CLASSES, "sizes have the same classes on both sides");

typedef ARRAY(uint64_t) values;
typedef ARRAY(const struct flush_key *) flush_refs;

int tally_add_flush(struct tally *tally, size_t function, const struct flush *flush)
{
	struct flush_key key = {
		.function = function,
		.pid = flush->pid,
		.tid = flush->tid,
		.duration_ns = flush->duration_ns,
		.copied_bytes = flush->copied_bytes,
		.write_index = flush->write_index,
		.unfinished = flush->unfinished,
		.recursive = flush->recursive,
	};

	return array_push(&tally->flushes, key);
}

void tally_release(struct tally *tally)
{
	array_release(&tally->flushes);
	tally->large_copies = 0;
}

/* ---- the finding ---- */

static int compare_values(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/*
 * Of an even number the upper of the middle two: a mean of both may be a value that never
 * occurred, and the period that an attach cut short is the lower one.
 */
static uint64_t median(values *all)
{
	if (!all->count)
		return 0;
	qsort(all->items, all->count, sizeof(*all->items), compare_values);
	return all->items[all->count / 2];
}

/* By thread; within one, in the order of the array, which is the order in which they ended. */
static int compare_threads(const void *left, const void *right)
{
	const struct flush_key *a = *(const struct flush_key *const *)left;
	const struct flush_key *b = *(const struct flush_key *const *)right;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->tid != b->tid)
		return a->tid < b->tid ? -1 : 1;
	return (a > b) - (a < b);
}

/* Whether the finding may speak of it: a call whose time is whole, and is in no other's. */
static bool is_telling(const struct flush_key *flush)
{
	return !flush->unfinished && !flush->recursive;
}

/* Gives the function whose telling flushes took longest together; false where there is none. */
static bool find_culprit(const struct tally *tally, size_t function_count, const uint64_t *total_ns,
			 size_t *culprit)
{
	const struct flush_key *flush;
	bool found = false;

	array_each (flush, &tally->flushes) {
		if (!is_telling(flush) || flush->function >= function_count)
			continue;
		if (!found || total_ns[flush->function] > total_ns[*culprit])
			*culprit = flush->function;
		found = true;
	}
	return found;
}

static int telling_flushes(const struct tally *tally, size_t function, flush_refs *refs)
{
	const struct flush_key *flush;

	array_each (flush, &tally->flushes) {
		if (is_telling(flush) && flush->function == function && array_push(refs, flush))
			return -ENOMEM;
	}
	return 0;
}

/* The writes from one flush to the next of its thread; sorts the flushes by thread. */
static int periods(flush_refs *refs, values *all)
{
	const struct flush_key *before = NULL;

	qsort(refs->items, refs->count, sizeof(*refs->items), compare_threads);
	for (size_t i = 0; i < refs->count; i++) {
		const struct flush_key *flush = refs->items[i];
		uint64_t since = 0;

		/* The index starts again after an exec, and for a thread that has an old one's id.
		 */
		if (before && before->pid == flush->pid && before->tid == flush->tid &&
		    before->write_index <= flush->write_index)
			since = before->write_index;
		before = flush;
		/* The same write stalled twice, or none came yet: that is no period. */
		if (flush->write_index == since)
			continue;
		if (array_push(all, flush->write_index - since))
			return -ENOMEM;
	}
	return 0;
}

static int medians(flush_refs *refs, struct finding *finding)
{
	values durations = {0}, bytes = {0}, writes = {0};
	int error = 0;

	for (size_t i = 0; i < refs->count && !error; i++) {
		error = array_push(&durations, refs->items[i]->duration_ns);
		if (!error)
			error = array_push(&bytes, refs->items[i]->copied_bytes);
	}
	if (!error)
		error = periods(refs, &writes);
	if (!error) {
		finding->duration_ns = median(&durations);
		finding->copied_bytes = median(&bytes);
		finding->calls_per_stall = median(&writes);
	}
	array_release(&durations);
	array_release(&bytes);
	array_release(&writes);
	return error;
}

static int find(const struct summary_input *input, const struct tally *tally,
		struct finding *finding)
{
	flush_refs refs = {0};
	uint64_t *total_ns = calloc(input->function_count + 1, sizeof(*total_ns));
	const struct flush_key *flush;
	size_t culprit = 0;
	int error = 0;

	if (!total_ns)
		return -ENOMEM;
	array_each (flush, &tally->flushes) {
		if (is_telling(flush) && flush->function < input->function_count)
			total_ns[flush->function] += flush->duration_ns;
	}
	finding->found = find_culprit(tally, input->function_count, total_ns, &culprit);
	free(total_ns);
	if (!finding->found)
		return 0;
	finding->function = input->names[culprit].function;
	finding->writes_function = input->writes_function;
	finding->other_write_ns =
		time_classes_percentile_ns(input->totals->write_gap_classes, 0.5, 0);
	error = telling_flushes(tally, culprit, &refs);
	if (!error)
		error = medians(&refs, finding);
	finding->flushes = refs.count;
	array_release(&refs);
	return error;
}

/* ---- figures ---- */

/* Counted here and not in the kernel: what was shown, with unfinished ones, without lost ones. */
static uint64_t reported_of(const struct tally *tally, size_t function)
{
	const struct flush_key *flush;
	uint64_t reported = 0;

	array_each (flush, &tally->flushes)
		reported += flush->function == function;
	return reported;
}

static struct function_summary summarize_function(const struct symbol_name *name,
						  const struct mw_function *function)
{
	return (struct function_summary){
		.function = name->function,
		.module = name->module,
		.calls = function->calls,
		.ended = function->ended,
		.unfinished = function->unfinished,
		.abandoned = function->abandoned,
		.lost = function->lost,
		.total_ns = function->total_ns,
		.p50_ns = time_classes_percentile_ns(function->time_classes, 0.5, function->max_ns),
		.p99_ns =
			time_classes_percentile_ns(function->time_classes, 0.99, function->max_ns),
		.max_ns = function->max_ns,
		.copied_bytes = function->copied_bytes,
		.copies = function->copies,
	};
}

static int compare_functions(const void *left, const void *right)
{
	const struct function_summary *a = left, *b = right;

	if (a->total_ns != b->total_ns)
		return a->total_ns > b->total_ns ? -1 : 1;
	if (a->calls != b->calls)
		return a->calls > b->calls ? -1 : 1;
	return strcmp(a->function, b->function);
}

static int summarize_functions(const struct summary_input *input, const struct tally *tally,
			       struct summary *summary)
{
	for (size_t i = 0; i < input->function_count; i++) {
		const struct mw_function *function = &input->functions[i];
		struct function_summary line;

		summary->result.unmatched_ends += function->unmatched_ends;
		summary->result.losses.span_table_full += function->lost;
		if (!function->calls)
			continue;
		line = summarize_function(&input->names[i], function);
		line.reported = reported_of(tally, i);
		if (array_push(&summary->functions, line))
			return -ENOMEM;
	}
	if (summary->functions.count)
		qsort(summary->functions.items, summary->functions.count,
		      sizeof(*summary->functions.items), compare_functions);
	return 0;
}

static void summarize_totals(const struct summary_input *input, struct run_summary *result)
{
	const struct mw_totals *totals = input->totals;

	for (size_t i = 0; i < SIZE_CLASSES; i++) {
		result->copies_by_class[i] = totals->copies_by_class[i];
		result->bytes_by_class[i] = totals->bytes_by_class[i];
		result->copies += totals->copies_by_class[i];
		result->copied_bytes += totals->bytes_by_class[i];
	}
	result->largest_copy_bytes = totals->largest_copy_bytes;
	result->large_copies = totals->large_copies;
	result->writes = totals->writes;
	result->losses.ring_full = totals->losses[MW_LOSS_RING_FULL];
	result->losses.thread_state_failed = totals->losses[MW_LOSS_THREAD_STATE];
	result->losses.malformed = input->malformed;
	result->probe_hits = totals->cheap_hits + totals->stepped_hits;
	result->overhead_ns =
		probe_costs_sum_ns(&input->costs, totals->cheap_hits, totals->stepped_hits);
	result->hit_cheap_ns = input->costs.cheap_ns;
	result->hit_stepped_ns = input->costs.stepped_ns;
	result->wall_ns = input->wall_ns;
	result->target_cpu_ns = input->target_cpu_ns;
}

int summarize(const struct summary_input *input, const struct tally *tally, struct summary *summary)
{
	int error;

	*summary = (struct summary){0};
	summarize_totals(input, &summary->result);
	error = summarize_functions(input, tally, summary);
	if (!error)
		error = find(input, tally, &summary->result.finding);
	if (error) {
		summary_release(summary);
		return error;
	}
	summary->result.functions = summary->functions.items;
	summary->result.function_count = summary->functions.count;
	return 0;
}

void summary_release(struct summary *summary)
{
	array_release(&summary->functions);
	summary->result = (struct run_summary){0};
}
