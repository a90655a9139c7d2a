/* SPDX-License-Identifier: GPL-2.0-only */
/* Each text once, for as long as somebody may hold a frame. */
#ifndef STACK_STRINGS_H
#define STACK_STRINGS_H

#include <stddef.h>
#include <stdint.h>

struct strings {
	char **slots; /* by hash; NULL: free */
	size_t slot_count, count;
	size_t bytes; /* of all of them */
};

/*
 * The text of at most that many bytes, up to its NUL. NULL where text is, where memory is out, or
 * where the targets' names come to more than is sane: a JIT can make up new ones for ever.
 */
const char *strings_add(struct strings *strings, const char *text, size_t bytes);
void strings_release(struct strings *strings);

#endif
