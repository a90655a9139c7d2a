/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One x86-64 instruction as the planner sees it: where control goes next, what a probe on it costs,
 * which registers it destroys. Pure: bytes in, value out. Decoding is Zydis's.
 */
#ifndef PLAN_DECODE_H
#define PLAN_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum insn_flow {
	FLOW_NEXT,          /* goes on to the next instruction */
	FLOW_BRANCH,        /* jcc, loop, jrcxz: next or target_vaddr */
	FLOW_JUMP,          /* jmp to target_vaddr */
	FLOW_JUMP_SLOT,     /* jmp *slot(%rip): through the pointer at slot_vaddr */
	FLOW_JUMP_INDIRECT, /* jmp *%rax, jmp *table(,%rax,8), and the notrack forms */
	FLOW_CALL,          /* comes back, as a rule */
	FLOW_RETURN,        /* ret, ret imm16, also with bnd or rep before it */
	FLOW_STOP,          /* ud2, hlt, int3: never goes on */
};

/* What a uprobe on this instruction does (design: costs and hazards of probe points). */
enum probe_kind {
	PROBE_EMULATED, /* the kernel emulates it: nop, push, jmp, jcc, call rel32 */
	PROBE_STEPPED,  /* single-stepped out of line: an order of magnitude dearer */
	PROBE_REFUSED,  /* the kernel refuses to attach: VEX, EVEX and what it cannot decode */
	PROBE_HARMFUL,  /* rep-prefixed (a trap per iteration), pause, 5-byte nop past the entry */
};

/* The general registers, as instructions number them. */
enum cpu_register {
	CPU_RAX,
	CPU_RCX,
	CPU_RDX,
	CPU_RBX,
	CPU_RSP,
	CPU_RBP,
	CPU_RSI,
	CPU_RDI,
	CPU_R8,
	CPU_R9,
	CPU_R10,
	CPU_R11,
	CPU_R14 = 14,
	CPU_REGISTERS = 16,
};

#define CPU_BIT(number) (1u << (number))

/* Those that carry a copy's arguments in C, and the stack pointer, as bits of insn.destroys. */
enum {
	DESTROYS_RDI = CPU_BIT(CPU_RDI),
	DESTROYS_RSI = CPU_BIT(CPU_RSI),
	DESTROYS_RDX = CPU_BIT(CPU_RDX),
	DESTROYS_RSP = CPU_BIT(CPU_RSP),
};

struct insn {
	uint64_t vaddr;
	uint8_t length;
	enum insn_flow flow;
	enum probe_kind probe;
	uint64_t target_vaddr; /* FLOW_BRANCH, FLOW_JUMP, direct FLOW_CALL; else 0 */
	uint64_t slot_vaddr;   /* FLOW_JUMP_SLOT; else 0 */
	bool repeats_movs;     /* rep movsb, movsw, movsl, movsq: a copy */
	unsigned destroys;     /* CPU_BIT()s of what it writes, any part of it; implicit ones too */
	/*
	 * mov %rdi,%rax, and xchg, in 64 bits: what `moves_to` holds afterwards is what
	 * `moves_from` held (and, exchanged, the other way round). Equal: it moves nothing.
	 */
	uint8_t moves_from, moves_to;
	bool exchanges;
	bool reads_arguments; /* 0x8(%rsp) and above: at a function's entry, its caller's */
};

/*
 * Decodes the instruction that code[0] starts and that stands at vaddr.
 * 0, or -EILSEQ where the bytes are no instruction or end within one.
 */
int insn_decode(const uint8_t *code, size_t bytes, uint64_t vaddr, struct insn *insn);

#define INSN_TEXT_BYTES 96
/* The instruction in AT&T syntax, for people; "(bad)" where there is none. Gives buf. */
const char *insn_text(char buf[INSN_TEXT_BYTES], const uint8_t *code, size_t bytes, uint64_t vaddr);

#endif
