// SPDX-License-Identifier: GPL-2.0-only
/* The functions of a file that a person's name for them names. */
#include <errno.h>
#include <string.h>

#include "elf/demangle.h"
#include "elf/image_internal.h"
#include "elf/written_name.h"

/* gcc's and LLVM's marks of a whole function that the compiler made for some of its callers. */
static const char *const clone_marks[] = {".constprop.", ".isra.", ".lto_priv.", ".llvm."};

/* Any number of ".isra.0". */
static bool is_clone_suffix(const char *suffix)
{
	while (*suffix) {
		size_t i = 0, count = sizeof(clone_marks) / sizeof(*clone_marks), digits;

		while (i < count && strncmp(suffix, clone_marks[i], strlen(clone_marks[i])) != 0)
			i++;
		if (i == count)
			return false;
		suffix += strlen(clone_marks[i]);
		digits = strspn(suffix, "0123456789");
		if (!digits)
			return false;
		suffix += digits;
	}
	return true;
}

/* "flush.part.0": what is left of it was inlined into its callers, and this is but its rare half.
 */
static bool is_split_part(const char *name)
{
	static const char mark[] = ".part.";
	const char *at = strstr(name, mark);

	return at && at[strlen(mark)] >= '0' && at[strlen(mark)] <= '9';
}

/* A name that is not mangled: C's, or that of an extern "C" function. */
static bool names_plain(const struct written_name *wanted, const char *symbol)
{
	size_t bytes = strlen(wanted->name);

	return wanted->is_whole && !wanted->arguments && !strncmp(symbol, wanted->name, bytes) &&
	       is_clone_suffix(symbol + bytes);
}

static bool names_symbol(const struct written_name *wanted, const char *symbol, bool as_glob)
{
	bool is_named = elf_is_mangled(symbol) ? elf_written_name_names(wanted, symbol, as_glob)
					       : !as_glob && names_plain(wanted, symbol);

	return is_named && !elf_is_cold_part(symbol) && !is_split_part(symbol);
}

/* Go's traces and profiles leave out what stands in the brackets of a generic function's name. */
static const char go_any[] = "[...]";

/* Where the text has [...], the symbol may have anything in brackets. */
static bool names_go_instance(const char *text, const char *symbol)
{
	while (*text) {
		int depth = 0;

		if (*text != *symbol)
			return false;
		if (strncmp(text, go_any, strlen(go_any)) != 0) {
			text++;
			symbol++;
			continue;
		}
		do {
			depth += (*symbol == '[') - (*symbol == ']');
		} while (*symbol++ && depth);
		if (depth)
			return false;
		text += strlen(go_any);
	}
	return !*symbol;
}

static int find_go_instances(const elf_symbols *symbols, const char *text, elf_symbols *found)
{
	const struct elf_symbol *symbol;

	array_each (symbol, symbols) {
		if (names_go_instance(text, symbol->name) && array_push(found, *symbol))
			return -ENOMEM;
	}
	return 0;
}

static int find_written(const elf_symbols *symbols, const struct written_name *wanted, bool as_glob,
			elf_symbols *found)
{
	const struct elf_symbol *symbol, *last = NULL;

	array_each (symbol, symbols) {
		if (last && last->vaddr == symbol->vaddr)
			continue;
		if (!names_symbol(wanted, symbol->name, as_glob))
			continue;
		if (array_push(found, *symbol))
			return -ENOMEM;
		last = symbol;
	}
	return 0;
}

int elf_find_written(const struct elf_image *image, const char *text, elf_symbols *found)
{
	const elf_symbols *symbols = &image->tables->symbols.symbols;
	struct written_name wanted;
	size_t first = found->count;
	int status = elf_find_symbols(image, text, found);

	if (!status && found->count == first && strstr(text, go_any))
		status = find_go_instances(symbols, text, found);
	if (status || found->count > first)
		return status;
	status = elf_written_name_init(&wanted, text);
	if (status)
		return status;
	/* "operator*" and "flush(char const*)" are names before they are globs. */
	status = find_written(symbols, &wanted, false, found);
	/* Whoever writes vector<int> means it with its allocator, where there is none without. */
	wanted.is_short = strchr(text, '<');
	if (!status && found->count == first && wanted.is_short)
		status = find_written(symbols, &wanted, false, found);
	if (!status && found->count == first && strpbrk(text, "*?["))
		status = find_written(symbols, &wanted, true, found);
	elf_written_name_release(&wanted);
	return status;
}

const struct elf_symbol *elf_find_split_part(const struct elf_image *image, const char *name)
{
	const struct elf_symbol *symbol;
	size_t bytes = strlen(name);

	if (elf_load_symbols(image))
		return NULL;
	array_each (symbol, &image->tables->symbols.symbols) {
		/* The dot ends the name: "splitter.part.0" is none of split's. */
		if (!strncmp(symbol->name, name, bytes) && symbol->name[bytes] == '.' &&
		    is_split_part(symbol->name + bytes))
			return symbol;
	}
	return NULL;
}
