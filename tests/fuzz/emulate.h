/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copy routines under an emulator, which no mutant can harm: Unicorn, a CPU of before AVX. It tells
 * each instruction before it is executed, as a breakpoint would.
 */
#ifndef TESTS_FUZZ_EMULATE_H
#define TESTS_FUZZ_EMULATE_H

#include <sys/mman.h>
#include <unicorn/unicorn.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/mutate_gates.h"

#define STACK_ADDR  0x100010000000UL
#define STACK_BYTES 0x10000UL
#define RETURN_ADDR 0x100020000000UL
/* The areas lie across a boundary of 4 GiB: who compares halves of addresses gets them wrong. */
#define AREA_ADDR   0x7ffeff000000UL
#define AREA_BYTES  ((COPY_AREA_BYTES + 0x3fff) & ~0xfffUL)
#define PAGES_MOST  64 /* of what a routine reads elsewhere */
#define HITS_MOST   16
#define CODE_MAPPED (MUTANT_CODE_BYTES + 0x1000)

/* A breakpoint was passed. */
struct emulated_hit {
	uint64_t vaddr;
	uint64_t registers[CPU_REGISTERS];
	uint64_t stack_top; /* the value at %rsp */
};

struct emulator {
	uc_engine *uc;
	uint8_t *code, *stack, *area;
	uint64_t code_vaddr;        /* 0: none is loaded */
	uint64_t pages[PAGES_MOST]; /* mapped for this mutant */
	size_t page_count;
	uint8_t page[4096]; /* what each of them holds */
	bool watched[CODE_MAPPED];
	uint64_t steps, steps_most;
	struct emulated_hit hits[HITS_MOST];
	size_t hit_count;
};

struct emulated_call {
	uint64_t door, dst, src, size, random;
	bool is_go;
};

static inline uint64_t emulator_register(const struct emulator *emulator, unsigned number)
{
	static const int names[CPU_REGISTERS] = {
		UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
		UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
		UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
		UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15,
	};
	uint64_t value = 0;

	uc_reg_read(emulator->uc, names[number], &value);
	return value;
}

static void emulator_step(uc_engine *uc, uint64_t vaddr, uint32_t bytes, void *context)
{
	struct emulator *emulator = context;
	struct emulated_hit *hit;

	(void)bytes;
	if (++emulator->steps > emulator->steps_most) {
		uc_emu_stop(uc);
		return;
	}
	if (vaddr - emulator->code_vaddr >= CODE_MAPPED ||
	    !emulator->watched[vaddr - emulator->code_vaddr])
		return;
	if (emulator->hit_count == HITS_MOST)
		return;
	hit = &emulator->hits[emulator->hit_count++];
	hit->vaddr = vaddr;
	for (unsigned i = 0; i < CPU_REGISTERS; i++)
		hit->registers[i] = emulator_register(emulator, i);
	hit->stack_top = 0;
	uc_mem_read(uc, hit->registers[CPU_RSP], &hit->stack_top, sizeof(hit->stack_top));
}

/* What is read and is no area's: the thresholds, at any address, as the planner was told. */
static bool emulator_unmapped(uc_engine *uc, uc_mem_type type, uint64_t address, int size,
			      int64_t value, void *context)
{
	struct emulator *emulator = context;
	uint64_t first = address & ~0xfffUL, last = (address + size - 1) & ~0xfffUL;

	(void)value;
	if (type != UC_MEM_READ_UNMAPPED || emulator->page_count + 2 > PAGES_MOST)
		return false;
	for (uint64_t page = first; page <= last; page += 4096) {
		if (uc_mem_map(uc, page, 4096, UC_PROT_READ))
			continue;
		emulator->pages[emulator->page_count++] = page;
		uc_mem_write(uc, page, emulator->page, sizeof(emulator->page));
	}
	return true;
}

static void emulator_interrupt(uc_engine *uc, uint32_t number, void *context)
{
	struct emulator *emulator = context;

	(void)number;
	emulator->steps = emulator->steps_most;
	uc_emu_stop(uc);
}

/* `syscall`, as int3, ends the routine. */
static void emulator_syscall(uc_engine *uc, void *context)
{
	emulator_interrupt(uc, 0, context);
}

