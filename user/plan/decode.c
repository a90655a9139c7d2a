// SPDX-License-Identifier: GPL-2.0-only
#include "plan/decode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <Zydis/Zydis.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct decoded {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

struct opcode_range {
	uint8_t first, last;
};

/* Zeroes in good_insns_64 of the kernel's arch/x86/kernel/uprobes.c, as far as they decode. */
static const struct opcode_range refused_opcodes[] = {
	{0x6c, 0x6f}, /* ins, outs */
	{0xcc, 0xcf}, /* int3, int n, iret */
	{0xe4, 0xe7}, /* in, out */
	{0xec, 0xef}, /* in, out */
	{0xf1, 0xf1}, /* int1 */
	{0xf4, 0xf4}, /* hlt */
	{0xfa, 0xfb}, /* cli, sti */
};

/*
 * Zeroes in its good_2byte_insns. Kernels whose good_insns_64[0x0f] is 1 never look at this table;
 * nothing is lost by keeping away from these on all of them.
 */
static const struct opcode_range refused_0f_opcodes[] = {
	{0x00, 0x01}, /* sldt..., sgdt..., xgetbv, rdtscp */
	{0x05, 0x09}, /* syscall, clts, sysret, invd, wbinvd */
	{0x0b, 0x0b}, /* ud2 */
	{0x30, 0x30}, /* wrmsr */
	{0x34, 0x35}, /* sysenter, sysexit */
	{0x37, 0x37}, /* getsec */
	{0x78, 0x79}, /* vmread, vmwrite */
	{0xae, 0xae}, /* fences, xsave, rdfsbase */
};

static bool in_ranges(const struct opcode_range *ranges, size_t count, uint8_t opcode)
{
	for (size_t i = 0; i < count; i++)
		if (opcode >= ranges[i].first && opcode <= ranges[i].last)
			return true;
	return false;
}

static bool has_prefix(const struct decoded *decoded, uint8_t prefix)
{
	for (uint8_t i = 0; i < decoded->insn.raw.prefix_count; i++)
		if (decoded->insn.raw.prefixes[i].value == prefix)
			return true;
	return false;
}

static bool has_opcode(const struct decoded *decoded, ZydisOpcodeMap map, uint8_t first,
		       uint8_t last)
{
	return decoded->insn.opcode_map == map && decoded->insn.opcode >= first &&
	       decoded->insn.opcode <= last;
}

/* jmp rel8/rel32, jcc rel8/rel32, call rel32: what branch_setup_xol_ops() takes, less the nops. */
static bool is_relative_branch(const struct decoded *decoded)
{
	return has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0x70, 0x7f) ||
	       has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0xe8, 0xe9) ||
	       has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0xeb, 0xeb) ||
	       has_opcode(decoded, ZYDIS_OPCODE_MAP_0F, 0x80, 0x8f);
}

static bool is_refused(const struct decoded *decoded)
{
	static const uint8_t bad_prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0xf0}; /* is_prefix_bad() */
	const ZydisDecodedInstruction *insn = &decoded->insn;

	if (insn->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
		return true;
	for (size_t i = 0; i < COUNT(bad_prefixes); i++)
		if (has_prefix(decoded, bad_prefixes[i]))
			return true;
	/* branch_setup_xol_ops(): "16-bit overrides such as CALLW are not supported" */
	if (is_relative_branch(decoded) && has_prefix(decoded, 0x66))
		return true;
	/* insn_masking_exception(): 8e /2, mov to %ss */
	if (has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0x8e, 0x8e) && insn->raw.modrm.reg == 2)
		return true;
	if (insn->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
		return in_ranges(refused_opcodes, COUNT(refused_opcodes), insn->opcode);
	return insn->opcode_map == ZYDIS_OPCODE_MAP_0F &&
	       in_ranges(refused_0f_opcodes, COUNT(refused_0f_opcodes), insn->opcode);
}

static bool is_repeated_string(const struct decoded *decoded)
{
	return (has_prefix(decoded, 0xf2) || has_prefix(decoded, 0xf3)) &&
	       (has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0xa4, 0xa7) ||
		has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0xaa, 0xaf));
}

/* nopl 0x0(%rax,%rax,1): newer kernels write a call over it, whose push hits a live red zone. */
static bool is_optimised_nop(const uint8_t *code, const struct decoded *decoded)
{
	return decoded->insn.length == 5 && code[0] == 0x0f && code[1] == 0x1f && code[2] == 0x44 &&
	       code[3] == 0x00 && code[4] == 0x00;
}

