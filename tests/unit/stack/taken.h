/* SPDX-License-Identifier: GPL-2.0-only */
/* Stacks of live threads, taken as memwatch takes a target's, and what their processes map. */
#ifndef TESTS_STACK_TAKEN_H
#define TESTS_STACK_TAKEN_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "stack/stack.h"
#include "target/maps.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct kept_stack {
	struct stack_taken taken;
	uint8_t bytes[65536];
};

/* The bytes from the stack pointer on, as far as there are any. */
static inline void keep_bytes(struct kept_stack *kept, pid_t pid)
{
	struct iovec to = {kept->bytes, sizeof(kept->bytes)};
	struct iovec from = {(void *)kept->taken.registers[4], sizeof(kept->bytes)};
	/* Not by memcpy(): ASan would object to what lies between variables. */
	ssize_t got = process_vm_readv(pid, &to, 1, &from, 1, 0);

	assert_true(got > 0);
	kept->taken.stack = kept->bytes;
	kept->taken.stack_bytes = (size_t)got;
	kept->taken.is_cut = got == sizeof(kept->bytes);
}

static inline void keep_context(struct kept_stack *kept, const greg_t *registers)
{
	static const int places[STACK_REGISTERS] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	};

	for (int i = 0; i < STACK_REGISTERS; i++)
		kept->taken.registers[i] = (uint64_t)registers[places[i]];
	kept->taken.ip_addr = (uint64_t)registers[REG_RIP];
	keep_bytes(kept, getpid());
}

/* The thread that executes here: a macro, since a function's frame would be gone. */
#define KEEP_OWN(kept)                                                                             \
	do {                                                                                       \
		ucontext_t here_;                                                                  \
		assert_int_equal(getcontext(&here_), 0);                                           \
		keep_context((kept), here_.uc_mcontext.gregs);                                     \
	} while (0)

/* Stops a child, which then stays stopped. */
static inline void keep_child(struct kept_stack *kept, pid_t pid)
{
	struct user_regs_struct r;
	int status;

	assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_GETREGS, pid, NULL, &r), 0);
	kept->taken = (struct stack_taken){
		.registers = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9,
			      r.r10, r.r11, r.r12, r.r13, r.r14, r.r15},
		.ip_addr = r.rip,
	};
	keep_bytes(kept, pid);
}

/* The process's executable mappings, as of now. */
static inline void map_process(struct stacks *stacks, pid_t pid, const char *perf_map)
{
	const struct target_mapping *mapping;
	ARRAY(struct stack_mapping) code = {0};
	struct target_maps maps;

	assert_int_equal(target_maps_read(pid, &maps), 0);
	array_each (mapping, &maps.mappings) {
		struct stack_mapping one = {
			.start_addr = mapping->start_addr,
			.end_addr = mapping->end_addr,
			.file_off = mapping->file_off,
			.path = mapping->path,
		};

		if (mapping->executable)
			assert_int_equal(array_push(&code, one), 0);
	}
	assert_int_equal(stacks_map(stacks, pid, code.items, code.count, perf_map), 0);
	array_release(&code);
	target_maps_release(&maps);
}

/* What a failed test is about. */
static inline void print_path(const struct call_path *path)
{
	const struct frame *frame;

	array_each (frame, &path->frames)
		print_message("%#lx %s in %s+%#lx%s%s\n", (unsigned long)frame->addr,
			      frame->name ? frame->name : "-", frame->module ? frame->module : "-",
			      (unsigned long)frame->offset, frame->is_inlined ? " inlined" : "",
			      frame->is_signal ? " signal" : "");
	print_message("end %d\n", (int)path->end);
}

static inline bool is_called(const struct frame *frame, const char *name)
{
	size_t bytes = strlen(name);

	/* "even.constprop.0" is even. */
	return frame->name && !strncmp(frame->name, name, bytes) &&
	       (!frame->name[bytes] || frame->name[bytes] == '.');
}

#endif
