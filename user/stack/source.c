// SPDX-License-Identifier: GPL-2.0-only
#include "stack/source.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "elf/debug_info.h"
#include "stack/source_ranges.h"

/* How deep scopes may nest: a broken file's could go on without end. CPython 3.12's go to 38. */
#define DEPTH_MAX 512

/* Of all units that were asked for. Each byte may make a row, for which libdw takes dozens. */
#define LINE_BYTES_MOST (16u << 20)

/* Of a file: more than any program is made of. */
#define UNITS_MOST  (1u << 17)
#define RANGES_MOST (1u << 21)

/* A file may be made to take for ever, in more ways than one. */
#define SPENT_MOST_NS (3 * NS_PER_S)

/* How many entries and ranges are read between two looks at the clock. */
#define READ_AT_ONCE 4096

/* A unit that was asked for. */
struct unit {
	Dwarf_Off off;
	source_ranges functions; /* each with its DIE's offset */
	bool is_loaded;
	bool has_lines;
};

struct source {
	const struct elf_image *image;
	Dwarf *dwarf;
	source_ranges ranges; /* each with its unit's index */
	ARRAY(struct unit) units;
	bool is_loaded;
	uint64_t line_bytes;  /* of units whose lines were read */
	uint64_t range_count; /* of all units */
	uint64_t spent_ns, start_ns;
	unsigned left; /* until the next look at the clock */
};

struct source *source_new(const struct elf_image *image)
{
	Dwarf *dwarf = elf_debug_info(image);
	struct source *source = dwarf ? calloc(1, sizeof(*source)) : NULL;

	if (!source)
		return NULL;
	source->image = image;
	source->dwarf = dwarf;
	return source;
}

void source_free(struct source *source)
{
	struct unit *unit;

	if (!source)
		return;
	array_each (unit, &source->units)
		array_release(&unit->functions);
	array_release(&source->units);
	array_release(&source->ranges);
	free(source);
}

/* ---- how long it takes ---- */

static uint64_t thread_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* To be asked for each entry that is read. */
static bool is_given_up(struct source *source)
{
	if (!source->left--) {
		uint64_t now_ns = thread_cpu_ns();

		source->spent_ns += now_ns - source->start_ns;
		source->start_ns = now_ns;
		source->left = READ_AT_ONCE;
	}
	return source->spent_ns > SPENT_MOST_NS;
}

/* ---- ranges ---- */

static int add_ranges(struct source *source, Dwarf_Die *die, uint64_t value, source_ranges *ranges)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t off = 0;

	while (!is_given_up(source) && (off = dwarf_ranges(die, off, &base, &start, &end)) > 0) {
		/* What the linker threw away begins at 0, or 1, with all its bytes. */
		if (start <= 1 || end <= start)
			continue;
		if (source->range_count++ >= RANGES_MOST ||
		    array_push(ranges, ((struct source_range){start, end - start, value})))
			return -ENOMEM;
	}
	return 0;
}

static bool covers(struct source *source, Dwarf_Die *die, uint64_t vaddr)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t off = 0;

	while (!is_given_up(source) && (off = dwarf_ranges(die, off, &base, &start, &end)) > 0) {
		if (vaddr >= start && vaddr < end)
			return true;
	}
	return false;
}

/*
 * By what the units say themselves: .debug_aranges, where dwarf_addrdie() (elfutils 0.188) looks,
 * is not there for what clang and rustc compiled.
 */
static int load_units(struct source *source)
{
	Dwarf_Off off = 0, next;
	size_t header_bytes;
	int status = 0;

	while (!status && !is_given_up(source) && source->units.count < UNITS_MOST &&
	       dwarf_nextcu(source->dwarf, off, &next, &header_bytes, NULL, NULL, NULL) == 0) {
		struct unit unit = {.off = off + header_bytes};
		Dwarf_Die die;

		if (dwarf_offdie(source->dwarf, unit.off, &die))
			status = add_ranges(source, &die, source->units.count, &source->ranges);
		if (!status)
			status = array_push(&source->units, unit);
		if (next <= off)
			break;
		off = next;
	}
	source_ranges_sort(&source->ranges);
	return status;
}

/* Tags that functions with code can lie in; the rest (types, variables) is most of DWARF. */
static bool holds_functions(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
		return true;
	}
	return false;
}

/* Siblings go forward; a broken file's could lead back. */
static bool next_sibling(Dwarf_Die *die)
{
	Dwarf_Die next;

	if (dwarf_siblingof(die, &next) != 0 || dwarf_dieoffset(&next) <= dwarf_dieoffset(die))
		return false;
	*die = next;
	return true;
}

