/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of a thread while it is followed up its stack: registers, and the stack's bytes. */
#ifndef STACK_REGISTERS_H
#define STACK_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "stack/stack.h"

/* DWARF's numbers (x86-64 psABI, figure 3.36), not those of instructions. */
enum {
	DWARF_RAX,
	DWARF_RDX,
	DWARF_RCX,
	DWARF_RBX,
	DWARF_RSI,
	DWARF_RDI,
	DWARF_RBP,
	DWARF_RSP,
	DWARF_R8,
	DWARF_R12 = 12,
	DWARF_RIP = 16, /* of a caller, where it goes on: what is called the return address */
	DWARF_REGISTERS,
};

/* Those that a function leaves as it found them. */
#define REGS_KEPT (1u << DWARF_RBX | 1u << DWARF_RBP | 0xfu << DWARF_R12)

struct registers {
	uint64_t values[DWARF_REGISTERS];
	uint32_t known; /* bit n: values[n] is */
};

static inline bool reg_is_known(const struct registers *registers, unsigned reg)
{
	return registers->known >> reg & 1;
}

static inline void reg_set(struct registers *registers, unsigned reg, uint64_t value)
{
	registers->values[reg] = value;
	registers->known |= 1u << reg;
}

/* The bytes that were taken. */
struct taken_bytes {
	const uint8_t *bytes;
	uint64_t start_addr;
	size_t count;
	bool is_cut;
	bool ran_out; /* a word was wanted that lies behind where it was cut */
};

/* The stack's usual size: what is further away was no address on it. */
#define STACK_USUAL_BYTES (8u << 20)

/* A word of 1 to 8 bytes; false where it was not taken. */
static inline bool taken_read(struct taken_bytes *taken, uint64_t addr, size_t bytes,
			      uint64_t *value)
{
	uint64_t off = addr - taken->start_addr;

	if (addr < taken->start_addr)
		return false;
	if (off > taken->count || bytes > taken->count - off) {
		taken->ran_out |= taken->is_cut && off < taken->count + STACK_USUAL_BYTES;
		return false;
	}
	*value = 0;
	memcpy(value, taken->bytes + off, bytes);
	return true;
}

static inline bool taken_word(struct taken_bytes *taken, uint64_t addr, uint64_t *word)
{
	return taken_read(taken, addr, sizeof(*word), word);
}

#endif
