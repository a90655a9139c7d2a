/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls a copy routine with breakpoints on the points of many plans at once and holds each call
 * against each plan. The test handles the breakpoints itself: a stop by ptrace takes ten times as
 * long.
 */
#ifndef TEST_GATE_RUNNER_H
#define TEST_GATE_RUNNER_H

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "plan/gate.h"

#define RUNNER_BREAKS 512
/* A breakpoint in a loop is not set again within the call. */
#define RUNNER_HITS 4

/* ---- one call ---- */

struct routine_call {
	uint64_t address, rax, rbx, rcx, rdx, rsi, rdi;
	uint64_t rsp; /* out: before the call */
};

uint64_t routine_call(struct routine_call *call);
extern const char routine_call_return[];

/* Go's routines destroy all registers but %rsp and %rbp. */
__asm__(".pushsection .text\n"
	"	.globl routine_call, routine_call_return\n"
	"	.type routine_call, @function\n"
	"routine_call:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	sub $8, %rsp\n"
	"	mov %rsp, 56(%rdi)\n"
	"	mov 0(%rdi), %r11\n"
	"	mov 8(%rdi), %rax; mov 16(%rdi), %rbx; mov 24(%rdi), %rcx\n"
	"	mov 32(%rdi), %rdx; mov 40(%rdi), %rsi; mov 48(%rdi), %rdi\n"
	"	call *%r11\n"
	"routine_call_return:\n"
	"	add $8, %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	"	.size routine_call, . - routine_call\n"
	"	.popsection\n");

/* ---- breakpoints ---- */

struct runner_break {
	uint8_t *address;
	uint8_t original;
	unsigned hits;                     /* in this call */
	uint64_t registers[CPU_REGISTERS]; /* at the first of them */
	uint64_t return_address;
};

static struct {
	struct runner_break breaks[RUNNER_BREAKS];
	size_t count;
	struct runner_break *stepped; /* its instruction is being executed */
} runner;

/* Intel's numbering of the conditions: o, b, e, be, s, p, l, le, and with 1 added their opposites.
 */
static inline bool runner_condition(unsigned condition, uint64_t flags)
{
	bool carry = flags & 1, zero = flags & 0x40, sign = flags & 0x80, over = flags & 0x800;
	const bool holds[] = {over, carry,     zero,         carry || zero,
			      sign, flags & 4, sign != over, zero || sign != over};

	return holds[condition >> 1 & 7] != (condition & 1);
}

/*
 * Jumps and ret: a step costs far more than the breakpoint in a virtual machine, which keeps the
 * debug registers to itself. False: the instruction must be executed.
 */
static inline bool runner_emulate(const struct runner_break *at, greg_t *gregs)
{
	const uint8_t *code = at->address;
	int32_t far;

	if ((at->original & 0xf0) == 0x70 || at->original == 0xeb) {
		bool taken =
			at->original == 0xeb || runner_condition(at->original & 15, gregs[REG_EFL]);

		gregs[REG_RIP] += 2 + (taken ? (int8_t)code[1] : 0);
		return true;
	}
	if (at->original == 0xc3) {
		gregs[REG_RIP] = *(const greg_t *)gregs[REG_RSP];
		gregs[REG_RSP] += sizeof(greg_t);
		return true;
	}
	if (at->original != 0x0f || (code[1] & 0xf0) != 0x80)
		return false;
	memcpy(&far, code + 2, sizeof(far));
	gregs[REG_RIP] += 6 + (runner_condition(code[1] & 15, gregs[REG_EFL]) ? far : 0);
	return true;
}

static inline void runner_hit(struct runner_break *at, const greg_t *gregs)
{
	static const int greg_of[CPU_REGISTERS] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	};

	if (at->hits++)
		return;
	for (size_t i = 0; i < CPU_REGISTERS; i++)
		at->registers[i] = gregs[greg_of[i]];
	at->return_address = *(const uint64_t *)gregs[REG_RSP];
}

/* int3: its instruction is put back and executed alone; then the int3 is, in turn. */
static void runner_trap(int signal, siginfo_t *info, void *context)
{
	greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;
	const greg_t trap_flag = 0x100;

	(void)signal;
	/* An int3 is SI_KERNEL; a step TRAP_TRACE, and in a virtual machine at times TRAP_BRKPT. */
	if (info->si_code != SI_KERNEL) {
		if (runner.stepped && runner.stepped->hits < RUNNER_HITS)
			*runner.stepped->address = 0xcc;
		runner.stepped = NULL;
		gregs[REG_EFL] &= ~trap_flag;
		return;
	}
	for (size_t i = 0; i < runner.count; i++) {
		struct runner_break *at = &runner.breaks[i];

		if (at->address + 1 != (uint8_t *)gregs[REG_RIP])
			continue;
		gregs[REG_RIP]--;
		runner_hit(at, gregs);
		if (at->hits >= RUNNER_HITS)
			*at->address = at->original;
		if (runner_emulate(at, gregs))
			return;
		*at->address = at->original;
		runner.stepped = at;
		gregs[REG_EFL] |= trap_flag;
		return;
	}
	dprintf(STDERR_FILENO, "%#llx: a trap that no breakpoint made\n", gregs[REG_RIP]);
	abort();
}

static inline struct runner_break *runner_break_at(const uint8_t *address)
{
	for (size_t i = 0; i < runner.count; i++)
		if (runner.breaks[i].address == address)
			return &runner.breaks[i];
	return NULL;
}

