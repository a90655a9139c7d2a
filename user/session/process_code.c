// SPDX-License-Identifier: GPL-2.0-only
#include "session/process_code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "elf/debug_file.h"
#include "plan/inlined_copy.h"

/* The kernel's side has room for MW_CODE_RANGES, routines and these. */
#define LOOPS_MOST 64

static struct module *module_at(const struct process *process, uint64_t addr, uint64_t *off)
{
	const struct planned_mapping *mapping;

	array_each (mapping, &process->plan.mappings) {
		if (addr < mapping->start_addr || addr >= mapping->end_addr)
			continue;
		*off = addr - mapping->start_addr + mapping->file_off;
		return mapping->module;
	}
	return NULL;
}

struct module *process_module_at(const struct processes *processes, pid_t pid, uint64_t addr)
{
	const struct process *process = processes_find(processes, pid);
	uint64_t off;

	return process && process->live ? module_at(process, addr, &off) : NULL;
}

struct stack_mapping stack_mapping_of(const struct planned_mapping *planned)
{
	const struct module *module = planned->module;
	struct stack_mapping mapping = {
		.start_addr = planned->start_addr,
		.end_addr = planned->end_addr,
		.file_off = planned->file_off,
	};
	const uint8_t *id = NULL;
	size_t bytes = 0;

	if (!module)
		return mapping;
	mapping.path = module->path;
	mapping.open_path = module->open_path;
	mapping.image = module->image;
	if (module->image)
		id = elf_image_build_id(module->image, &bytes);
	if (id && bytes <= sizeof(mapping.build_id)) {
		memcpy(mapping.build_id, id, bytes);
		mapping.build_id_bytes = bytes;
	}
	return mapping;
}

void processes_watch_anew(struct processes *processes)
{
	struct process **process;

	/* What flushes copy is worth counting from the first byte on, as far as the budget goes. */
	processes->gates.begins_low = false;
	array_each (process, &processes->all) {
		if ((*process)->live && !(*process)->try_at_ns)
			process_mark_due(*process, EVENT_REPLAN, clock_monotonic_ns());
	}
}

/* ---- code that no file has ---- */

static bool is_of_module(const struct process_plan *plan, const struct target_mapping *mapping)
{
	const struct planned_mapping *planned;

	array_each (planned, &plan->mappings) {
		if (planned->module && mapping->start_addr < planned->end_addr &&
		    planned->start_addr < mapping->end_addr)
			return true;
	}
	return false;
}

static void drop_fileless(struct process_plan *plan)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->mappings.count; i++) {
		if (plan->mappings.items[i].module)
			plan->mappings.items[kept++] = plan->mappings.items[i];
	}
	plan->mappings.count = kept;
}

static int compare_mappings(const void *left, const void *right)
{
	const struct planned_mapping *a = left, *b = right;

	return (a->start_addr > b->start_addr) - (a->start_addr < b->start_addr);
}

void processes_renew_code(struct processes *processes, pid_t pid)
{
	struct process *process = processes_find(processes, pid);
	const struct target_mapping *mapping;
	struct target_maps maps = {0};
	struct process_plan *plan;
	int err = 0;

	if (!process || !process->live || process->try_at_ns || target_maps_read(pid, &maps))
		return;
	plan = &process->plan;
	drop_fileless(plan);
	array_each (mapping, &maps.mappings) {
		struct planned_mapping planned = {mapping->start_addr, mapping->end_addr,
						  mapping->file_off, NULL};

		if (!err && mapping->executable && !is_of_module(plan, mapping))
			err = array_push(&plan->mappings, planned);
	}
	target_maps_release(&maps);
	if (plan->mappings.count)
		qsort(plan->mappings.items, plan->mappings.count, sizeof(*plan->mappings.items),
		      compare_mappings);
	processes->on_code(processes->context, pid, process->since_ns, plan);
}

/* ---- where it copies ---- */

static int compare_ranges(const void *left, const void *right)
{
	const struct mw_code_range *a = left, *b = right;

	return (a->start_addr > b->start_addr) - (a->start_addr < b->start_addr);
}

void process_tell_code(struct processes *processes, struct process *process)
{
	ARRAY(struct mw_code_range) all = {0};
	const struct mw_code_range *range;
	int err = 0;

	array_each (range, &process->plan.code) {
		if (!err)
			err = array_push(&all, *range);
	}
	array_each (range, &process->loops) {
		if (!err)
			err = array_push(&all, *range);
	}
	if (all.count)
		qsort(all.items, all.count, sizeof(*all.items), compare_ranges);
	if (!err)
		err = tracer_set_code(processes->tracer, process->pid, all.items, all.count);
	if (err)
		log_warning("process %d (%s) can't be sampled: %s", process->pid, process->comm,
			    strerror(-err));
	array_release(&all);
}

static bool is_loop_known(const struct process *process, const struct mw_code_range *loop)
{
	const struct mw_code_range *known;

	array_each (known, &process->loops) {
		if (loop->start_addr < known->end_addr && known->start_addr < loop->end_addr)
			return true;
	}
	return false;
}

static void take_loop(struct processes *processes, struct process *process,
		      const struct mw_code_range *loop)
{
	if (is_loop_known(process, loop) || process->loops.count == LOOPS_MOST)
		return;
	if (!array_push(&process->loops, *loop))
		process_tell_code(processes, process);
}

void processes_on_place(struct processes *processes, const struct mw_risen *risen)
{
	struct process *process = processes_find(processes, (pid_t)risen->head.pid);
	struct mw_code_range loop = {.flags = MW_CODE_INLINED};
	struct inlined_copy copy;
	struct module *module;
	uint64_t off, vaddr;

	if (!process || !process->live || process->try_at_ns)
		return;
	module = module_at(process, risen->addr, &off);
	if (!module || !elf_image_vaddr_of_off(module->image, off, &vaddr) ||
	    plan_inlined_copy(&module->code, vaddr, &copy) || copy.kind != INLINED_LOOP)
		return;
	log_detail("process %d (%s) copies by itself in %s: %s", process->pid, process->comm,
		   module->name, copy.reason);
	loop.start_addr = risen->addr - (vaddr - copy.start_vaddr);
	loop.end_addr = risen->addr + (copy.end_vaddr - vaddr);
	take_loop(processes, process, &loop);
}
