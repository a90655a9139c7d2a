/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes to a copy routine that leave most of it working: other conditions, constants, registers
 * and ways, so that many of the results still copy, by rules that nobody wrote down.
 */
#ifndef TESTS_FUZZ_MUTATE_GATES_H
#define TESTS_FUZZ_MUTATE_GATES_H

#include "plan/walk.h"
#include "tests/fuzz/gate_case.h"
#include "tests/unit/plan/copy_cases.h"

#define MUTANT_CODE_BYTES 8192

struct mutant {
	struct gate_case given;
	uint8_t code[MUTANT_CODE_BYTES];
	uint16_t starts[MUTANT_CODE_BYTES]; /* instructions that control may reach, by offset */
	size_t start_count;
	uint64_t random;
};

/* What goes well with sizes: moves them, changes them, compares them, in 1 to 7 bytes. */
static const struct {
	uint8_t length, bytes[7];
} mutant_phrases[] = {
	{2, {0x89, 0xd2}},                               /* mov %edx,%edx */
	{3, {0x0f, 0xb7, 0xd2}},                         /* movzwl %dx,%edx */
	{3, {0x48, 0xff, 0xca}},                         /* dec %rdx */
	{3, {0x48, 0xff, 0xc2}},                         /* inc %rdx */
	{2, {0xff, 0xca}},                               /* dec %edx */
	{3, {0x48, 0xf7, 0xda}},                         /* neg %rdx */
	{3, {0x48, 0x87, 0xf7}},                         /* xchg %rsi,%rdi */
	{3, {0x48, 0x87, 0xd1}},                         /* xchg %rdx,%rcx */
	{1, {0x52}},                                     /* push %rdx */
	{1, {0x5a}},                                     /* pop %rdx */
	{3, {0x48, 0x89, 0xd1}},                         /* mov %rdx,%rcx */
	{3, {0x48, 0x89, 0xca}},                         /* mov %rcx,%rdx */
	{3, {0x49, 0x89, 0xd0}},                         /* mov %rdx,%r8 */
	{4, {0x48, 0x83, 0xea, 0x10}},                   /* sub $16,%rdx */
	{4, {0x48, 0x83, 0xc2, 0x40}},                   /* add $64,%rdx */
	{4, {0x48, 0x83, 0xe2, 0xf0}},                   /* and $-16,%rdx */
	{4, {0x48, 0xc1, 0xea, 0x03}},                   /* shr $3,%rdx */
	{3, {0x48, 0xd1, 0xfa}},                         /* sar %rdx */
	{4, {0x48, 0x83, 0xfa, 0x40}},                   /* cmp $64,%rdx */
	{3, {0x83, 0xfa, 0x40}},                         /* cmp $64,%edx */
	{3, {0x80, 0xfa, 0x40}},                         /* cmp $64,%dl */
	{3, {0xf6, 0xc2, 0x40}},                         /* test $64,%dl */
	{3, {0x48, 0x85, 0xd2}},                         /* test %rdx,%rdx */
	{2, {0x85, 0xd2}},                               /* test %edx,%edx */
	{3, {0x48, 0x39, 0xf7}},                         /* cmp %rsi,%rdi */
	{3, {0x48, 0x39, 0xd1}},                         /* cmp %rdx,%rcx */
	{4, {0x48, 0x8d, 0x4a, 0xff}},                   /* lea -1(%rdx),%rcx */
	{4, {0x48, 0x8d, 0x14, 0x12}},                   /* lea (%rdx,%rdx),%rdx */
	{4, {0x48, 0x0f, 0x42, 0xca}},                   /* cmovb %rdx,%rcx */
	{4, {0x48, 0x0f, 0x47, 0xd1}},                   /* cmova %rcx,%rdx */
	{1, {0xf9}},                                     /* stc */
	{1, {0xf5}},                                     /* cmc */
	{2, {0x31, 0xd2}},                               /* xor %edx,%edx */
	{5, {0xba, 0x00, 0x01, 0x00, 0x00}},             /* mov $256,%edx */
	{7, {0x48, 0x81, 0xfa, 0x00, 0x08, 0x00, 0x00}}, /* cmp $2048,%rdx */
	{2, {0xf3, 0xa4}},                               /* rep movsb */
	{1, {0xc3}},                                     /* ret */
	{2, {0xeb, 0xfe}},                               /* jmp to itself */
	{2, {0xe3, 0x02}},                               /* jrcxz over two bytes */
	{5, {0xe8, 0x00, 0x00, 0x00, 0x00}},             /* call what follows */
};

static inline uint64_t mutant_below(struct mutant *mutant, uint64_t end)
{
	return case_below(&mutant->random, end);
}

/* Follows control from the doors on, as far as instructions state where it goes. */
static inline void mutant_find_starts(struct mutant *mutant)
{
	const struct code_view view = gate_case_view(&mutant->given);
	static bool seen[MUTANT_CODE_BYTES];
	struct copy_door doors[GATE_DOORS];
	size_t count = gate_case_doors(&mutant->given, doors), done = 0;
	struct insn insn;

	memset(seen, 0, sizeof(seen));
	mutant->start_count = 0;
	for (size_t i = 0; i < count; i++)
		mutant->starts[mutant->start_count++] = doors[i].vaddr - mutant->given.vaddr;
	while (done < mutant->start_count) {
		uint64_t vaddr = mutant->given.vaddr + mutant->starts[done++];
		uint64_t next[2] = {0, 0};

		if (code_decode(&view, vaddr, &insn))
			continue;
		if (insn.flow == FLOW_NEXT || insn.flow == FLOW_BRANCH || insn.flow == FLOW_CALL)
			next[0] = vaddr + insn.length;
		if (insn.flow == FLOW_BRANCH || insn.flow == FLOW_JUMP)
			next[1] = insn.target_vaddr;
		for (size_t i = 0; i < 2; i++) {
			uint64_t offset = next[i] - mutant->given.vaddr;

			if (offset >= mutant->given.count || seen[offset])
				continue;
			seen[offset] = true;
			mutant->starts[mutant->start_count++] = offset;
		}
	}
}