/* False: too many. */
static inline bool runner_add(uint8_t *address)
{
	if (runner_break_at(address))
		return true;
	if (runner.count == RUNNER_BREAKS)
		return false;
	runner.breaks[runner.count++] = (struct runner_break){address, *address, 0, {0}, 0};
	return true;
}

static inline void runner_start(void)
{
	struct sigaction action = {.sa_sigaction = runner_trap, .sa_flags = SA_SIGINFO};

	sigaction(SIGTRAP, &action, NULL);
}

static inline void runner_end(void)
{
	while (runner.count) {
		const struct runner_break *at = &runner.breaks[--runner.count];

		*at->address = at->original;
	}
	signal(SIGTRAP, SIG_DFL);
}

/* Gives what the routine returned. */
static inline uint64_t runner_call(struct routine_call *call)
{
	for (size_t i = 0; i < runner.count; i++) {
		runner.breaks[i].hits = 0;
		*runner.breaks[i].address = 0xcc;
	}
	return routine_call(call);
}

/* ---- what a plan says of a call ---- */

struct copy_made {
	uint64_t dst, src, size;
	uint64_t rsp; /* at the routine's first instruction */
	uint64_t return_address;
};

struct gate_tally {
	uint64_t calls_from, calls_below; /* of from_bytes and more, of fewer */
	uint64_t hits_below;
	char failure[256]; /* the first call for which the plan is not true; empty: none */
};

static inline void __attribute__((format(printf, 3, 4)))
gate_fails(struct gate_tally *tally, const struct copy_made *made, const char *format, ...)
{
	va_list arguments;
	size_t used;

	if (*tally->failure)
		return;
	used = snprintf(tally->failure, sizeof(tally->failure),
			"%#lx bytes to %#lx from %#lx: ", made->size, made->dst, made->src);
	va_start(arguments, format);
	vsnprintf(tally->failure + used, sizeof(tally->failure) - used, format, arguments);
	va_end(arguments);
}

static inline void check_hit(struct gate_tally *tally, const struct copy_made *made,
			     const struct gate_point *at, const struct runner_break *hit)
{
	const struct copy_registers *in = &at->point.in;

	if (hit->registers[in->dst] != made->dst || hit->registers[in->src] != made->src ||
	    hit->registers[in->size] != made->size)
		gate_fails(tally, made, "arguments are not in place at %#lx", at->point.vaddr);
	if (hit->registers[CPU_RSP] != made->rsp || hit->return_address != made->return_address)
		gate_fails(tally, made, "return address is not in place at %#lx", at->point.vaddr);
	if (made->size < at->least_bytes || made->size > at->most_bytes)
		gate_fails(tally, made, "%#lx says %lu to %lu bytes", at->point.vaddr,
			   at->least_bytes, at->most_bytes);
}

static inline void check_returns(const struct gate_plan *plan, const struct copy_made *made,
				 const uint8_t *base, struct gate_tally *tally)
{
	const struct gate_return *end;
	unsigned hits = 0;

	array_each (end, &plan->returns) {
		const struct runner_break *hit = runner_break_at(base + end->point.vaddr);

		if (!hit->hits)
			continue;
		hits += hit->hits;
		if (made->size < end->least_bytes || made->size > end->most_bytes)
			gate_fails(tally, made, "ret %#lx says %lu to %lu bytes", end->point.vaddr,
				   end->least_bytes, end->most_bytes);
		if (hit->registers[CPU_RSP] != made->rsp)
			gate_fails(tally, made, "stack has moved at ret %#lx", end->point.vaddr);
	}
	if (hits > 1 || (!hits && plan->returns.count && made->size >= plan->from_bytes))
		gate_fails(tally, made, "%u returns are passed", hits);
}

/* The call that runner_call() just made. base: the runtime address of the plan's vaddr 0. */
static inline void gate_check(const struct gate_plan *plan, const struct copy_made *made,
			      const uint8_t *base, struct gate_tally *tally)
{
	const struct gate_point *at;
	unsigned hits = 0;

	array_each (at, &plan->points) {
		const struct runner_break *hit = runner_break_at(base + at->point.vaddr);

		if (hit->hits)
			check_hit(tally, made, at, hit);
		hits += hit->hits;
	}
	if (made->size >= plan->from_bytes) {
		tally->calls_from++;
		if (hits != 1)
			gate_fails(tally, made, "%u hits, from %lu bytes on there should be 1",
				   hits, plan->from_bytes);
	} else {
		tally->calls_below++;
		tally->hits_below += hits != 0;
		if (hits > 1)
			gate_fails(tally, made, "%u hits of a smaller copy", hits);
		if (hits && made->size < plan->least_bytes)
			gate_fails(tally, made, "hit, though no copy below %lu bytes should",
				   plan->least_bytes);
	}
	check_returns(plan, made, base, tally);
}

/* Breakpoints on all that the plan names; false: too many. */
static inline bool gate_add(const struct gate_plan *plan, uint8_t *base)
{
	const struct gate_point *at;
	const struct gate_return *end;
	bool added = true;

	array_each (at, &plan->points)
		added = added && runner_add(base + at->point.vaddr);
	array_each (end, &plan->returns)
		added = added && runner_add(base + end->point.vaddr);
	return added;
}

#endif