static bool is_harmful(const uint8_t *code, const struct decoded *decoded)
{
	if (is_repeated_string(decoded) || is_optimised_nop(code, decoded))
		return true;
	/*
	 * f3 90, pause, and 41 90, xchg %r8,%rax: to the kernel anything with opcode 90 is a nop,
	 * so the exchange would not take place.
	 */
	if (has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0x90, 0x90))
		return has_prefix(decoded, 0xf3) || decoded->insn.raw.rex.B;
	/* xbegin's way out is relative to where it executes, and that is out of line. */
	return decoded->insn.mnemonic == ZYDIS_MNEMONIC_XBEGIN;
}

static bool is_emulated(const uint8_t *code, const struct decoded *decoded)
{
	uint8_t length = decoded->insn.length;

	/*
	 * f2 (bnd) is the one prefix that compilers put on branches. branch_setup_xol_ops() takes
	 * the opcode after the prefixes, ilen from the whole instruction, and turns down only 66.
	 */
	if (is_relative_branch(decoded))
		return !decoded->insn.raw.prefix_count ||
		       (decoded->insn.raw.prefix_count == 1 && has_prefix(decoded, 0xf2));
	/* push_setup_xol_ops(): bare, or with 41 (push %r8...%r15) */
	if (has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0x50, 0x57))
		return length == 1 || (length == 2 && code[0] == 0x41);
	return length == 1 && code[0] == 0x90;
}

static enum probe_kind probe_of(const uint8_t *code, const struct decoded *decoded)
{
	if (is_refused(decoded))
		return PROBE_REFUSED;
	if (is_harmful(code, decoded))
		return PROBE_HARMFUL;
	if (is_emulated(code, decoded))
		return PROBE_EMULATED;
	/* Also rep ret and bnd ret: one step each, nothing is repeated. */
	return PROBE_STEPPED;
}

/* jmp *slot(%rip), and jmp *slot of code that is linked to a fixed place */
static bool jumps_through_slot(const struct decoded *decoded)
{
	const ZydisDecodedOperand *operand = &decoded->operands[0];

	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->size == 64 &&
	       operand->mem.index == ZYDIS_REGISTER_NONE &&
	       operand->mem.segment == ZYDIS_REGISTER_DS &&
	       (operand->mem.base == ZYDIS_REGISTER_RIP ||
		operand->mem.base == ZYDIS_REGISTER_NONE);
}

static enum insn_flow jump_flow(const struct decoded *decoded)
{
	if (decoded->operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return FLOW_JUMP;
	return jumps_through_slot(decoded) ? FLOW_JUMP_SLOT : FLOW_JUMP_INDIRECT;
}

static enum insn_flow flow_of(const struct decoded *decoded)
{
	switch (decoded->insn.mnemonic) {
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_INT1:
	case ZYDIS_MNEMONIC_INT3:
		return FLOW_STOP;
	case ZYDIS_MNEMONIC_XABORT: /* goes on where there is no transaction */
		return FLOW_NEXT;
	default:
		break;
	}
	switch (decoded->insn.meta.category) {
	case ZYDIS_CATEGORY_COND_BR:
		/* Some categorised so have no target: xend, for one. */
		return decoded->operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? FLOW_BRANCH
										 : FLOW_NEXT;
	case ZYDIS_CATEGORY_UNCOND_BR:
		return jump_flow(decoded);
	case ZYDIS_CATEGORY_CALL:
		return FLOW_CALL;
	case ZYDIS_CATEGORY_RET:
		/* lret takes a code segment off the stack as well, which no call puts there. */
		return decoded->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR ? FLOW_RETURN
										: FLOW_STOP;
	default:
		return FLOW_NEXT;
	}
}

/* CPU_REGISTERS where it is none of them. */
static uint8_t register_number(ZydisRegister reg)
{
	reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	if (reg < ZYDIS_REGISTER_RAX || reg > ZYDIS_REGISTER_R15)
		return CPU_REGISTERS;
	return (uint8_t)(reg - ZYDIS_REGISTER_RAX);
}

static bool is_string(const struct decoded *decoded)
{
	return has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0xa4, 0xa7) ||
	       has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0xaa, 0xaf) ||
	       has_opcode(decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0x6c, 0x6f);
}

/* %rsi and %rdi move on; Zydis 4.0 says so of movs, stos and lods, not of cmps, scas, ins, outs. */
static unsigned destroyed_by_string(const struct decoded *decoded)
{
	unsigned destroys = 0;

	for (uint8_t i = 0; is_string(decoded) && i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY)
			destroys |= CPU_BIT(register_number(operand->mem.base));
	}
	return destroys;
}

