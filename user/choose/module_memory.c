// SPDX-License-Identifier: GPL-2.0-only
#include "choose/module_memory.h"

#include <errno.h>
#include <string.h>

#include "target/process.h"

struct module_memory module_memory_of(const struct planning *planning, const struct module *module,
				      uint64_t code_vaddr, gate_constants *reads)
{
	uint64_t addr = planning_addr(planning, module, code_vaddr);
	const struct target_mapping *mapping = target_maps_at(&planning->maps, addr);

	return (struct module_memory){
		.planning = planning,
		.module = module,
		.bias_addr = addr - code_vaddr,
		.is_mapped = addr && mapping && mapping->executable,
		.reads = reads,
	};
}

/*
 * Data lies in the file's own mappings, and behind the file's last byte, as .bss, in memory without
 * a file. Code is read from the file: what a process writes into its code is not to be planned by.
 */
static bool is_data(const struct module *module, const struct target_mapping *mapping)
{
	if (mapping->executable)
		return false;
	if (mapping->inode)
		return mapping->inode == module->inode && mapping->device == module->device;
	return !*mapping->path || !strncmp(mapping->path, "[anon", strlen("[anon"));
}

uint64_t module_memory_addr(const struct module_memory *memory, uint64_t vaddr)
{
	uint64_t addr = vaddr + memory->bias_addr;
	const struct target_mapping *mapping;

	if (!memory->is_mapped)
		return 0;
	mapping = target_maps_at(&memory->planning->maps, addr);
	return mapping && is_data(memory->module, mapping) ? addr : 0;
}

static int remember(const struct module_memory *memory, uint64_t vaddr, const void *bytes,
		    size_t count)
{
	struct gate_constant word = {.vaddr = vaddr, .bytes = count};
	const struct gate_constant *known;

	memcpy(&word.value, bytes, count);
	array_each (known, memory->reads) {
		if (known->vaddr == vaddr && known->bytes == count)
			return 0;
	}
	return array_push(memory->reads, word);
}

static bool read_data(const void *source, uint64_t vaddr, void *bytes, size_t count)
{
	const struct module_memory *memory = source;
	uint64_t addr = module_memory_addr(memory, vaddr);

	if (!addr || count > sizeof(uint64_t))
		return false;
	if (!memory->is_settled && target_maps_at(&memory->planning->maps, addr)->writable)
		return false;
	return !process_read(memory->planning->pid, addr, bytes, count) &&
	       !remember(memory, vaddr, bytes, count);
}

struct memory_view module_memory_view(const struct module_memory *memory)
{
	return (struct memory_view){.read = read_data, .source = memory};
}

int constant_holds(pid_t pid, uint64_t addr, const struct gate_constant *constant)
{
	uint64_t value = 0;
	int err = process_read(pid, addr, &value, constant->bytes);

	return err ? err : value == constant->value;
}

bool module_memory_holds(const struct module_memory *memory, const gate_constants *constants)
{
	const struct gate_constant *constant;

	array_each (constant, constants) {
		uint64_t addr = module_memory_addr(memory, constant->vaddr);

		if (!addr || constant_holds(memory->planning->pid, addr, constant) != 1)
			return false;
	}
	return true;
}
