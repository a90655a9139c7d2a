// SPDX-License-Identifier: GPL-2.0-only
#include "choose/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "elf/demangle.h"
#include "choose/copy_code.h"
#include "choose/doors.h"
#include "choose/matching.h"
#include "choose/planning.h"
#include "choose/tails.h"
#include "target/process.h"

#define TAIL_NAME_BYTES 61 /* several of them go into one line */

static int add_module(struct process_plan *plan, struct module *module)
{
	int err = array_push(&plan->modules, module);

	module->users += !err;
	return err;
}

static int list_modules(struct planning *planning)
{
	const struct target_mapping *mapping;
	struct module *module, **known;
	int err = 0;

	array_each (mapping, &planning->maps.mappings) {
		bool seen = false;

		if (!mapping->executable || !mapping->inode)
			continue;
		err = modules_get(planning->modules, planning->pid, mapping, planning->watchlist,
				  &module);
		if (err == -ENOMEM)
			return err;
		if (err) {
			/* Unmapped meanwhile, or the process is gone: the next step will see. */
			log_detail("%s: can't be opened: %s", mapping->path, strerror(-err));
			continue;
		}
		array_each (known, &planning->plan->modules)
			seen |= *known == module;
		if (!seen && module->image)
			err = add_module(planning->plan, module);
		if (err)
			return err;
	}
	return 0;
}

static struct module *module_of(const struct process_plan *plan,
				const struct target_mapping *mapping)
{
	struct module **module;

	array_each (module, &plan->modules) {
		if (mapping->inode && (*module)->inode == mapping->inode &&
		    (*module)->device == mapping->device)
			return *module;
	}
	return NULL;
}

static int list_code(struct planning *planning)
{
	const struct target_mapping *mapping;
	int err = 0;

	array_each (mapping, &planning->maps.mappings) {
		struct planned_mapping planned = {mapping->start_addr, mapping->end_addr,
						  mapping->file_off,
						  module_of(planning->plan, mapping)};

		if (!err && mapping->executable)
			err = array_push(&planning->plan->mappings, planned);
	}
	return err;
}

/* ---- watched functions ---- */

/* How tails.c finds what a tail jump leads to in this process. */
struct tail_lookup {
	struct planning *planning;
	const live_doors *doors;
};

static int tail_candidates(const struct tail_lookup *lookup, const char *symbol,
			   tail_targets *targets)
{
	const struct live_door *live;
	struct elf_symbol *found;
	struct module **module;
	elf_symbols symbols;
	int err = 0;

	array_each (live, lookup->doors) {
		if (!err && !strcmp(live->door.name, symbol))
			err = array_push(targets,
					 ((struct tail_target){live->module, live->door.vaddr}));
	}
	array_each (module, &lookup->planning->plan->modules) {
		memset(&symbols, 0, sizeof(symbols));
		if (!err)
			err = elf_find_symbols((*module)->image, symbol, &symbols);
		array_each (found, &symbols) {
			if (!err && !found->is_ifunc)
				err = array_push(targets,
						 ((struct tail_target){*module, found->vaddr}));
		}
		array_release(&symbols);
	}
	return err;
}

static int tail_bind(void *context, const struct module *module, uint64_t slot_vaddr,
		     tail_targets *targets)
{
	const struct tail_lookup *lookup = context;
	const char *symbol = elf_slot_symbol(module->image, slot_vaddr);
	struct place place;

	if (!planning_slot(lookup->planning, module, slot_vaddr, &place))
		return array_push(targets, ((struct tail_target){place.module, place.vaddr}));
	return symbol ? tail_candidates(lookup, symbol, targets) : 0;
}

static bool is_door(const struct shared_end *end, const live_doors *doors)
{
	const struct live_door *live;

	array_each (live, doors) {
		if (live->module == end->module && live->door.vaddr == end->function_vaddr)
			return true;
	}
	return false;
}

