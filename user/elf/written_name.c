// SPDX-License-Identifier: GPL-2.0-only
#include "elf/written_name.h"

#include <errno.h>
#include <fnmatch.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "elf/demangle.h"
#include "elf/name_parts.h"

/* ---- one form for what is written and what the demangler says ---- */

/* What people leave out wherever it stands; libstdc++'s and libc++'s inline namespaces. */
static const char *const optional[] = {
	"(anonymous namespace)::", "__cxx11::", "_V2::", "__1::", "__ndk1::", "[abi:",
};
#define OPTIONAL_COUNT (sizeof(optional) / sizeof(*optional))

/* Blanks stay between words, and in "operator< <int>", which is not "operator<<". */
static void squeeze(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		bool is_blank = *from == ' ' || *from == '\t';
		const char *next = from + strspn(from, " \t");

		if (!is_blank)
			*to++ = *from;
		else if (to > text &&
			 ((is_word(to[-1]) && is_word(*next)) || (to[-1] == '<' && *next == '<')))
			*to++ = ' ';
		if (is_blank)
			from = next - 1;
	}
	*to = '\0';
}

static void cut(char *text, size_t bytes)
{
	memmove(text, text + bytes, strlen(text + bytes) + 1);
}

static void cut_optional(char *text, const char *what)
{
	char *at = text;

	while ((at = strstr(at, what))) {
		/* "my__1::f" is no part of that name. */
		if (at > text && is_word(*at) && is_word(at[-1]))
			at++;
		else if (*what == '[')
			cut(at, strcspn(at, "]") + !!strchr(at, ']'));
		else
			cut(at, strlen(what));
	}
}

static void cut_all_optional(char *text, unsigned but)
{
	for (size_t i = 0; i < OPTIONAL_COUNT; i++) {
		if (!(but & 1u << i))
			cut_optional(text, optional[i]);
	}
}

#define CHAR_STRING "char,std::char_traits<char>,std::allocator<char>>"

/* The demangler writes out what std::string is. */
static void shorten_strings(char *text, const char *is)
{
	static const char called[] = "std::string";

	for (char *at = text; (at = strstr(at, is)); at += strlen(called)) {
		/* A blank that "> const" did not need. */
		bool is_joined = is_word(at[strlen(is)]);

		memcpy(at, called, strlen(called));
		at[strlen(called)] = ' ';
		cut(at + strlen(called) + is_joined, strlen(is) - strlen(called) - is_joined);
	}
}

/* Rust's pick::<u8> is C++'s pick<u8>; "<impl ...>" is a part of its own. */
static void join_generics(char *text)
{
	for (char *at = text; (at = strstr(at, "::<")); at++) {
		if (!starts_with(at, "::<impl "))
			cut(at, 2);
	}
}

/* The end of the type that starts here, without its *, & and const. */
static char *base_end(char *type)
{
	int depth = 0;

	for (; *type; type++) {
		if (*type == '<')
			depth++;
		else if (!depth && strchr("*&,)>[", *type))
			return type;
		else if (*type == '>')
			depth--;
	}
	return type;
}

/* "const char*" to "char const*", as the demangler has it. */
static void move_consts(char *text)
{
	static const char word[] = "const ";
	size_t bytes = strlen(word);

	for (char *at = text; *at; at++) {
		char *end;

		if (!strchr("(,<", *at) || !starts_with(at + 1, word))
			continue;
		end = base_end(at + 1 + bytes);
		memmove(at + 1, at + 1 + bytes, end - (at + 1 + bytes));
		memcpy(end - bytes, " const", bytes);
	}
	/* "vector<int> const" needs no blank. */
	squeeze(text);
}

static char *one_form(const char *text, unsigned kept)
{
	char *form = strdup(text);

	if (!form)
		return NULL;
	squeeze(form);
	/* Before "__cxx11::" is cut, which is kept where it is written of another class. */
	shorten_strings(form, "std::__cxx11::basic_string<" CHAR_STRING);
	cut_all_optional(form, kept);
	shorten_strings(form, "std::basic_string<" CHAR_STRING);
	join_generics(form);
	return form;
}

