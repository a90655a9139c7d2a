// SPDX-License-Identifier: GPL-2.0-only
#include "elf/name_parts.h"

#include <stdlib.h>
#include <string.h>

size_t elf_operator_bytes(const char *part)
{
	static const char word[] = "operator";
	const char *sign = part + strlen(word), *c = sign;

	if (!starts_with(part, word) || is_word(*sign))
		return 0;
	/* operator new, operator ns::Type: all that comes. */
	if (*sign == ' ')
		return strlen(part);
	if (starts_with(sign, "()") || starts_with(sign, "[]"))
		return strlen(word) + 2;
	/* "operator><int>" is a template: a second < belongs to << alone. */
	while (*c && strchr("<>=!+-*/%^&|~,", *c) && (*c != '<' || c == sign || c[-1] == '<'))
		c++;
	return c > sign ? c - part : 0;
}

size_t elf_part_bytes(const char *part)
{
	const char *c = part + elf_operator_bytes(part);
	int depth = 0;

	for (; *c; c++) {
		if (strchr("<({[", *c))
			depth++;
		else if (strchr(">)}]", *c) && depth && !(*c == '>' && c[-1] == '-'))
			depth--;
		else if (!depth && c[0] == ':' && c[1] == ':')
			break;
	}
	return c - part;
}

bool elf_split_name(struct name_parts *parts, const char *name)
{
	const char *at = name;

	parts->count = 0;
	while (parts->count < PARTS_MAX) {
		size_t bytes = elf_part_bytes(at);

		parts->items[parts->count++] = (struct name_part){at, bytes};
		if (!at[bytes])
			return true;
		at += bytes + 2;
	}
	return false;
}

size_t elf_plain_bytes(const struct name_part *part)
{
	size_t bytes = elf_operator_bytes(part->text);

	if (bytes)
		return bytes < part->bytes ? bytes : part->bytes;
	if (strchr("<({", *part->text))
		return part->bytes;
	bytes = strcspn(part->text, "<(");
	return bytes < part->bytes ? bytes : part->bytes;
}

bool elf_is_text(const struct name_part *part, const char *text, size_t bytes)
{
	return part->bytes == bytes && !memcmp(part->text, text, bytes);
}

/* ---- Rust's methods ---- */

/*
 * Where "as " starts in "<store::Ring<T>as store::Store>", the blank before which was squeezed out;
 * NULL where there is none.
 */
static const char *find_between(const struct name_part *type, const char *word)
{
	int depth = 0;

	for (size_t i = 0; i < type->bytes; i++) {
		const char *at = type->text + i;

		depth += !!strchr("<([", *at) - (strchr(">)]", *at) && !(i && at[-1] == '-'));
		if (!depth && i && !is_word(at[-1]) && starts_with(at, word) &&
		    i + strlen(word) < type->bytes)
			return at;
	}
	return NULL;
}

static struct name_part text_between(const char *start, const char *end)
{
	return (struct name_part){start, end - start - (end > start && end[-1] == ' ')};
}

/*
 * The two types of "<store::Ring as store::Store>" and of "<impl store::Store for store::Ring>":
 * store::Ring, and the trait; that is empty where the part has but a type.
 */
static void self_and_trait(const struct name_part *part, struct name_part *self,
			   struct name_part *trait)
{
	static const char as[] = "as ", impl_for[] = "for ";
	struct name_part type = {part->text + 1, part->bytes - 2};
	const char *end, *at;

	if (starts_with(type.text, "impl ") && type.bytes > 5)
		type = (struct name_part){type.text + 5, type.bytes - 5};
	end = type.text + type.bytes;
	*self = type;
	*trait = (struct name_part){end, 0};
	if ((at = find_between(&type, as))) {
		*self = text_between(type.text, at);
		*trait = text_between(at + strlen(as), end);
	} else if ((at = find_between(&type, impl_for))) {
		*self = text_between(at + strlen(impl_for), end);
		*trait = text_between(type.text, at);
	}
}

