// SPDX-License-Identifier: GPL-2.0-only
#include "stack/strings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Names of 500,000 functions are some 40 MiB; few of them are ever on a path to a copy. */
#define BYTES_MOST (64u << 20)

#define SLOTS_FIRST 1024

/* FNV-1a */
static uint64_t hash_of(const char *text, size_t bytes)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3;
	return hash;
}

/* Where the text is, or where it would go. */
static char **slot_of(const struct strings *strings, const char *text, size_t bytes)
{
	size_t at = hash_of(text, bytes) & (strings->slot_count - 1);

	for (;; at = (at + 1) & (strings->slot_count - 1)) {
		char *known = strings->slots[at];

		if (!known || (!strncmp(known, text, bytes) && !known[bytes]))
			return &strings->slots[at];
	}
}

/* At most half of the slots are taken. */
static bool make_room(struct strings *strings)
{
	struct strings grown = *strings;

	if (2 * (strings->count + 1) <= strings->slot_count)
		return true;
	grown.slot_count = strings->slot_count ? 2 * strings->slot_count : SLOTS_FIRST;
	grown.slots = calloc(grown.slot_count, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (size_t i = 0; i < strings->slot_count; i++) {
		char *text = strings->slots[i];

		if (text)
			*slot_of(&grown, text, strlen(text)) = text;
	}
	free(strings->slots);
	*strings = grown;
	return true;
}

const char *strings_add(struct strings *strings, const char *text, size_t bytes)
{
	char **slot;

	if (!text)
		return NULL;
	bytes = strnlen(text, bytes);
	if (!make_room(strings))
		return NULL;
	slot = slot_of(strings, text, bytes);
	if (*slot || bytes >= BYTES_MOST - strings->bytes)
		return *slot;
	*slot = strndup(text, bytes);
	if (*slot) {
		strings->count++;
		strings->bytes += bytes + 1;
	}
	return *slot;
}

void strings_release(struct strings *strings)
{
	for (size_t i = 0; i < strings->slot_count; i++)
		free(strings->slots[i]);
	free(strings->slots);
	*strings = (struct strings){0};
}
