// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/boundary.h"

#include <errno.h>
#include <string.h>

#include "analyse/distances.h"

#define MANY        16 /* while it copies, be it in one stall alone */
#define SURE_STALLS 3  /* distances that tell what one may not */
/*
 * From one stall to the next, be it once. Small growths of a buffer that has just been made are not
 * so many, even by steps of 1.25 (Go 1.18 and later, large slices), from 1 element to 2^30.
 */
#define MANY_BETWEEN 256
/* Stalls of one thread in which nothing at all was called: all are in one call. */
#define UNCALLED_LEAST 6
#define LOOKED_LONG    16 /* stalls that show nothing: nothing will come */

/* ---- which stall ---- */

/* A stall is looked into while it lasts: its functions are counted when it ends. */
#define STACKS_LEAST 3
/* A busy server is found in a copy now and then: that is no stall. */
#define STALL_LEAST_NS (8ULL * 1000000)
/* Who copies between other work is found in copies now and then, too. */
#define IN_COPIES_LEAST_PCT 75
/*
 * Where it is called anew from one stack to the next, it may copy small pieces all the time: into
 * fresh memory, say, where each page costs more than the work in between (std::string::append()).
 * And some stacks by the culprit itself and some by what it calls are two stalls, or one that
 * lasts.
 */
#define UNCLEAR_STACKS_LEAST 24

static uint64_t stacks_least(const struct stall *stall)
{
	bool is_one_call =
		stall->lasting_frame < stall->frame_count &&
		frame_same_function(&stall->frames[stall->lasting_frame], stall->culprit);

	if (!stall->stacks_as_copier)
		return STACKS_LEAST;
	return is_one_call && stall->stacks_as_copier == stall->stacks ? STACKS_LEAST
								       : UNCLEAR_STACKS_LEAST;
}

bool boundary_is_worth_it(const struct stall *stall)
{
	uint64_t in_copies_ns = stall->user_ns + stall->fault_ns;

	return stall->culprit && stall->duration_ns >= STALL_LEAST_NS &&
	       stall->stacks >= stacks_least(stall) && stall->trap_ns <= in_copies_ns &&
	       in_copies_ns * 100 >= stall->ran_ns * IN_COPIES_LEAST_PCT;
}

/* ---- what is counted ---- */

struct boundary {
	struct boundary_settings settings;
	struct counting counting;
	uint64_t stalls; /* that were seen */
	bool hot[MW_CALLERS];
};

struct boundary *boundary_new(const struct boundary_settings *settings)
{
	struct boundary *boundary = calloc(1, sizeof(*boundary));

	if (!boundary)
		return NULL;
	boundary->settings = *settings;
	boundary->counting.samples_least = settings->samples_least;
	boundary->counting.functions =
		settings->functions < MW_CALLERS ? settings->functions : MW_CALLERS;
	for (size_t i = 0; i < MW_CALLERS; i++)
		boundary->counting.until_ns[i] = UINT64_MAX;
	return boundary;
}

void boundary_free(struct boundary *boundary)
{
	if (!boundary)
		return;
	array_release(&boundary->counting.marks);
	free(boundary);
}

static bool is_within(const struct sample *sample, const struct mark *mark, uint64_t quiet_ns)
{
	const struct sampled_at before = {mark->tid, mark->goroutine_addr, mark->last_ns,
					  mark->last_ticks, mark->last_sleeps};

	return sample_follows(sample, &before, quiet_ns);
}

static struct mark *find_mark(struct boundary *boundary, const struct sample *sample)
{
	mark_list *marks = &boundary->counting.marks;

	for (size_t i = marks->count; i--;) {
		struct mark *mark = &marks->items[i];

		if (mark->goroutine_addr == sample->goroutine_addr &&
		    (mark->goroutine_addr || mark->tid == sample->tid))
			return is_within(sample, mark, boundary->settings.quiet_ns) ? mark : NULL;
	}
	return NULL;
}

static struct mark *add_mark(struct boundary *boundary, const struct sample *sample)
{
	mark_list *marks = &boundary->counting.marks;
	struct mark mark = {
		.tid = sample->tid,
		.goroutine_addr = sample->goroutine_addr,
		.first_ns = sample->at_ns,
	};

	if (marks->count == MARKS_MOST) {
		marks->count /= 2;
		memmove(marks->items, marks->items + MARKS_MOST - marks->count,
			marks->count * sizeof(*marks->items));
	}
	if (array_push(marks, mark))
		return NULL;
	return &marks->items[marks->count - 1];
}

