/* SPDX-License-Identifier: GPL-2.0-only */
/* What DWARF says of a place in the code: its line, and the functions that were inlined there. */
#ifndef STACK_SOURCE_H
#define STACK_SOURCE_H

#include "elf/image.h"

/* A function at a place; strings belong to the image. */
struct source_function {
	const char *name;   /* DWARF's, without scope or arguments; NULL: none */
	const char *symbol; /* the linker's, where DWARF has it; NULL: none */
	const char *file;   /* NULL: unknown */
	unsigned line;      /* 0: unknown */
};

#define SOURCE_FUNCTIONS_MOST 32

struct source_place {
	/* The innermost first; the last is the one that has code of its own. 0: none is known. */
	struct source_function functions[SOURCE_FUNCTIONS_MOST];
	size_t count;
	const char *language; /* NULL: unknown */
};

/* The DWARF of one file; it is read as it is needed, and lives shorter than the image. */
struct source;

/* NULL: it has none, or no memory. */
struct source *source_new(const struct elf_image *image);
void source_free(struct source *source);

void source_find(struct source *source, uint64_t vaddr, struct source_place *place);

#endif
