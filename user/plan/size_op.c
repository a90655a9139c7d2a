// SPDX-License-Identifier: GPL-2.0-only
#include "plan/size_op.h"

#include <errno.h>

#include <Zydis/Zydis.h>

#define FLAGS_OF_JCC (ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_ZF | ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF)

static const struct {
	ZydisMnemonic mnemonic;
	enum size_action action;
} actions[] = {
	{ZYDIS_MNEMONIC_MOV, OP_MOVE},       {ZYDIS_MNEMONIC_MOVZX, OP_MOVE},
	{ZYDIS_MNEMONIC_MOVSX, OP_MOVE},     {ZYDIS_MNEMONIC_MOVSXD, OP_MOVE},
	{ZYDIS_MNEMONIC_LEA, OP_ADDRESS},    {ZYDIS_MNEMONIC_XCHG, OP_EXCHANGE},
	{ZYDIS_MNEMONIC_ADD, OP_ADD},        {ZYDIS_MNEMONIC_SUB, OP_SUBTRACT},
	{ZYDIS_MNEMONIC_CMP, OP_COMPARE},    {ZYDIS_MNEMONIC_AND, OP_AND},
	{ZYDIS_MNEMONIC_TEST, OP_TEST},      {ZYDIS_MNEMONIC_XOR, OP_XOR},
	{ZYDIS_MNEMONIC_SHL, OP_SHIFT_LEFT}, {ZYDIS_MNEMONIC_SHR, OP_SHIFT_RIGHT},
	{ZYDIS_MNEMONIC_NEG, OP_NEGATE},     {ZYDIS_MNEMONIC_NOT, OP_INVERT},
	{ZYDIS_MNEMONIC_INC, OP_INCREMENT},  {ZYDIS_MNEMONIC_DEC, OP_DECREMENT},
	{ZYDIS_MNEMONIC_PUSH, OP_PUSH},      {ZYDIS_MNEMONIC_POP, OP_POP},
	{ZYDIS_MNEMONIC_LEAVE, OP_LEAVE},
};

static enum size_action action_of(const ZydisDecodedInstruction *insn)
{
	if (insn->meta.category == ZYDIS_CATEGORY_CMOV)
		return OP_CHOOSE;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (actions[i].mnemonic == insn->mnemonic)
			return actions[i].action;
	return OP_OTHER;
}

static uint8_t general_register(ZydisRegister reg)
{
	/* The second byte of a register is none of its low bits. */
	if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
		return CPU_REGISTERS;
	reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	if (reg < ZYDIS_REGISTER_RAX || reg > ZYDIS_REGISTER_R15)
		return CPU_REGISTERS;
	return (uint8_t)(reg - ZYDIS_REGISTER_RAX);
}

static struct size_operand memory_operand(const ZydisDecodedInstruction *insn,
					  const ZydisDecodedOperand *operand, uint64_t vaddr)
{
	struct size_operand memory = {
		.kind = OPERAND_MEMORY,
		.bits = (uint8_t)operand->size,
		.base = general_register(operand->mem.base),
		.index = general_register(operand->mem.index),
		.scale_bits = operand->mem.scale ? (uint8_t)__builtin_ctz(operand->mem.scale) : 0,
		.constant =
			operand->mem.disp.has_displacement ? (uint64_t)operand->mem.disp.value : 0,
	};
	bool is_relative = operand->mem.base == ZYDIS_REGISTER_RIP;

	if (is_relative)
		memory.constant += vaddr + insn->length;
	if (insn->address_width != 64 || operand->mem.segment == ZYDIS_REGISTER_FS ||
	    operand->mem.segment == ZYDIS_REGISTER_GS ||
	    (memory.base == CPU_REGISTERS && !is_relative &&
	     operand->mem.base != ZYDIS_REGISTER_NONE) ||
	    (memory.index == CPU_REGISTERS && operand->mem.index != ZYDIS_REGISTER_NONE))
		memory.kind = OPERAND_ODD;
	return memory;
}

static struct size_operand operand_of(const ZydisDecodedInstruction *insn,
				      const ZydisDecodedOperand *operand, uint64_t vaddr)
{
	struct size_operand result = {.kind = OPERAND_ODD, .bits = (uint8_t)operand->size};

	switch (operand->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		result.base = general_register(operand->reg.value);
		if (result.base < CPU_REGISTERS)
			result.kind = OPERAND_REGISTER;
		return result;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		result.kind = OPERAND_CONSTANT;
		result.constant = operand->imm.value.u;
		return result;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		return memory_operand(insn, operand, vaddr);
	default:
		return result;
	}
}

/* 70...7f and 0f 80...8f alone say by flags whether they jump. */
static uint8_t condition_of(const ZydisDecodedInstruction *insn)
{
	bool is_short = insn->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && insn->opcode >> 4 == 0x7;
	bool is_near = insn->opcode_map == ZYDIS_OPCODE_MAP_0F && insn->opcode >> 4 == 0x8;

	return is_short || is_near ? insn->opcode & 0xf : CONDITION_NONE;
}

static bool touches_flags(const ZydisDecodedInstruction *insn)
{
	const ZydisAccessedFlags *flags = insn->cpu_flags;

	return flags &&
	       (flags->modified | flags->set_0 | flags->set_1 | flags->undefined) & FLAGS_OF_JCC;
}

/* Through the kernel, or back from a transaction: with what that has left in the registers. */
static bool returns_from_elsewhere(const ZydisDecodedInstruction *insn)
{
	return insn->meta.category == ZYDIS_CATEGORY_SYSCALL ||
	       insn->meta.category == ZYDIS_CATEGORY_INTERRUPT ||
	       insn->mnemonic == ZYDIS_MNEMONIC_XBEGIN;
}

int size_op_decode(const uint8_t *code, size_t bytes, uint64_t vaddr, struct size_op *op)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;
	ZydisDecoder decoder;

	*op = (struct size_op){.action = OP_OTHER};
	if (insn_decode(code, bytes, vaddr, &op->insn) ||
	    !ZYAN_SUCCESS(
		    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, bytes, &insn, operands)))
		return -EILSEQ;
	if (returns_from_elsewhere(&insn))
		op->insn.destroys = CPU_BIT(CPU_REGISTERS) - 1;
	op->condition = condition_of(&insn);
	op->changes_flags = touches_flags(&insn);
	op->sign_extends =
		insn.mnemonic == ZYDIS_MNEMONIC_MOVSX || insn.mnemonic == ZYDIS_MNEMONIC_MOVSXD;
	if (insn.operand_count_visible > 0)
		op->to = operand_of(&insn, &operands[0], vaddr);
	if (insn.operand_count_visible > 1)
		op->from = operand_of(&insn, &operands[1], vaddr);
	if (insn.operand_count_visible > 2)
		op->third = operand_of(&insn, &operands[2], vaddr);
	if (insn.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY && insn.operand_count_visible <= 2)
		op->action = action_of(&insn);
	/* push %ax moves %rsp by two. */
	if ((op->action == OP_PUSH || op->action == OP_POP || op->action == OP_LEAVE) &&
	    insn.operand_width != 64)
		op->action = OP_OTHER;
	return 0;
}
