// SPDX-License-Identifier: GPL-2.0-only
/* What the code at a place is called: as --flush takes it, from the file's symbols. */
#include "elf/demangle.h"
#include "stack/known.h"

/* elf/demangle.c gives none that is longer; a symbol may be. */
#define NAME_BYTES_MOST 16384
#define PATH_BYTES_MOST 4096

/* The frames at a place, but for what depends on the process. */
struct named_place {
	size_t count;
	struct frame frames[];
};

static const char *keep(struct stacks *stacks, const char *text)
{
	return strings_add(&stacks->strings, text, NAME_BYTES_MOST);
}

/* ---- the function that has code of its own ---- */

static void set_name(struct stacks *stacks, const char *symbol, struct frame *frame)
{
	char *name = elf_shown_name(symbol, NAME_ALONE);

	frame->name = keep(stacks, name);
	if (name && strcmp(name, symbol))
		frame->symbol = keep(stacks, symbol);
	free(name);
}

/* "flush" where "flush.cold" was moved away from it, and nobody else is called so; or the part. */
static struct elf_symbol whole_function(const struct elf_image *image,
					const struct elf_symbol *symbol)
{
	struct elf_symbol whole = *symbol;
	elf_symbols found = {0};
	char *name;

	if (!elf_is_cold_part(symbol->name))
		return whole;
	name = strndup(symbol->name, (size_t)(strstr(symbol->name, ".cold") - symbol->name));
	if (name && !elf_find_symbols(image, name, &found) && found.count == 1)
		whole = found.items[0];
	array_release(&found);
	free(name);
	return whole;
}

/* By the mangling, where there is no DWARF to tell. Rust's older one is C++'s, with a hash. */
static const char *language_of(const struct elf_image *image, const struct elf_symbol *symbol)
{
	const char *hash =
		strlen(symbol->name) > 20 ? symbol->name + strlen(symbol->name) - 20 : "";

	if (elf_is_go_function(image, symbol->vaddr))
		return "Go";
	if (!strncmp(symbol->name, "_R", 2) || !strncmp(hash, "17h", 3))
		return "Rust";
	return elf_is_mangled(symbol->name) ? "C++" : NULL;
}

static void name_function(struct stacks *stacks, const struct place *place, struct frame *frame)
{
	const struct elf_image *image = place->file->image;
	const struct elf_symbol *symbol = elf_symbol_at(image, place->vaddr);
	struct elf_range range;

	if (symbol) {
		struct elf_symbol whole = whole_function(image, symbol);

		set_name(stacks, whole.name, frame);
		frame->language = language_of(image, &whole);
		elf_image_off_of_vaddr(image, whole.vaddr, &frame->function_off);
	} else if (!elf_function_bounds(image, place->vaddr, &range)) {
		elf_image_off_of_vaddr(image, range.vaddr, &frame->function_off);
	}
}

/* ---- what DWARF adds ---- */

static void add_source(struct stacks *stacks, const struct source_function *source,
		       const char *language, struct frame *frame)
{
	frame->file = strings_add(&stacks->strings, source->file, PATH_BYTES_MOST);
	frame->line = source->line;
	if (language)
		frame->language = language;
	if (frame->name)
		return;
	if (source->symbol && elf_is_mangled(source->symbol))
		set_name(stacks, source->symbol, frame);
	else
		frame->name = keep(stacks, source->name);
}

/* The inlined ones first; without DWARF it is one function. */
static struct named_place *make_named(struct stacks *stacks, const struct place *place)
{
	struct source *source = code_file_source(place->file);
	struct source_place found = {.count = 0};
	struct named_place *named;
	size_t count;

	if (source)
		source_find(source, place->vaddr, &found);
	count = found.count ? found.count : 1;
	named = calloc(1, sizeof(*named) + count * sizeof(named->frames[0]));
	if (!named)
		return NULL;
	named->count = count;
	name_function(stacks, place, &named->frames[count - 1]);
	for (size_t i = 0; i < found.count; i++) {
		struct frame *frame = &named->frames[i];

		frame->is_inlined = i + 1 < count;
		frame->function_off = named->frames[count - 1].function_off;
		add_source(stacks, &found.functions[i], found.language, frame);
	}
	return named;
}

static const struct named_place *named_at(struct stacks *stacks, const struct place *place)
{
	struct place_cache *names = &stacks->names;
	struct named_place *named = place_cache_find(names, place->file->id, place->vaddr);

	if (named)
		return named;
	named = make_named(stacks, place);
	if (named && place_cache_add(names, place->file->id, place->vaddr, named)) {
		free(named);
		named = NULL;
	}
	return named;
}

/* ---- frames ---- */

static struct frame plain_frame(const struct place *place)
{
	struct frame frame = {.addr = place->addr};

	if (place->mapping && place->mapping->module) {
		frame.module = place->mapping->module;
		frame.offset = place->addr - place->mapping->start_addr + place->mapping->file_off;
	}
	return frame;
}

int names_add_plain(const struct place *place, struct call_path *path)
{
	return array_push(&path->frames, plain_frame(place));
}

static int add_jitted(struct stacks *stacks, struct process *process, const struct place *place,
		      struct call_path *path)
{
	uint64_t addr = place->addr - place->is_caller;
	struct frame frame = plain_frame(place);
	struct jitted_code code;
	bool is_first;

	if (place->mapping && !place->mapping->file &&
	    perf_map_find(&process->perf_map, addr, &code, &is_first)) {
		frame.name = keep(stacks, code.name);
		if (is_first && stacks->on_jitted)
			stacks->on_jitted(stacks->jitted_context, process->pid, &code);
	}
	return array_push(&path->frames, frame);
}

int names_add(struct stacks *stacks, struct process *process, const struct place *place,
	      struct call_path *path)
{
	const struct named_place *named;

	if (!place->file)
		return add_jitted(stacks, process, place, path);
	named = named_at(stacks, place);
	if (!named)
		return -ENOMEM;
	for (size_t i = 0; i < named->count; i++) {
		struct frame plain = plain_frame(place), frame = named->frames[i];

		frame.addr = plain.addr;
		frame.module = plain.module;
		frame.offset = plain.offset;
		if (array_push(&path->frames, frame))
			return -ENOMEM;
	}
	return 0;
}
