// SPDX-License-Identifier: GPL-2.0-only
#include "choose/planning.h"

#include <errno.h>
#include <stdio.h>

#include "target/process.h"

uint64_t planning_addr(const struct planning *planning, const struct module *module, uint64_t vaddr)
{
	uint64_t off, addr;

	if (!elf_image_off_of_vaddr(module->image, vaddr, &off) ||
	    !target_maps_addr(&planning->maps, module->device, module->inode, off, &addr))
		return 0;
	return addr;
}

struct module *planning_module_at(const struct planning *planning, uint64_t addr, uint64_t *vaddr)
{
	const struct target_mapping *mapping = target_maps_at(&planning->maps, addr);
	struct module **module;

	if (!mapping || !mapping->executable)
		return NULL;
	array_each (module, &planning->plan->modules) {
		uint64_t off = addr - mapping->start_addr + mapping->file_off;

		if ((*module)->inode == mapping->inode && (*module)->device == mapping->device &&
		    elf_image_vaddr_of_off((*module)->image, off, vaddr))
			return *module;
	}
	return NULL;
}

int planning_add_probe(struct planning *planning, struct module *module,
		       const struct probe_point *point, enum mw_point_kind kind, unsigned flags,
		       unsigned index, const char *name)
{
	static const char *const what[] = {
		[MW_POINT_COPY] = "copy",     [MW_POINT_ENTRY] = "entry",
		[MW_POINT_END] = "end",       [MW_POINT_WRITE] = "write",
		[MW_POINT_LOADER] = "loader", [MW_POINT_COPY_END] = "return",
	};
	struct planned_probe probe = {
		.module = module,
		.vaddr = point->vaddr,
		.addr = planning_addr(planning, module, point->vaddr),
		.what = what[kind],
		.name = name,
		.cost = point->probe,
	};

	if (point->probe == PROBE_STEPPED)
		flags |= MW_POINT_STEPPED;
	probe.point.cookie = MW_COOKIE(kind, flags, index);
	if (kind == MW_POINT_COPY)
		probe.point.cookie |= MW_REGISTERS(point->in.dst, point->in.src, point->in.size)
				      << 32;
	if (!elf_image_off_of_vaddr(module->image, point->vaddr, &probe.point.file_off))
		return -EINVAL;
	snprintf(probe.reason, sizeof(probe.reason), "%s", point->reason);
	return array_push(&planning->plan->probes, probe);
}

/*
 * Before the loader has come to it, a slot holds what the file says: 0, the address of the PLT
 * stub that will look it up, or that address without the load bias.
 */
static bool is_unbound(const struct module *module, uint64_t slot_vaddr, uint64_t slot_addr,
		       uint64_t value)
{
	uint64_t word;

	if (!value)
		return true;
	if (!elf_image_word(module->image, slot_vaddr, &word))
		return false;
	return value == word || value == word + (slot_addr - slot_vaddr);
}

int planning_slot(const struct planning *planning, const struct module *module, uint64_t slot_vaddr,
		  struct place *place)
{
	uint64_t slot_addr = planning_addr(planning, module, slot_vaddr), bound_addr;
	int err;

	if (!slot_addr)
		return -ENOENT;
	err = process_read(planning->pid, slot_addr, &bound_addr, sizeof(bound_addr));
	if (err)
		return err;
	if (is_unbound(module, slot_vaddr, slot_addr, bound_addr))
		return -EAGAIN;
	place->module = planning_module_at(planning, bound_addr, &place->vaddr);
	return place->module ? 0 : -EAGAIN;
}