/* The implementation of a copy routine may have no symbol; its door has a name. */
static void tail_name(char name[TAIL_NAME_BYTES], const struct module *module, uint64_t vaddr,
		      const live_doors *doors)
{
	const struct live_door *live;
	const struct elf_symbol *symbol = elf_symbol_at(module->image, vaddr);
	const char *door = NULL;
	char *shown = symbol ? elf_shown_name(symbol->name, NAME_ALONE) : NULL;

	array_each (live, doors) {
		if (live->module == module && live->door.vaddr == vaddr &&
		    (!door || !strcmp(live->door.name, "memmove")))
			door = live->door.name;
	}
	snprintf(name, TAIL_NAME_BYTES, "%s", door ?: shown ?: "a function without a name");
	free(shown);
}

static void append_name(char *list, size_t bytes, const char *name)
{
	size_t used = strlen(list);

	snprintf(list + used, bytes - used, "%s%s", used ? ", " : "", name);
}

/* Whoever else calls such a function pays for its probes: most of all, where it copies. */
static void explain_shared(const struct planned_function *function, const shared_ends *shared,
			   const live_doors *doors)
{
	char copies[100] = "", others[200] = "";
	const struct shared_end *end;
	char name[TAIL_NAME_BYTES];

	array_each (end, shared) {
		/* Function by function. */
		if (end > shared->items && end[-1].module == end->module &&
		    end[-1].function_vaddr == end->function_vaddr)
			continue;
		tail_name(name, end->module, end->function_vaddr, doors);
		if (is_door(end, doors))
			append_name(copies, sizeof(copies), name);
		else
			append_name(others, sizeof(others), name);
	}
	if (*copies)
		log_note("ends of %s lie in %s (it ends by a jump there): each copy of the "
			 "process costs a single-stepped probe more",
			 function->name, copies);
	if (*others)
		log_note("ends of %s lie in %s (it ends by a jump there): each call of that costs "
			 "a single-stepped probe, whoever makes it",
			 function->name, others);
}

/* Once; but a later look may find what the loader had not bound before. */
static void explain_tails(struct planned_function *function, const shared_ends *shared,
			  const struct blind_jump *blind, const live_doors *doors)
{
	char name[TAIL_NAME_BYTES];

	if (function->ends_said || (!shared->count && !blind->module))
		return;
	function->ends_said = true;
	explain_shared(function, shared, doors);
	if (!blind->module)
		return;
	tail_name(name, blind->module, blind->function_vaddr, doors);
	if (blind->vaddr)
		log_note("%s ends by a jump to %s: a call that ends by the indirect jump at 0x%lx "
			 "there is not seen to end",
			 function->name, name, blind->vaddr);
	else
		log_note("%s ends by a jump to %s at 0x%lx of %s: calls that end there are counted "
			 "and not timed, since its ends are not known (%s)",
			 function->name, name, blind->function_vaddr, blind->module->name,
			 blind->why);
}

static int plan_ends(struct planning *planning, struct module *module,
		     struct planned_function *function, const live_doors *doors, unsigned flags)
{
	struct tail_lookup lookup = {planning, doors};
	struct blind_jump blind = {0};
	shared_ends shared = {0};
	struct probe_point *point;
	struct shared_end *end;
	int err = 0;

	array_each (point, &function->exits.returns) {
		size_t at = point - function->exits.returns.items;
		unsigned others = at < function->exits.own_returns ? 0 : MW_POINT_SHARED_END;

		if (!err)
			err = planning_add_probe(planning, module, point, MW_POINT_END,
						 flags | others, function->index, function->name);
	}
	if (!err)
		err = tails_follow(module, &function->exits.tails, tail_bind, &lookup, &shared,
				   &blind);
	if (!err)
		explain_tails(function, &shared, &blind, doors);
	if (function->exits.blind_vaddr || blind.module)
		planning->watchlist->functions[function->index].ends_unseen = true;
	array_each (end, &shared) {
		if (!err)
			err = planning_add_probe(planning, end->module, &end->point, MW_POINT_END,
						 flags | MW_POINT_SHARED_END, function->index,
						 function->name);
	}
	array_release(&shared);
	return err;
}

