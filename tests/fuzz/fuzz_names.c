// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any two texts as what a person wrote and as a symbol: a case is the one, a line feed, the other.
 * Each is taken for either.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elf/demangle.h"
#include "elf/written_name.h"
#include "tests/fuzz/check.h"

static bool names(const char *text, const char *symbol, bool as_glob)
{
	struct written_name wanted;
	bool is_named;

	CHECK(elf_written_name_init(&wanted, text) == 0);
	is_named = elf_written_name_names(&wanted, symbol, as_glob);
	elf_written_name_release(&wanted);
	return is_named;
}

static void check_last_word(const char *name)
{
	const char *word;
	size_t bytes = elf_last_word(name, &word), all = strlen(name);

	CHECK(word >= name && word <= name + all && bytes <= all - (size_t)(word - name));
}

/* Words and nothing else, as in "ns::Class::flush": such a name has no two readings. */
static bool is_simple(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";

	for (; *name; name += strncmp(name, "::", 2) ? 0 : 2) {
		size_t bytes = strspn(name, letters);

		if (!bytes || (name[bytes] && strncmp(name + bytes, "::", 2) != 0))
			return false;
		name += bytes;
	}
	return true;
}

/* A name in namespaces, "_ZN2ns5Class5flush"; no thunk, guard, or expression of a template. */
static bool is_nested_name(const char *symbol)
{
	return !strncmp(symbol, "_ZN", 3) && symbol[3] >= '1' && symbol[3] <= '9' &&
	       strlen(symbol) <= 128;
}

/* What memwatch shows of a symbol, a person may give back. */
static void check_symbol(const char *symbol)
{
	for (enum elf_name_form form = NAME_ALONE; form <= NAME_ARGUMENTS; form++) {
		char *demangled = elf_demangle(symbol, form);
		char *shown = elf_shown_name(symbol, form);

		CHECK(shown && (demangled || !strcmp(shown, symbol)));
		CHECK(!demangled || *demangled);
		if (demangled) {
			check_last_word(demangled);
			names(shown, symbol, true);
			CHECK(!is_nested_name(symbol) || !is_simple(demangled) ||
			      names(demangled, symbol, false));
		}
		free(shown);
		free(demangled);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	char *text = strndup((const char *)bytes, count), *symbol;

	CHECK(text);
	symbol = strchr(text, '\n');
	if (symbol)
		*symbol++ = '\0';
	else
		symbol = text;
	check_last_word(text);
	check_symbol(symbol);
	names(text, symbol, false);
	names(text, symbol, true);
	names(symbol, text, false);
	free(text);
	return 0;
}
