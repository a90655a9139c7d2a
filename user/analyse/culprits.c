// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/culprits.h"

#include <errno.h>
#include <string.h>

#include "analyse/histogram.h"

#define OTHERS  CULPRITS_MOST
#define NOBODY  (CULPRITS_MOST + 1)
#define NUMBERS (CULPRITS_MOST + 2)

static const struct frame others = {.name = "(others)"};

int culprits_init(struct culprits *culprits)
{
	culprits->totals = calloc(NUMBERS, sizeof(*culprits->totals));
	if (!culprits->totals)
		return -ENOMEM;
	if (functions_init(&culprits->functions, CULPRITS_MOST)) {
		free(culprits->totals);
		culprits->totals = NULL;
		return -ENOMEM;
	}
	return 0;
}

void culprits_release(struct culprits *culprits)
{
	for (size_t i = 0; culprits->totals && i < NUMBERS; i++)
		free(culprits->totals[i].time_classes);
	free(culprits->totals);
	culprits->totals = NULL;
	functions_release(&culprits->functions);
}

/* ---- durations ---- */

static void class_add(__u64 classes[MW_TIME_CLASSES], uint64_t duration_ns)
{
	classes[time_class_of_ns(duration_ns)]++;
}

/* Before it is counted in sum.stalls. Without memory, the first ones stand for all. */
static void add_duration(struct culprit_total *total, uint64_t duration_ns)
{
	if (total->sum.stalls < CULPRIT_DURATIONS) {
		total->first_ns[total->sum.stalls] = duration_ns;
		return;
	}
	if (total->sum.stalls == CULPRIT_DURATIONS) {
		total->time_classes = calloc(MW_TIME_CLASSES, sizeof(*total->time_classes));
		for (size_t i = 0; total->time_classes && i < CULPRIT_DURATIONS; i++)
			class_add(total->time_classes, total->first_ns[i]);
	}
	if (total->time_classes)
		class_add(total->time_classes, duration_ns);
}

static int compare_times(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* Of an even number the upper of the middle two, as medians are everywhere here. */
static uint64_t median_ns(const struct culprit_total *total)
{
	size_t count = total->sum.stalls;
	uint64_t sorted[CULPRIT_DURATIONS];

	if (total->time_classes)
		return time_classes_percentile_ns(total->time_classes, 0.5, total->sum.max_ns);
	if (count > CULPRIT_DURATIONS)
		count = CULPRIT_DURATIONS;
	memcpy(sorted, total->first_ns, sizeof(sorted));
	qsort(sorted, count, sizeof(*sorted), compare_times);
	return sorted[count / 2];
}

/* ---- sums ---- */

static struct culprit_total *find_total(struct culprits *culprits, const struct frame *culprit)
{
	uint32_t number = NOBODY;

	if (culprit)
		number = functions_number(&culprits->functions, NO_FUNCTION, culprit);
	return &culprits->totals[number == NO_FUNCTION ? OTHERS : number];
}

void culprits_add(struct culprits *culprits, const struct stall *stall)
{
	struct culprit_total *total = find_total(culprits, stall->culprit);
	struct culprit *sum = &total->sum;

	add_duration(total, stall->duration_ns);
	sum->stalls++;
	sum->samples += stall->samples;
	sum->total_ns += stall->duration_ns;
	if (stall->duration_ns > sum->max_ns)
		sum->max_ns = stall->duration_ns;
	sum->user_ns += stall->user_ns;
	sum->fault_ns += stall->fault_ns;
	sum->copied_bytes += stall->copied_bytes;
	if (stall->gate_bytes > sum->gate_bytes)
		sum->gate_bytes = stall->gate_bytes;
}

static int compare_culprits(const void *left, const void *right)
{
	const struct culprit *a = left, *b = right;

	if (a->total_ns != b->total_ns)
		return a->total_ns > b->total_ns ? -1 : 1;
	return (a->stalls < b->stalls) - (a->stalls > b->stalls);
}

static const struct frame *frame_of(const struct culprits *culprits, uint32_t number)
{
	if (number == NOBODY)
		return NULL;
	return number == OTHERS ? &others : &culprits->functions.items[number].frame;
}

int culprits_list(const struct culprits *culprits, culprit_list *list)
{
	for (uint32_t i = 0; i < NUMBERS; i++) {
		const struct culprit_total *total = &culprits->totals[i];
		struct culprit culprit = total->sum;

		if (!culprit.stalls)
			continue;
		culprit.frame = frame_of(culprits, i);
		culprit.p50_ns = median_ns(total);
		if (array_push(list, culprit))
			return -ENOMEM;
	}
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_culprits);
	return 0;
}
