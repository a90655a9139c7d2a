// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/distances.h"

#include <string.h>

/* ---- groups ---- */

static struct group *latest_group(struct groups *groups, const struct mark *mark)
{
	for (size_t i = groups->count; i--;) {
		struct group *group = &groups->items[i];

		if (group->mark.goroutine_addr == mark->goroutine_addr &&
		    (mark->goroutine_addr || group->mark.tid == mark->tid))
			return group;
	}
	return NULL;
}

static bool is_counted(const struct counting *counting, size_t function, uint64_t at_ns)
{
	return at_ns < counting->until_ns[function];
}

/* A thread that has an old one's id counts from 0 on. */
static bool starts_again(const struct counting *counting, const struct mark *before,
			 const struct mark *mark)
{
	for (size_t i = 0; i < counting->functions; i++) {
		if (mark->begin[i] < before->end[i])
			return true;
	}
	return false;
}

/* Whether some function from `first` outward was called from the end of one to the other. */
static bool is_called(const struct counting *counting, size_t first, size_t count,
		      const struct mark *before, const struct mark *mark)
{
	for (size_t i = first; i < first + count; i++) {
		if (is_counted(counting, i, mark->first_ns) && mark->begin[i] > before->end[i])
			return true;
	}
	return false;
}

static void add_part(struct groups *groups, struct group *group, const struct mark *mark)
{
	group->mark.samples += mark->samples;
	group->mark.last_ns = mark->last_ns;
	memcpy(group->mark.end, mark->end, sizeof(group->mark.end));
	groups->parts++;
}

static void add_group(struct groups *groups, const struct mark *mark, const struct group *earlier)
{
	groups->items[groups->count++] = (struct group){.mark = *mark, .earlier = earlier};
	groups->distances += earlier != NULL;
}

static void add_mark(struct groups *groups, const struct mark *mark)
{
	const struct counting *counting = groups->counting;
	struct group *before = latest_group(groups, mark);
	size_t base = groups->base;
	bool outer_called;

	if (!before || starts_again(counting, &before->mark, mark)) {
		add_group(groups, mark, NULL);
		return;
	}
	outer_called =
		is_called(counting, base + 1, counting->functions - base - 1, &before->mark, mark);
	if (is_counted(counting, base, mark->first_ns)
		    ? is_called(counting, base, 1, &before->mark, mark)
		    : outer_called)
		add_group(groups, mark, before);
	else if (outer_called)
		groups->left_out++;
	else
		add_part(groups, before, mark);
}

void groups_build(struct groups *groups, const struct counting *counting, size_t base)
{
	const struct mark *mark;

	groups->counting = counting;
	groups->base = base;
	groups->count = groups->distances = groups->parts = groups->left_out = 0;
	array_each (mark, &counting->marks) {
		if (mark->samples >= counting->samples_least)
			add_mark(groups, mark);
	}
}

/* ---- values ---- */

bool group_distance(const struct groups *groups, const struct group *group, size_t function,
		    uint64_t *calls)
{
	if (!group->earlier || !is_counted(groups->counting, function, group->mark.first_ns))
		return false;
	*calls = group->mark.begin[function] - group->earlier->mark.begin[function];
	return true;
}

void groups_distances(const struct groups *groups, size_t function, struct values *values)
{
	values->count = 0;
	for (size_t i = 0; i < groups->count; i++) {
		uint64_t calls;

		if (group_distance(groups, &groups->items[i], function, &calls))
			values->items[values->count++] = calls;
	}
}

void groups_withins(const struct groups *groups, size_t function, bool is_scaled,
		    struct values *values)
{
	values->count = 0;
	for (size_t i = 0; i < groups->count; i++) {
		const struct mark *mark = &groups->items[i].mark;
		uint64_t calls = mark->end[function] - mark->begin[function];

		if (mark->samples < 2 || !is_counted(groups->counting, function, mark->last_ns))
			continue;
		if (is_scaled)
			calls += calls / (mark->samples - 1);
		values->items[values->count++] = calls;
	}
}

static int compare_values(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void sort(struct values *values)
{
	qsort(values->items, values->count, sizeof(*values->items), compare_values);
}

uint64_t values_median(struct values *values)
{
	sort(values);
	return values->count ? values->items[values->count / 2] : 0;
}

uint64_t values_largest(struct values *values)
{
	sort(values);
	return values->count ? values->items[values->count - 1] : 0;
}

uint64_t values_least(struct values *values)
{
	sort(values);
	return values->count ? values->items[0] : 0;
}
