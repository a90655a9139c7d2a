// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "elf/image_internal.h"

/* ---- loading ---- */

/*
 * A .symtab may hold "memcpy@@GLIBC_2.14"; .dynsym keeps versions elsewhere. Only names that other
 * files can see have a version: the '@' of a local one belongs to the name.
 */
static const char *plain_name(struct symbol_table *table, const char *name, bool is_global)
{
	const char *version = is_global ? strchr(name, '@') : NULL;
	char *plain;

	if (!version || version == name)
		return name;
	plain = strndup(name, (size_t)(version - name));
	if (plain && array_push(&table->own_names, plain)) {
		free(plain);
		return NULL;
	}
	return plain;
}

static int add_symbol(struct symbol_table *table, const GElf_Sym *raw, const char *name)
{
	unsigned type = GELF_ST_TYPE(raw->st_info);
	struct elf_symbol symbol = {
		.vaddr = raw->st_value,
		.bytes = raw->st_size,
		.is_ifunc = type == STT_GNU_IFUNC,
		.is_global = GELF_ST_BIND(raw->st_info) != STB_LOCAL,
	};

	if (raw->st_shndx == SHN_UNDEF || !*name)
		return 0;
	if (type != STT_FUNC && type != STT_GNU_IFUNC)
		return 0;
	symbol.name = plain_name(table, name, symbol.is_global);
	return symbol.name ? array_push(&table->symbols, symbol) : -ENOMEM;
}

/* Reads the first section of this type: a file has at most one of each. */
static int read_section(const struct elf_image *image, GElf_Word type, struct symbol_table *table)
{
	struct elf_symbol_section section;
	Elf_Scn *scn = NULL;
	const char *name;
	GElf_Shdr header;
	GElf_Sym symbol;

	while ((scn = elf_nextscn(image->elf, scn))) {
		if (gelf_getshdr(scn, &header) && header.sh_type == type)
			break;
	}
	if (!scn || !elf_symbol_section(image, elf_ndxscn(scn), &section))
		return 0;
	for (size_t i = 0; i < section.count; i++) {
		if (!elf_section_symbol(&section, i, &symbol, &name))
			continue;
		if (add_symbol(table, &symbol, name))
			return -ENOMEM;
	}
	return 0;
}

/* Of two names of one address, < 0 where the left one is the better. */
static int compare_names(const struct elf_symbol *a, const struct elf_symbol *b)
{
	/*
	 * An empty cold part stands where the next one starts, in CPython 3.11 (gcc 12, LTO)
	 * bytearray_richcompare.cold, 0 bytes, where float_richcompare.cold has its 7.
	 */
	if (!a->bytes != !b->bytes)
		return !a->bytes - !b->bytes;
	if (a->is_global != b->is_global)
		return b->is_global - a->is_global;
	/* "mempcpy" before "__mempcpy". */
	if (strspn(a->name, "_") != strspn(b->name, "_"))
		return strspn(a->name, "_") < strspn(b->name, "_") ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Small enough for glibc's qsort() to move directly: 500,000 symbols load in 86 ms, not in 127. */
struct sort_key {
	uint64_t vaddr;
	const struct elf_symbol *symbol;
};

static int compare_keys(const void *left, const void *right)
{
	const struct sort_key *a = left, *b = right;

	if (a->vaddr != b->vaddr)
		return a->vaddr < b->vaddr ? -1 : 1;
	return compare_names(a->symbol, b->symbol);
}

static int sort_symbols(elf_symbols *symbols)
{
	size_t count = symbols->count;
	struct sort_key *keys = calloc(count, sizeof(*keys));
	struct elf_symbol *sorted = calloc(count, sizeof(*sorted));
	int status = -ENOMEM;

	if (!keys || !sorted)
		goto out;
	for (size_t i = 0; i < count; i++)
		keys[i] = (struct sort_key){symbols->items[i].vaddr, &symbols->items[i]};
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < count; i++)
		sorted[i] = *keys[i].symbol;
	free(symbols->items);
	symbols->items = sorted;
	symbols->capacity = count;
	sorted = NULL;
	status = 0;
out:
	free(sorted);
	free(keys);
	return status;
}

/* A symbol without a size covers its first byte only: where it ends is not known. */
static uint64_t covered_bytes(const struct elf_symbol *symbol)
{
	return symbol->bytes ? symbol->bytes : 1;
}

/*
 * Functions may lie inside one another (assembler labels, a stated size that is too large), so
 * the symbol with the highest start need not be the one that covers. reach says how far back a
 * search can find one.
 */
