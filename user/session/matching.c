// SPDX-License-Identifier: GPL-2.0-only
#include "session/matching.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

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

static int plan_at(struct module *module, uint64_t vaddr, const char *name, enum watch_role role,
		   struct watchlist *watchlist)
{
	struct planned_function function = {.name = name, .vaddr = vaddr, .role = role};
	struct planned_function *known;
	int err = 0;

	/* By place: several static functions of one file may have the same name. */
	array_each (known, &module->functions) {
		if (known->role == role && known->vaddr == vaddr)
			return 0;
	}
	if (role == ROLE_FLUSH)
		err = watchlist_function(watchlist, name, module->name, &function.index);
	if (err == -ENOSPC) {
		if (!watchlist->functions_left_out++)
			log_warning(
				"more than %d functions match --flush; %s and others are left out: "
				"name them more narrowly",
				MW_MAX_FUNCTIONS, name);
		return 0;
	}
	if (err)
		return err;
	function.err = plan_function(module, vaddr, &function);
	if (function.err == -ENOMEM)
		return -ENOMEM;
	if (function.err)
		log_warning("%s in %s can't be watched: %s", name, module->path,
			    function.entry.reason);
	else if (*function.exits.note)
		log_note("%s in %s: %s", name, module->path, function.exits.note);
	if (!function.err && function.exits.rep_movs_vaddr)
		log_note("%s in %s contains rep movs at 0x%lx: what that copies is not counted",
			 name, module->name, function.exits.rep_movs_vaddr);
	err = array_push(&module->functions, function);
	if (err)
		exit_plan_release(&function.exits);
	return err;
}

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

static int match_name(struct module *module, struct pattern *pattern, struct watchlist *watchlist)
{
	elf_symbols found = {0};
	struct elf_symbol *symbol;
	elf_copy_doors *doors = &module->doors;
	int err = elf_find_symbols(module->image, pattern->symbol, &found);

	array_each (symbol, &found) {
		if (err)
			break;
		if (symbol->is_ifunc)
			continue;
		pattern->matches++;
		if (pattern->role == ROLE_COPY)
			err = array_push(doors, ((struct elf_copy_door){
							.name = symbol->name,
							.vaddr = symbol->vaddr,
							.direct = true,
						}));
		else
			err = plan_at(module, symbol->vaddr, symbol->name, pattern->role,
				      watchlist);
	}
	if (!err) {
		explain_ifuncs(module, pattern, &found);
		note_namesakes(module, pattern, &found);
	}
	array_release(&found);
	return err;
}

/* Says in pattern->refused why no function begins at vaddr; false where one does. */
static bool refuse_place(const struct module *module, struct pattern *pattern, uint64_t vaddr)
{
	const struct elf_symbol *symbol = elf_symbol_at(module->image, vaddr);
	struct elf_range range;
	size_t bytes;

	if (!elf_image_code(module->image, vaddr, &bytes)) {
		snprintf(pattern->refused, sizeof(pattern->refused), "%s is no code of %.100s",
			 pattern->text, module->path);
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
	return plan_at(module, vaddr, pattern->text, pattern->role, watchlist);
}

static int match_offset(struct module *module, struct pattern *pattern, struct watchlist *watchlist)
{
	uint64_t vaddr;

	if (elf_image_vaddr_of_off(module->image, pattern->place, &vaddr))
		return module_match_place(module, pattern, vaddr, watchlist);
	snprintf(pattern->refused, sizeof(pattern->refused), "%s lies past the code of %.100s",
		 pattern->text, module->path);
	return 0;
}

int module_match_names(struct module *module, struct watchlist *watchlist)
{
	struct pattern *pattern;
	int err = 0;

	array_each (pattern, &watchlist->patterns) {
		if (err || !pattern_takes_file(pattern, module->path))
			continue;
		if (pattern->kind == PATTERN_NAME)
			err = match_name(module, pattern, watchlist);
		else if (pattern->kind == PATTERN_OFFSET)
			err = match_offset(module, pattern, watchlist);
	}
	/* What dlopen() calls when it has mapped a library: an exported, empty function of ld.so.
	 */
	if (!err && !strncmp(module->name, "ld-linux", strlen("ld-linux"))) {
		struct pattern loader = {.role = ROLE_LOADER, .symbol = "_dl_debug_state"};

		err = match_name(module, &loader, watchlist);
	}
	return err;
}
