// SPDX-License-Identifier: GPL-2.0-only
#include "plan/table.h"

#include <Zydis/Zydis.h>

/* What a register holds, as far as the block shows. */
enum held {
	HELD_OTHER,
	HELD_ENTRY,   /* mov (%rdx,%rax,1),%eax, as unoptimised code reads the table */
	HELD_OFFSET,  /* movslq (%rdx,%rax,4),%rax */
	HELD_TARGET,  /* ... add %rdx,%rax */
	HELD_POINTER, /* mov table(,%rax,8),%rax */
};

struct block {
	enum held held[ZYDIS_REGISTER_R15 - ZYDIS_REGISTER_RAX + 1];
	bool cleaning; /* still dropping a call's arguments */
	bool freed;    /* the frame was taken down: what follows leaves the function */
};

static enum held *held_by(struct block *block, ZydisRegister reg)
{
	reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	if (reg < ZYDIS_REGISTER_RAX || reg > ZYDIS_REGISTER_R15)
		return NULL;
	return &block->held[reg - ZYDIS_REGISTER_RAX];
}

static bool holds(struct block *block, ZydisRegister reg, enum held what)
{
	enum held *held = held_by(block, reg);

	return held && *held == what;
}

static bool is_indexed(const ZydisDecodedOperand *operand, uint8_t scale)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       operand->mem.index != ZYDIS_REGISTER_NONE && operand->mem.scale == scale;
}

/* What the instruction's first operand, a register, holds after it. */
static enum held result_of(struct block *block, const ZydisDecodedInstruction *insn,
			   const ZydisDecodedOperand *operands)
{
	const ZydisDecodedOperand *source = &operands[1];

	switch (insn->mnemonic) {
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_CDQE: /* cltq */
		return is_indexed(source, 4) || (source->type == ZYDIS_OPERAND_TYPE_REGISTER &&
						 holds(block, source->reg.value, HELD_ENTRY))
			       ? HELD_OFFSET
			       : HELD_OTHER;
	case ZYDIS_MNEMONIC_MOV:
		if (insn->operand_width == 32 && is_indexed(source, 1))
			return HELD_ENTRY;
		return is_indexed(source, 8) ? HELD_POINTER : HELD_OTHER;
	case ZYDIS_MNEMONIC_ADD:
		if (source->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    (holds(block, operands[0].reg.value, HELD_OFFSET) ||
		     holds(block, source->reg.value, HELD_OFFSET)))
			return HELD_TARGET;
		return HELD_OTHER;
	case ZYDIS_MNEMONIC_LEA: /* lea (%r11,%rcx),%rcx in glibc's assembly */
		return holds(block, source->mem.base, HELD_OFFSET) ||
				       holds(block, source->mem.index, HELD_OFFSET)
			       ? HELD_TARGET
			       : HELD_OTHER;
	default:
		return HELD_OTHER;
	}
}

static bool writes_stack_pointer(const ZydisDecodedInstruction *insn,
				 const ZydisDecodedOperand *operands)
{
	for (uint8_t i = 0; i < insn->operand_count; i++)
		if (operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operands[i].reg.value == ZYDIS_REGISTER_RSP &&
		    operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			return true;
	return false;
}

static bool frees_stack(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands)
{
	const ZydisDecodedOperand *source = &operands[1];
	bool constant = source->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;

	if (!writes_stack_pointer(insn, operands))
		return false;
	switch (insn->mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_PUSHFQ:
	case ZYDIS_MNEMONIC_ENTER:
	case ZYDIS_MNEMONIC_AND: /* and $-64,%rsp */
		return false;
	case ZYDIS_MNEMONIC_SUB: /* sub $-0x80,%rsp is how gcc adds 128 */
		return constant && source->imm.value.s < 0;
	case ZYDIS_MNEMONIC_ADD:
		return !constant || source->imm.value.s > 0;
	case ZYDIS_MNEMONIC_LEA:
		return source->mem.base != ZYDIS_REGISTER_RSP || source->mem.disp.value > 0;
	default: /* pop, leave, mov %rbp,%rsp */
		return true;
	}
}

static void follow_insn(struct block *block, const ZydisDecodedInstruction *insn,
			const ZydisDecodedOperand *operands)
{
	bool frees = frees_stack(insn, operands);
	enum held result = result_of(block, insn, operands);

	block->cleaning = block->cleaning && frees;
	block->freed = block->freed || (frees && !block->cleaning);
	for (uint8_t i = 0; i < insn->operand_count; i++) {
		enum held *held = NULL;

		if (operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			held = held_by(block, operands[i].reg.value);
		if (held)
			*held = i ? HELD_OTHER : result;
	}
}

static enum table_verdict judge_jump(struct block *block, const ZydisDecodedInstruction *insn,
				     const ZydisDecodedOperand *target)
{
	enum held *held = NULL;

	/* 3e ff e0, notrack jmp *%rax: compilers exempt only jump tables from tracking. */
	if (insn->attributes & ZYDIS_ATTRIB_HAS_NOTRACK)
		return TABLE_OFFSETS;
	if (block->freed)
		return TABLE_NONE;
	if (is_indexed(target, 8)) /* jmp *table(,%rax,8) */
		return TABLE_POINTERS;
	if (target->type == ZYDIS_OPERAND_TYPE_REGISTER)
		held = held_by(block, target->reg.value);
	if (!held)
		return TABLE_NONE;
	return *held == HELD_TARGET    ? TABLE_OFFSETS
	       : *held == HELD_POINTER ? TABLE_POINTERS
				       : TABLE_NONE;
}

enum table_verdict table_judge(const uint8_t *code, size_t bytes, bool after_call)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	struct block block = {.cleaning = after_call};
	ZydisDecodedInstruction insn;
	ZydisDecoder decoder;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	while (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, bytes, &insn, operands))) {
		if (insn.length == bytes)
			return judge_jump(&block, &insn, &operands[0]);
		follow_insn(&block, &insn, operands);
		code += insn.length;
		bytes -= insn.length;
	}
	return TABLE_NONE;
}
