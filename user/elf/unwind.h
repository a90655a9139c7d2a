/* SPDX-License-Identifier: GPL-2.0-only */
/* What .eh_frame and .debug_frame say of a frame: how its caller is found again. */
#ifndef ELF_UNWIND_H
#define ELF_UNWIND_H

#include "elf/image.h"

/* The call frame instructions for some code; all of them inside the file, whatever they say. */
struct elf_unwind {
	struct elf_range range;
	const uint8_t *shared, *shared_end; /* come first: those of its CIE */
	const uint8_t *own, *own_end;       /* those of its FDE */
	uint64_t code_factor;
	int64_t data_factor;
	uint64_t return_register; /* DWARF's number of the one that stands for the address */
	bool is_signal; /* the kernel called it: its caller was interrupted, not calling */
};

/* 0; -ENOENT where nothing is said of the code at vaddr; -ENOMEM. */
int elf_unwind_at(const struct elf_image *image, uint64_t vaddr, struct elf_unwind *unwind);

#endif
