// SPDX-License-Identifier: GPL-2.0-only
#include "choose/matching.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "elf/demangle.h"
#include "choose/wrong_place.h"

/* Of several functions that one name names, the rest is a number. */
#define NAMES_TOLD 3

/* ---- planning what was matched ---- */

void planned_function_release(struct planned_function *function)
{
	exit_plan_release(&function->exits);
	free(function->name);
}

/* One address bears one probe of a function: it can't tell the beginning from the end. */
static bool ends_where_it_begins(struct planned_function *function)
{
	const struct probe_point *point;

	array_each (point, &function->exits.returns) {
		if (point->vaddr != function->entry.vaddr)
			continue;
		snprintf(function->exits.note, sizeof(function->exits.note),
			 "it is a single return: nothing to time");
		return true;
	}
	return false;
}

static int plan_function(struct module *module, uint64_t vaddr, struct planned_function *function)
{
	code_ranges parts = {0};
	int err = module_function_parts(module, vaddr, &parts);

	if (err == -ENOENT)
		snprintf(function->entry.reason, sizeof(function->entry.reason),
			 "neither a symbol nor .eh_frame says where it ends");
	if (!err)
		err = plan_entry(&module->code, parts.items[0], &function->entry);
	if (!err && function->role == ROLE_FLUSH) {
		err = plan_exits(&module->code, &parts, &function->exits);
		if (!err && ends_where_it_begins(function))
			err = -ENOTSUP;
		if (err)
			snprintf(function->entry.reason, sizeof(function->entry.reason), "%s",
				 function->exits.note);
	}
	array_release(&parts);
	return err;
}

static void tell_of_plan(const struct module *module, const struct planned_function *function)
{
	if (function->err)
		log_warning("%s in %s can't be watched: %s", function->name, module->path,
			    function->entry.reason);
	else if (*function->exits.note)
		log_note("%s in %s: %s", function->name, module->path, function->exits.note);
	if (!function->err && function->exits.rep_movs_vaddr)
		log_note("%s in %s contains rep movs at 0x%lx: what that copies is not counted",
			 function->name, module->name, function->exits.rep_movs_vaddr);
}

static bool is_planned(const struct module *module, uint64_t vaddr, enum watch_role role)
{
	const struct planned_function *known;

	/* By place: several static functions of one file may have the same name. */
	array_each (known, &module->functions) {
		if (known->role == role && known->vaddr == vaddr)
			return true;
	}
	return false;
}

/* name: as it is shown, with the symbol behind it. */
static int plan_at(struct module *module, uint64_t vaddr, const struct symbol_name *name,
		   enum watch_role role, struct watchlist *watchlist)
{
	struct planned_function function = {.vaddr = vaddr, .role = role};
	int err = 0;

	if (is_planned(module, vaddr, role))
		return 0;
	if (role == ROLE_FLUSH)
		err = watchlist_function(watchlist, name, &function.index);
	if (err == -ENOSPC) {
		if (!watchlist->functions_left_out++)
			log_warning(
				"more than %d functions match --flush; %s and others are left out: "
				"name them more narrowly",
				MW_MAX_FUNCTIONS, name->function);
		return 0;
	}
	if (err)
		return err;
	function.name = strdup(name->function);
	if (!function.name)
		return -ENOMEM;
	function.err = plan_function(module, vaddr, &function);
	if (function.err == -ENOMEM)
		err = -ENOMEM;
	if (!err)
		tell_of_plan(module, &function);
	if (!err)
		err = array_push(&module->functions, function);
	if (!err && !function.err && role == ROLE_FLUSH)
		watchlist->is_watched[function.index] = true;
	if (err)
		planned_function_release(&function);
	return err;
}

/* ---- how a function is called ---- */

/* Whether another function that is watched, or found with it, would be shown by the same name. */
static bool is_ambiguous(const struct module *module, const struct watchlist *watchlist,
			 const elf_symbols *found, const struct elf_symbol *symbol,
			 const char *shown)
{
	const struct elf_symbol *other;
	bool is_same = false;

	for (size_t i = 0; i < watchlist->function_count; i++) {
		const struct symbol_name *known = &watchlist->functions[i];

		if (known->symbol && !strcmp(known->function, shown) &&
		    !strcmp(known->module, module->name) && strcmp(known->symbol, symbol->name))
			return true;
	}
	array_each (other, found) {
		char *name;

		/* A glob may find 500,000; no more than these are watched. */
		if (is_same || other >= found->items + MW_MAX_FUNCTIONS)
			break;
		if (other == symbol || !elf_is_mangled(other->name))
			continue;
		name = elf_demangle(other->name, NAME_ALONE);
		is_same = name && !strcmp(name, shown);
		free(name);
	}
	return is_same;
}

/*
 * Without arguments, unless the user gave some or its overloads are there as well. The caller frees
 * it; NULL: no memory.
 */