static unsigned destroys_of(const struct decoded *decoded, enum insn_flow flow)
{
	unsigned destroys = destroyed_by_string(decoded);

	for (uint8_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];
		uint8_t number;

		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		number = register_number(operand->reg.value);
		if (number < CPU_REGISTERS)
			destroys |= CPU_BIT(number);
	}
	/* What the callee does with the registers is its own affair; Go's keeps none. */
	if (flow == FLOW_CALL)
		destroys |= (CPU_BIT(CPU_REGISTERS) - 1) & ~CPU_BIT(CPU_RSP);
	return destroys;
}

static void note_move(const struct decoded *decoded, struct insn *insn)
{
	const ZydisDecodedOperand *to = &decoded->operands[0], *from = &decoded->operands[1];
	ZydisMnemonic mnemonic = decoded->insn.mnemonic;

	if ((mnemonic != ZYDIS_MNEMONIC_MOV && mnemonic != ZYDIS_MNEMONIC_XCHG) ||
	    decoded->insn.operand_width != 64 || to->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    from->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    register_number(to->reg.value) == CPU_REGISTERS ||
	    register_number(from->reg.value) == CPU_REGISTERS)
		return;
	insn->moves_to = register_number(to->reg.value);
	insn->moves_from = register_number(from->reg.value);
	insn->exchanges = mnemonic == ZYDIS_MNEMONIC_XCHG;
}

static bool reads_arguments(const struct decoded *decoded)
{
	for (uint8_t i = 0; i < decoded->insn.operand_count_visible; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ &&
		    operand->mem.base == ZYDIS_REGISTER_RSP && operand->mem.disp.value >= 8)
			return true;
	}
	return false;
}

static int decode(const uint8_t *code, size_t bytes, struct decoded *decoded)
{
	ZydisDecoder decoder;

	if (!ZYAN_SUCCESS(
		    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, bytes, &decoded->insn,
						 decoded->operands)))
		return -EILSEQ;
	return 0;
}

int insn_decode(const uint8_t *code, size_t bytes, uint64_t vaddr, struct insn *insn)
{
	struct decoded decoded;
	const ZydisDecodedOperand *first = &decoded.operands[0];
	uint64_t address = 0;
	int err = decode(code, bytes, &decoded);

	if (err)
		return err;
	*insn = (struct insn){.vaddr = vaddr, .length = decoded.insn.length};
	insn->flow = flow_of(&decoded);
	insn->probe = probe_of(code, &decoded);
	insn->repeats_movs = is_repeated_string(&decoded) &&
			     has_opcode(&decoded, ZYDIS_OPCODE_MAP_DEFAULT, 0xa4, 0xa5);
	insn->destroys = destroys_of(&decoded, insn->flow);
	insn->reads_arguments = reads_arguments(&decoded);
	note_move(&decoded, insn);
	if (insn->flow == FLOW_NEXT || !decoded.insn.operand_count ||
	    !ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&decoded.insn, first, vaddr, &address)))
		return 0;
	if (insn->flow == FLOW_JUMP_SLOT)
		insn->slot_vaddr = address;
	else if (first->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) /* not call *0x10(%rip) */
		insn->target_vaddr = address;
	return 0;
}

/* Zydis names a condition in Intel's way, people compare with what objdump prints. */
static void name_as_objdump(char *text)
{
	static const char names[][2][5] = {
		{"jnbe", "ja"}, {"jnb", "jae"}, {"jz", "je"},
		{"jnz", "jne"}, {"jnle", "jg"}, {"jnl", "jge"},
	};
	size_t bytes = strcspn(text, " ");

	for (size_t i = 0; i < COUNT(names); i++) {
		size_t named = strlen(names[i][1]);

		if (bytes != strlen(names[i][0]) || memcmp(text, names[i][0], bytes) != 0)
			continue;
		memmove(text + named, text + bytes, strlen(text + bytes) + 1);
		memcpy(text, names[i][1], named);
		return;
	}
}

const char *insn_text(char buf[INSN_TEXT_BYTES], const uint8_t *code, size_t bytes, uint64_t vaddr)
{
	struct decoded decoded;
	ZydisFormatter formatter;

	if (decode(code, bytes, &decoded) ||
	    !ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT)))
		goto bad;
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
				  ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_DISP_PADDING,
				  ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_IMM_PADDING,
				  ZYDIS_PADDING_DISABLED);
	if (ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
		    &formatter, &decoded.insn, decoded.operands, decoded.insn.operand_count_visible,
		    buf, INSN_TEXT_BYTES, vaddr, NULL))) {
		name_as_objdump(buf);
		return buf;
	}
bad:
	snprintf(buf, INSN_TEXT_BYTES, "(bad)");
	return buf;
}
