// SPDX-License-Identifier: GPL-2.0-only
#include "plan/argument_use.h"

#include <string.h>

#include <Zydis/Zydis.h>

#define POINTERS (FROM_DESTINATION | FROM_SOURCE)

struct operation {
	const ZydisDecodedInstruction *insn;
	const ZydisDecodedOperand *operands;
	uint64_t vaddr;
	uint8_t read; /* of all that it reads, addresses aside */
};

void argument_state_init(struct argument_state *state)
{
	memset(state, 0, sizeof(*state));
	state->general[CPU_RDI] = FROM_DESTINATION;
	state->general[CPU_RSI] = FROM_SOURCE;
	state->general[CPU_RDX] = FROM_SIZE;
}

static bool join_bytes(uint8_t *into, const uint8_t *other, size_t count)
{
	bool more = false;

	for (size_t i = 0; i < count; i++) {
		more |= other[i] & ~into[i];
		into[i] |= other[i];
	}
	return more;
}

bool argument_state_join(struct argument_state *into, const struct argument_state *other)
{
	bool more = join_bytes(into->general, other->general, CPU_REGISTERS);

	more |= join_bytes(into->vector, other->vector, VECTOR_REGISTERS);
	more |= join_bytes(&into->flags, &other->flags, 1);
	more |= join_bytes(&into->stack, &other->stack, 1);
	for (size_t i = 0; i < CPU_REGISTERS; i++) {
		if (!into->loaded_at[i] || into->loaded_at[i] == other->loaded_at[i])
			continue;
		into->loaded_at[i] = 0;
		more = true;
	}
	return more;
}

/* The register's number where it is a general one, or a part of one; else -1. */
static int general_number(ZydisRegister reg)
{
	reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	if (reg < ZYDIS_REGISTER_RAX || reg > ZYDIS_REGISTER_R15)
		return -1;
	return reg - ZYDIS_REGISTER_RAX;
}

static uint8_t *place_of(struct argument_state *state, ZydisRegister reg)
{
	ZydisRegisterClass class = ZydisRegisterGetClass(reg);
	int number = general_number(reg);

	if (number >= 0)
		return &state->general[number];
	if (class == ZYDIS_REGCLASS_XMM || class == ZYDIS_REGCLASS_YMM ||
	    class == ZYDIS_REGCLASS_ZMM)
		return &state->vector[ZydisRegisterGetId(reg)];
	return NULL;
}

static uint8_t of_register(struct argument_state *state, ZydisRegister reg)
{
	uint8_t *place = reg == ZYDIS_REGISTER_NONE ? NULL : place_of(state, reg);

	return place ? *place : 0;
}

static uint8_t of_address(struct argument_state *state, const ZydisDecodedOperand *operand)
{
	return of_register(state, operand->mem.base) | of_register(state, operand->mem.index);
}

/* %rbp where it is the frame's, as in unoptimised code. */
static bool on_stack(struct argument_state *state, const ZydisDecodedOperand *operand)
{
	int base = general_number(operand->mem.base);

	return base == CPU_RSP || (base == CPU_RBP && !(of_address(state, operand) & POINTERS));
}

static void read_memory(struct argument_state *state, struct operation *operation,
			const ZydisDecodedOperand *operand)
{
	if (operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN) { /* lea: the address is the value */
		operation->read |= of_address(state, operand);
	} else if (on_stack(state, operand)) {
		operation->read |= state->stack;
	} else if (of_address(state, operand) & POINTERS) {
		operation->read |= FROM_CONTENTS;
	}
}

static void read_operands(struct argument_state *state, struct operation *operation)
{
	for (uint8_t i = 0; i < operation->insn->operand_count; i++) {
		const ZydisDecodedOperand *operand = &operation->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN ||
		     operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ))
			read_memory(state, operation, operand);
		else if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
			 operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
			operation->read |= of_register(state, operand->reg.value);
	}
}