static char *shown_name(const struct module *module, const struct watchlist *watchlist,
			const char *written, const elf_symbols *found,
			const struct elf_symbol *symbol)
{
	char *shown = elf_shown_name(symbol->name, NAME_ALONE);

	if (!shown || !strcmp(shown, symbol->name) ||
	    (!strchr(written, '(') && !is_ambiguous(module, watchlist, found, symbol, shown)))
		return shown;
	free(shown);
	return elf_shown_name(symbol->name, NAME_ARGUMENTS);
}

static int plan_symbol(struct module *module, const char *shown, const char *symbol, uint64_t vaddr,
		       enum watch_role role, struct watchlist *watchlist)
{
	struct symbol_name name = {
		.function = shown,
		.symbol = strcmp(shown, symbol) ? symbol : NULL,
		.module = module->name,
	};

	return plan_at(module, vaddr, &name, role, watchlist);
}

/* ---- names ---- */

static bool is_copy_routine(const struct module *module, const char *name)
{
	const struct elf_copy_door *door;

	array_each (door, &module->doors) {
		if (!strcmp(door->name, name))
			return true;
	}
	return false;
}

/* An IFUNC's symbol is not the code that runs. One line for all that a glob finds in a file. */
static void explain_ifuncs(const struct module *module, struct pattern *pattern,
			   const elf_symbols *found)
{
	const struct elf_symbol *symbol;
	const char *first = NULL;
	size_t count = 0;

	array_each (symbol, found) {
		if (symbol->is_ifunc && !count++)
			first = symbol->name;
	}
	if (!count)
		return;
	if (strcmp(first, pattern->symbol) != 0)
		log_note("%s: %zu functions in %s are chosen when it is loaded (IFUNCs; one is "
			 "%s) and are not watched",
			 pattern->text, count, module->path, first);
	else if (is_copy_routine(module, first))
		snprintf(pattern->refused, sizeof(pattern->refused),
			 "%.60s in %.100s is a copy routine chosen when it is loaded: its copies "
			 "are counted anyway",
			 first, module->name);
	else
		snprintf(pattern->refused, sizeof(pattern->refused),
			 "%.60s in %.100s is chosen when it is loaded (an IFUNC): its symbol is "
			 "not the code that runs, so it is not watched",
			 first, module->name);
}

/* A glob's matches have names of their own, as a rule. */
static void note_namesakes(const struct module *module, const struct pattern *pattern,
			   const elf_symbols *found)
{
	const struct elf_symbol *symbol;
	size_t count = 0;

	array_each (symbol, found)
		count += !symbol->is_ifunc && !strcmp(symbol->name, pattern->symbol);
	if (count > 1)
		log_note("%zu functions are called %s in %s; %s are watched", count,
			 pattern->symbol, module->path, count == 2 ? "both" : "all");
}

/* A glob over symbols is meant to find several; what a name names has to be told. */
static void note_several(const struct module *module, const struct pattern *pattern,
			 const elf_symbols *found)
{
	/* Go's "(*Ring[...])" is none, though it may be read as one. */
	bool is_glob = strpbrk(pattern->symbol, "*?[") && !strstr(pattern->symbol, "[...]");
	const struct elf_symbol *symbol;
	char list[1000] = "";
	size_t count = 0;
	bool is_more;

	array_each (symbol, found) {
		char *name;

		if (symbol->is_ifunc || !strcmp(symbol->name, pattern->symbol))
			continue;
		if (!elf_is_mangled(symbol->name) && is_glob)
			continue;
		if (++count > NAMES_TOLD)
			continue;
		name = elf_shown_name(symbol->name, NAME_ARGUMENTS);
		if (name)
			text_list_add(list, sizeof(list), "", name);
		free(name);
	}
	/* Said once, whether the names are many or long. */
	is_more =
		count > NAMES_TOLD && (strlen(list) < 3 || strcmp(list + strlen(list) - 3, "..."));
	if (count > 1)
		log_note("%s names %zu functions in %s: %s%s; %s are watched", pattern->symbol,
			 count, module->path, list, is_more ? ", ..." : "",
			 count == 2 ? "both" : "all");
}

static int plan_found(struct module *module, const struct pattern *pattern,
		      const elf_symbols *found, const struct elf_symbol *symbol,
		      struct watchlist *watchlist)
{
	bool is_told_apart = pattern->role == ROLE_FLUSH;
	char *shown;
	int err;

	/* There is no room for it: one word was said, and the rest is counted. */
	if (is_told_apart && watchlist->functions_left_out)
		return plan_symbol(module, symbol->name, symbol->name, symbol->vaddr, pattern->role,
				   watchlist);
	shown = is_told_apart ? shown_name(module, watchlist, pattern->symbol, found, symbol)
			      : elf_shown_name(symbol->name, NAME_ALONE);
	if (!shown)
		return -ENOMEM;
	err = plan_symbol(module, shown, symbol->name, symbol->vaddr, pattern->role, watchlist);
	free(shown);
	return err;
}

