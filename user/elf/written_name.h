/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether what a person wrote names a function of C++ or Rust. People leave out what is clear to
 * them: namespaces and classes around, arguments, template arguments, hidden namespaces.
 *
 *   ns::Grow::flush          every overload; Grow::flush and ::ns::Grow::flush name them, too
 *   Grow::flush(const char*) this overload; blanks do not matter
 *   Buf::flush               that of every Buf<T>; Buf<int>::flush that of one
 *   vector<int>::push        that of vector<int, std::allocator<int> >, too, where is_short
 *   flush                    one in no namespace, or in an anonymous one
 *   Ring::flush              <store::Ring<T> as store::Store>::flush, too
 *   <Ring as Store>::flush   likewise
 *   Grow::fl*                a glob, where asked for: without arguments
 */
#ifndef ELF_WRITTEN_NAME_H
#define ELF_WRITTEN_NAME_H

#include <stdbool.h>

struct written_name {
	char *name;       /* without arguments, in the one form that both sides are brought to */
	char *arguments;  /* "(int,char const*)"; NULL: any */
	char *key;        /* a word that the mangled name must hold; NULL: none is sure */
	bool is_whole;    /* nothing before it may be left out */
	bool is_short;    /* the last template arguments may be; false until the caller says so */
	unsigned written; /* what it has of the things that may be left out anywhere */
};

/* 0 or -ENOMEM. */
int elf_written_name_init(struct written_name *wanted, const char *text);
void elf_written_name_release(struct written_name *wanted);

/* symbol: mangled. Names of no function (thunks, guards) and broken ones are not named. */
bool elf_written_name_names(const struct written_name *wanted, const char *symbol, bool as_glob);

/*
 * The last word of a name, "flush" of "ns::Grow<int>::flush(int)", and where it starts. Gives its
 * length.
 */
unsigned long elf_last_word(const char *name, const char **word);

/* Whether "(int)" stands behind the name. */
bool elf_has_arguments(const char *name);

/* Whether a last word is "operator+=". */
bool elf_is_operator(const char *word);

#endif