int boundary_add(struct boundary *boundary, const struct sample *sample)
{
	struct mark *mark;

	if (sample->pid != boundary->settings.pid || sample->at_ns < boundary->settings.since_ns ||
	    !sample->weight_ns)
		return 0;
	mark = find_mark(boundary, sample);
	if (!mark)
		mark = add_mark(boundary, sample);
	if (!mark)
		return -ENOMEM;
	mark->last_ns = sample->at_ns;
	mark->last_ticks = sample->ticks;
	mark->last_sleeps = sample->sleeps;
	if (!mark->samples++)
		memcpy(mark->begin, sample->calls, sizeof(mark->begin));
	boundary->stalls += mark->samples == boundary->settings.samples_least;
	memcpy(mark->end, sample->calls, sizeof(mark->end));
	return 0;
}

void boundary_hot(struct boundary *boundary, unsigned function)
{
	if (function < boundary->counting.functions)
		boundary->hot[function] = true;
}

void boundary_uncount(struct boundary *boundary, unsigned function, uint64_t at_ns)
{
	if (function < boundary->counting.functions &&
	    at_ns < boundary->counting.until_ns[function])
		boundary->counting.until_ns[function] = at_ns;
}

/* ---- what that makes of a function ---- */

enum role {
	ROLE_UNKNOWN, /* no distance was counted */
	ROLE_RUNNING, /* it was called before most stalls, and goes on */
	ROLE_ONCE,
	ROLE_PIECES,  /* many times while it copies */
	ROLE_BETWEEN, /* many times from one stall to the next */
	ROLE_UNSURE,  /* some times: a few stalls more will tell */
};

static enum role role_of(const struct boundary *boundary, const struct groups *groups,
			 size_t function)
{
	struct values distances, withins;
	uint64_t distance;

	groups_distances(groups, function, &distances);
	groups_withins(groups, function, true, &withins);
	distance = values_median(&distances);
	if (!distances.count)
		return ROLE_UNKNOWN;
	if (!distance)
		return ROLE_RUNNING;
	if (distance <= BOUNDARY_ONCE_MOST)
		return ROLE_ONCE;
	if (values_median(&withins) > distance / 2)
		return ROLE_PIECES;
	if (distances.count >= SURE_STALLS)
		return ROLE_BETWEEN;
	if (withins.count ? distance >= MANY_BETWEEN : boundary->hot[function])
		return ROLE_BETWEEN;
	return ROLE_UNSURE;
}

/* As far as stalls alone tell, without a distance. */
static bool copies_by_pieces(const struct groups *groups, size_t function)
{
	struct values withins;

	groups_withins(groups, function, true, &withins);
	return values_median(&withins) >= MANY;
}

/* ---- the verdict ---- */

/*
 * A flush may stall several times, with other work in between, or be parted by the scheduler; then
 * it is called less than once a stall, and so is what calls it. But an outer function that merely
 * goes on for some stalls does not look like that, where those further out are called meanwhile.
 */
static bool parts_longer_stalls(const struct boundary *boundary, size_t function)
{
	struct groups rarer;

	groups_build(&rarer, &boundary->counting, function);
	return rarer.distances && rarer.left_out < rarer.parts;
}

/* From the culprit outward, until it is known who defers, or has to be left open. */
static void go_outward(const struct boundary *boundary, struct groups *groups,
		       struct boundary_verdict *verdict)
{
	for (size_t i = 0; i < boundary->counting.functions; i++) {
		enum role role = role_of(boundary, groups, i);

		if (role == ROLE_RUNNING && parts_longer_stalls(boundary, i)) {
			groups_build(groups, &boundary->counting, i);
			role = role_of(boundary, groups, i);
		}
		/* Its calls are counted no more because they are so many. */
		if (role == ROLE_UNKNOWN && boundary->hot[i] && !copies_by_pieces(groups, i))
			role = ROLE_BETWEEN;
		if (role == ROLE_BETWEEN)
			verdict->caller = (int)i;
		if (role == ROLE_BETWEEN || role == ROLE_UNSURE || role == ROLE_RUNNING)
			return;
		if (role == ROLE_ONCE)
			verdict->flush = (int)i;
	}
}

