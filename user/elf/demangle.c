// SPDX-License-Identifier: GPL-2.0-only
#include "elf/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/*
 * libiberty 2.40 reserves stack for the product of a name's templates and its references to their
 * parameters: at most 1.2 MB for a name of this length.
 */
#define MANGLED_MAX_BYTES 2048

/* A name that refers back to itself doubles every two letters, so there has to be an end. */
#define NAME_MAX_BYTES (16 * 1024)

struct demangling {
	char text[NAME_MAX_BYTES];
	size_t bytes;
	jmp_buf too_long;
};

bool elf_is_mangled(const char *symbol)
{
	return symbol[0] == '_' && (symbol[1] == 'Z' || symbol[1] == 'R');
}

/*
 * libiberty's callback can't ask it to stop. Up to here it holds no memory but its stack, except
 * for the few bytes of a Rust identifier in punycode.
 */
static void add_text(const char *text, size_t bytes, void *opaque)
{
	struct demangling *demangling = opaque;

	if (bytes >= sizeof(demangling->text) - demangling->bytes)
		longjmp(demangling->too_long, 1);
	/* Of an empty Rust identifier, text is NULL. */
	if (bytes)
		memcpy(demangling->text + demangling->bytes, text, bytes);
	demangling->bytes += bytes;
}

/* Rust first: its older names are well-formed C++ ones, with a hash as their last part. */
static bool demangle(const char *symbol, int options, struct demangling *demangling)
{
	if (setjmp(demangling->too_long))
		return false;
	if (rust_demangle_callback(symbol, options, add_text, demangling))
		return true;
	demangling->bytes = 0;
	return symbol[1] == 'Z' &&
	       cplus_demangle_v3_callback(symbol, options, add_text, demangling);
}

char *elf_demangle(const char *symbol, enum elf_name_form form)
{
	int options = DMGL_ANSI;
	struct demangling demangling;

	if (form == NAME_ARGUMENTS)
		options |= DMGL_PARAMS | DMGL_RET_DROP;
	demangling.bytes = 0;
	if (!elf_is_mangled(symbol) || strnlen(symbol, MANGLED_MAX_BYTES + 1) > MANGLED_MAX_BYTES ||
	    !demangle(symbol, options, &demangling) || !demangling.bytes)
		return NULL;
	return strndup(demangling.text, demangling.bytes);
}

/* Where C++11's std::string stands, the demangler writes out what it is. */
static void shorten_strings(char *name)
{
	static const char is[] =
		"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
	static const char called[] = "std::string";

	for (char *at = name; (at = strstr(at, is)); at += strlen(called)) {
		const char *rest = at + strlen(is);

		memcpy(at, called, strlen(called));
		/* "> >" keeps its brackets apart; "string >" need not. */
		rest += rest[0] == ' ' && rest[1] == '>';
		memmove(at + strlen(called), rest, strlen(rest) + 1);
	}
}

char *elf_shown_name(const char *symbol, enum elf_name_form form)
{
	char *name = elf_demangle(symbol, form);

	if (!name)
		return strdup(symbol);
	shorten_strings(name);
	return name;
}