/* ---- what is wanted ---- */

unsigned long elf_last_word(const char *name, const char **word)
{
	struct name_parts parts;
	const struct name_part *last;
	size_t bytes;

	*word = name;
	if (!elf_split_name(&parts, name))
		return 0;
	last = &parts.items[parts.count - 1];
	bytes = elf_plain_bytes(last);
	*word = last->text;
	if (**word == '~')
		(*word)++;
	return bytes - (*word - last->text);
}

/*
 * Those of "operator new(unsigned long)" and "operator void(*)()() const": in the last brackets, as
 * the type before may have some of its own. "operator void(*)()" has those of the type alone.
 */
static char *last_arguments(char *name)
{
	char *found = NULL, *at;
	int depth = 0;

	for (at = name; *at; at++) {
		if (!depth && *at == '(')
			found = at;
		if (strchr("<({[", *at))
			depth++;
		else if (strchr(">)}]", *at) && depth)
			depth--;
	}
	return found && (found[-1] != ')' || found[-2] != '*') ? found : at;
}

/* Where the arguments start; the end where there are none. */
static char *find_arguments(char *name)
{
	struct name_parts parts;
	const struct name_part *last;
	char *at;
	int depth = 0;

	if (!elf_split_name(&parts, name))
		return name + strlen(name);
	last = &parts.items[parts.count - 1];
	if (starts_with(last->text, "operator "))
		return last_arguments((char *)last->text);
	at = (char *)last->text + elf_operator_bytes(last->text);
	if (at == last->text && strchr("<({", *at) && *at)
		depth++, at++;
	for (; *at && (depth || *at != '('); at++) {
		if (strchr("<({[", *at))
			depth++;
		else if (strchr(">)}]", *at) && depth)
			depth--;
	}
	return at;
}

bool elf_has_arguments(const char *name)
{
	return *find_arguments((char *)name);
}

bool elf_is_operator(const char *word)
{
	return elf_operator_bytes(word);
}

/* The longest run of letters in it, outside of a glob's [...]: mangled names hold it as text. */
static struct name_part longest_word(const char *text, size_t bytes)
{
	struct name_part longest = {text, 0};

	for (size_t i = 0; i < bytes;) {
		size_t from = i;

		while (i < bytes && is_word(text[i]) && (unsigned char)text[i] < 0x80)
			i++;
		if (i - from > longest.bytes)
			longest = (struct name_part){text + from, i - from};
		if (i == from && text[i] == '[')
			i += strcspn(text + i, "]");
		i += i == from || i >= bytes || !is_word(text[i]);
	}
	return longest;
}

/* Codes stand for them in mangled names: St, Sa, Sb and Ss, Si, So, Sd. */
static bool is_abbreviated(const struct name_part *word)
{
	static const char *const words[] = {
		"std",     "allocator", "basic_string",   "basic_istream", "basic_ostream",
		"istream", "ostream",   "basic_iostream", "iostream",      "string",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (elf_is_text(word, words[i], strlen(words[i])))
			return true;
	}
	return false;
}

/*
 * Operators and lambdas have codes of their own in mangled names, and what is in brackets may be
 * written out of codes.
 */
static int set_key(struct written_name *wanted)
{
	struct name_parts parts;

	if (!elf_split_name(&parts, wanted->name))
		return 0;
	for (size_t i = parts.count; i-- > 0;) {
		const struct name_part *part = &parts.items[i];
		struct name_part word;

		if (elf_operator_bytes(part->text) || strchr("<({", *part->text))
			continue;
		word = longest_word(part->text, elf_plain_bytes(part));
		if (!word.bytes || is_abbreviated(&word))
			continue;
		wanted->key = strndup(word.text, word.bytes);
		return wanted->key ? 0 : -ENOMEM;
	}
	return 0;
}

