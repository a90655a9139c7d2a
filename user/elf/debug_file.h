/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stripped file's names: in a debug file of its own, found by build id or by .gnu_debuglink, or
 * within the file (mini-debuginfo, .gnu_debugdata). Which files to try is told here; opening them
 * is for those who know where the file was found.
 */
#ifndef ELF_DEBUG_FILE_H
#define ELF_DEBUG_FILE_H

#include <stdbool.h>

#include "base/array.h"
#include "elf/image.h"

/* Whether there is anything to look for: a file with a .symtab has its names itself. */
bool elf_lacks_symbols(const struct elf_image *image);

/* The bytes that the linker gave this build of the file alone; NULL: it gave none. */
const uint8_t *elf_image_build_id(const struct elf_image *image, size_t *bytes);

/*
 * Appends the absolute paths where the image's debug file may be, the best first. path: where the
 * image's own file is. None is no error.
 */
typedef ARRAY(char *) elf_debug_paths;
int elf_debug_paths_add(const struct elf_image *image, const char *path, elf_debug_paths *paths);
void elf_debug_paths_release(elf_debug_paths *paths);

/*
 * The image takes what it lacks from its debug file, and owns it then. Before anything else is
 * asked of the image. Refused, and still the caller's: -ESTALE: it is of another build, by its
 * build id, or by its CRC where one of the two has no build id; -ENODATA: it has no symbols
 * either; -EINVAL: its segments lie at other addresses.
 */
int elf_image_take_debug(struct elf_image *image, struct elf_image *debug);

/* Why take refused, in words: "it belongs to another build". */
const char *elf_debug_refusal(int status);

/*
 * The same with the file's own mini-debuginfo. -ENOENT: it has none; -EBADMSG: it can't be
 * unpacked; -EFBIG: it needs more memory than such data ever does; or as above.
 */
int elf_image_take_mini_debug(struct elf_image *image);

#endif
