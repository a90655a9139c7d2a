/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * .gopclntab: the table that every Go program carries for its own stack traces, also where
 * -ldflags=-s left no .symtab. It names the functions that Go compiled or assembled, not those of
 * C.
 */
#ifndef ELF_GOPCLNTAB_H
#define ELF_GOPCLNTAB_H

#include "elf/image_internal.h"

/*
 * Appends its functions, by address; their names stay in the file's bytes. A file without such a
 * table, or with one that does not hold together, has none. 0 or -ENOMEM.
 */
int elf_read_go_functions(const struct elf_image *image, elf_symbols *functions);

#endif