static int take_symbol(struct module *module, struct pattern *pattern, const elf_symbols *found,
		       const struct elf_symbol *symbol, struct watchlist *watchlist)
{
	pattern->matches++;
	if (pattern->role == ROLE_COPY)
		return array_push(&module->doors, ((struct elf_copy_door){
							  .name = symbol->name,
							  .vaddr = symbol->vaddr,
							  .direct = true,
						  }));
	return plan_found(module, pattern, found, symbol, watchlist);
}

/*
 * The file's own: a probe at its end would single-step each copy. Nor is it the one in use, maybe:
 * glibc's memcpy@GLIBC_2.2.5 is a plain function beside the IFUNC memcpy@@GLIBC_2.14.
 */
static bool refuse_copy_routine(const struct module *module, struct pattern *pattern,
				const struct elf_symbol *symbol)
{
	if (pattern->role == ROLE_COPY || strcmp(symbol->name, pattern->symbol) != 0 ||
	    !is_copy_routine(module, symbol->name))
		return false;
	snprintf(pattern->refused, sizeof(pattern->refused),
		 "%.60s in %.100s is a copy routine: its copies are counted anyway", symbol->name,
		 module->name);
	return true;
}

static int match_name(struct module *module, struct pattern *pattern, struct watchlist *watchlist)
{
	elf_symbols found = {0};
	struct elf_symbol *symbol;
	int err = elf_find_written(module->image, pattern->symbol, &found);

	array_each (symbol, &found) {
		if (!err && !symbol->is_ifunc && !refuse_copy_routine(module, pattern, symbol))
			err = take_symbol(module, pattern, &found, symbol, watchlist);
	}
	if (!err) {
		explain_ifuncs(module, pattern, &found);
		note_namesakes(module, pattern, &found);
		note_several(module, pattern, &found);
	}
	array_release(&found);
	return err;
}

/* ---- names that were inlined ---- */

static void list_hosts(const elf_hosts *hosts, char *list, size_t bytes)
{
	const struct elf_host *host;

	array_each (host, hosts) {
		char *name = elf_shown_name(host->name, NAME_ALONE);

		if (name)
			text_list_add(list, bytes, "", name);
		free(name);
	}
}

static int plan_host(struct module *module, struct pattern *pattern, const struct elf_host *host,
		     struct watchlist *watchlist)
{
	char *alone = elf_shown_name(host->name, NAME_ALONE), *shown = NULL;
	struct symbol_name name = {.symbol = host->name, .module = module->name, .is_host = true};
	int err = -ENOMEM;

	if (alone && asprintf(&shown, "%s (with %s inlined)", alone, pattern->symbol) < 0)
		shown = NULL;
	name.function = shown;
	if (shown)
		err = plan_at(module, host->vaddr, &name, pattern->role, watchlist);
	if (!err) {
		pattern->matches++;
		pattern->hosts++;
	}
	free(shown);
	free(alone);
	return err;
}

static int match_inlined(struct module *module, struct pattern *pattern,
			 struct watchlist *watchlist)
{
	elf_hosts hosts = {0};
	struct elf_host *host;
	char list[200] = "";
	int err = elf_inlined_into(module->image, pattern->symbol, &hosts);

	list_hosts(&hosts, list, sizeof(list));
	if (!err && hosts.count && pattern->role == ROLE_WRITES) {
		snprintf(pattern->refused, sizeof(pattern->refused),
			 "the compiler inlined %.60s into %.80s in %.50s: its calls can't be "
			 "counted "
			 "there; name a function that was not inlined",
			 pattern->symbol, list, module->name);
	} else if (!err && hosts.count) {
		log_note("the compiler inlined %s into %s in %s, which is timed in its place: each "
			 "call costs a single-stepped probe, and calls without a copy are left out",
			 pattern->symbol, list, module->path);
		array_each (host, &hosts) {
			if (!err)
				err = plan_host(module, pattern, host, watchlist);
		}
	}
	array_release(&hosts);
	return err;
}

int module_match_inlined(struct module *module, struct watchlist *watchlist)
{
	struct pattern *pattern;
	int err = 0;

	/* What had no match then has been searched for, and what has one now is not missed. */
	if (module->is_searched_for_inlined)
		return 0;
	array_each (pattern, &watchlist->patterns) {
		bool is_timed_or_counted =
			pattern->role == ROLE_FLUSH || pattern->role == ROLE_WRITES;

		if (err || pattern->kind != PATTERN_NAME || !is_timed_or_counted ||
		    pattern->matches > pattern->hosts || !pattern_takes_file(pattern, module->path))
			continue;
		module->is_searched_for_inlined = true;
		err = match_inlined(module, pattern, watchlist);
	}
	return err;
}

