// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/turn.h"

#include <errno.h>

/* Stacks in a row, some 3 ms apart, that make a stretch of its own: about 10 ms. */
#define STEADY_STACKS 3
/* The first two stretches of a stall have so many together: the one the more, the fewer the other.
 */
#define FIRST_STACKS 8
/* Of those without a stack there are few between two that have one. */
#define WAITING_MOST 64

/* Who called the copy; NULL: there is no stack, or nobody on it. */
static const struct frame *copier_of(const struct sample *sample)
{
	size_t at = sample->is_inlined ? 0 : 1;

	return sample->path && at < sample->path->frames.count ? &sample->path->frames.items[at]
							       : NULL;
}

static int put_to_waiting(struct turn *turn, const struct sample *sample)
{
	struct waiting_sample waiting = {.sample = *sample};
	int err = 0;

	waiting.sample.path = NULL;
	for (size_t i = 0; sample->path && !err && i < sample->path->frames.count; i++)
		err = array_push(&waiting.path.frames, sample->path->frames.items[i]);
	if (sample->path)
		waiting.path.end = sample->path->end;
	if (!err)
		err = array_push(&turn->waiting, waiting);
	if (err)
		array_release(&waiting.path.frames);
	return err;
}

static void note_copier(struct turn *turn, const struct frame *copier)
{
	if (!copier)
		return;
	if (!turn->steady || !frame_same_function(copier, &turn->copier)) {
		turn->copier = *copier;
		turn->changes += turn->steady != 0;
		turn->steady = 0;
	}
	turn->steady++;
}

static enum turn_verdict wait_for_more(struct turn *turn, const struct sample *sample)
{
	return put_to_waiting(turn, sample) ? TURN_FAILED : TURN_WAIT;
}

/*
 * Where a function has two call its copies as chance has it, stretches of each come, too: one of n
 * stacks about once in 2^n. So the more often it has changed, the longer must they be. What came
 * first may have been under way before, and is not seen whole.
 */
static uint64_t steady_least(const struct turn *turn)
{
	uint64_t least = STEADY_STACKS;

	if (!turn->changes)
		return turn->steady + least < FIRST_STACKS ? FIRST_STACKS - turn->steady : least;
	for (uint64_t changes = turn->changes; changes; changes /= 2)
		least++;
	return least;
}

/*
 * The first stack by another, after many by one; or after all so far: what was under way before
 * may have been too short for more.
 */
static bool may_turn(const struct turn *turn, const struct frame *copier)
{
	return copier && turn->steady && (!turn->changes || turn->steady >= steady_least(turn)) &&
	       !frame_same_function(copier, &turn->copier);
}

enum turn_verdict turn_judge(struct turn *turn, const struct sample *sample)
{
	const struct frame *copier = copier_of(sample);

	if (!turn->waiting.count && !may_turn(turn, copier)) {
		note_copier(turn, copier);
		return TURN_NONE;
	}
	if (!turn->waiting.count) {
		turn->next_copier = *copier;
		turn->next_steady = 1;
		return wait_for_more(turn, sample);
	}
	if (!copier && turn->waiting.count < WAITING_MOST)
		return wait_for_more(turn, sample);
	if (copier && frame_same_function(copier, &turn->next_copier))
		return ++turn->next_steady < steady_least(turn) ? wait_for_more(turn, sample)
								: TURN_HERE;
	/* By turns: one stall of whoever calls them all. */
	if (copier)
		turn->copier = *copier;
	turn->changes += 2;
	turn->steady = 1;
	return TURN_NONE;
}

static void forget_waiting(struct turn *turn)
{
	struct waiting_sample *waiting;

	array_each (waiting, &turn->waiting)
		array_release(&waiting->path.frames);
	turn->waiting.count = 0;
	turn->next_steady = 0;
}

void turn_taken(struct turn *turn, bool turned)
{
	if (turned) {
		turn->copier = turn->next_copier;
		turn->steady = turn->next_steady;
		turn->changes = 0;
	}
	forget_waiting(turn);
}

void turn_release(struct turn *turn)
{
	forget_waiting(turn);
	array_release(&turn->waiting);
	turn->steady = turn->changes = 0;
}