char *elf_method_name(const struct name_parts *parts)
{
	size_t i = parts->count - 1;
	struct name_part self, trait;
	size_t rest_bytes;
	char *name;

	while (i && *parts->items[i].text != '<')
		i--;
	if (*parts->items[i].text != '<' || i + 1 == parts->count || parts->items[i].bytes < 3)
		return NULL;
	self_and_trait(&parts->items[i], &self, &trait);
	rest_bytes = strlen(parts->items[i + 1].text);
	name = malloc(self.bytes + 2 + rest_bytes + 1);
	if (name) {
		memcpy(name, self.text, self.bytes);
		memcpy(name + self.bytes, "::", 2);
		memcpy(name + self.bytes + 2, parts->items[i + 1].text, rest_bytes + 1);
	}
	return name;
}

/* ---- does one name the other? ---- */

/* The bracket that closes the list of template arguments around. */
static const char *list_end(const char *at, const char *end)
{
	for (int depth = 0; at < end; at++) {
		if (strchr("<({[", *at))
			depth++;
		else if (strchr(">)}]", *at) && !(*at == '>' && at[-1] == '-') && !depth--)
			break;
	}
	return at;
}

const char *elf_skip_written(const char *wanted, size_t wanted_bytes, const char *text,
			     size_t bytes, bool is_short)
{
	const char *wanted_end = wanted + wanted_bytes, *end = text + bytes;

	while (wanted < wanted_end) {
		if (text < end && *wanted == *text) {
			wanted++;
			text++;
		} else if (is_short && text < end && *wanted == '>' && *text == ',') {
			text = list_end(text, end);
		} else {
			return NULL;
		}
	}
	return text;
}

static bool names_text(const struct name_part *wanted, const char *text, size_t bytes,
		       bool is_short)
{
	return elf_skip_written(wanted->text, wanted->bytes, text, bytes, is_short) == text + bytes;
}

/* A type within the part of another name: "Ring" names store::Ring. */
static bool names_type(const struct name_part *wanted, const struct name_part *type, bool is_short)
{
	char *wanted_text = strndup(wanted->text, wanted->bytes);
	char *type_text = strndup(type->text, type->bytes);
	struct name_parts wanted_parts, parts;
	bool is_named = wanted_text && type_text && elf_split_name(&wanted_parts, wanted_text) &&
			elf_split_name(&parts, type_text) &&
			elf_names_parts(&wanted_parts, false, &parts, is_short);

	free(wanted_text);
	free(type_text);
	return is_named;
}

/* "<Ring as Store>" names "<store::Ring as store::Store>". */
static bool names_impl(const struct name_part *wanted, const struct name_part *part, bool is_short)
{
	struct name_part self, trait, wanted_self, wanted_trait;

	if (*wanted->text != '<' || *part->text != '<' || wanted->bytes < 3 || part->bytes < 3)
		return false;
	self_and_trait(wanted, &wanted_self, &wanted_trait);
	self_and_trait(part, &self, &trait);
	return names_type(&wanted_self, &self, is_short) &&
	       (!wanted_trait.bytes || names_type(&wanted_trait, &trait, is_short));
}

static bool names_part(const struct name_part *wanted, const struct name_part *part, bool is_short)
{
	return names_text(wanted, part->text, part->bytes, is_short) ||
	       names_text(wanted, part->text, elf_plain_bytes(part), is_short) ||
	       names_impl(wanted, part, is_short);
}

bool elf_names_parts(const struct name_parts *wanted, bool is_whole, const struct name_parts *parts,
		     bool is_short)
{
	size_t skipped = parts->count - wanted->count;

	if (parts->count < wanted->count || (is_whole && skipped))
		return false;
	for (size_t i = 0; i < wanted->count; i++) {
		if (!names_part(&wanted->items[i], &parts->items[skipped + i], is_short))
			return false;
	}
	return true;
}
