// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/function.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Equal strings have one address. An inlined function has no code of its own, so its name tells it
 * from its host; and where no beginning is known, the name must do, or else the place.
 */
bool frame_same_function(const struct frame *a, const struct frame *b)
{
	if (a->module != b->module || a->function_off != b->function_off ||
	    a->is_inlined != b->is_inlined)
		return false;
	if (a->is_inlined)
		return a->name == b->name;
	if (a->function_off)
		return true;
	if (a->name || b->name)
		return a->name == b->name;
	return a->module ? a->offset == b->offset : a->addr == b->addr;
}

bool call_path_has(const struct call_path *path, const struct frame *function)
{
	const struct frame *frame;

	array_each (frame, &path->frames) {
		if (frame_same_function(frame, function))
			return true;
	}
	return false;
}

/* ---- numbers ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 29;
}

/* Of what frame_same_function() compares. */
static uint64_t hash_frame(const struct frame *frame, uint32_t parent)
{
	uint64_t hash = mix(mix(parent, (uintptr_t)frame->module), frame->function_off);

	if (frame->is_inlined || (!frame->function_off && frame->name))
		return mix(hash, (uintptr_t)frame->name);
	if (!frame->function_off)
		return mix(hash, frame->module ? frame->offset : frame->addr);
	return hash;
}

int functions_init(struct functions *functions, uint32_t most)
{
	*functions = (struct functions){
		.items = calloc(most, sizeof(*functions->items)),
		.buckets = malloc(most * sizeof(*functions->buckets)),
		.most = most,
	};
	if (!functions->items || !functions->buckets) {
		functions_release(functions);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < most; i++)
		functions->buckets[i] = NO_FUNCTION;
	return 0;
}

void functions_release(struct functions *functions)
{
	free(functions->items);
	free(functions->buckets);
	*functions = (struct functions){0};
}

uint32_t functions_number(struct functions *functions, uint32_t parent, const struct frame *frame)
{
	uint32_t *bucket = &functions->buckets[hash_frame(frame, parent) % functions->most];
	struct numbered_function *item;

	for (uint32_t i = *bucket; i != NO_FUNCTION; i = functions->items[i].next) {
		item = &functions->items[i];
		if (item->parent == parent && frame_same_function(&item->frame, frame))
			return i;
	}
	if (functions->count == functions->most)
		return NO_FUNCTION;
	functions->items[functions->count] =
		(struct numbered_function){.frame = *frame, .parent = parent, .next = *bucket};
	*bucket = functions->count;
	return functions->count++;
}
