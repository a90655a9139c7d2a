// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/finding.h"

#include <errno.h>
#include <stdlib.h>

#include "analyse/histogram.h"

#define TYPICAL_LEAST 3  /* whole flushes, or most of them all, tell what one typically copies */
#define PERIOD_SLACK  20 /* gaps are a period where they differ by 1/20 (5 %) at most */

typedef ARRAY(uint64_t) values;
typedef ARRAY(const struct flush_key *) flush_refs;

/* ---- medians ---- */

static int compare_values(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/*
 * Of an even number the upper of the middle two: a mean of both may be a value that never
 * occurred. Sorts them.
 */
static uint64_t median(values *all)
{
	if (!all->count)
		return 0;
	qsort(all->items, all->count, sizeof(*all->items), compare_values);
	return all->items[all->count / 2];
}

/* ---- the flushes that the finding may speak of ---- */

/* A call whose time is whole, and is in no other's of its function. */
static bool is_telling(const struct flush_key *flush, size_t function_count)
{
	return !flush->unfinished && !flush->recursive && flush->function < function_count &&
	       flush->function < MW_MAX_FUNCTIONS;
}

/* On one goroutine, on whatever threads, or else on one thread. */
static bool is_same_strand(const struct flush_key *a, const struct flush_key *b)
{
	return a->pid == b->pid && a->goroutine_addr == b->goroutine_addr &&
	       (a->goroutine_addr || a->tid == b->tid);
}

/* By strand; within one, in the order of the array, which is the order in which they ended. */
static int compare_strands(const void *left, const void *right)
{
	const struct flush_key *a = *(const struct flush_key *const *)left;
	const struct flush_key *b = *(const struct flush_key *const *)right;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->goroutine_addr != b->goroutine_addr)
		return a->goroutine_addr < b->goroutine_addr ? -1 : 1;
	if (!a->goroutine_addr && a->tid != b->tid)
		return a->tid < b->tid ? -1 : 1;
	return (a > b) - (a < b);
}

/* All telling flushes, sorted by strand. */
static int list_telling(const struct tally *tally, size_t function_count, flush_refs *refs)
{
	const struct flush_key *flush;

	array_each (flush, &tally->flushes) {
		if (is_telling(flush, function_count) && array_push(refs, flush))
			return -ENOMEM;
	}
	if (refs->count)
		qsort(refs->items, refs->count, sizeof(*refs->items), compare_strands);
	return 0;
}

/* ---- the culprit ---- */

/* What the telling flushes of one function come to. */
struct share {
	uint64_t flushes;
	uint64_t duration_ns;
	uint64_t copied_bytes;
	bool is_whole; /* else it may have copied more */
};

static void share_add(struct share *share, const struct flush_key *flush)
{
	share->is_whole = flush->is_whole && (share->is_whole || !share->flushes);
	share->flushes++;
	share->duration_ns += flush->duration_ns;
	share->copied_bytes += flush->copied_bytes;
}

/* Who copied something, or may have, comes before who copied nothing; then the longer time. */
static bool is_worse(const struct share *share, const struct share *than)
{
	bool copied = share->copied_bytes || !share->is_whole;

	if (copied != (than->copied_bytes || !than->is_whole))
		return copied;
	return share->duration_ns > than->duration_ns;
}

static size_t worst(const flush_refs *refs)
{
	struct share shares[MW_MAX_FUNCTIONS] = {0};
	size_t culprit = refs->items[0]->function;

	for (size_t i = 0; i < refs->count; i++)
		share_add(&shares[refs->items[i]->function], refs->items[i]);
	for (size_t i = 0; i < MW_MAX_FUNCTIONS; i++) {
		if (shares[i].flushes && is_worse(&shares[i], &shares[culprit]))
			culprit = i;
	}
	return culprit;
}

/*
 * The time of main() is the longest of all, and tells nothing. Of the functions that ran inside
 * the outer one, and more often than it, the one with the most calls explains it better, if at
 * least half of what was copied was copied in those. Where none did, the outer one stays. A gate
 * leaves out the same copies of both, so lower bounds will do.
 */
static size_t inside(const flush_refs *refs, size_t outer_function)
{
	struct share shares[MW_MAX_FUNCTIONS] = {0}, *outer_share = &shares[outer_function];
	const struct flush_key *outer = NULL;
	size_t culprit = outer_function;

	/* A call ends after all that it called: backwards, the outer one comes first. */
	for (size_t i = refs->count; i--;) {
		const struct flush_key *flush = refs->items[i];

		if (flush->function == outer_function)
			outer = flush;
		if (outer && is_same_strand(flush, outer) && flush->start_ns >= outer->start_ns)
			share_add(&shares[flush->function], flush);
	}
	for (size_t i = 0; i < MW_MAX_FUNCTIONS; i++) {
		if (shares[i].copied_bytes &&
		    shares[i].copied_bytes >= outer_share->copied_bytes / 2 &&
		    shares[i].flushes > shares[culprit].flushes)
			culprit = i;
	}
	return culprit;
}

