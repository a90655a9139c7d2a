// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "elf/debug_file.h"
#include "elf/gopclntab.h"

/* ---- loading ---- */

/* Names of templates go to some 10,000 bytes; who makes a longer one makes it to do harm. */
#define NAME_BYTES_MOST 65536

/*
 * What one section may still cost. Names may share their bytes ("flush" is the end of "reflush"),
 * so a small file could have each of its symbols point into one endless name.
 */
struct symbol_budget {
	size_t name_bytes; /* of all names together */
	size_t own_bytes;  /* of those that are copied */
};

/*
 * A .symtab may hold "memcpy@@GLIBC_2.14"; .dynsym keeps versions elsewhere. Only names that other
 * files can see have a version: the '@' of a local one belongs to the name.
 */
static const char *plain_name(struct symbol_table *table, const char *name, bool is_global,
			      struct symbol_budget *budget)
{
	const char *version = is_global ? strchr(name, '@') : NULL;
	char *plain;

	if (!version || version == name || (size_t)(version - name) >= budget->own_bytes)
		return name;
	budget->own_bytes -= (size_t)(version - name) + 1;
	plain = strndup(name, (size_t)(version - name));
	if (plain && array_push(&table->own_names, plain)) {
		free(plain);
		return NULL;
	}
	return plain;
}

static int add_symbol(struct symbol_table *table, const GElf_Sym *raw, const char *name,
		      bool from_debug, struct symbol_budget *budget)
{
	unsigned type = GELF_ST_TYPE(raw->st_info);
	struct elf_symbol symbol = {
		.vaddr = raw->st_value,
		.bytes = raw->st_size < UINT32_MAX ? (uint32_t)raw->st_size : UINT32_MAX,
		.is_ifunc = type == STT_GNU_IFUNC,
		.is_global = GELF_ST_BIND(raw->st_info) != STB_LOCAL,
		.from_debug = from_debug,
	};
	size_t bytes;

	if (raw->st_shndx == SHN_UNDEF || !*name)
		return 0;
	if (type != STT_FUNC && type != STT_GNU_IFUNC)
		return 0;
	/* No memory is there, nor does any go on from the last address to the first. */
	if (symbol.vaddr == UINT64_MAX)
		return 0;
	if (symbol.bytes > UINT64_MAX - symbol.vaddr)
		symbol.bytes = (uint32_t)(UINT64_MAX - symbol.vaddr);
	bytes = strnlen(name, NAME_BYTES_MOST + 1);
	budget->name_bytes -= bytes < budget->name_bytes ? bytes : budget->name_bytes;
	if (bytes > NAME_BYTES_MOST || !budget->name_bytes)
		return 0;
	symbol.name = plain_name(table, name, symbol.is_global, budget);
	return symbol.name ? array_push(&table->symbols, symbol) : -ENOMEM;
}

static int add_symbols(const struct elf_symbol_section *section, bool from_debug,
		       struct symbol_table *table)
{
	/* The same name may be many functions' ("init"), which is little beside their symbols. */
	struct symbol_budget budget = {
		.name_bytes = section->name_bytes + 64 * section->count,
		.own_bytes = section->name_bytes,
	};
	const char *name;
	GElf_Sym symbol;

	for (size_t i = 0; i < section->count && budget.name_bytes; i++) {
		if (!elf_section_symbol(section, i, &symbol, &name))
			continue;
		if (add_symbol(table, &symbol, name, from_debug, &budget))
			return -ENOMEM;
	}
	return 0;
}

/* The first section of this type: a file has at most one of each. NULL: it has none. */
static Elf_Scn *find_section(const struct elf_image *image, GElf_Word type)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr header;

	while ((scn = elf_nextscn(image->elf, scn))) {
		if (gelf_getshdr(scn, &header) && header.sh_type == type)
			break;
	}
	return scn;
}

