// SPDX-License-Identifier: GPL-2.0-only
#include "plan/loop_op.h"

#include <errno.h>

#include <Zydis/Zydis.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FLAGS_TESTED                                                                               \
	(ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_ZF | ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF |               \
	 ZYDIS_CPUFLAG_PF)

/* Those with which movs does something else: as often as %rcx says, or from another segment. */
#define PREFIXES                                                                                   \
	(ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE |                   \
	 ZYDIS_ATTRIB_HAS_SEGMENT)

enum move_form {
	MOVE_NONE,
	MOVE_ALL,     /* movdqu (%rsi),%xmm0; movq (%rsi),%xmm0; mov %al,(%rdi) */
	MOVE_LOW,     /* movlps (%rsi),%xmm0; movss %xmm1,%xmm0: the rest stays */
	MOVE_HIGH,    /* movhps (%rsi),%xmm0; movhps %xmm0,(%rdi) */
	MOVE_INSERT,  /* vinserti128 $1,(%rsi),%ymm0,%ymm0 */
	MOVE_EXTRACT, /* vextracti128 $1,%ymm0,(%rdi) */
};

struct move_kind {
	ZydisMnemonic mnemonic;
	enum move_form form;
	uint8_t bytes; /* 0: as many as the smaller operand has */
};

/* The bytes as they are: neither movbe nor bswap, nor movddup, nor anything that converts. */
static const struct move_kind move_kinds[] = {
	{ZYDIS_MNEMONIC_MOV, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVZX, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVSX, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVSXD, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVNTI, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVNTQ, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVD, MOVE_ALL, 4},
	{ZYDIS_MNEMONIC_VMOVD, MOVE_ALL, 4},
	{ZYDIS_MNEMONIC_MOVQ, MOVE_ALL, 8},
	{ZYDIS_MNEMONIC_VMOVQ, MOVE_ALL, 8},
	{ZYDIS_MNEMONIC_MOVDQA, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVDQU, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_LDDQU, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVAPS, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVAPD, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVUPS, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVUPD, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVNTDQ, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVNTDQA, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVNTPS, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVNTPD, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVDQA, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVDQU, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VLDDQU, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVAPS, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVAPD, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVUPS, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVUPD, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVNTDQ, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVNTDQA, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVNTPS, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVNTPD, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVDQA32, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVDQA64, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVDQU8, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVDQU16, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVDQU32, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_VMOVDQU64, MOVE_ALL, 0},
	{ZYDIS_MNEMONIC_MOVSS, MOVE_LOW, 4},
	{ZYDIS_MNEMONIC_VMOVSS, MOVE_LOW, 4},
	{ZYDIS_MNEMONIC_MOVSD, MOVE_LOW, 8},
	{ZYDIS_MNEMONIC_VMOVSD, MOVE_LOW, 8},
	{ZYDIS_MNEMONIC_MOVLPS, MOVE_LOW, 8},
	{ZYDIS_MNEMONIC_MOVLPD, MOVE_LOW, 8},
	{ZYDIS_MNEMONIC_VMOVLPS, MOVE_LOW, 8},
	{ZYDIS_MNEMONIC_VMOVLPD, MOVE_LOW, 8},
	{ZYDIS_MNEMONIC_MOVHPS, MOVE_HIGH, 8},
	{ZYDIS_MNEMONIC_MOVHPD, MOVE_HIGH, 8},
	{ZYDIS_MNEMONIC_VMOVHPS, MOVE_HIGH, 8},
	{ZYDIS_MNEMONIC_VMOVHPD, MOVE_HIGH, 8},
	{ZYDIS_MNEMONIC_VINSERTF128, MOVE_INSERT, 16},
	{ZYDIS_MNEMONIC_VINSERTI128, MOVE_INSERT, 16},
	{ZYDIS_MNEMONIC_VEXTRACTF128, MOVE_EXTRACT, 16},
	{ZYDIS_MNEMONIC_VEXTRACTI128, MOVE_EXTRACT, 16},
};

struct decoded {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand all[ZYDIS_MAX_OPERAND_COUNT];
	/* Those that are written out, but for a mask that masks nothing: {%k0}. */
	const ZydisDecodedOperand *operands[3];
	struct size_operand memory[3];
	size_t count;
};

