/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of a C++ or Rust name, in the one form that elf/written_name.c brings names to. */
#ifndef ELF_NAME_PARTS_H
#define ELF_NAME_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The parts between the "::" of a name; nobody writes longer ones. */
#define PARTS_MAX 64

struct name_part {
	const char *text;
	size_t bytes;
};

struct name_parts {
	struct name_part items[PARTS_MAX];
	size_t count;
};

static inline bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* Letters of other scripts are of a word, too. */
static inline bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Of PARTS_MAX at most; false where the name has more. They point into it. */
bool elf_split_name(struct name_parts *parts, const char *name);

/* Up to the next "::" outside of brackets. */
size_t elf_part_bytes(const char *part);

/* The bytes of "operator<<" at the start of a part; 0 where it is none. */
size_t elf_operator_bytes(const char *part);

/* Without template arguments, and without those of a function around: "Buf" of "Buf<int>". */
size_t elf_plain_bytes(const struct name_part *part);

bool elf_is_text(const struct name_part *part, const char *text, size_t bytes);

/*
 * "store::Ring::flush" of "<store::Ring as store::Store>::flush"; NULL where there is no such. The
 * caller frees it.
 */
char *elf_method_name(const struct name_parts *parts);

/*
 * Whether the wanted parts are the last ones of a name, or all where is_whole. is_short: the last
 * template arguments of each list may be left out, "vector<int>" for "vector<int, Pool>".
 */
bool elf_names_parts(const struct name_parts *wanted, bool is_whole, const struct name_parts *parts,
		     bool is_short);

/* Where what is wanted ends in the text, which starts with it; NULL where it does not. */
const char *elf_skip_written(const char *wanted, size_t wanted_bytes, const char *text,
			     size_t bytes, bool is_short);

#endif