static int read_section(const struct elf_image *image, GElf_Word type, bool from_debug,
			struct symbol_table *table)
{
	Elf_Scn *scn = find_section(image, type);
	struct elf_symbol_section section;

	if (!scn || !elf_symbol_section(image, elf_ndxscn(scn), &section))
		return 0;
	return add_symbols(&section, from_debug, table);
}

static int read_sections(const struct elf_image *image, struct symbol_table *table)
{
	struct elf_symbol_section section;
	int status;

	if (image->debug)
		status = read_section(image->debug, SHT_SYMTAB, true, table);
	else if (find_section(image, SHT_SYMTAB))
		status = read_section(image, SHT_SYMTAB, false, table);
	else
		status = elf_read_go_functions(image, &table->symbols);
	if (!status)
		status = read_section(image, SHT_DYNSYM, false, table);
	if (!status && !elf_has_sections(image) && elf_dynamic_symbols(image, &section))
		status = add_symbols(&section, false, table);
	return status;
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

static int compare_symbols(const void *left, const void *right)
{
	const struct elf_symbol *a = left, *b = right;
	int order;

	if (a->vaddr != b->vaddr)
		return a->vaddr < b->vaddr ? -1 : 1;
	order = compare_names(a, b);
	return order ? order : a->from_debug - b->from_debug;
}

/* So few, qsort() sorts without asking for memory. */
#define FEW_SYMBOLS 32

/*
 * In place, by one bit of the address after the other: for all of them, qsort() would need as much
 * memory again (glibc 2.36 merges), which the process then keeps.
 */
static void sort_from_bit(struct elf_symbol *items, size_t count, int bit)
{
	size_t low = 0, high = count;

	if (count <= FEW_SYMBOLS || bit < 0) {
		qsort(items, count, sizeof(*items), compare_symbols);
		return;
	}
	while (low < high) {
		struct elf_symbol symbol = items[low];

		if (!(symbol.vaddr >> bit & 1)) {
			low++;
			continue;
		}
		items[low] = items[--high];
		items[high] = symbol;
	}
	sort_from_bit(items, low, bit - 1);
	sort_from_bit(items + low, count - low, bit - 1);
}

static void sort_symbols(elf_symbols *symbols)
{
	const struct elf_symbol *symbol;
	uint64_t differing = 0;

	array_each (symbol, symbols)
		differing |= symbol->vaddr ^ symbols->items[0].vaddr;
	sort_from_bit(symbols->items, symbols->count,
		      differing ? 63 - __builtin_clzll(differing) : -1);
}

static bool is_same(const struct elf_symbol *a, const struct elf_symbol *b)
{
	return a->vaddr == b->vaddr && a->bytes == b->bytes && a->is_ifunc == b->is_ifunc &&
	       a->is_global == b->is_global && !strcmp(a->name, b->name);
}

/*
 * A .symtab, the debug file's too, has all that .dynsym has: each once is enough, the file's own
 * before the debug file's. What is left over is given back.
 */
static void drop_repeated(elf_symbols *symbols)
{
	struct elf_symbol *items = symbols->items;
	size_t kept = 1;

	for (size_t i = 1; i < symbols->count; i++) {
		if (!is_same(&items[kept - 1], &items[i]))
			items[kept++] = items[i];
	}
	symbols->count = kept;
	items = realloc(items, kept * sizeof(*items));
	if (!items)
		return;
	symbols->items = items;
	symbols->capacity = kept;
}

/* A symbol without a size covers its first byte only: where it ends is not known. */
static uint64_t covered_bytes(const struct elf_symbol *symbol)
{
	return symbol->bytes ? symbol->bytes : 1;
}

/* Where what the symbol covers ends; add_symbol() let none wrap. */
static uint64_t end_of(const struct elf_symbol *symbol)
{
	return symbol->vaddr + covered_bytes(symbol);
}

/*
 * Functions may lie inside one another (assembler labels, a stated size that is too large), so
 * the symbol with the highest start need not be the one that covers. Where it ends too early, so do
 * all those between it and its outer one.
 */
static int set_outer(struct symbol_table *table)
{
	const struct elf_symbol *symbols = table->symbols.items;

	table->outer = calloc(table->symbols.count, sizeof(*table->outer));
	if (!table->outer)
		return -ENOMEM;
	for (size_t i = 0; i < table->symbols.count; i++) {
		size_t before = i;

		while (before && end_of(&symbols[before - 1]) <= end_of(&symbols[i]))
			before = table->outer[before - 1];
		table->outer[i] = (uint32_t)before;
	}
	return 0;
}

static int read_symbols(const struct elf_image *image, struct symbol_table *table)
{
	int status = read_sections(image, table);

	if (status || !table->symbols.count)
		return status;
	sort_symbols(&table->symbols);
	drop_repeated(&table->symbols);
	return set_outer(table);
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
	free(table->outer);
	table->outer = NULL;
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
	/* Go's "main.(*Buf).Flush" is a name as it stands. */
	array_each (symbol, symbols)
		is_glob = is_glob && strcmp(pattern, symbol->name) != 0;
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

static const elf_symbols *go_functions(const struct elf_image *image)
{
	struct go_table *table = &image->tables->go;

	if (!table->is_loaded && elf_read_go_functions(image, &table->functions))
		array_release(&table->functions);
	table->is_loaded = true;
	return &table->functions;
}

bool elf_is_go_function(const struct elf_image *image, uint64_t vaddr)
{
	const elf_symbols *functions = go_functions(image);
	size_t upto = ELF_COUNT_UPTO(functions, vaddr);

	return upto && functions->items[upto - 1].vaddr == vaddr;
}

bool elf_is_stripped(const struct elf_image *image)
{
	return elf_lacks_symbols(image) && !image->debug && !go_functions(image)->count;
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

/* How deep functions may lie in one another: a broken file's could go on without end. */
#define NESTED_MOST 64

/* How many symbols of one address are looked at: a file may give one to all of them. */
#define ALIASES_MOST 64

/* Of the symbols where this one starts, the first in the table that covers vaddr, as this does. */
static const struct elf_symbol *first_alias(const elf_symbols *symbols,
					    const struct elf_symbol *symbol, uint64_t vaddr)
{
	size_t first = symbol->vaddr ? ELF_COUNT_UPTO(symbols, symbol->vaddr - 1) : 0;
	const struct elf_symbol *alias = &symbols->items[first], *last = alias + ALIASES_MOST;

	for (; alias < symbol && alias < last; alias++) {
		if (end_of(alias) > vaddr)
			return alias;
	}
	return symbol;
}

const struct elf_symbol *elf_symbol_at(const struct elf_image *image, uint64_t vaddr)
{
	const struct symbol_table *table = &image->tables->symbols;
	const struct elf_symbol *symbols;
	size_t place;

	if (elf_load_symbols(image))
		return NULL;
	symbols = table->symbols.items;
	place = ELF_COUNT_UPTO(&table->symbols, vaddr);
	for (unsigned depth = 0; place && end_of(&symbols[place - 1]) <= vaddr; depth++)
		place = depth < NESTED_MOST ? table->outer[place - 1] : 0;
	return place ? first_alias(&table->symbols, &symbols[place - 1], vaddr) : NULL;
}

bool elf_is_function_named(const struct elf_image *image, uint64_t vaddr, const char *name)
{
	const elf_symbols *symbols = &image->tables->symbols.symbols;
	size_t place;

	if (elf_load_symbols(image))
		return false;
	place = ELF_COUNT_UPTO(symbols, vaddr);
	for (unsigned i = 0; i < ALIASES_MOST && place--; i++) {
		if (symbols->items[place].vaddr != vaddr)
			break;
		if (!strcmp(symbols->items[place].name, name))
			return true;
	}
	return false;
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
