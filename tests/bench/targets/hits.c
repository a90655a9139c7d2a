// SPDX-License-Identifier: GPL-2.0-only
/*
 * hits: copies of 4 KiB by three routines in turn, a slice each (slices.h), until it is killed.
 * They differ in the instruction that a probe for copies of this size stands on:
 *
 *   nop   the one-byte nop that nop_copy begins with
 *   gate  the jump of gate_copy that small copies do not reach
 *   libc  what the planner finds in libc's memmove
 */
#include <stdlib.h>
#include <string.h>

#include "slices.h"

#define COPY_BYTES 4096
/* Even with a microsecond a hit, a look at the clock each 0.2 ms. */
#define BATCH 200

typedef void *copy_routine(void *to, const void *from, size_t bytes);

copy_routine nop_copy, gate_copy;

/* clang-format off */
__asm__(".text\n"
	".globl nop_copy\n"
	".type nop_copy, @function\n"
	"nop_copy:\n"
	"	nop\n"
	"	mov %rdi, %rax\n"
	"	mov %rdx, %rcx\n"
	"	rep movsb\n"
	"	ret\n"
	".size nop_copy, . - nop_copy\n"
	".globl gate_copy\n"
	".type gate_copy, @function\n"
	"gate_copy:\n"
	"	mov %rdi, %rax\n"
	"	mov %rdx, %rcx\n"
	"	cmp $2048, %rdx\n"
	"	jb 1f\n"
	"	cmp $262144, %rdx\n"
	"	jae 1f\n"
	"	rep movsb\n"
	"	ret\n"
	"1:	rep movsb\n"
	"	ret\n"
	".size gate_copy, . - gate_copy\n");
/* clang-format on */

static unsigned char *from, *into;

static void run_slice(const char *kind, copy_routine *routine)
{
	struct slice slice = slice_begin();
	uint64_t copies = 0;

	do {
		for (int i = 0; i < BATCH; i++)
			routine(into, from, COPY_BYTES);
		copies += BATCH;
	} while (now_ns() - slice.start_ns < SLICE_NS);
	slice_end(&slice, kind, copies);
}

int main(void)
{
	from = calloc(1, COPY_BYTES);
	into = calloc(1, COPY_BYTES);
	if (!from || !into)
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;) {
		run_slice("nop", nop_copy);
		run_slice("gate", gate_copy);
		run_slice("libc", memmove);
	}
}