static void keep_function(flush_refs *refs, size_t function)
{
	size_t kept = 0;

	for (size_t i = 0; i < refs->count; i++) {
		if (refs->items[i]->function == function)
			refs->items[kept++] = refs->items[i];
	}
	refs->count = kept;
}

/* ---- its writes ---- */

/*
 * The writes from one flush to the next of its thread. A thread's first gap is from the attach,
 * and so may be cut short: those are kept apart. Gives the number of writes that had a flush.
 */
static int list_gaps(const flush_refs *refs, values *first, values *later, uint64_t *stalled)
{
	const struct flush_key *before = NULL;

	for (size_t i = 0; i < refs->count; i++) {
		const struct flush_key *flush = refs->items[i];
		/* The index starts again after an exec, and for a thread that has an old one's id.
		 */
		bool follows = before && is_same_strand(before, flush) &&
			       before->write_index <= flush->write_index;
		uint64_t since = follows ? before->write_index : 0;

		before = flush;
		/* The same write stalled twice, or none came yet: that is no gap. */
		if (flush->write_index == since)
			continue;
		++*stalled;
		if (array_push(follows ? later : first, flush->write_index - since))
			return -ENOMEM;
	}
	return 0;
}

/* What all of them are, but for 5 %; else 0. */
static uint64_t constant(values *all)
{
	uint64_t middle = median(all), slack = middle / PERIOD_SLACK;

	/* They are sorted now. */
	if (!all->count || middle - all->items[0] > slack ||
	    all->items[all->count - 1] - middle > slack)
		return 0;
	return middle;
}

/*
 * Stalls that come further and further apart (a buffer that doubles) have no period. First gaps
 * count where there are no others; a single one is a period only where it is the only flush.
 */
static int find_period(const flush_refs *refs, struct finding *finding)
{
	values first = {0}, later = {0};
	int error = list_gaps(refs, &first, &later, &finding->stalled_writes);

	if (!error && later.count)
		finding->calls_per_stall = constant(&later);
	else if (!error && (first.count > 1 || refs->count == 1))
		finding->calls_per_stall = constant(&first);
	array_release(&first);
	array_release(&later);
	return error;
}

/* Calls that come between flushes at even distances need not make them: most are inside one. */
static bool writes_flush(const flush_refs *refs)
{
	size_t in_write = 0;

	for (size_t i = 0; i < refs->count; i++)
		in_write += refs->items[i]->in_write;
	return in_write * 2 >= refs->count;
}

/* ---- together ---- */

/* One of seven may be the odd one. */
static bool are_enough(size_t whole, size_t all)
{
	return whole >= TYPICAL_LEAST || whole * 2 > all;
}

static int find_typical(const flush_refs *refs, struct finding *finding)
{
	values durations = {0}, bytes = {0}, overheads = {0};
	int error = 0;

	for (size_t i = 0; i < refs->count && !error; i++) {
		error = array_push(&durations, refs->items[i]->duration_ns);
		/* A lower bound is nobody's typical amount. */
		if (!error && refs->items[i]->is_whole)
			error = array_push(&bytes, refs->items[i]->copied_bytes);
		if (!error)
			error = array_push(&overheads, refs->items[i]->overhead_ns);
	}
	if (!error) {
		finding->duration_ns = median(&durations);
		finding->whole_flushes = bytes.count;
		finding->bytes_are_typical = are_enough(bytes.count, refs->count);
		if (finding->bytes_are_typical)
			finding->copied_bytes = median(&bytes);
		finding->overhead_ns = median(&overheads);
	}
	array_release(&durations);
	array_release(&bytes);
	array_release(&overheads);
	return error;
}

int finding_reach(const struct summary_input *input, const struct tally *tally,
		  struct finding *finding)
{
	flush_refs refs = {0};
	size_t culprit;
	int error = list_telling(tally, input->function_count, &refs);

	if (error || !refs.count)
		goto out;
	culprit = inside(&refs, worst(&refs));
	keep_function(&refs, culprit);
	finding->found = true;
	finding->function = input->names[culprit].function;
	finding->flushes = refs.count;
	if (writes_flush(&refs)) {
		finding->writes_function = input->writes_function;
		finding->other_write_ns =
			time_classes_percentile_ns(input->totals->write_gap_classes, 0.5, 0);
		error = find_period(&refs, finding);
	}
	if (!error)
		error = find_typical(&refs, finding);
out:
	array_release(&refs);
	return error;
}
