// SPDX-License-Identifier: GPL-2.0-only
#include "plan/recognise.h"

#include <string.h>

#include "plan/walk.h"

/* src/string/x86_64/memcpy.s: mov %rdi,%rax; cmp $8,%rdx; jc 1f; test $7,%edi; jz 1f */
static const uint8_t memcpy_start[] = {
	0x48, 0x89, 0xf8, 0x48, 0x83, 0xfa, 0x08, 0x72, 0x14,
	0xf7, 0xc7, 0x07, 0x00, 0x00, 0x00, 0x74, 0x0c,
};

/* src/string/x86_64/memmove.s: mov %rdi,%rax; sub %rsi,%rax; cmp %rdx,%rax; then jae memcpy */
static const uint8_t memmove_start[] = {0x48, 0x89, 0xf8, 0x48, 0x29, 0xf0, 0x48, 0x39, 0xd0};

static int find(const struct code_view *code, uint64_t vaddr, const char *name,
		const uint8_t *start, size_t start_bytes, copy_doors *doors)
{
	size_t bytes = 0;
	const uint8_t *at = code->read(code->source, vaddr, &bytes), *hit;
	int err = 0;

	while (!err && at && (hit = memmem(at, bytes, start, start_bytes))) {
		vaddr += hit - at;
		if (plan_recognise_copy(code, vaddr))
			err = array_push(doors, ((struct copy_door){name, vaddr}));
		bytes -= hit - at + start_bytes;
		at = hit + start_bytes;
		vaddr += start_bytes;
	}
	return err;
}

int plan_find_musl_copies(const struct code_view *code, uint64_t vaddr, copy_doors *doors)
{
	int err = find(code, vaddr, "memcpy", memcpy_start, sizeof(memcpy_start), doors);

	if (err)
		return err;
	return find(code, vaddr, "memmove", memmove_start, sizeof(memmove_start), doors);
}
