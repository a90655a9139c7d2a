// SPDX-License-Identifier: GPL-2.0-only
#include "choose/watchlist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_number(const char *text, uint64_t *number)
{
	char *end;

	/* strtoull() would take a space and a sign, too. */
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, 0);
	return errno || end == text || *end ? -EINVAL : 0;
}

/* The colon behind a library; NULL where there is none. */
static const char *library_end(const char *text)
{
	const char *colon = strchr(text, ':');

	/* Three are one, and two that anchor a C++ name. */
	if (!colon || (colon[1] == ':' && (colon == text || colon[2] != ':')))
		return NULL;
	/* Those of a glob's [[:alpha:]] and of C++'s str[abi:cxx11] are no library's. */
	if (colon > text && colon[-1] == '[')
		return NULL;
	return colon - text >= 4 && !memcmp(colon - 4, "[abi", 4) ? NULL : colon;
}

/* Of ./app:flush, too, as a shell completes it: a file is known by the end of its path. */
static int take_library(struct pattern *pattern, const char *colon)
{
	const char *start = pattern->text;

	while (!strncmp(start, "./", 2))
		start += 2 + strspn(start + 2, "/");
	if (start == colon)
		return -EINVAL;
	pattern->lib = strndup(start, colon - start);
	pattern->symbol = colon + 1;
	return pattern->lib ? 0 : -ENOMEM;
}

/* libfoo.so:0x1234: no function of any language is called so. */
static void refuse_number(struct pattern *pattern)
{
	uint64_t number;

	if (pattern->lib && !strncmp(pattern->symbol, "0x", 2) &&
	    !parse_number(pattern->symbol, &number))
		snprintf(pattern->refused, sizeof(pattern->refused),
			 "'%.100s' names no function: did you mean %.100s:+%.20s?", pattern->text,
			 pattern->lib, pattern->symbol);
}

/* flush, libc.so.6:flush, libfoo.so:+0x1234, 0x55d0c0de. */
static int parse_pattern(struct pattern *pattern)
{
	const char *colon = library_end(pattern->text);
	int err;

	pattern->symbol = pattern->text;
	if (!strncmp(pattern->text, "0x", 2)) {
		pattern->kind = PATTERN_ADDR;
		return parse_number(pattern->text, &pattern->place);
	}
	if (colon == pattern->text)
		return -EINVAL;
	err = colon ? take_library(pattern, colon) : 0;
	if (err)
		return err;
	refuse_number(pattern);
	if (*pattern->symbol == '+') {
		pattern->kind = PATTERN_OFFSET;
		return pattern->lib ? parse_number(pattern->symbol + 1, &pattern->place) : -EINVAL;
	}
	return *pattern->symbol ? 0 : -EINVAL;
}

int watchlist_add(struct watchlist *list, enum watch_role role, const char *text)
{
	struct pattern pattern = {.role = role, .text = text};
	int err = parse_pattern(&pattern);

	if (!err)
		err = array_push(&list->patterns, pattern);
	if (err)
		free(pattern.lib);
	return err;
}

static const struct pattern *find_role(const struct watchlist *list, enum watch_role role)
{
	const struct pattern *pattern;

	array_each (pattern, &list->patterns) {
		if (pattern->role == role)
			return pattern;
	}
	return NULL;
}

bool watchlist_has_role(const struct watchlist *list, enum watch_role role)
{
	return find_role(list, role) != NULL;
}

const char *watchlist_writes_name(const struct watchlist *list)
{
	const struct pattern *pattern = find_role(list, ROLE_WRITES);

	return pattern ? pattern->symbol : NULL;
}

static void symbol_name_release(struct symbol_name *name)
{
	free((char *)name->function);
	free((char *)name->module);
	free((char *)name->symbol);
}

void watchlist_release(struct watchlist *list)
{
	struct pattern *pattern;
	struct symbol_name *name;

	array_each (pattern, &list->patterns)
		free(pattern->lib);
	array_release(&list->patterns);
	for (size_t i = 0; i < list->function_count; i++)
		symbol_name_release(&list->functions[i]);
	list->function_count = 0;
	array_each (name, &list->routines)
		symbol_name_release(name);
	array_release(&list->routines);
}

/*
 * libc.so.6 and x86_64-linux-gnu/libc.so.6 both name /usr/lib/x86_64-linux-gnu/libc.so.6, and
 * libsqlite3.so.0 and libsqlite3 name libsqlite3.so.0.8.6, as libc does libc-2.31.so.
 */
static bool names_path_from(const char *library, const char *path, size_t path_bytes)
{
	size_t bytes = strlen(library);

	if (bytes > path_bytes || strncmp(path, library, bytes) != 0)
		return false;
	if (bytes == path_bytes)
		return true;
	return (path[bytes] == '.' || path[bytes] == '-') &&
	       !memchr(path + bytes, '/', path_bytes - bytes);
}

bool pattern_takes_file(const struct pattern *pattern, const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t path_bytes = strlen(path);

	if (!pattern->lib)
		return true;
	/* What the kernel appends to a file that was replaced or removed while it is mapped. */
	if (path_bytes > strlen(deleted) && !strcmp(path + path_bytes - strlen(deleted), deleted))
		path_bytes -= strlen(deleted);
	for (size_t from = 0; from < path_bytes; from++) {
		if ((!from || path[from - 1] == '/' || *pattern->lib == '/') &&
		    names_path_from(pattern->lib, path + from, path_bytes - from))
			return true;
	}
	return false;
}

static bool same_name(const struct symbol_name *a, const struct symbol_name *b)
{
	return !strcmp(a->function, b->function) && !strcmp(a->module, b->module);
}

static int symbol_name_copy(struct symbol_name *copy, const struct symbol_name *name)
{
	*copy = (struct symbol_name){
		.function = strdup(name->function),
		.symbol = name->symbol ? strdup(name->symbol) : NULL,
		.module = strdup(name->module),
		.is_host = name->is_host,
	};
	if (copy->function && copy->module && !copy->symbol == !name->symbol)
		return 0;
	symbol_name_release(copy);
	return -ENOMEM;
}

/* Two constructors, or two instances of a Rust function: then neither symbol is the one. */
static void forget_other_symbol(struct symbol_name *known, const struct symbol_name *name)
{
	if (!known->symbol || (name->symbol && !strcmp(known->symbol, name->symbol)))
		return;
	free((char *)known->symbol);
	known->symbol = NULL;
}

int watchlist_function(struct watchlist *list, const struct symbol_name *name, unsigned *index)
{
	int err;

	for (*index = 0; *index < list->function_count; (*index)++) {
		if (!same_name(&list->functions[*index], name))
			continue;
		forget_other_symbol(&list->functions[*index], name);
		return 0;
	}
	if (list->function_count == MW_MAX_FUNCTIONS)
		return -ENOSPC;
	err = symbol_name_copy(&list->functions[*index], name);
	if (!err)
		list->function_count++;
	return err;
}

int watchlist_routine(struct watchlist *list, const char *routine, const char *module,
		      unsigned *index)
{
	struct symbol_name name = {.function = routine, .module = module}, copy;
	int err;

	for (*index = 0; *index < list->routines.count; (*index)++) {
		if (same_name(&list->routines.items[*index], &name))
			return 0;
	}
	err = symbol_name_copy(&copy, &name);
	if (err)
		return err;
	err = array_push(&list->routines, copy);
	if (err)
		symbol_name_release(&copy);
	return err;
}