/* Leads a jump to another instruction. */
static inline void mutate_way(struct mutant *mutant, uint8_t *at, const struct insn *insn)
{
	uint64_t to =
		mutant->given.vaddr + mutant->starts[mutant_below(mutant, mutant->start_count)];
	int64_t distance = to - (insn->vaddr + insn->length);
	int32_t far = distance;

	if (insn->length < 5 && distance == (int8_t)distance)
		at[insn->length - 1] = distance;
	else if (insn->length >= 5)
		memcpy(at + insn->length - sizeof(far), &far, sizeof(far));
}

static inline void mutate_condition(struct mutant *mutant, uint8_t *at, const struct insn *insn)
{
	uint8_t *condition = insn->length > 2 && at[0] == 0x0f ? at + 1 : at;

	if ((*condition & 0xf0) == 0x70 || (*condition & 0xf0) == 0x80)
		*condition ^= 1 + mutant_below(mutant, 15);
}

/* Another instruction in its place, and nops where that is shorter. */
static inline void mutate_phrase(struct mutant *mutant, uint8_t *at, const struct insn *insn)
{
	size_t which = mutant_below(mutant, sizeof(mutant_phrases) / sizeof(mutant_phrases[0]));

	if (mutant_phrases[which].length > insn->length)
		return;
	memset(at, 0x90, insn->length);
	memcpy(at, mutant_phrases[which].bytes, mutant_phrases[which].length);
}

/* One of the routine's own instructions in the place of another. */
static inline void mutate_by_own(struct mutant *mutant, uint8_t *at, const struct insn *insn)
{
	const struct code_view view = gate_case_view(&mutant->given);
	size_t from = mutant->starts[mutant_below(mutant, mutant->start_count)];
	struct insn other;

	if (code_decode(&view, mutant->given.vaddr + from, &other) || other.length > insn->length ||
	    at == mutant->code + from)
		return;
	memmove(at, mutant->code + from, other.length);
	memset(at + other.length, 0x90, insn->length - other.length);
}

static inline void mutate_word(struct mutant *mutant)
{
	uint64_t *word = &mutant->given.layout.words[mutant_below(mutant, GATE_WORDS)];

	switch (mutant_below(mutant, 4)) {
	case 0:
		*word = mutant_below(mutant, 2);
		break;
	case 1:
		*word = case_random(&mutant->random);
		break;
	default:
		*word = mutant_below(mutant, (uint64_t)32 << mutant_below(mutant, 14));
	}
}

static inline void mutate_once(struct mutant *mutant)
{
	const struct code_view view = gate_case_view(&mutant->given);
	size_t offset = mutant->starts[mutant_below(mutant, mutant->start_count)];
	uint8_t *at = mutant->code + offset;
	struct insn insn;

	if (code_decode(&view, mutant->given.vaddr + offset, &insn))
		return;
	switch (mutant_below(mutant, 9)) {
	case 0:
		if (insn.flow == FLOW_BRANCH || insn.flow == FLOW_JUMP)
			mutate_way(mutant, at, &insn);
		break;
	case 1:
		if (insn.flow == FLOW_BRANCH)
			mutate_condition(mutant, at, &insn);
		break;
	case 2:
		at[insn.length - 1] += mutant_below(mutant, 2) ? 1 : -1;
		break;
	case 3:
		at[insn.length - 1] = mutant_below(mutant, 256);
		break;
	case 4: /* another register, or another size of them */
		at[mutant_below(mutant, insn.length)] ^= 1 << mutant_below(mutant, 8);
		break;
	case 5:
		mutate_by_own(mutant, at, &insn);
		break;
	case 6:
		mutate_word(mutant);
		break;
	default:
		mutate_phrase(mutant, at, &insn);
	}
}

/* The same mutant for the same random, but for the address at which it stands. */
static inline void mutant_make(struct mutant *mutant, const struct gate_case *seed, uint64_t vaddr,
			       uint64_t random)
{
	size_t changes;

	mutant->random = random * 0x9e3779b97f4a7c15 | 1;
	case_random(&mutant->random);
	mutant->given = *seed;
	mutant->given.vaddr = vaddr;
	if (mutant->given.count > sizeof(mutant->code))
		mutant->given.count = sizeof(mutant->code);
	memcpy(mutant->code, seed->bytes, mutant->given.count);
	mutant->given.bytes = mutant->code;
	mutant_find_starts(mutant);
	for (changes = mutant_below(mutant, 6); changes; changes--)
		mutate_once(mutant);
	/* A door of its own at times: into the midst of the routine. */
	if (!mutant_below(mutant, 16)) {
		size_t start = mutant_below(mutant, mutant->start_count);

		mutant->given.layout.doors[mutant_below(mutant, GATE_DOORS)] =
			mutant->starts[start];
		mutant->given.layout.door_count = mutant_below(mutant, GATE_DOORS);
	}
}

#endif