/* How Go's own code passes arguments, and so where its g is, is the same in all of a file. */
static bool is_go_of_registers(const struct module *module, const live_doors *doors)
{
	const struct live_door *live;

	array_each (live, doors) {
		if (live->module == module && live->is_go &&
		    !plan_reads_stack_arguments(&module->code, live->door.vaddr))
			return true;
	}
	return false;
}

static bool refuse_old_go(struct module *module, struct planned_function *function,
			  const live_doors *doors)
{
	if (is_go_of_registers(module, doors))
		return false;
	function->err = -ENOTSUP;
	log_warning("%s in %s can't be watched: goroutines of Go before 1.17 can't be told apart; "
		    "build it with a later Go",
		    function->name, module->path);
	return true;
}

/* Said first: what --writes costs shows in the target, and nothing throttles it. */
static void tell_dear_writes(const struct planning *planning, const struct module *module,
			     struct planned_function *function)
{
	uint64_t stepped_ns = planning->copies->stepped_ns;
	char cost[TEXT_SHORT];

	if (function->role != ROLE_WRITES || function->entry.probe != PROBE_STEPPED ||
	    function->cost_said)
		return;
	function->cost_said = true;
	log_note("%s in %s: each call costs a single-stepped probe%s%s, which no --budget limits",
		 function->name, module->path, stepped_ns ? ", about " : "",
		 stepped_ns ? text_duration(cost, stepped_ns) : "");
}

static int plan_functions(struct planning *planning, struct module *module, const live_doors *doors)
{
	static const enum mw_point_kind kinds[] = {
		[ROLE_FLUSH] = MW_POINT_ENTRY,
		[ROLE_WRITES] = MW_POINT_WRITE,
		[ROLE_LOADER] = MW_POINT_LOADER,
	};
	struct planned_function *function;
	int err = 0;

	array_each (function, &module->functions) {
		unsigned flags =
			elf_is_go_function(module->image, function->vaddr) ? MW_POINT_GO : 0;

		if (err || function->err || (flags && refuse_old_go(module, function, doors)))
			continue;
		tell_dear_writes(planning, module, function);
		err = planning_add_probe(planning, module, &function->entry, kinds[function->role],
					 flags, function->index, function->name);
		if (!err && function->role == ROLE_FLUSH)
			err = plan_ends(planning, module, function, doors, flags);
	}
	return err;
}

/* The kernel sets a probe on a file's byte, for whoever maps it. */
static void refuse_fileless(const struct planning *planning, struct pattern *pattern)
{
	const struct target_mapping *mapping = target_maps_at(&planning->maps, pattern->place);

	if (mapping && mapping->executable && !mapping->inode)
		snprintf(
			pattern->refused, sizeof(pattern->refused),
			"%s lies in code that no file backs, as a packer or a JIT makes it: probes "
			"need a file",
			pattern->text);
}

/* --flush 0xADDR: a place in this process, which becomes a function of the module it lies in. */
static int match_addresses(struct planning *planning)
{
	struct pattern *pattern;
	struct module *module;
	uint64_t vaddr;
	int err = 0;

	array_each (pattern, &planning->watchlist->patterns) {
		if (err || pattern->kind != PATTERN_ADDR || pattern->matches)
			continue;
		module = planning_module_at(planning, pattern->place, &vaddr);
		if (!module) {
			refuse_fileless(planning, pattern);
			continue;
		}
		err = module_match_place(module, pattern, vaddr, planning->watchlist);
	}
	return err;
}

static int compare_probes(const void *left, const void *right)
{
	const struct planned_probe *a = left, *b = right;

	if (a->module != b->module)
		return a->module < b->module ? -1 : 1;
	if (a->point.file_off != b->point.file_off)
		return a->point.file_off < b->point.file_off ? -1 : 1;
	return (a->point.cookie > b->point.cookie) - (a->point.cookie < b->point.cookie);
}

static void plan_init(struct process_plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->settled = true;
	for (unsigned i = 0; i < GATE_LEVELS; i++)
		plan->gate_bytes[i] = MW_NO_GATE;
}

