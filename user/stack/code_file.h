/* SPDX-License-Identifier: GPL-2.0-only */
/* A file whose code is mapped, once for all processes, opened when a path first leads to it. */
#ifndef STACK_CODE_FILE_H
#define STACK_CODE_FILE_H

#include "elf/image.h"
#include "stack/source.h"
#include "stack/stack.h"

/* Which file a path led to, and in which state. */
struct file_identity {
	uint64_t device, inode, bytes;
	int64_t changed_ns;
};

struct code_file {
	uint64_t id; /* no other file's, of none that was freed either */
	struct file_identity identity;
	uint8_t build_id[20];
	size_t build_id_bytes; /* 0: not known */
	char *path;            /* as the target sees it */
	char *open_path;
	size_t users;            /* mappings that show it */
	bool is_opened;          /* or it was handed over */
	struct elf_image *image; /* NULL: not opened, or none of whom anything is believed */
	struct source *source;   /* NULL: not asked for, or no DWARF */
};

/* False where there is no regular file. */
bool file_identify(const char *path, struct file_identity *identity);

/* NULL: no memory. */
struct code_file *code_file_new(uint64_t id, const struct file_identity *identity,
				const struct stack_mapping *mapping);
void code_file_free(struct code_file *file);

/* Whether the mapping is of this file, which is behind the identity, too. */
bool code_file_is(const struct code_file *file, const struct file_identity *identity,
		  const struct stack_mapping *mapping);

/*
 * Its image; NULL where it can't be opened any more, is another file or another build by now, or no
 * ELF file that we read.
 */
const struct elf_image *code_file_image(struct code_file *file, pid_t pid,
					stack_debug_finder find_debug);

/* Its DWARF; NULL: it has none that is of use. */
struct source *code_file_source(struct code_file *file);

#endif
