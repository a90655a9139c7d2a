// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/blame.h"

#include <errno.h>
#include <string.h>

#define ODD_ONE_IN 50 /* fewer than one stack in so many may lack the culprit */

/* ---- functions ---- */

static bool begins_with(const char *text, const char *beginning)
{
	return !strncmp(text, beginning, strlen(beginning));
}

/*
 * What languages wrap around their copies, and compilers inline, is on everybody's way to them:
 * glibc's string_fortified.h, libstdc++'s own names, Rust's core.
 */
static bool is_wrapper(const struct frame *frame)
{
	static const char *const names[] = {"memcpy", "memmove", "mempcpy", "bcopy"};
	static const char *const rooms[] = {"std::__", "core::ptr::", "core::intrinsics::"};

	if (!frame->is_inlined || !frame->name)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(frame->name, names[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
		if (begins_with(frame->name, rooms[i]))
			return true;
	}
	return false;
}

/*
 * The first frame that may be to blame. The copy routine is the innermost function that has code of
 * its own, with all that was inlined into it.
 */
static size_t first_candidate(const struct call_path *path, bool is_inlined)
{
	size_t i = 0;

	if (!is_inlined) {
		while (i < path->frames.count && path->frames.items[i].is_inlined)
			i++;
		i++;
	}
	while (i < path->frames.count && is_wrapper(&path->frames.items[i]))
		i++;
	return i;
}

static struct seen_function *find_function(const struct blame *blame, const struct frame *frame)
{
	struct seen_function *function;

	array_each (function, &blame->functions) {
		if (frame_same_function(&function->frame, frame))
			return function;
	}
	return NULL;
}

static void compare_calls(struct seen_function *function, uint64_t caller_state)
{
	if (!caller_state)
		return;
	if (function->caller_state) {
		function->compared++;
		function->other_calls += caller_state != function->caller_state;
	}
	function->caller_state = caller_state;
}

static int count_functions(struct blame *blame, const struct call_path *path, size_t first)
{
	struct seen_function *function;

	for (size_t i = first; i < path->frames.count; i++) {
		const struct frame *frame = &path->frames.items[i];
		struct seen_function fresh = {.frame = *frame};

		function = find_function(blame, frame);
		if (!function && blame->functions.count < BLAME_FUNCTIONS) {
			if (array_push(&blame->functions, fresh))
				return -ENOMEM;
			function = &blame->functions.items[blame->functions.count - 1];
		}
		/* There was no room; or it is recursive, and counts where it is innermost. */
		if (!function || function->latest_stack > blame->stacks)
			continue;
		function->latest_stack = blame->stacks + 1;
		function->stacks++;
		function->whole_stacks += path->end == STACK_WHOLE;
		function->depths += i;
		function->as_copier += i == first;
		compare_calls(function, frame->caller_state);
	}
	return 0;
}

/* Nearer to the copy, in the mean of the stacks that have it. */
static bool is_inner(const struct seen_function *function, const struct seen_function *than)
{
	return function->depths * than->stacks < than->depths * function->stacks;
}

/* One odd stack of many does not acquit: stacks are sometimes read while they change. */
static bool is_in_all(const struct blame *blame, const struct seen_function *function)
{
	return (blame->stacks - function->stacks) * ODD_ONE_IN < blame->stacks;
}

/* Stacks that were cut short may have it further out, if others show that it is likely. */
static bool is_in_all_whole(const struct blame *blame, const struct seen_function *function)
{
	return (blame->whole_stacks - function->whole_stacks) * ODD_ONE_IN < blame->stacks &&
	       function->stacks * 2 >= blame->stacks;
}

/*
 * Those that are in all stacks as far as they were taken come first: what a cut stack shows is
 * further in than what it doesn't.
 */
const struct frame *blame_culprit(const struct blame *blame)
{
	const struct seen_function *function, *culprit = NULL, *likely = NULL;

	array_each (function, &blame->functions) {
		if (is_in_all(blame, function)) {
			if (!culprit || is_inner(function, culprit))
				culprit = function;
		} else if (is_in_all_whole(blame, function)) {
			if (!likely || is_inner(function, likely))
				likely = function;
		}
	}
	if (!culprit)
		culprit = likely;
	return culprit ? &culprit->frame : NULL;
}

const struct seen_function *blame_seen(const struct blame *blame, const struct frame *function)
{
	return function ? find_function(blame, function) : NULL;
}

/* ---- paths ---- */

static bool is_same_path(const struct call_path *a, const struct call_path *b)
{
	if (a->frames.count != b->frames.count || a->end != b->end)
		return false;
	for (size_t i = 0; i < a->frames.count; i++) {
		if (!frame_same_function(&a->frames.items[i], &b->frames.items[i]))
			return false;
	}
	return true;
}

static int keep_path(struct seen_path *kept, const struct call_path *path)
{
	kept->path.frames.count = 0;
	for (size_t i = 0; i < path->frames.count; i++) {
		if (array_push(&kept->path.frames, path->frames.items[i]))
			return -ENOMEM;
	}
	kept->path.end = path->end;
	kept->votes = 1;
	return 0;
}

/*
 * A new way takes the place of one without votes, or else costs each a vote: so those that are
 * often gone stay, however many different ones come.
 */
static int vote(struct blame *blame, const struct call_path *path)
{
	struct seen_path *free_place = NULL;

	for (size_t i = 0; i < BLAME_PATHS; i++) {
		struct seen_path *kept = &blame->paths[i];

		if (kept->path.frames.count && is_same_path(&kept->path, path)) {
			kept->votes++;
			return 0;
		}
		if (!kept->votes && !free_place)
			free_place = kept;
	}
	if (free_place)
		return keep_path(free_place, path);
	for (size_t i = 0; i < BLAME_PATHS; i++)
		blame->paths[i].votes--;
	return 0;
}

const struct call_path *blame_path(const struct blame *blame, const struct frame *culprit)
{
	const struct seen_path *best = NULL;
	bool best_leads = false;

	for (size_t i = 0; i < BLAME_PATHS; i++) {
		const struct seen_path *kept = &blame->paths[i];
		bool leads;

		if (!kept->path.frames.count)
			continue;
		leads = culprit && call_path_has(&kept->path, culprit);
		if (!best || leads > best_leads ||
		    (leads == best_leads && kept->votes > best->votes)) {
			best = kept;
			best_leads = leads;
		}
	}
	return best ? &best->path : NULL;
}

/* ---- together ---- */

int blame_add(struct blame *blame, const struct call_path *path, bool is_inlined)
{
	int error;

	if (!path->frames.count)
		return 0;
	error = count_functions(blame, path, first_candidate(path, is_inlined));
	if (!error)
		error = vote(blame, path);
	if (error)
		return error;
	blame->stacks++;
	blame->whole_stacks += path->end == STACK_WHOLE;
	return 0;
}

void blame_release(struct blame *blame)
{
	array_release(&blame->functions);
	for (size_t i = 0; i < BLAME_PATHS; i++)
		array_release(&blame->paths[i].path.frames);
	*blame = (struct blame){0};
}
