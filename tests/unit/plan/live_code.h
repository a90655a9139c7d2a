/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test's own process as a code_view, with function bounds from .eh_frame_hdr as in a stripped
 * file, and a child of it that runs with breakpoints: what the probes would see.
 */
#ifndef TEST_LIVE_CODE_H
#define TEST_LIVE_CODE_H

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "plan/plan.h"

struct live_module {
	uint64_t vaddr; /* in: looked for */
	uint64_t code_end;
	const uint8_t *eh_frame_hdr;
	bool found;
};

static int live_module_visit(struct dl_phdr_info *info, size_t bytes, void *context)
{
	struct live_module *module = context;

	(void)bytes;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + phdr->p_vaddr;

		if (phdr->p_type == PT_GNU_EH_FRAME)
			module->eh_frame_hdr = (const uint8_t *)start;
		if (phdr->p_type == PT_LOAD && phdr->p_flags & PF_X &&
		    module->vaddr - start < phdr->p_memsz) {
			module->code_end = start + phdr->p_memsz;
			module->found = true;
		}
	}
	return module->found;
}

static inline struct live_module live_module_at(uint64_t vaddr)
{
	struct live_module module = {.vaddr = vaddr};

	dl_iterate_phdr(live_module_visit, &module);
	return module;
}

static const uint8_t *live_read(const void *source, uint64_t vaddr, size_t *bytes)
{
	struct live_module module = live_module_at(vaddr);

	(void)source;
	if (!module.found)
		return NULL;
	*bytes = module.code_end - vaddr;
	return (const uint8_t *)vaddr;
}

/* The binary search table that ld writes: pairs of int32, (function, FDE), relative to the header.
 */
static bool live_bounds(const void *source, uint64_t vaddr, uint64_t *start, uint64_t *bytes)
{
	struct live_module module = live_module_at(vaddr);
	const uint8_t *hdr = module.eh_frame_hdr;
	const int32_t(*table)[2] = (const void *)(hdr + 12);
	uint32_t low = 0, high;
	const int32_t *fde;

	(void)source;
	if (!module.found || !hdr || hdr[1] != 0x1b || hdr[2] != 0x03 || hdr[3] != 0x3b)
		return false;
	memcpy(&high, hdr + 8, sizeof(high));
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if ((uint64_t)hdr + table[middle][0] <= vaddr)
			low = middle;
		else
			high = middle;
	}
	*start = (uint64_t)hdr + table[low][0];
	/* FDE: length, CIE, pc_begin, pc_range; gcc and gas encode the last two in 4 bytes. */
	fde = (const int32_t *)(hdr + table[low][1]);
	*bytes = (uint32_t)fde[3];
	return vaddr - *start < *bytes;
}

/* source: addresses that have names, up to a 0; or NULL */
static bool live_names(const void *source, uint64_t vaddr)
{
	const uint64_t *name = source;

	while (name && *name && *name != vaddr)
		name++;
	return name && *name;
}

static inline struct code_view live_view(const uint64_t *names)
{
	return (struct code_view){live_read, live_bounds, live_names, names};
}

/* Called in the parent at each hit. */
typedef void (*live_hit)(void *context, uint64_t vaddr, const struct user_regs_struct *regs);

struct live_child {
	pid_t pid;
	const probe_points *points;
};

static inline void live_poke(const struct live_child *child, uint64_t vaddr, uint8_t byte)
{
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, child->pid, vaddr, NULL);
	assert_int_equal(errno, 0);
	word = (word & ~0xffL) | byte;
	assert_int_equal(ptrace(PTRACE_POKETEXT, child->pid, vaddr, word), 0);
}

static inline int live_resume(const struct live_child *child, int request)
{
	int status;

	assert_int_equal(ptrace(request, child->pid, NULL, NULL), 0);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	return status;
}

static inline void live_step_over(const struct live_child *child, live_hit hit, void *context)
{
	struct user_regs_struct regs;
	const struct probe_point *point;

	assert_int_equal(ptrace(PTRACE_GETREGS, child->pid, NULL, &regs), 0);
	regs.rip--;
	array_each (point, child->points)
		if (point->vaddr == regs.rip)
			break;
	assert_true(point < child->points->items + child->points->count);
	hit(context, regs.rip, &regs);
	assert_int_equal(ptrace(PTRACE_SETREGS, child->pid, NULL, &regs), 0);
	live_poke(child, point->vaddr, point->original);
	assert_true(WIFSTOPPED(live_resume(child, PTRACE_SINGLESTEP)));
	live_poke(child, point->vaddr, 0xcc);
}

/* Runs body(context) in a child with a breakpoint on each point. Both see the same shared memory.
 */
static inline void live_run(const probe_points *points, void (*body)(void *), live_hit hit,
			    void *context)
{
	struct live_child child = {.points = points, .pid = fork()};
	const struct probe_point *point;
	int status;

	assert_true(child.pid >= 0);
	if (!child.pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		body(context);
		_exit(0);
	}
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_true(WIFSTOPPED(status));
	array_each (point, points) {
		assert_int_equal(*(const uint8_t *)point->vaddr, point->original);
		live_poke(&child, point->vaddr, 0xcc);
	}
	for (;;) {
		status = live_resume(&child, PTRACE_CONT);
		if (!WIFSTOPPED(status))
			break;
		assert_int_equal(WSTOPSIG(status), SIGTRAP);
		live_step_over(&child, hit, context);
	}
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
}

static inline void *live_shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

#endif