static int set_name(struct written_name *wanted, const char *text)
{
	char *arguments;

	for (size_t i = 0; i < OPTIONAL_COUNT; i++)
		wanted->written |= strstr(text, optional[i]) ? 1u << i : 0;
	wanted->name = one_form(text, wanted->written);
	if (!wanted->name)
		return -ENOMEM;
	move_consts(wanted->name);
	wanted->is_whole = starts_with(wanted->name, "::");
	if (wanted->is_whole)
		cut(wanted->name, 2);
	arguments = find_arguments(wanted->name);
	if (*arguments) {
		wanted->arguments = strdup(arguments);
		if (!wanted->arguments)
			return -ENOMEM;
		*arguments = '\0';
	}
	/* A word alone is no end of something longer. */
	if (!wanted->name[elf_part_bytes(wanted->name)])
		wanted->is_whole = true;
	return set_key(wanted);
}

int elf_written_name_init(struct written_name *wanted, const char *text)
{
	int err;

	memset(wanted, 0, sizeof(*wanted));
	err = set_name(wanted, text);
	if (err)
		elf_written_name_release(wanted);
	return err;
}

void elf_written_name_release(struct written_name *wanted)
{
	free(wanted->name);
	free(wanted->arguments);
	free(wanted->key);
	memset(wanted, 0, sizeof(*wanted));
}

/* ---- does it name this one? ---- */

static bool matches_glob(const struct written_name *wanted, const struct name_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		if (fnmatch(wanted->name, parts->items[i].text, 0) == 0)
			return true;
		if (wanted->is_whole)
			break;
	}
	return false;
}

static bool names_whole(const struct written_name *wanted, const char *name, bool as_glob)
{
	struct name_parts parts, wanted_parts;

	if (!elf_split_name(&parts, name))
		return false;
	if (as_glob)
		return matches_glob(wanted, &parts);
	return elf_split_name(&wanted_parts, wanted->name) &&
	       elf_names_parts(&wanted_parts, wanted->is_whole, &parts, wanted->is_short);
}

static bool names_method(const struct written_name *wanted, const char *name, bool as_glob)
{
	struct name_parts parts;
	bool is_named;
	char *method;

	if (!strchr(name, '<') || !elf_split_name(&parts, name))
		return false;
	method = elf_method_name(&parts);
	is_named = method && names_whole(wanted, method, as_glob);
	free(method);
	return is_named;
}

/* What may follow the arguments that are written. */
static bool is_qualifiers(const char *text)
{
	static const char *const words[] = {"const", "volatile", "noexcept", "&", "[clone"};

	while (*text) {
		size_t i = 0, count = sizeof(words) / sizeof(*words);

		while (i < count && !starts_with(text, words[i]))
			i++;
		if (i == count)
			return false;
		if (*text == '[')
			return true;
		text += strlen(words[i]);
	}
	return true;
}

static bool names_arguments(const struct written_name *wanted, const char *symbol, const char *name)
{
	char *raw = elf_demangle(symbol, NAME_ARGUMENTS);
	char *whole = raw ? one_form(raw, wanted->written) : NULL;
	const char *arguments = whole && starts_with(whole, name) ? whole + strlen(name) : NULL;
	const char *rest =
		arguments ? elf_skip_written(wanted->arguments, strlen(wanted->arguments),
					     arguments, strlen(arguments), wanted->is_short)
			  : NULL;
	bool is_named = rest && is_qualifiers(rest);

	free(whole);
	free(raw);
	return is_named;
}

bool elf_written_name_names(const struct written_name *wanted, const char *symbol, bool as_glob)
{
	bool is_named;
	char *raw, *name;

	/* _ZThn16_..., a thunk, jumps to the function; _ZGV... guards a variable. */
	if (starts_with(symbol, "_ZT") || starts_with(symbol, "_ZG"))
		return false;
	if (wanted->key && !strstr(symbol, wanted->key))
		return false;
	raw = elf_demangle(symbol, NAME_ALONE);
	name = raw ? one_form(raw, wanted->written) : NULL;
	is_named =
		name && (names_whole(wanted, name, as_glob) || names_method(wanted, name, as_glob));
	if (is_named && wanted->arguments)
		is_named = names_arguments(wanted, symbol, name);
	free(name);
	free(raw);
	return is_named;
}