/*
 * Distances tell nothing, mostly because one stall was seen: the innermost that was called often
 * after it defers, for now.
 */
static void guess_by_heat(const struct boundary *boundary, const struct groups *groups,
			  struct boundary_verdict *verdict)
{
	for (size_t i = 0; i < boundary->counting.functions; i++) {
		if (copies_by_pieces(groups, i))
			continue;
		if (boundary->hot[i]) {
			verdict->caller = (int)i;
			return;
		}
		verdict->flush = (int)i;
	}
	verdict->flush = -1;
}

/*
 * Calls of the caller for each stall. A flush that was too short to be seen is still counted: then
 * there is one stall more in the distance.
 */
static void list_periods(const struct groups *groups, const struct boundary_verdict *verdict,
			 struct values *periods)
{
	struct values flushes;
	uint64_t flushes_per_stall = 0;

	if (verdict->flush >= 0) {
		groups_distances(groups, (size_t)verdict->flush, &flushes);
		flushes_per_stall = values_median(&flushes);
	}
	periods->count = 0;
	for (size_t i = 0; i < groups->count; i++) {
		const struct group *group = &groups->items[i];
		uint64_t calls, stalls = 1, flushed;

		if (!group_distance(groups, group, (size_t)verdict->caller, &calls))
			continue;
		if (flushes_per_stall &&
		    group_distance(groups, group, (size_t)verdict->flush, &flushed))
			stalls = (flushed + flushes_per_stall / 2) / flushes_per_stall;
		periods->items[periods->count++] = calls / (stalls ? stalls : 1);
	}
}

static void find_period(const struct groups *groups, struct boundary_verdict *verdict)
{
	struct values periods;
	uint64_t least, largest;

	if (verdict->caller < 0)
		return;
	list_periods(groups, verdict, &periods);
	least = values_least(&periods);
	largest = values_largest(&periods);
	/* One of several distances, where the others were not counted, is no period. */
	if (!largest || (periods.count == 1 && verdict->stalls > 1))
		return;
	if (largest - least > largest / 100) {
		verdict->period_kind = PERIOD_IRREGULAR;
		return;
	}
	verdict->period_kind = PERIOD_CONSTANT;
	verdict->period_calls = values_median(&periods);
}

static void fill_figures(const struct groups *groups, struct boundary_verdict *verdict)
{
	struct values values;

	verdict->stalls = groups->distances;
	for (size_t i = 0; i < groups->counting->functions; i++) {
		groups_distances(groups, i, &values);
		verdict->calls_per_stall[i] = values_median(&values);
		groups_withins(groups, i, false, &values);
		verdict->calls_within[i] = values_median(&values);
	}
}

static bool is_in_one_call(const struct boundary *boundary)
{
	const struct mark *mark, *first = boundary->counting.marks.items;

	array_each (mark, &boundary->counting.marks) {
		if (mark->tid != first->tid || mark->goroutine_addr != first->goroutine_addr ||
		    memcmp(mark->end, first->begin, sizeof(mark->end)))
			return false;
	}
	return boundary->stalls >= UNCALLED_LEAST;
}

struct boundary_verdict boundary_judge(const struct boundary *boundary)
{
	struct boundary_verdict verdict = {.flush = -1, .caller = -1};
	struct groups groups;
	int parting;

	if (!boundary->counting.functions) {
		verdict.state = BOUNDARY_NONE;
		return verdict;
	}
	groups_build(&groups, &boundary->counting, 0);
	if (groups.distances)
		go_outward(boundary, &groups, &verdict);
	if (verdict.flush < 0 && verdict.caller < 0)
		guess_by_heat(boundary, &groups, &verdict);
	/* Each of its calls is one stall, whatever the scheduler made of it. */
	parting = verdict.flush >= 0 ? verdict.flush : verdict.caller;
	if (parting > (int)groups.base)
		groups_build(&groups, &boundary->counting, (size_t)parting);
	fill_figures(&groups, &verdict);
	find_period(&groups, &verdict);
	if (verdict.caller >= 0)
		verdict.state = BOUNDARY_KNOWN;
	else if (verdict.flush >= 0 && verdict.stalls >= SURE_STALLS)
		verdict.state = BOUNDARY_KNOWN;
	else if (verdict.flush < 0 && (boundary->stalls >= LOOKED_LONG || is_in_one_call(boundary)))
		verdict.state = BOUNDARY_NONE;
	return verdict;
}
