// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "stack/known.h"

/* Files of processes that are gone: the next one may be of the same program. */
#define UNUSED_MOST 64

/* ---- files ---- */

static struct code_file *known_file(const struct stacks *stacks,
				    const struct file_identity *identity,
				    const struct stack_mapping *mapping)
{
	struct code_file **file;

	array_each (file, &stacks->files) {
		if (code_file_is(*file, identity, mapping))
			return *file;
	}
	return NULL;
}

static int get_file(struct stacks *stacks, const struct stack_mapping *mapping,
		    struct code_file **found)
{
	const char *path = mapping->open_path ? mapping->open_path : mapping->path;
	struct file_identity identity;

	*found = NULL;
	if (!file_identify(path, &identity))
		return 0;
	*found = known_file(stacks, &identity, mapping);
	if (*found)
		return 0;
	*found = code_file_new(++stacks->last_file_id, &identity, mapping);
	if (!*found)
		return -ENOMEM;
	if (!array_push(&stacks->files, *found))
		return 0;
	code_file_free(*found);
	return -ENOMEM;
}

static void trim_files(struct stacks *stacks)
{
	size_t unused = 0, kept = 0;
	struct code_file **file;

	array_each (file, &stacks->files)
		unused += !(*file)->users;
	array_each (file, &stacks->files) {
		if ((*file)->users || unused <= UNUSED_MOST) {
			stacks->files.items[kept++] = *file;
			continue;
		}
		code_file_free(*file);
		unused--;
	}
	stacks->files.count = kept;
}

/* ---- processes ---- */

static void process_free(struct process *process)
{
	struct code_mapping *mapping;

	array_each (mapping, &process->mappings) {
		if (mapping->file)
			mapping->file->users--;
	}
	array_release(&process->mappings);
	perf_map_release(&process->perf_map);
	free(process);
}

static struct process **process_slot(struct stacks *stacks, pid_t pid)
{
	struct process **process;

	array_each (process, &stacks->processes) {
		if ((*process)->pid == pid)
			return process;
	}
	return NULL;
}

struct process *process_find(struct stacks *stacks, pid_t pid)
{
	struct process **process = process_slot(stacks, pid);

	return process ? *process : NULL;
}

/* The file's name without its folders, and without what the kernel says of a removed one. */
static const char *module_name(struct stacks *stacks, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *deleted = strstr(name, " (deleted)");

	return strings_add(&stacks->strings, name,
			   deleted ? (size_t)(deleted - name) : strlen(name));
}

static int add_mapping(struct stacks *stacks, const struct stack_mapping *mapping,
		       struct process *process)
{
	struct code_mapping code = {
		.start_addr = mapping->start_addr,
		.end_addr = mapping->end_addr,
		.file_off = mapping->file_off,
	};
	int status = 0;

	/* "[vdso]" is no file's path. */
	if (mapping->path && mapping->path[0] == '/') {
		code.module = module_name(stacks, mapping->path);
		status = get_file(stacks, mapping, &code.file);
	}
	if (!status)
		status = array_push(&process->mappings, code);
	if (!status && code.file)
		code.file->users++;
	return status;
}

static int compare_mappings(const void *left, const void *right)
{
	const struct code_mapping *a = left, *b = right;

	return (a->start_addr > b->start_addr) - (a->start_addr < b->start_addr);
}

static int process_new(struct stacks *stacks, pid_t pid, const struct stack_mapping *mappings,
		       size_t count, const char *perf_map, struct process **made)
{
	struct process *process = calloc(1, sizeof(*process));
	int status;

	if (!process)
		return -ENOMEM;
	process->pid = pid;
	status = perf_map_init(&process->perf_map, perf_map);
	for (size_t i = 0; !status && i < count; i++)
		status = add_mapping(stacks, &mappings[i], process);
	if (status) {
		process_free(process);
		return status;
	}
	if (count)
		qsort(process->mappings.items, count, sizeof(*process->mappings.items),
		      compare_mappings);
	*made = process;
	return 0;
}

/* A map of the same path goes on where it was, and so does one that has none. */
static void take_perf_map(struct process *process, struct process *before)
{
	struct perf_map map = before->perf_map;

	if (!map.path != !process->perf_map.path ||
	    (map.path && strcmp(map.path, process->perf_map.path)))
		return;
	before->perf_map = process->perf_map;
	process->perf_map = map;
}

int stacks_map(struct stacks *stacks, pid_t pid, const struct stack_mapping *mappings, size_t count,
	       const char *perf_map)
{
	struct process **slot = process_slot(stacks, pid), *process;
	int status = process_new(stacks, pid, mappings, count, perf_map, &process);

	if (status)
		return status;
	if (slot) {
		take_perf_map(process, *slot);
		process_free(*slot);
		*slot = process;
	} else if (array_push(&stacks->processes, process)) {
		process_free(process);
		status = -ENOMEM;
	}
	trim_files(stacks);
	return status;
}

void stacks_tell_jitted(struct stacks *stacks, stack_jitted_fn on_jitted, void *context)
{
	stacks->on_jitted = on_jitted;
	stacks->jitted_context = context;
}

int stacks_add_jitted(struct stacks *stacks, pid_t pid, const struct jitted_code *code)
{
	struct process *process = process_find(stacks, pid);

	return process ? perf_map_add(&process->perf_map, code) : 0;
}

void stacks_forget(struct stacks *stacks, pid_t pid)
{
	struct process **slot = process_slot(stacks, pid);

	if (!slot)
		return;
	process_free(*slot);
	*slot = stacks->processes.items[--stacks->processes.count];
	trim_files(stacks);
}

/* ---- all of it ---- */

struct stacks *stacks_new(stack_debug_finder find_debug)
{
	struct stacks *stacks = calloc(1, sizeof(*stacks));

	if (stacks)
		stacks->find_debug = find_debug;
	return stacks;
}

void stacks_free(struct stacks *stacks)
{
	struct process **process;
	struct code_file **file;

	if (!stacks)
		return;
	array_each (process, &stacks->processes)
		process_free(*process);
	array_release(&stacks->processes);
	array_each (file, &stacks->files)
		code_file_free(*file);
	array_release(&stacks->files);
	place_cache_release(&stacks->rows);
	place_cache_release(&stacks->names);
	strings_release(&stacks->strings);
	free(stacks);
}
