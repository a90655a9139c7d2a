/* SPDX-License-Identifier: GPL-2.0-only */
/* What the compilers' names stand for: C++ (Itanium) and Rust (both of its manglings). */
#ifndef ELF_DEMANGLE_H
#define ELF_DEMANGLE_H

#include <stdbool.h>

enum elf_name_form {
	NAME_ALONE,     /* "ns::Grow::flush" */
	NAME_ARGUMENTS, /* "ns::Grow::flush(int) const [clone .constprop.0]"; Rust's have none */
};

/* Whether it looks like a compiler's name at all. */
bool elf_is_mangled(const char *symbol);

/*
 * The caller frees it. NULL where the symbol is not mangled, or its name is broken, or longer than
 * is sane: over 2 KiB mangled, or over 16 KiB demangled, which a few bytes can stand for.
 */
char *elf_demangle(const char *symbol, enum elf_name_form form);

/* Likewise, but the symbol itself where it has no other name. NULL: no memory. */
char *elf_shown_name(const char *symbol, enum elf_name_form form);

#endif
