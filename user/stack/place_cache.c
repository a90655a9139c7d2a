// SPDX-License-Identifier: GPL-2.0-only
#include "stack/place_cache.h"

#include <errno.h>
#include <stdlib.h>

/* Python's and its libraries' copies are called from some hundred places. */
#define SLOTS       16384
#define PLACES_MOST (SLOTS / 2)

static struct place_slot *slot_of(const struct place_cache *cache, uint64_t file_id, uint64_t vaddr)
{
	/* Fibonacci hashing: the high bits depend on all others. */
	uint64_t hash = (vaddr ^ file_id << 40) * 0x9e3779b97f4a7c15;
	size_t at = (hash >> 32) & (SLOTS - 1);

	for (;; at = (at + 1) & (SLOTS - 1)) {
		struct place_slot *slot = &cache->slots[at];

		if (!slot->file_id || (slot->file_id == file_id && slot->vaddr == vaddr))
			return slot;
	}
}

void *place_cache_find(const struct place_cache *cache, uint64_t file_id, uint64_t vaddr)
{
	return cache->slots ? slot_of(cache, file_id, vaddr)->value : NULL;
}

int place_cache_add(struct place_cache *cache, uint64_t file_id, uint64_t vaddr, void *value)
{
	struct place_slot *slot;

	if (cache->count == PLACES_MOST)
		place_cache_release(cache);
	if (!cache->slots)
		cache->slots = calloc(SLOTS, sizeof(*cache->slots));
	if (!cache->slots)
		return -ENOMEM;
	slot = slot_of(cache, file_id, vaddr);
	cache->count += !slot->file_id;
	free(slot->value);
	*slot = (struct place_slot){file_id, vaddr, value};
	return 0;
}

void place_cache_release(struct place_cache *cache)
{
	for (size_t i = 0; cache->slots && i < SLOTS; i++)
		free(cache->slots[i].value);
	free(cache->slots);
	*cache = (struct place_cache){0};
}
