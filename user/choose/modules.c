// SPDX-License-Identifier: GPL-2.0-only
#include "choose/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "choose/debug_files.h"
#include "choose/matching.h"

/* Each holds a descriptor, and what was read of its symbols. */
#define UNUSED_MOST 128

static const uint8_t *code_read(const void *source, uint64_t vaddr, size_t *bytes)
{
	return elf_image_code(source, vaddr, bytes);
}

static bool code_bounds(const void *source, uint64_t vaddr, uint64_t *start, uint64_t *bytes)
{
	struct elf_range range;

	if (elf_function_bounds(source, vaddr, &range))
		return false;
	*start = range.vaddr;
	*bytes = range.bytes;
	return true;
}

/* gcc's "f.cold" has a symbol of its own but is no function that is ever called. */
static bool code_names_function(const void *source, uint64_t vaddr)
{
	const struct elf_symbol *symbol = elf_symbol_at(source, vaddr);

	return symbol && symbol->vaddr == vaddr && !elf_is_cold_part(symbol->name);
}

struct code_view module_code_of(const struct elf_image *image)
{
	return (struct code_view){
		.read = code_read,
		.bounds = code_bounds,
		.names_function = code_names_function,
		.source = image,
	};
}

static int count_named(const struct module *module, const char *name, size_t *count)
{
	elf_symbols found = {0};
	int err = elf_find_symbols(module->image, name, &found);

	*count = found.count;
	array_release(&found);
	return err;
}

int module_function_parts(const struct module *module, uint64_t vaddr, code_ranges *parts)
{
	const struct elf_symbol *symbol = elf_symbol_at(module->image, vaddr);
	struct elf_range range, *cold;
	elf_ranges cold_parts = {0};
	size_t namesakes = 0;
	int err = elf_function_bounds(module->image, vaddr, &range);

	if (err)
		return err;
	/* A pattern's place is where the function begins, whatever its bounds say lies before. */
	if (vaddr > range.vaddr) {
		range.bytes -= vaddr - range.vaddr;
		range.vaddr = vaddr;
	}
	err = array_push(parts, ((struct code_range){range.vaddr, range.bytes}));
	if (!err && symbol && symbol->vaddr == vaddr)
		err = count_named(module, symbol->name, &namesakes);
	/* Of several with the name, whose part each "name.cold" is shows where they jump to. */
	if (!err && namesakes == 1)
		err = elf_cold_parts(module->image, symbol->name, &cold_parts);
	array_each (cold, &cold_parts) {
		if (!err)
			err = array_push(parts, ((struct code_range){cold->vaddr, cold->bytes}));
	}
	array_release(&cold_parts);
	return err;
}

void known_body_free(struct known_body *body)
{
	array_release(&body->doors);
	array_release(&body->words);
	array_release(&body->copies);
	routine_levels_release(&body->levels);
	free(body);
}

static void module_free(struct module *module)
{
	struct planned_function *function;
	struct known_body **body;

	array_each (body, &module->bodies)
		known_body_free(*body);
	array_release(&module->bodies);
	array_each (function, &module->functions)
		planned_function_release(function);
	array_release(&module->functions);
	array_release(&module->doors);
	array_release(&module->doors_said);
	elf_image_free(module->image);
	if (module->fd >= 0)
		close(module->fd);
	free(module->path);
	free(module->name);
	free(module);
}

static int module_read(struct module *module, pid_t pid, struct watchlist *watchlist)
{
	int err = elf_image_open(module->fd, &module->image);

	if (err == -ENOMEM)
		return err;
	if (err) {
		log_detail("%s: not read: %s", module->path, strerror(-err));
		return 0;
	}
	/* Only ld.so's debug file knows its private memmove: no --flush memmove means that one. */
	if (strncmp(module->name, "ld-linux", strlen("ld-linux")) != 0)
		err = debug_files_find(module->image, pid, module->path);
	if (err)
		return err;
	module->code = module_code_of(module->image);
	err = elf_find_copy_doors(module->image, &module->doors);
	return err ? err : module_match_names(module, watchlist);
}

/* The file's name without its folders, and without what the kernel says of a removed one. */
static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *deleted = strstr(name, " (deleted)");

	return deleted ? strndup(name, deleted - name) : strdup(name);
}

static int module_new(pid_t pid, const struct target_mapping *mapping,
		      const struct target_file *file, struct watchlist *watchlist,
		      struct module **made)
{
	struct module *module = calloc(1, sizeof(*module));
	int err = 0;

	if (!module)
		return -ENOMEM;
	module->device = mapping->device;
	module->inode = mapping->inode;
	module->path = strdup(mapping->path);
	module->name = name_of(mapping->path);
	module->fd = target_mapping_open(pid, mapping);
	if (!module->path || !module->name)
		err = -ENOMEM;
	else if (module->fd < 0)
		err = module->fd;
	else
		module->file = *file;
	if (!err) {
		snprintf(module->open_path, sizeof(module->open_path), "/proc/self/fd/%d",
			 module->fd);
		err = module_read(module, pid, watchlist);
	}
	if (err)
		module_free(module);
	else
		*made = module;
	return err;
}

static bool is_behind(const struct module *module, const struct target_mapping *mapping,
		      const struct target_file *file)
{
	return module->inode == mapping->inode && module->device == mapping->device &&
	       target_file_same(&module->file, file);
}

static struct module *take_known(struct modules *modules, const struct target_mapping *mapping,
				 const struct target_file *file)
{
	module_list *all = &modules->all;

	for (size_t i = all->count; i-- > 0;) {
		struct module *known = all->items[i];

		if (!is_behind(known, mapping, file))
			continue;
		memmove(&all->items[i], &all->items[i + 1], (all->count - i - 1) * sizeof(known));
		all->items[all->count - 1] = known;
		return known;
	}
	return NULL;
}

int modules_get(struct modules *modules, pid_t pid, const struct target_mapping *mapping,
		struct watchlist *watchlist, struct module **found)
{
	struct target_file file;
	struct module *module;
	int err = target_mapping_file(pid, mapping, &file);

	if (err)
		return err;
	*found = take_known(modules, mapping, &file);
	if (*found)
		return 0;
	err = module_new(pid, mapping, &file, watchlist, &module);
	if (err)
		return err;
	err = array_push(&modules->all, module);
	if (err)
		module_free(module);
	else
		*found = module;
	return err;
}

void modules_trim(struct modules *modules)
{
	module_list *all = &modules->all;
	size_t unused = 0, kept = 0;
	struct module **module;

	array_each (module, all)
		unused += !(*module)->users;
	array_each (module, all) {
		bool free_it = !(*module)->users &&
			       (unused > UNUSED_MOST || target_file_deleted((*module)->fd));

		if (free_it) {
			module_free(*module);
			unused--;
		} else {
			all->items[kept++] = *module;
		}
	}
	all->count = kept;
}

void modules_release(struct modules *modules)
{
	struct module **module;

	array_each (module, &modules->all)
		module_free(*module);
	array_release(&modules->all);
}