static struct move_kind move_kind_of(const struct decoded *decoded)
{
	for (size_t i = 0; i < COUNT(move_kinds); i++)
		if (move_kinds[i].mnemonic == decoded->insn.mnemonic)
			return move_kinds[i];
	return (struct move_kind){.form = MOVE_NONE};
}

/* LOOP_REGISTERS where it is none of them: %ah, %ds, %cr0, %k1 */
static uint8_t place_number(ZydisRegister reg)
{
	ZydisRegisterClass class = ZydisRegisterGetClass(reg);

	if (class == ZYDIS_REGCLASS_XMM || class == ZYDIS_REGCLASS_YMM ||
	    class == ZYDIS_REGCLASS_ZMM)
		return (uint8_t)(LOOP_VECTOR + ZydisRegisterGetId(reg));
	if (class == ZYDIS_REGCLASS_MMX)
		return (uint8_t)(LOOP_MMX + ZydisRegisterGetId(reg));
	if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
		return LOOP_REGISTERS;
	reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	if (reg < ZYDIS_REGISTER_RAX || reg > ZYDIS_REGISTER_R15)
		return LOOP_REGISTERS;
	return (uint8_t)(reg - ZYDIS_REGISTER_RAX);
}

static bool is_register(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       place_number(operand->reg.value) < LOOP_REGISTERS;
}

static bool is_memory(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY;
}

static bool is_general(const ZydisDecodedOperand *operand)
{
	return is_register(operand) && place_number(operand->reg.value) < CPU_REGISTERS;
}

/* Makes operand i what the move writes; false where that is nothing that could hold a copy. */
static bool move_to(struct loop_move *move, const struct decoded *decoded, size_t i)
{
	if (is_memory(decoded->operands[i]))
		move->store = decoded->memory[i];
	else if (is_register(decoded->operands[i]))
		move->to = place_number(decoded->operands[i]->reg.value);
	else
		return false;
	return true;
}

