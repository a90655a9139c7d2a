// SPDX-License-Identifier: GPL-2.0-only
#include "stack/place_cache.h"

#include <errno.h>
#include <stdlib.h>

/* Python's and its libraries' copies are called from some hundred places. */
#define SLOTS_FIRST 256
#define SLOTS_MOST  16384

static struct place_slot *slot_of(const struct place_cache *cache, uint64_t file_id, uint64_t vaddr)
{
	/* Fibonacci hashing: the high bits depend on all others. */
	uint64_t hash = (vaddr ^ file_id << 40) * 0x9e3779b97f4a7c15;
	size_t at = (hash >> 32) & (cache->slot_count - 1);

	for (;; at = (at + 1) & (cache->slot_count - 1)) {
		struct place_slot *slot = &cache->slots[at];

		if (!slot->file_id || (slot->file_id == file_id && slot->vaddr == vaddr))
			return slot;
	}
}

void *place_cache_find(const struct place_cache *cache, uint64_t file_id, uint64_t vaddr)
{
	return cache->slots ? slot_of(cache, file_id, vaddr)->value : NULL;
}

/* At most half of the slots are taken. */
static int make_room(struct place_cache *cache)
{
	struct place_cache grown = *cache;

	if (2 * (cache->count + 1) <= cache->slot_count)
		return 0;
	if (cache->slot_count == SLOTS_MOST) {
		place_cache_release(cache);
		return make_room(cache);
	}
	grown.slot_count = cache->slot_count ? 2 * cache->slot_count : SLOTS_FIRST;
	grown.slots = calloc(grown.slot_count, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < cache->slot_count; i++) {
		const struct place_slot *slot = &cache->slots[i];

		if (slot->file_id)
			*slot_of(&grown, slot->file_id, slot->vaddr) = *slot;
	}
	free(cache->slots);
	*cache = grown;
	return 0;
}

int place_cache_add(struct place_cache *cache, uint64_t file_id, uint64_t vaddr, void *value)
{
	struct place_slot *slot;

	if (make_room(cache))
		return -ENOMEM;
	slot = slot_of(cache, file_id, vaddr);
	cache->count += !slot->file_id;
	free(slot->value);
	*slot = (struct place_slot){file_id, vaddr, value};
	return 0;
}

void place_cache_release(struct place_cache *cache)
{
	for (size_t i = 0; i < cache->slot_count; i++)
		free(cache->slots[i].value);
	free(cache->slots);
	*cache = (struct place_cache){0};
}
