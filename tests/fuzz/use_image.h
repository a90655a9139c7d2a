/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asks everything of an ELF file that elf/image.h offers, and looks at every byte that it is given:
 * whatever the file says, this must neither crash nor hang.
 */
#ifndef TESTS_FUZZ_USE_IMAGE_H
#define TESTS_FUZZ_USE_IMAGE_H

#include <limits.h>
#include <string.h>

#include "elf/debug_file.h"
#include "elf/image.h"

static inline unsigned use_text(const char *text)
{
	return text ? (unsigned)strlen(text) : 0;
}

static inline unsigned use_names(const struct elf_image *image, const char *pattern)
{
	const struct elf_near_name *near;
	elf_near_names nearest = {0};
	const struct elf_symbol *symbol;
	elf_symbols found = {0};
	elf_ranges parts = {0};
	const struct elf_host *host;
	elf_hosts hosts = {0};
	unsigned sum = 0;

	elf_find_symbols(image, pattern, &found);
	elf_find_written(image, pattern, &found);
	array_each (symbol, &found)
		sum += use_text(symbol->name);
	elf_cold_parts(image, pattern, &parts);
	elf_nearest_names(image, pattern, UINT_MAX, 3, &nearest);
	array_each (near, &nearest)
		sum += use_text(near->name);
	elf_inlined_into(image, pattern, &hosts);
	array_each (host, &hosts)
		sum += use_text(host->name);
	array_release(&hosts);
	elf_near_names_release(&nearest);
	array_release(&parts);
	array_release(&found);
	return sum;
}

static inline unsigned use_place(const struct elf_image *image, uint64_t vaddr)
{
	const struct elf_symbol *symbol = elf_symbol_at(image, vaddr);
	uint64_t place = vaddr, word = 0;
	struct elf_range range;
	const uint8_t *code;
	unsigned sum = 0;
	size_t bytes;

	if (elf_image_off_of_vaddr(image, place, &place))
		elf_image_vaddr_of_off(image, place, &place);
	code = elf_image_code(image, place, &bytes);
	for (size_t i = 0; i < bytes; i += 64)
		sum += code[i];
	sum += bytes ? code[bytes - 1] : 0;
	sum += symbol ? use_text(symbol->name) : 0;
	sum += (unsigned)elf_function_bounds(image, vaddr, &range);
	sum += elf_image_word(image, vaddr, &word) ? (unsigned)word : 0;
	sum += elf_is_go_function(image, vaddr);
	return sum + use_text(elf_slot_symbol(image, vaddr));
}

static inline unsigned use_doors(const struct elf_image *image)
{
	const struct elf_copy_door *door;
	elf_copy_doors doors = {0};
	unsigned sum = 0;

	elf_find_copy_doors(image, &doors);
	array_each (door, &doors)
		sum += use_text(door->name) + use_place(image, door->vaddr);
	array_release(&doors);
	return sum;
}

/* Before anything else: the image may take its names from its mini-debuginfo. */
static inline unsigned use_debug(struct elf_image *image)
{
	elf_debug_paths paths = {0};
	unsigned sum = elf_lacks_symbols(image);
	char **path;

	elf_debug_paths_add(image, "/usr/lib/made.so", &paths);
	array_each (path, &paths)
		sum += use_text(*path);
	elf_debug_paths_release(&paths);
	return sum + use_text(elf_debug_refusal(elf_image_take_mini_debug(image)));
}

/* Around vaddr, by exact name and by glob. */
static inline unsigned use_image(const struct elf_image *image, uint64_t vaddr)
{
	unsigned sum = 0;

	for (uint64_t at = vaddr; at - vaddr < 4096; at += 256)
		sum += use_place(image, at);
	sum += use_names(image, "memmoev");
	sum += use_names(image, "main");
	sum += use_names(image, "*mem*");
	return sum + use_doors(image);
}

#endif