static bool move_from(struct loop_move *move, const struct decoded *decoded, size_t i)
{
	if (is_memory(decoded->operands[i]))
		move->load = decoded->memory[i];
	else if (is_register(decoded->operands[i]))
		move->from = place_number(decoded->operands[i]->reg.value);
	else /* movb $0,(%rdi): of no register, so it was not loaded */
		return decoded->operands[i]->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
	return true;
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool move_all(struct loop_move *move, const struct decoded *decoded, uint8_t most_bytes)
{
	const ZydisDecodedOperand *to = decoded->operands[0], *from = decoded->operands[1];
	unsigned bytes = smaller(to->size, from->size) / 8;

	if (decoded->count != 2 || !move_to(move, decoded, 0) || !move_from(move, decoded, 1))
		return false;
	move->bytes = (uint8_t)(most_bytes ? smaller(bytes, most_bytes) : bytes);
	/* mov (%rsi),%al: the others stay; movzbl (%rsi),%eax: they are 0. */
	if (is_general(to) && to->size < 32)
		move->rest = move->to;
	move->keeps_number = is_general(to) && to->size >= 32 && from->size >= 32 &&
			     (is_general(from) || is_memory(from));
	return true;
}

/* movss (%rsi),%xmm0 clears the rest; movss %xmm1,%xmm0 and movlps (%rsi),%xmm0 leave it. */
static bool move_half(struct loop_move *move, const struct decoded *decoded, bool is_high)
{
	ZydisMnemonic mnemonic = decoded->insn.mnemonic;
	bool clears = mnemonic == ZYDIS_MNEMONIC_MOVSS || mnemonic == ZYDIS_MNEMONIC_MOVSD ||
		      mnemonic == ZYDIS_MNEMONIC_VMOVSS || mnemonic == ZYDIS_MNEMONIC_VMOVSD;
	size_t last = decoded->count - 1;

	if (decoded->count < 2 || !move_to(move, decoded, 0) || !move_from(move, decoded, last))
		return false;
	if (is_memory(decoded->operands[0])) {
		move->from_byte = is_high ? 8 : 0;
		return true;
	}
	move->to_byte = is_high ? 8 : 0;
	if (last == 2 && is_register(decoded->operands[1]))
		move->rest = place_number(decoded->operands[1]->reg.value);
	else if (!clears || is_register(decoded->operands[last]))
		move->rest = move->to;
	return true;
}

/* The number of the 16 bytes that a vinserti128 or vextracti128 is about stands at its end. */
static uint8_t part_byte(const struct decoded *decoded)
{
	for (uint8_t i = 0; i < decoded->insn.operand_count_visible; i++)
		if (decoded->all[i].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
			return decoded->all[i].imm.value.u & 1 ? 16 : 0;
	return 0;
}

static bool move_part(struct loop_move *move, const struct decoded *decoded, enum move_form form)
{
	if (decoded->count < 3 || !move_to(move, decoded, 0))
		return false;
	if (form == MOVE_EXTRACT) {
		move->from_byte = part_byte(decoded);
		return move_from(move, decoded, 1);
	}
	if (!is_register(decoded->operands[1]))
		return false;
	move->rest = place_number(decoded->operands[1]->reg.value);
	move->to_byte = part_byte(decoded);
	return move_from(move, decoded, 2);
}

/* False where the instruction is none that moves bytes as they are. */
static bool take_move(struct loop_move *move, const struct decoded *decoded)
{
	struct move_kind kind = move_kind_of(decoded);

	if (decoded->insn.avx.mask.mode > ZYDIS_MASK_MODE_DISABLED)
		return false;
	move->bytes = kind.bytes;
	switch (kind.form) {
	case MOVE_NONE:
		break;
	case MOVE_ALL:
		return move_all(move, decoded, kind.bytes);
	case MOVE_LOW:
	case MOVE_HIGH:
		return move_half(move, decoded, kind.form == MOVE_HIGH);
	case MOVE_INSERT:
	case MOVE_EXTRACT:
		return move_part(move, decoded, kind.form);
	}
	return false;
}

/* movsb, lodsb, stosb: once. Upwards or downwards, both pointers the same way. */
static bool take_string(struct loop_move *move, const struct decoded *decoded)
{
	const struct size_operand source = {OPERAND_MEMORY, .base = CPU_RSI,
					    .index = CPU_REGISTERS};
	const struct size_operand destination = {OPERAND_MEMORY, .base = CPU_RDI,
						 .index = CPU_REGISTERS};
	uint8_t opcode = decoded->insn.opcode & 0xfe;
	bool loads = opcode == 0xa4 || opcode == 0xac, stores = opcode == 0xa4 || opcode == 0xaa;

	if (decoded->insn.meta.category != ZYDIS_CATEGORY_STRINGOP || !(loads || stores) ||
	    decoded->insn.attributes & PREFIXES || decoded->insn.address_width != 64)
		return false;
	move->bytes = decoded->insn.operand_width / 8;
	if (loads)
		move->load = source;
	else
		move->from = CPU_RAX;
	if (stores)
		move->store = destination;
	else
		move->to = move->rest = CPU_RAX;
	move->advances = (loads ? CPU_BIT(CPU_RSI) : 0) | (stores ? CPU_BIT(CPU_RDI) : 0);
	return true;
}

/* cltq, as movslq %eax,%rax */
static bool take_extension(struct loop_move *move, const struct decoded *decoded)
{
	if (decoded->insn.mnemonic != ZYDIS_MNEMONIC_CDQE)
		return false;
	move->from = move->to = CPU_RAX;
	move->bytes = 4;
	move->keeps_number = true;
	return true;
}

static bool moves(const struct decoded *decoded, struct loop_move *move)
{
	const struct loop_move none = *move;

	if (take_move(move, decoded))
		return true;
	*move = none;
	if (take_string(move, decoded))
		return true;
	*move = none;
	return take_extension(move, decoded);
}

static bool idles(const struct decoded *decoded, const struct size_op *op)
{
	switch (decoded->insn.meta.category) {
	case ZYDIS_CATEGORY_NOP:
	case ZYDIS_CATEGORY_WIDENOP:
	case ZYDIS_CATEGORY_PREFETCH:
		return true;
	default:
		break;
	}
	/* 66 90, xchg %ax,%ax */
	if (op->action == OP_EXCHANGE && op->to.kind == OPERAND_REGISTER &&
	    op->from.kind == OPERAND_REGISTER && op->to.base == op->from.base && op->to.bits != 32)
		return true;
	return op->insn.flow == FLOW_BRANCH || decoded->insn.mnemonic == ZYDIS_MNEMONIC_ENDBR64;
}

static bool is_arithmetic(const ZydisDecodedInstruction *insn)
{
	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_BINARY:
	case ZYDIS_CATEGORY_LOGICAL:
	case ZYDIS_CATEGORY_SHIFT:
	case ZYDIS_CATEGORY_ROTATE:
	case ZYDIS_CATEGORY_BITBYTE:
	case ZYDIS_CATEGORY_SETCC:
	case ZYDIS_CATEGORY_CMOV:
	case ZYDIS_CATEGORY_BMI1:
	case ZYDIS_CATEGORY_BMI2:
		return true;
	default:
		return insn->mnemonic == ZYDIS_MNEMONIC_LEA || insn->mnemonic == ZYDIS_MNEMONIC_MOV;
	}
}

static bool is_flags(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       ZydisRegisterGetClass(operand->reg.value) == ZYDIS_REGCLASS_FLAGS;
}

/* Of general registers and flags alone, and stores nothing. */
static bool counts(const struct decoded *decoded)
{
	if (!is_arithmetic(&decoded->insn))
		return false;
	for (uint8_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->all[i];
		bool is_written = operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;

		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER && !is_general(operand) &&
		    !is_flags(operand))
			return false;
		if (is_memory(operand) && is_written)
			return false;
	}
	return true;
}