/* Brings bytes from one place to another and does nothing else with them. */
static bool only_moves(const ZydisDecodedInstruction *insn)
{
	switch (insn->mnemonic) {
	case ZYDIS_MNEMONIC_PALIGNR: /* of two unaligned loads, in __memmove_ssse3 */
	case ZYDIS_MNEMONIC_VPALIGNR:
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_POP:
		return true;
	case ZYDIS_MNEMONIC_MOVMSKPS: /* a bit of each byte or word: for a comparison */
	case ZYDIS_MNEMONIC_MOVMSKPD:
	case ZYDIS_MNEMONIC_VMOVMSKPS:
	case ZYDIS_MNEMONIC_VMOVMSKPD:
		return false;
	default:
		return insn->meta.category == ZYDIS_CATEGORY_DATAXFER;
	}
}

static void note_store(struct argument_state *state, const struct operation *operation,
		       const ZydisDecodedOperand *operand, struct argument_events *events)
{
	uint8_t address = of_address(state, operand);

	if (on_stack(state, operand))
		state->stack |= operation->read;
	else if (operation->read & FROM_CONTENTS && address & FROM_DESTINATION)
		events->copies = true;
	else if (operation->read & FROM_CONTENTS || address & POINTERS)
		events->does_other = true;
}

static bool clears(const struct operation *operation)
{
	const ZydisDecodedOperand *operands = operation->operands;

	switch (operation->insn->mnemonic) {
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_PXOR:
		return operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		       operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		       operands[0].reg.value == operands[1].reg.value;
	default:
		return false;
	}
}

/* mov real(%rip),%rax */
static uint64_t variable_of(const struct operation *operation)
{
	const ZydisDecodedOperand *from = &operation->operands[1];
	uint64_t vaddr;

	if (operation->insn->mnemonic != ZYDIS_MNEMONIC_MOV ||
	    operation->insn->operand_width != 64 || from->type != ZYDIS_OPERAND_TYPE_MEMORY ||
	    from->mem.base != ZYDIS_REGISTER_RIP ||
	    !ZYAN_SUCCESS(
		    ZydisCalcAbsoluteAddress(operation->insn, from, operation->vaddr, &vaddr)))
		return 0;
	return vaddr;
}

static void write_register(struct argument_state *state, const struct operation *operation,
			   const ZydisDecodedOperand *operand, bool is_first)
{
	uint8_t *place = place_of(state, operand->reg.value);
	int number = general_number(operand->reg.value);

	/* push and call move it, by nothing that matters. */
	if (!place || number == CPU_RSP)
		return;
	*place = operation->read;
	if (number >= 0)
		state->loaded_at[number] = is_first ? variable_of(operation) : 0;
}

static void write_operands(struct argument_state *state, const struct operation *operation,
			   struct argument_events *events)
{
	const ZydisAccessedFlags *flags = operation->insn->cpu_flags;

	for (uint8_t i = 0; i < operation->insn->operand_count; i++) {
		const ZydisDecodedOperand *operand = &operation->operands[i];

		if (!(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY)
			note_store(state, operation, operand, events);
		else if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER)
			write_register(state, operation, operand, i == 0);
	}
	if (flags && flags->modified)
		state->flags = operation->read;
}

/* movs, with or without rep; what cmps, scas, lods and stos do is no copy. */
static void step_string(struct argument_state *state, const struct operation *operation,
			struct argument_events *events)
{
	const ZydisDecodedInstruction *insn = operation->insn;
	bool moves = insn->opcode == 0xa4 || insn->opcode == 0xa5;

	if (moves && state->general[CPU_RSI] & FROM_SOURCE &&
	    state->general[CPU_RDI] & FROM_DESTINATION)
		events->copies = true;
	else if (state->general[CPU_RDI] & POINTERS || state->general[CPU_RSI] & POINTERS)
		events->does_other = true;
	if (insn->attributes & ZYDIS_ATTRIB_HAS_REP && state->general[CPU_RCX] & FROM_SIZE) {
		events->by_size = true;
		state->general[CPU_RDI] |= FROM_SIZE;
		state->general[CPU_RSI] |= FROM_SIZE;
	}
}

