/* SPDX-License-Identifier: GPL-2.0-only */
/* A file's DWARF, as libdw reads it. */
#ifndef ELF_DEBUG_INFO_H
#define ELF_DEBUG_INFO_H

#include <elfutils/libdw.h>

#include "elf/image.h"

/*
 * The image's, or its debug file's; addresses in it are the image's vaddrs. It belongs to the
 * image. NULL: there is none, or more than 512 MiB of it when unpacked.
 */
Dwarf *elf_debug_info(const struct elf_image *image);

/* How many bytes of .debug_line the unit's lines are made from; 0: none, or not told. */
uint64_t elf_line_bytes(const struct elf_image *image, Dwarf_Die *unit);

#endif
