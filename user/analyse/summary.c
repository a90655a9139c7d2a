// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/estimate.h"
#include "analyse/finding.h"
#include "analyse/histogram.h"

_Static_assert(SIZE_CLASSES == MW_SIZE_CLASSES, "sizes have the same classes on both sides");

int tally_add_flush(struct tally *tally, size_t function, const struct flush *flush)
{
	struct flush_key key = {
		.function = function,
		.pid = flush->pid,
		.tid = flush->tid,
		.goroutine_addr = flush->goroutine_addr,
		.start_ns = flush->start_ns,
		.duration_ns = flush->duration_ns,
		.overhead_ns = flush->overhead_ns,
		.copied_bytes = flush->copied_bytes,
		.is_whole = flush_is_whole(flush),
		.write_index = flush->write_index,
		.in_write = flush->in_write,
		.unfinished = flush->unfinished,
		.recursive = flush->recursive,
	};

	tally->left_out += flush->left_out;
	if (flush->left_out)
		return 0;
	if (array_push(&tally->flushes, key))
		return -ENOMEM;
	if (function < MW_MAX_FUNCTIONS)
		tally->reported[function]++;
	tally->copyless += key.is_whole && !flush->copied_bytes;
	return 0;
}

void tally_release(struct tally *tally)
{
	array_release(&tally->flushes);
	*tally = (struct tally){0};
}

/* ---- figures ---- */

/* Of a throttled function, the calls that are in no other figure; of others there are none. */
static uint64_t untimed_calls(const struct symbol_name *name, const struct mw_function *function)
{
	uint64_t followed = function->ended + function->unfinished + function->abandoned +
			    function->cut_off + function->lost;

	return name->was_throttled && function->calls > followed ? function->calls - followed : 0;
}

static struct function_summary summarize_function(const struct symbol_name *name,
						  const struct mw_function *function,
						  const struct sample *reported)
{
	struct estimate estimate = estimate_copied(function, reported);

	/* But for the budget, probes go where the code or the process does: it was left before. */

	return (struct function_summary){
		.function = name->function,
		.symbol = name->symbol,
		.module = name->module,
		.calls = function->calls,
		.ended = function->ended,
		.unfinished = function->unfinished,
		.abandoned = function->abandoned + (name->was_throttled ? 0 : function->cut_off),
		.cut_off = name->was_throttled ? function->cut_off : 0,
		.untimed = untimed_calls(name, function),
		.lost = function->lost,
		.ends_unseen = name->ends_unseen,
		.unseen_starts = name->unseen_starts,
		.total_ns = function->total_ns,
		.p50_ns = time_classes_percentile_ns(function->time_classes, 0.5, function->max_ns),
		.p99_ns =
			time_classes_percentile_ns(function->time_classes, 0.99, function->max_ns),
		.max_ns = function->max_ns,
		.copied_bytes = function->copied_bytes,
		.copies = function->copies,
		.outermost = function->outermost,
		.whole_calls = function->whole_calls,
		.whole_bytes = function->whole_bytes,
		.estimated_bytes = estimate.bytes,
		.error_bytes = estimate.error_bytes,
		.is_throttled = name->was_throttled,
		.is_counted_only = name->watch != WATCH_TIMED,
		.is_dropped = name->watch == WATCH_DROPPED,
	};
}

/* The reported calls of each function that the kernel's figures of outermost ones hold, too. */
static void sample_flushes(const struct tally *tally, struct sample samples[MW_MAX_FUNCTIONS])
{
	const struct flush_key *flush;

	array_each (flush, &tally->flushes) {
		if (!flush->unfinished && !flush->recursive && flush->function < MW_MAX_FUNCTIONS)
			sample_add(&samples[flush->function], flush->copied_bytes, flush->is_whole);
	}
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
	struct sample samples[MW_MAX_FUNCTIONS] = {0};

	sample_flushes(tally, samples);
	for (size_t i = 0; i < input->function_count && i < MW_MAX_FUNCTIONS; i++) {
		const struct mw_function *function = &input->functions[i];
		struct function_summary line;

		if (!function->calls && !input->names[i].unseen_starts)
			continue;
		line = summarize_function(&input->names[i], function, &samples[i]);
		/* Not the kernel's count: what was shown, with unfinished ones, without lost ones.
		 */
		line.reported = tally->reported[i];
		if (array_push(&summary->functions, line))
			return -ENOMEM;
	}
	if (summary->functions.count)
		qsort(summary->functions.items, summary->functions.count,
		      sizeof(*summary->functions.items), compare_functions);
	return 0;
}

void summarize_live(const struct summary_input *input, const struct tally *tally,
		    struct run_summary *result)
{
	const struct mw_totals *totals = input->totals;

	*result = (struct run_summary){.budget_pct = -1};
	for (size_t i = 0; i < SIZE_CLASSES; i++) {
		result->copies_by_class[i] = totals->copies_by_class[i];
		result->bytes_by_class[i] = totals->bytes_by_class[i];
		result->copies += totals->copies_by_class[i];
		result->copied_bytes += totals->bytes_by_class[i];
	}
	result->largest_copy_bytes = totals->largest_copy_bytes;
	result->large_copies = totals->large_copies;
	result->timed_copies = totals->timed_copies;
	result->timed_bytes = totals->timed_bytes;
	result->copy_ns = totals->copy_ns;
	result->writes_function = input->writes_function;
	result->writes = totals->writes;
	result->write_gap_ns = time_classes_percentile_ns(totals->write_gap_classes, 0.5, 0);
	for (size_t i = 0; i < input->function_count; i++) {
		result->unmatched_ends += input->functions[i].unmatched_ends;
		result->losses.span_table_full += input->functions[i].lost;
	}
	result->flushes = tally->flushes.count;
	result->left_out = tally->left_out;
	result->copyless_flushes = tally->copyless;
	result->losses.ring_full = totals->losses[MW_LOSS_RING_FULL];
	result->losses.thread_state_failed = totals->losses[MW_LOSS_THREAD_STATE];
	result->losses.goroutine_table_full = totals->losses[MW_LOSS_GOROUTINE];
	result->losses.malformed = input->malformed;
	result->losses.life_events = totals->losses[MW_LOSS_LIFE];
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
	summarize_live(input, tally, &summary->result);
	error = summarize_functions(input, tally, summary);
	if (!error)
		error = finding_reach(input, tally, &summary->result.finding);
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