static unsigned address_bits(const ZydisDecodedOperand *operand)
{
	uint8_t base = place_number(operand->mem.base), index = place_number(operand->mem.index);

	return (base < CPU_REGISTERS ? CPU_BIT(base) : 0) |
	       (index < CPU_REGISTERS ? CPU_BIT(index) : 0);
}

static unsigned reads_of(const struct decoded *decoded)
{
	unsigned reads = 0;

	for (uint8_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->all[i];

		if (is_memory(operand) && operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN)
			reads |= address_bits(operand);
		else if (is_general(operand) && operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
			reads |= CPU_BIT(place_number(operand->reg.value));
	}
	return reads;
}

static int decode(const uint8_t *code, size_t bytes, const struct size_op *op,
		  struct decoded *decoded)
{
	const struct size_operand written_out[] = {op->to, op->from, op->third};
	ZydisDecoder decoder;

	decoded->count = 0;
	if (!ZYAN_SUCCESS(
		    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(
		    ZydisDecoderDecodeFull(&decoder, code, bytes, &decoded->insn, decoded->all)))
		return -EILSEQ;
	for (size_t i = 0; i < decoded->insn.operand_count_visible && i < COUNT(written_out); i++) {
		if (decoded->all[i].encoding == ZYDIS_OPERAND_ENCODING_MASK)
			continue;
		decoded->operands[decoded->count] = &decoded->all[i];
		decoded->memory[decoded->count++] = written_out[i];
	}
	return 0;
}

int loop_op_decode(const uint8_t *code, size_t bytes, uint64_t vaddr, struct loop_op *op)
{
	struct decoded decoded;
	int err;

	*op = (struct loop_op){
		.move = {.from = LOOP_REGISTERS, .to = LOOP_REGISTERS, .rest = LOOP_REGISTERS}};
	err = size_op_decode(code, bytes, vaddr, &op->op);
	if (!err)
		err = decode(code, bytes, &op->op, &decoded);
	if (err)
		return err;
	op->reads = reads_of(&decoded);
	op->reads_flags = op->op.insn.flow != FLOW_BRANCH && decoded.insn.cpu_flags &&
			  decoded.insn.cpu_flags->tested & FLAGS_TESTED;
	if (idles(&decoded, &op->op)) {
		op->action = LOOP_IDLES;
	} else if (op->op.insn.flow != FLOW_NEXT) {
		op->action = LOOP_OTHER;
	} else if (op->op.action == OP_MOVE && op->op.from.kind == OPERAND_CONSTANT &&
		   op->op.to.kind == OPERAND_REGISTER) {
		op->action = LOOP_COUNTS;
	} else if (moves(&decoded, &op->move)) {
		op->action = LOOP_MOVES;
	} else if (counts(&decoded)) {
		op->action = LOOP_COUNTS;
	}
	return 0;
}