static bool arguments_in_place(const struct argument_state *state)
{
	return state->general[CPU_RDI] & FROM_DESTINATION &&
	       state->general[CPU_RSI] & FROM_SOURCE && state->general[CPU_RDX] & FROM_SIZE;
}

/* call *real(%rip), mov real(%rip),%rax; call *%rax */
static uint64_t slot_of(struct argument_state *state, const struct operation *operation,
			const struct insn *insn)
{
	const ZydisDecodedOperand *target = &operation->operands[0];
	uint64_t vaddr;

	if (insn->slot_vaddr)
		return insn->slot_vaddr;
	if (target->type == ZYDIS_OPERAND_TYPE_REGISTER && general_number(target->reg.value) >= 0)
		return state->loaded_at[general_number(target->reg.value)];
	if (target->type == ZYDIS_OPERAND_TYPE_MEMORY && target->mem.base == ZYDIS_REGISTER_RIP &&
	    ZYAN_SUCCESS(
		    ZydisCalcAbsoluteAddress(operation->insn, target, operation->vaddr, &vaddr)))
		return vaddr;
	return 0;
}

/* What the ABI lets a callee change is not known any more. */
static void forget_after_call(struct argument_state *state)
{
	static const uint8_t changed[] = {CPU_RAX, CPU_RCX, CPU_RDX, CPU_RSI, CPU_RDI,
					  CPU_R8,  CPU_R9,  CPU_R10, CPU_R11};

	for (size_t i = 0; i < sizeof(changed); i++) {
		state->general[changed[i]] = 0;
		state->loaded_at[changed[i]] = 0;
	}
	memset(state->vector, 0, sizeof(state->vector));
}

static void step_flow(struct argument_state *state, const struct operation *operation,
		      const struct insn *insn, struct argument_events *events)
{
	bool leaves = insn->flow == FLOW_JUMP_SLOT || insn->flow == FLOW_JUMP_INDIRECT ||
		      insn->flow == FLOW_CALL;

	if (insn->flow == FLOW_BRANCH && state->flags & FROM_SIZE)
		events->by_size = true;
	if (leaves && arguments_in_place(state)) {
		events->slot_vaddr = slot_of(state, operation, insn);
		/* Without a variable it is a jump table's. */
		events->hands_on = events->slot_vaddr || insn->target_vaddr;
	}
	if (insn->flow == FLOW_CALL) {
		events->does_other = true;
		forget_after_call(state);
	}
}

/* A nop may have an operand in memory: nopw 0x0(%rax,%rax,1) */
static bool touches_nothing(const ZydisDecodedInstruction *insn)
{
	return insn->meta.category == ZYDIS_CATEGORY_PREFETCH ||
	       insn->meta.category == ZYDIS_CATEGORY_NOP ||
	       insn->meta.category == ZYDIS_CATEGORY_WIDENOP;
}

void argument_step(struct argument_state *state, const uint8_t *code, size_t bytes,
		   const struct insn *insn, struct argument_events *events)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	struct operation operation = {.operands = operands, .vaddr = insn->vaddr};
	ZydisDecodedInstruction decoded;
	ZydisDecoder decoder;

	*events = (struct argument_events){0};
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, bytes, &decoded, operands)))
		return;
	operation.insn = &decoded;
	if (touches_nothing(&decoded))
		return;
	if (insn->flow != FLOW_NEXT) {
		step_flow(state, &operation, insn, events);
		return;
	}
	if (decoded.meta.category == ZYDIS_CATEGORY_STRINGOP) {
		step_string(state, &operation, events);
		return;
	}
	read_operands(state, &operation);
	if (clears(&operation))
		operation.read = 0;
	if (operation.read & FROM_CONTENTS && !only_moves(&decoded))
		events->does_other = true;
	write_operands(state, &operation, events);
}