/* ---- places ---- */

static void refuse_no_code(const struct module *module, struct pattern *pattern, const char *why)
{
	const char *plus = strrchr(pattern->text, '+');
	char hint[128];

	wrong_place_hint(module, plus ? plus + 1 : pattern->text, pattern->place, hint,
			 sizeof(hint));
	snprintf(pattern->refused, sizeof(pattern->refused), "%.80s %s %.100s%s", pattern->text,
		 why, module->path, hint);
}

/* Says in pattern->refused why no function begins at vaddr; false where one does. */
static bool refuse_place(const struct module *module, struct pattern *pattern, uint64_t vaddr)
{
	const struct elf_symbol *symbol = elf_symbol_at(module->image, vaddr);
	struct elf_range range;
	size_t bytes;

	if (!elf_image_code(module->image, vaddr, &bytes)) {
		refuse_no_code(module, pattern, "is no code of");
		return true;
	}
	if (symbol && symbol->vaddr == vaddr)
		return false;
	if (elf_function_bounds(module->image, vaddr, &range)) {
		snprintf(pattern->refused, sizeof(pattern->refused),
			 "%s is not known to be where a function begins: neither a symbol nor "
			 ".eh_frame of %.100s says so",
			 pattern->text, module->path);
		return true;
	}
	if (range.vaddr == vaddr)
		return false;
	/* Within one segment, places lie as far apart in the file and in memory as when linked. */
	snprintf(pattern->refused, sizeof(pattern->refused),
		 "%s is not where a function begins; the function around it (%.60s) begins at "
		 "%s0x%lx",
		 pattern->text, symbol ? symbol->name : "it has no name",
		 pattern->kind == PATTERN_OFFSET ? "+" : "",
		 pattern->place - (vaddr - range.vaddr));
	return true;
}

int module_match_place(struct module *module, struct pattern *pattern, uint64_t vaddr,
		       struct watchlist *watchlist)
{
	if (refuse_place(module, pattern, vaddr))
		return 0;
	pattern->matches++;
	if (pattern->role == ROLE_COPY)
		return array_push(&module->doors, ((struct elf_copy_door){
							  .name = pattern->text,
							  .vaddr = vaddr,
							  .direct = true,
						  }));
	return plan_symbol(module, pattern->text, pattern->text, vaddr, pattern->role, watchlist);
}

int module_watch_function(struct module *module, uint64_t vaddr, const char *shown,
			  const char *symbol, struct watchlist *watchlist)
{
	const struct planned_function *known;
	int err = plan_symbol(module, shown, symbol ? symbol : shown, vaddr, ROLE_FLUSH, watchlist);

	if (err)
		return err;
	array_each (known, &module->functions) {
		if (known->role == ROLE_FLUSH && known->vaddr == vaddr)
			return known->err;
	}
	return -ENOSPC;
}

static int match_offset(struct module *module, struct pattern *pattern, struct watchlist *watchlist)
{
	uint64_t vaddr;

	if (elf_image_vaddr_of_off(module->image, pattern->place, &vaddr))
		return module_match_place(module, pattern, vaddr, watchlist);
	refuse_no_code(module, pattern,
		       elf_image_ends_before(module->image, pattern->place)
			       ? "lies past the code of"
			       : "is no code of");
	return 0;
}

/* musl's is its libc, by the name of either of its two links. */
static bool is_loader(const char *name)
{
	return !strncmp(name, "ld-linux", strlen("ld-linux")) ||
	       !strncmp(name, "ld-musl", strlen("ld-musl")) || !strcmp(name, "libc.so");
}

static int match_patterns(struct module *module, struct watchlist *watchlist, bool copies)
{
	struct pattern *pattern;
	int err = 0;

	array_each (pattern, &watchlist->patterns) {
		if (err || (pattern->role == ROLE_COPY) != copies ||
		    !pattern_takes_file(pattern, module->path))
			continue;
		if (pattern->kind == PATTERN_NAME)
			err = match_name(module, pattern, watchlist);
		else if (pattern->kind == PATTERN_OFFSET)
			err = match_offset(module, pattern, watchlist);
	}
	return err;
}

int module_match_names(struct module *module, struct watchlist *watchlist)
{
	/* First all others: what --copy names may be timed, the file's own routines may not. */
	int err = match_patterns(module, watchlist, false);

	if (!err)
		err = match_patterns(module, watchlist, true);
	/* What dlopen() calls when it has mapped a library: an exported, empty function. */
	if (!err && is_loader(module->name)) {
		struct pattern loader = {.role = ROLE_LOADER, .symbol = "_dl_debug_state"};

		err = match_name(module, &loader, watchlist);
	}
	return err;
}
