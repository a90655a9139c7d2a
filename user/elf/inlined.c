// SPDX-License-Identifier: GPL-2.0-only
#include <dwarf.h>
#include <errno.h>
#include <string.h>

#include "elf/debug_info.h"
#include "elf/demangle.h"
#include "elf/image_internal.h"
#include "elf/written_name.h"

#define HOSTS_MAX 16

/* How deep scopes may nest: a broken file's could go on without end. CPython 3.12's go to 38. */
#define DEPTH_MAX 512

struct host_search {
	const struct elf_image *image;
	const char *wanted;
	struct written_name written; /* the same, as C++ and Rust may mean it */
	const char *word;            /* its last one, which is a DIE's own name */
	size_t word_bytes;
	elf_hosts *hosts;
	size_t first;  /* the hosts before were there already */
	size_t budget; /* entries that may still be read */
};

/*
 * By its name and that of what it is an instance of. A mangled one tells more than the DIE's own,
 * which is "flush" for Grow::flush, too.
 */
static bool is_named(Dwarf_Die *die, const struct host_search *search)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	if (name && elf_is_mangled(name) && elf_written_name_names(&search->written, name, false))
		return true;
	if (!name || !elf_is_mangled(name))
		name = dwarf_diename(die);
	return name && strcmp(name, search->wanted) == 0;
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
static const char *host_name(const struct elf_image *image, Dwarf_Die *host, uint64_t vaddr)
{
	const struct elf_symbol *symbol;
	Dwarf_Attribute attribute;
	const char *name = NULL;

	symbol = elf_symbol_at(image, vaddr);
	if (symbol && symbol->vaddr == vaddr)
		return symbol->name;
	if (dwarf_attr_integrate(host, DW_AT_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	return name ? name : dwarf_diename(host);
}

static int add_host(struct host_search *search, Dwarf_Die *die)
{
	struct elf_host host = {0};
	struct elf_host *known;

	if (!code_start(die, &host.vaddr))
		return 0;
	array_each (known, search->hosts) {
		if (known->vaddr == host.vaddr)
			return 0;
	}
	host.name = host_name(search->image, die, host.vaddr);
	return host.name ? array_push(search->hosts, host) : 0;
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
	while (!status && !is_complete(search) && search->budget) {
		int tag = dwarf_tag(&child);
		Dwarf_Die *inner = host;
		uint64_t vaddr;

		search->budget--;
		if (tag == DW_TAG_subprogram)
			inner = code_start(&child, &vaddr) ? &child : NULL;
		else if (tag == DW_TAG_inlined_subroutine && host && is_named(&child, search))
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

/*
 * A library's debug file is not searched: to unpack and search that of glibc 2.36 takes 0.1 s, and
 * every process has it.
 */
static Dwarf *dwarf_of(const struct elf_image *image)
{
	return image->debug && !elf_is_program(image) ? NULL : elf_debug_info(image);
}

/* Whether the section holds the word as an end of some text: a name, or a part of one. */
static bool section_holds(Elf_Scn *section, const char *word, size_t bytes)
{
	Elf_Data *data = elf_section_bytes(section);
	const char *at, *end;

	if (!data || !data->d_buf)
		return false;
	at = data->d_buf;
	end = at + data->d_size;
	while ((at = memmem(at, (size_t)(end - at), word, bytes))) {
		at += bytes;
		if (at == end || !*at)
			return true;
	}
	return false;
}

/*
 * A walk through all of CPython's DWARF takes a second, and most names that are not found are
 * nowhere in it: the name of every DIE stands in .debug_str, a short one in .debug_info itself.
 */
static bool may_be_named(Dwarf *dwarf, const char *word, size_t bytes)
{
	Elf *elf = dwarf_getelf(dwarf);
	Elf_Scn *section = NULL;
	size_t names;

	if (!bytes || elf_getshdrstrndx(elf, &names))
		return false;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header))
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (!name)
			continue;
		/* dwz moved names to another file; .zdebug_str is compressed in an older way. */
		if (!strcmp(name, ".gnu_debugaltlink") || !strcmp(name, ".zdebug_str"))
			return true;
		if ((!strcmp(name, ".debug_str") || !strcmp(name, ".debug_info")) &&
		    section_holds(section, word, bytes))
			return true;
	}
	return false;
}

/*
 * All units are searched for the inlined instances themselves, not the instances of a function
 * that was found first: with LTO the two are in different units.
 */
static int search_units(struct host_search *search, Dwarf *dwarf)
{
	Dwarf_Off off = 0, next;
	size_t header_bytes;
	int status = 0;

	while (!status && !is_complete(search) &&
	       dwarf_nextcu(dwarf, off, &next, &header_bytes, NULL, NULL, NULL) == 0) {
		Dwarf_Die unit;

		if (dwarf_offdie(dwarf, off + header_bytes, &unit))
			status = search_children(search, &unit, NULL, 0);
		if (next <= off)
			break;
		off = next;
	}
	return status;
}

int elf_inlined_into(const struct elf_image *image, const char *name, elf_hosts *hosts)
{
	struct host_search search = {
		.image = image,
		.wanted = name,
		.hosts = hosts,
		.first = hosts->count,
		/*
		 * Siblings may lead into their own children, over and over. An entry takes a byte
		 * at least, less where the section is compressed.
		 */
		.budget = 4 * (image->debug ? image->debug : image)->byte_count,
	};
	Dwarf *dwarf = dwarf_of(image);
	int status;

	if (!dwarf)
		return 0;
	search.word_bytes = elf_last_word(name, &search.word);
	if (!may_be_named(dwarf, search.word, search.word_bytes))
		return 0;
	status = elf_written_name_init(&search.written, name);
	if (!status)
		status = search_units(&search, dwarf);
	elf_written_name_release(&search.written);
	return status;
}
