// SPDX-License-Identifier: GPL-2.0-only
#include <dwarf.h>
#include <errno.h>
#include <string.h>

#include "elf/image_internal.h"

#define HOSTS_MAX 16

/* How deep scopes may nest: a broken file's could go on without end. CPython 3.12's go to 38. */
#define DEPTH_MAX 512

struct host_search {
	const struct elf_image *image;
	const char *wanted;
	elf_names *hosts;
	size_t first; /* the hosts before were there already */
};

/* The DIE's own name or that of what it is an instance of; also the mangled one. */
static bool is_named(Dwarf_Die *die, const char *wanted)
{
	const char *name = dwarf_diename(die);
	Dwarf_Attribute attribute;

	if (name && strcmp(name, wanted) == 0)
		return true;
	if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute))
		return false;
	name = dwarf_formstring(&attribute);
	return name && strcmp(name, wanted) == 0;
}

/* Where the code of a function starts; false for one without code, a declaration or a template. */
static bool code_start(Dwarf_Die *function, uint64_t *vaddr)
{
	Dwarf_Addr base, end;

	/* The first range: the others are cold parts. */
	return dwarf_ranges(function, 0, &base, vaddr, &end) > 0;
}

/*
 * What a probe on the host has to be called: the symbol, "join.constprop.0", where DWARF says
 * "join". NULL where the host is nameless.
 */
static const char *host_name(const struct elf_image *image, Dwarf_Die *host)
{
	const struct elf_symbol *symbol = NULL;
	Dwarf_Attribute attribute;
	const char *name = NULL;
	uint64_t vaddr;

	if (code_start(host, &vaddr))
		symbol = elf_symbol_at(image, vaddr);
	if (symbol && symbol->vaddr == vaddr)
		return symbol->name;
	if (dwarf_attr_integrate(host, DW_AT_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	return name ? name : dwarf_diename(host);
}

static int add_host(struct host_search *search, Dwarf_Die *host)
{
	const char *name = host_name(search->image, host);
	const char **known;

	if (!name)
		return 0;
	array_each (known, search->hosts) {
		if (strcmp(*known, name) == 0)
			return 0;
	}
	return array_push(search->hosts, name);
}

static bool is_complete(const struct host_search *search)
{
	return search->hosts->count - search->first >= HOSTS_MAX;
}

/* Tags that code can lie in; the rest (types, variables) is most of a file's DWARF. */
static bool holds_code(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
		return true;
	}
	return false;
}

/* host: the function with code that parent is or lies in; NULL outside of one. */
static int search_children(struct host_search *search, Dwarf_Die *parent, Dwarf_Die *host,
			   unsigned depth)
{
	Dwarf_Die child, next;
	int status = 0;

	if (depth > DEPTH_MAX || dwarf_child(parent, &child) != 0)
		return 0;
	while (!status && !is_complete(search)) {
		int tag = dwarf_tag(&child);
		Dwarf_Die *inner = host;
		uint64_t vaddr;

		if (tag == DW_TAG_subprogram)
			inner = code_start(&child, &vaddr) ? &child : NULL;
		else if (tag == DW_TAG_inlined_subroutine && host &&
			 is_named(&child, search->wanted))
			status = add_host(search, host);
		if (!status && holds_code(tag))
			status = search_children(search, &child, inner, depth + 1);
		/* Siblings go forward; a broken file's could lead back. */
		if (dwarf_siblingof(&child, &next) != 0 ||
		    dwarf_dieoffset(&next) <= dwarf_dieoffset(&child))
			break;
		child = next;
	}
	return status;
}

static Dwarf *dwarf_of(const struct elf_image *image)
{
	struct elf_tables *tables = image->tables;

	if (!tables->dwarf_is_opened)
		tables->dwarf = dwarf_begin_elf(image->elf, DWARF_C_READ, NULL);
	tables->dwarf_is_opened = true;
	return tables->dwarf;
}

/*
 * All units are searched for the inlined instances themselves, not the instances of a function
 * that was found first: with LTO the two are in different units.
 */
int elf_inlined_into(const struct elf_image *image, const char *name, elf_names *hosts)
{
	struct host_search search = {
		.image = image,
		.wanted = name,
		.hosts = hosts,
		.first = hosts->count,
	};
	Dwarf *dwarf = dwarf_of(image);
	Dwarf_Off off = 0, next;
	size_t header_bytes;
	int status = 0;

	if (!dwarf)
		return 0;
	while (!status && !is_complete(&search) &&
	       dwarf_nextcu(dwarf, off, &next, &header_bytes, NULL, NULL, NULL) == 0) {
		Dwarf_Die unit;

		if (dwarf_offdie(dwarf, off + header_bytes, &unit))
			status = search_children(&search, &unit, NULL, 0);
		if (next <= off)
			break;
		off = next;
	}
	return status;
}
