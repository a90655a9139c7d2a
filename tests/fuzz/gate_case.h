/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A copy routine as a fuzz case: struct gate_layout, then its code. What the code reads through
 * addresses outside itself is in the layout, so that a routine can be cut out of any program.
 */
#ifndef TESTS_FUZZ_GATE_CASE_H
#define TESTS_FUZZ_GATE_CASE_H

#include <string.h>

#include "plan/gate.h"

#define GATE_CODE_VADDR 0x401000
#define GATE_DOORS      3
#define GATE_WORDS      4

struct gate_layout {
	uint64_t words[GATE_WORDS]; /* by the address: thresholds that follow each other differ */
	uint64_t from_bytes;
	uint16_t doors[GATE_DOORS]; /* offsets in the code */
	uint16_t offset, bytes;     /* of the function whose bounds are known, and its name */
	uint8_t door_count;         /* taken modulo GATE_DOORS, and 1 more */
	uint8_t is_go : 1, has_bounds : 1, has_name : 1, unreadable : GATE_WORDS;
	uint8_t unused[4];
};
_Static_assert(sizeof(struct gate_layout) == 56, "make_seeds.py packs it");

struct gate_case {
	struct gate_layout layout;
	uint64_t vaddr; /* where the code stands */
	const uint8_t *bytes;
	size_t count;
};

static inline bool gate_case_take(struct gate_case *given, const uint8_t *bytes, size_t count)
{
	if (count < sizeof(given->layout))
		return false;
	memcpy(&given->layout, bytes, sizeof(given->layout));
	given->vaddr = GATE_CODE_VADDR;
	given->bytes = bytes + sizeof(given->layout);
	given->count = count - sizeof(given->layout);
	return true;
}

static const uint8_t *gate_case_code(const void *source, uint64_t vaddr, size_t *bytes)
{
	const struct gate_case *given = source;
	uint64_t offset = vaddr - given->vaddr;

	if (offset >= given->count)
		return NULL;
	*bytes = given->count - offset;
	return given->bytes + offset;
}

static bool gate_case_bounds(const void *source, uint64_t vaddr, uint64_t *start, uint64_t *bytes)
{
	const struct gate_case *given = source;

	*start = given->vaddr + given->layout.offset;
	*bytes = given->layout.bytes;
	return given->layout.has_bounds && vaddr - *start < *bytes;
}

static bool gate_case_names(const void *source, uint64_t vaddr)
{
	const struct gate_case *given = source;

	return given->layout.has_name && vaddr == given->vaddr + given->layout.offset;
}

/* Each word, and what lies across two, at all of its addresses. */
static bool gate_case_memory(const void *source, uint64_t vaddr, void *bytes, size_t count)
{
	const struct gate_case *given = source;
	const uint8_t *words = (const uint8_t *)given->layout.words;

	for (size_t i = 0; i < count; i++, vaddr++) {
		size_t at = vaddr % sizeof(given->layout.words);

		if (vaddr - given->vaddr < given->count ||
		    given->layout.unreadable >> at / sizeof(uint64_t) & 1)
			return false;
		((uint8_t *)bytes)[i] = words[at];
	}
	return true;
}

static inline struct code_view gate_case_view(const struct gate_case *given)
{
	return (struct code_view){gate_case_code, gate_case_bounds, gate_case_names, given};
}

static inline struct memory_view gate_case_memory_view(const struct gate_case *given)
{
	return (struct memory_view){gate_case_memory, given};
}

/* Gives how many. */
static inline size_t gate_case_doors(const struct gate_case *given,
				     struct copy_door doors[GATE_DOORS])
{
	static const char *const names[GATE_DOORS] = {"memmove", "memcpy", "mempcpy"};

	for (size_t i = 0; i < GATE_DOORS; i++)
		doors[i] = (struct copy_door){names[i], given->vaddr + given->layout.doors[i]};
	return given->layout.door_count % GATE_DOORS + 1;
}

#endif