int process_plan_make(pid_t pid, struct modules *modules, struct watchlist *watchlist,
		      const struct copy_settings *copies, struct process_plan *plan)
{
	struct planning planning = {.pid = pid,
				    .modules = modules,
				    .watchlist = watchlist,
				    .copies = copies,
				    .plan = plan};
	live_doors doors = {0};
	struct module **module;
	int err;

	plan_init(plan);
	err = target_maps_read(pid, &planning.maps);
	if (err)
		return err;
	plan->fileless_code_bytes = target_maps_fileless_code_bytes(&planning.maps);
	err = list_modules(&planning);
	if (!err)
		err = list_code(&planning);
	if (!err)
		err = match_addresses(&planning);
	array_each (module, &plan->modules) {
		if (!err)
			err = module_match_inlined(*module, watchlist);
	}
	if (!err)
		err = doors_plan(&planning, &doors);
	if (!err)
		err = copy_code_plan(&planning, &doors);
	/* Without a routine there is nothing that could be missed. */
	if (!plan->copy_doors)
		plan->gate_bytes[GATE_EVERY] =
			copies->gates.is_fixed ? copies->gates.from_bytes : 0;
	array_each (module, &plan->modules) {
		if (!err)
			err = plan_functions(&planning, *module, &doors);
	}
	if (!err && plan->probes.count)
		qsort(plan->probes.items, plan->probes.count, sizeof(*plan->probes.items),
		      compare_probes);
	array_release(&doors);
	target_maps_release(&planning.maps);
	if (err)
		process_plan_release(plan);
	return err;
}

void process_plan_release(struct process_plan *plan)
{
	struct module **module;

	array_each (module, &plan->modules)
		(*module)->users--;
	array_release(&plan->modules);
	array_release(&plan->probes);
	array_release(&plan->notes);
	array_release(&plan->constants);
	array_release(&plan->uncounted);
	array_release(&plan->mappings);
	array_release(&plan->code);
}

/* Appends all values of an array to another of the same type. 0 or -ENOMEM. */
#define array_append(to, from)                                                                     \
	({                                                                                         \
		int append_err_ = 0;                                                               \
		for (size_t i_ = 0; !append_err_ && i_ < (from)->count; i_++)                      \
			append_err_ = array_push(to, (from)->items[i_]);                           \
		append_err_;                                                                       \
	})

int process_plan_copy(const struct process_plan *plan, struct process_plan *copy)
{
	struct module **module;
	int err = 0;

	*copy = *plan;
	memset(&copy->modules, 0, sizeof(copy->modules));
	memset(&copy->probes, 0, sizeof(copy->probes));
	memset(&copy->notes, 0, sizeof(copy->notes));
	memset(&copy->constants, 0, sizeof(copy->constants));
	memset(&copy->uncounted, 0, sizeof(copy->uncounted));
	memset(&copy->mappings, 0, sizeof(copy->mappings));
	memset(&copy->code, 0, sizeof(copy->code));
	array_each (module, &plan->modules) {
		if (!err)
			err = add_module(copy, *module);
	}
	if (!err)
		err = array_append(&copy->probes, &plan->probes);
	if (!err)
		err = array_append(&copy->notes, &plan->notes);
	if (!err)
		err = array_append(&copy->constants, &plan->constants);
	if (!err)
		err = array_append(&copy->uncounted, &plan->uncounted);
	if (!err)
		err = array_append(&copy->mappings, &plan->mappings);
	if (!err)
		err = array_append(&copy->code, &plan->code);
	if (err)
		process_plan_release(copy);
	return err;
}

uint64_t process_plan_shared_ends(const struct process_plan *plan)
{
	const struct planned_probe *probe;
	uint64_t own = 0, shared = 0;

	array_each (probe, &plan->probes) {
		uint64_t cookie = probe->point.cookie, bit;

		if (MW_COOKIE_KIND(cookie) != MW_POINT_END)
			continue;
		bit = 1ull << MW_COOKIE_INDEX(cookie);
		if (MW_COOKIE_FLAGS(cookie) & MW_POINT_SHARED_END)
			shared |= bit;
		else
			own |= bit;
	}
	return shared & ~own;
}
