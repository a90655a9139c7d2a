/* SPDX-License-Identifier: GPL-2.0-only */
/* What was found out about places in files, so that a path that was seen before costs little. */
#ifndef STACK_PLACE_CACHE_H
#define STACK_PLACE_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct place_slot {
	uint64_t file_id; /* 0: free */
	uint64_t vaddr;
	void *value;
};

/* An all-zero one is empty. */
struct place_cache {
	struct place_slot *slots;
	size_t slot_count, count;
};

/* What was added last for the place; NULL: nothing, or it was dropped. */
void *place_cache_find(const struct place_cache *cache, uint64_t file_id, uint64_t vaddr);

/*
 * value: one block of malloc(), which the cache frees: with all others, where there are too many.
 * So what was found before may be gone after this. -ENOMEM: it is still the caller's.
 */
int place_cache_add(struct place_cache *cache, uint64_t file_id, uint64_t vaddr, void *value);

void place_cache_release(struct place_cache *cache);

#endif