static int load_functions(struct source *source, Dwarf_Die *parent, unsigned depth,
			  source_ranges *functions)
{
	int status = 0;
	Dwarf_Die die;

	if (depth > DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return 0;
	do {
		int tag = dwarf_tag(&die);

		if (is_given_up(source))
			break;
		if (tag == DW_TAG_subprogram)
			status = add_ranges(source, &die, dwarf_dieoffset(&die), functions);
		if (!status && holds_functions(tag))
			status = load_functions(source, &die, depth + 1, functions);
	} while (!status && next_sibling(&die));
	return status;
}

static int load_unit(struct source *source, struct unit *unit, Dwarf_Die *die)
{
	uint64_t line_bytes = elf_line_bytes(source->image, die);
	int status = load_functions(source, die, 0, &unit->functions);

	unit->has_lines = line_bytes && line_bytes <= LINE_BYTES_MOST - source->line_bytes;
	if (unit->has_lines)
		source->line_bytes += line_bytes;
	source_ranges_sort(&unit->functions);
	return status;
}

/* ---- what is at a place ---- */

/* Scopes at a place, from the function with code of its own to the innermost. */
struct scopes {
	Dwarf_Die dies[SOURCE_FUNCTIONS_MOST];
	size_t count;
};

static void find_scopes(struct source *source, Dwarf_Die *parent, uint64_t vaddr, unsigned depth,
			struct scopes *scopes)
{
	Dwarf_Die die;

	if (depth > DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);

		if (is_given_up(source) || scopes->count == SOURCE_FUNCTIONS_MOST)
			return;
		if ((tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block &&
		     tag != DW_TAG_try_block && tag != DW_TAG_catch_block) ||
		    !covers(source, &die, vaddr))
			continue;
		if (tag == DW_TAG_inlined_subroutine)
			scopes->dies[scopes->count++] = die;
		find_scopes(source, &die, vaddr, depth + 1, scopes);
		return;
	} while (next_sibling(&die));
}

static const char *linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;

	if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) &&
	    !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		return NULL;
	return dwarf_formstring(&attribute);
}

static Dwarf_Word number_of(Dwarf_Die *die, unsigned attribute_name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word number = 0;

	if (dwarf_attr(die, attribute_name, &attribute))
		dwarf_formudata(&attribute, &number);
	return number;
}

/* Where the innermost one executes, by the line table. */
static void find_line(Dwarf_Die *unit, uint64_t vaddr, struct source_function *function)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, vaddr);
	int number = 0;

	if (!line || dwarf_lineno(line, &number) || number <= 0)
		return;
	function->line = (unsigned)number;
	function->file = dwarf_linesrc(line, NULL, NULL);
}

/* Where the function called the one that was inlined into it. */
static void find_call_line(Dwarf_Die *unit, Dwarf_Die *inlined, struct source_function *function)
{
	Dwarf_Word line = number_of(inlined, DW_AT_call_line);
	Dwarf_Word index = number_of(inlined, DW_AT_call_file);
	Dwarf_Files *files;
	size_t count;

	if (!line || line > INT32_MAX)
		return;
	function->line = (unsigned)line;
	if (dwarf_getsrcfiles(unit, &files, &count) == 0 && index < count)
		function->file = dwarf_filesrc(files, index, NULL, NULL);
}

static void describe(struct source *source, const struct unit *unit, Dwarf_Die *unit_die,
		     uint64_t vaddr, struct source_place *place)
{
	const struct source_range *range = source_ranges_find(&unit->functions, vaddr);
	struct scopes scopes = {0};

	if (range && dwarf_offdie(source->dwarf, range->value, &scopes.dies[0])) {
		scopes.count = 1;
		find_scopes(source, &scopes.dies[0], vaddr, 0, &scopes);
	}
	for (size_t i = 0; i < scopes.count; i++) {
		Dwarf_Die *die = &scopes.dies[scopes.count - 1 - i];
		struct source_function *function = &place->functions[i];

		function->name = dwarf_diename(die);
		function->symbol = linkage_name(die);
		if (i && unit->has_lines)
			find_call_line(unit_die, die + 1, function);
	}
	place->count = scopes.count;
	/* A line without a function is of assembly. */
	if (!place->count)
		place->count = 1;
	if (unit->has_lines)
		find_line(unit_die, vaddr, &place->functions[0]);
}

static const char *language_of(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
		return "C";
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
		return "C++";
	case DW_LANG_Rust:
		return "Rust";
	case DW_LANG_Go:
		return "Go";
	case DW_LANG_D:
		return "D";
	case DW_LANG_Swift:
		return "Swift";
	case DW_LANG_Fortran77:
	case DW_LANG_Fortran90:
	case DW_LANG_Fortran95:
	case DW_LANG_Fortran03:
	case DW_LANG_Fortran08:
		return "Fortran";
	case DW_LANG_Pascal83:
		return "Pascal";
	case DW_LANG_Ada83:
	case DW_LANG_Ada95:
		return "Ada";
	case DW_LANG_Mips_Assembler:
		return "assembly";
	}
	return NULL;
}

/* Without memory, less is known. */
void source_find(struct source *source, uint64_t vaddr, struct source_place *place)
{
	const struct source_range *range;
	struct unit *unit;
	Dwarf_Die die;

	*place = (struct source_place){0};
	source->start_ns = thread_cpu_ns();
	source->left = READ_AT_ONCE;
	if (!source->is_loaded)
		load_units(source);
	source->is_loaded = true;
	range = source_ranges_find(&source->ranges, vaddr);
	if (!range || range->value >= source->units.count)
		return;
	unit = &source->units.items[range->value];
	if (!dwarf_offdie(source->dwarf, unit->off, &die))
		return;
	place->language = language_of(&die);
	if (!unit->is_loaded)
		load_unit(source, unit, &die);
	unit->is_loaded = true;
	if (!is_given_up(source))
		describe(source, unit, &die, vaddr, place);
}