static int set_reach(struct symbol_table *table)
{
	uint64_t reach = 0;

	table->reach = calloc(table->symbols.count, sizeof(*table->reach));
	if (!table->reach)
		return -ENOMEM;
	for (size_t i = 0; i < table->symbols.count; i++) {
		const struct elf_symbol *symbol = &table->symbols.items[i];
		uint64_t end;

		if (__builtin_add_overflow(symbol->vaddr, covered_bytes(symbol), &end))
			end = UINT64_MAX;
		if (end > reach)
			reach = end;
		table->reach[i] = reach;
	}
	return 0;
}

static int read_symbols(const struct elf_image *image, struct symbol_table *table)
{
	int status = read_section(image, SHT_SYMTAB, table);

	if (!status)
		status = read_section(image, SHT_DYNSYM, table);
	if (status || !table->symbols.count)
		return status;
	status = sort_symbols(&table->symbols);
	return status ? status : set_reach(table);
}

int elf_load_symbols(const struct elf_image *image)
{
	struct symbol_table *table = &image->tables->symbols;
	int status;

	if (table->is_loaded)
		return 0;
	status = read_symbols(image, table);
	if (status)
		elf_release_symbols(table);
	table->is_loaded = !status;
	return status;
}

void elf_release_symbols(struct symbol_table *table)
{
	char **name;

	array_each (name, &table->own_names)
		free(*name);
	array_release(&table->own_names);
	array_release(&table->symbols);
	free(table->reach);
	table->reach = NULL;
}

/* ---- by name ---- */

/* What follows the function's name: ".cold", and ".cold.N" of gcc 8, which numbers them. */
static bool is_cold_suffix(const char *suffix)
{
	static const char mark[] = ".cold";

	if (strncmp(suffix, mark, sizeof(mark) - 1) != 0)
		return false;
	suffix += sizeof(mark) - 1;
	if (*suffix == '.')
		suffix += 1 + strspn(suffix + 1, "0123456789");
	return !*suffix;
}

bool elf_is_cold_part(const char *name)
{
	const char *suffix = strstr(name, ".cold");

	return suffix && is_cold_suffix(suffix);
}

int elf_find_symbols(const struct elf_image *image, const char *pattern, elf_symbols *found)
{
	const elf_symbols *symbols = &image->tables->symbols.symbols;
	bool is_glob = strpbrk(pattern, "*?[");
	const struct elf_symbol *symbol, *last = NULL;
	int status = elf_load_symbols(image);

	if (status)
		return status;
	array_each (symbol, symbols) {
		if (last && last->vaddr == symbol->vaddr)
			continue;
		if (is_glob ? fnmatch(pattern, symbol->name, 0) : strcmp(pattern, symbol->name))
			continue;
		/* "flush*" means functions; nobody calls flush.cold. */
		if (is_glob && elf_is_cold_part(symbol->name))
			continue;
		if (array_push(found, *symbol))
			return -ENOMEM;
		last = symbol;
	}
	return 0;
}

int elf_cold_parts(const struct elf_image *image, const char *symbol, elf_ranges *parts)
{
	const struct elf_symbol *part;
	size_t length = strlen(symbol);
	int status = elf_load_symbols(image);

	if (status)
		return status;
	array_each (part, &image->tables->symbols.symbols) {
		struct elf_range range = {.vaddr = part->vaddr, .bytes = part->bytes};

		/* Without bytes it is empty, as gcc leaves some; its address is another's. */
		if (!part->bytes || strncmp(part->name, symbol, length) != 0 ||
		    !is_cold_suffix(part->name + length))
			continue;
		if (array_push(parts, range))
			return -ENOMEM;
	}
	return 0;
}

/* ---- by address ---- */

const struct elf_symbol *elf_symbol_at(const struct elf_image *image, uint64_t vaddr)
{
	const struct symbol_table *table = &image->tables->symbols;
	const struct elf_symbol *best = NULL;

	if (elf_load_symbols(image))
		return NULL;
	for (size_t i = ELF_COUNT_UPTO(&table->symbols, vaddr); i > 0; i--) {
		const struct elf_symbol *symbol = &table->symbols.items[i - 1];

		if (table->reach[i - 1] <= vaddr || (best && best->vaddr != symbol->vaddr))
			break;
		/* The innermost one; of its names the first in the table. */
		if (elf_covers(symbol->vaddr, covered_bytes(symbol), vaddr))
			best = symbol;
	}
	return best;
}

int elf_function_bounds(const struct elf_image *image, uint64_t vaddr, struct elf_range *range)
{
	const struct elf_symbol *symbol;
	int status = elf_load_symbols(image);

	if (status)
		return status;
	symbol = elf_symbol_at(image, vaddr);
	if (!symbol || !symbol->bytes)
		return elf_frame_bounds(image, vaddr, range);
	range->vaddr = symbol->vaddr;
	range->bytes = symbol->bytes;
	return 0;
}