static inline void emulator_init(struct emulator *emulator)
{
	uc_hook hook;

	*emulator = (struct emulator){
		.code = mmap(NULL, CODE_MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0),
		.stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		.area = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0),
	};
	CHECK(emulator->code != MAP_FAILED && emulator->stack != MAP_FAILED &&
	      emulator->area != MAP_FAILED);
	CHECK(!uc_open(UC_ARCH_X86, UC_MODE_64, &emulator->uc));
	CHECK(!uc_mem_map_ptr(emulator->uc, STACK_ADDR, STACK_BYTES, UC_PROT_READ | UC_PROT_WRITE,
			      emulator->stack));
	CHECK(!uc_mem_map_ptr(emulator->uc, AREA_ADDR, AREA_BYTES, UC_PROT_READ | UC_PROT_WRITE,
			      emulator->area));
	CHECK(!uc_hook_add(emulator->uc, &hook, UC_HOOK_CODE, emulator_step, emulator, 1, 0));
	CHECK(!uc_hook_add(emulator->uc, &hook, UC_HOOK_MEM_UNMAPPED, emulator_unmapped, emulator,
			   1, 0));
	CHECK(!uc_hook_add(emulator->uc, &hook, UC_HOOK_INTR, emulator_interrupt, emulator, 1, 0));
	CHECK(!uc_hook_add(emulator->uc, &hook, UC_HOOK_INSN, emulator_syscall, emulator, 1, 0,
			   UC_X86_INS_SYSCALL));
}

/*
 * Puts the mutant where its code stands: where no other did, since what was translated of that one
 * stays. What was read for it is forgotten.
 */
static inline void emulator_load(struct emulator *emulator, const struct gate_case *given)
{
	while (emulator->page_count)
		uc_mem_unmap(emulator->uc, emulator->pages[--emulator->page_count], 4096);
	if (emulator->code_vaddr)
		uc_mem_unmap(emulator->uc, emulator->code_vaddr, CODE_MAPPED);
	memset(emulator->code, 0xcc, CODE_MAPPED);
	memcpy(emulator->code, given->bytes, given->count);
	CHECK(!uc_mem_map_ptr(emulator->uc, given->vaddr, CODE_MAPPED, UC_PROT_READ | UC_PROT_EXEC,
			      emulator->code));
	for (size_t i = 0; i < sizeof(emulator->page); i += sizeof(given->layout.words))
		memcpy(emulator->page + i, given->layout.words, sizeof(given->layout.words));
	memset(emulator->watched, 0, sizeof(emulator->watched));
	emulator->code_vaddr = given->vaddr;
}

static inline void emulator_watch(struct emulator *emulator, uint64_t vaddr)
{
	emulator->watched[vaddr - emulator->code_vaddr] = true;
}

static inline void emulator_set(struct emulator *emulator, int name, uint64_t value)
{
	uc_reg_write(emulator->uc, name, &value);
}

static inline void emulator_set_registers(struct emulator *emulator,
					  const struct emulated_call *call)
{
	static const int others[] = {
		UC_X86_REG_RAX, UC_X86_REG_RBX, UC_X86_REG_RDX, UC_X86_REG_RBP, UC_X86_REG_R8,
		UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11, UC_X86_REG_R12, UC_X86_REG_R13,
		UC_X86_REG_R14, UC_X86_REG_R15, UC_X86_REG_RSI, UC_X86_REG_RDI,
	};
	uint64_t random = call->random | 1;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		emulator_set(emulator, others[i], case_random(&random));
	/* The destination's size for __memcpy_chk. */
	emulator_set(emulator, UC_X86_REG_RCX, call->is_go ? call->size : COPY_BYTES_MOST);
	emulator_set(emulator, call->is_go ? UC_X86_REG_RAX : UC_X86_REG_RDI, call->dst);
	emulator_set(emulator, call->is_go ? UC_X86_REG_RBX : UC_X86_REG_RSI, call->src);
	if (!call->is_go)
		emulator_set(emulator, UC_X86_REG_RDX, call->size);
	/* The direction flag is clear, by both conventions. */
	emulator_set(emulator, UC_X86_REG_EFLAGS, 2 | (case_random(&random) & 0x8d5));
}

/* Where %rsp points when the routine starts. */
#define CALL_RSP (STACK_ADDR + STACK_BYTES - 4096 - 8)

/* True where the call returned to its caller; emulator->hits is what it passed. */
static inline bool emulator_call(struct emulator *emulator, const struct emulated_call *call,
				 uint64_t steps_most)
{
	const uint64_t back = RETURN_ADDR;
	uint64_t rip = 0;
	uc_err err;

	memcpy(emulator->stack + (CALL_RSP - STACK_ADDR), &back, sizeof(back));
	emulator_set_registers(emulator, call);
	emulator_set(emulator, UC_X86_REG_RSP, CALL_RSP);
	emulator->steps = 0;
	emulator->steps_most = steps_most;
	emulator->hit_count = 0;
	err = uc_emu_start(emulator->uc, call->door, RETURN_ADDR, 0, 0);
	uc_reg_read(emulator->uc, UC_X86_REG_RIP, &rip);
	return !err && rip == RETURN_ADDR && emulator->steps < steps_most &&
	       emulator_register(emulator, CPU_RSP) == CALL_RSP + 8;
}

#endif
