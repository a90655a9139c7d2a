// SPDX-License-Identifier: GPL-2.0-only
/* "Did you mean": the names of functions closest to one that was not found. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "elf/demangle.h"
#include "elf/image_internal.h"
#include "elf/written_name.h"

/* Nobody mistypes a longer name; such names in the file are passed over. */
#define NAME_MAX_BYTES 255

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * Edits between two names: a letter put in, left out or changed, or two neighbours swapped
 * (optimal string alignment). Gives at most `limit`, and stops as soon as it is sure of that.
 */
static unsigned name_distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes,
			      unsigned limit)
{
	unsigned rows[3][NAME_MAX_BYTES + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	if ((a_bytes > b_bytes ? a_bytes - b_bytes : b_bytes - a_bytes) >= limit)
		return limit;
	/*
	 * What both begin and end with takes no edit, and names of one file share much: a search
	 * through 500,000 takes 120 ms, not 580.
	 */
	for (; a_bytes && b_bytes && *a == *b; a_bytes--, b_bytes--) {
		a++;
		b++;
	}
	for (; a_bytes && b_bytes && a[a_bytes - 1] == b[b_bytes - 1]; a_bytes--)
		b_bytes--;
	for (size_t j = 0; j <= b_bytes; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= a_bytes; i++) {
		unsigned *spare = before, best = row[0] = (unsigned)i;

		for (size_t j = 1; j <= b_bytes; j++) {
			row[j] = least(above[j], row[j - 1]) + 1;
			row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
			best = least(best, row[j]);
		}
		/* A swap reaches back two rows, so one row alone past the limit proves nothing. */
		if (best > limit)
			return limit;
		before = above;
		above = row;
		row = spare;
	}
	return least(above[b_bytes], limit);
}

/* Overloads have one name. */
static bool is_held(const elf_near_names *nearest, const char *name)
{
	const struct elf_near_name *held;

	array_each (held, nearest) {
		if (strcmp(held->name, name) == 0)
			return true;
	}
	return false;
}

/*
 * Puts a copy of the name in its place by distance, behind its equals, and drops what is then one
 * too many.
 */
static int insert(elf_near_names *nearest, size_t most, const char *name, unsigned distance)
{
	struct elf_near_name near = {.name = strdup(name), .distance = distance};
	size_t place;

	if (!near.name)
		return -ENOMEM;
	if (nearest->count >= most) {
		free(nearest->items[nearest->count - 1].name);
	} else if (array_push(nearest, near)) {
		free(near.name);
		return -ENOMEM;
	}
	for (place = nearest->count - 1; place > 0; place--) {
		if (nearest->items[place - 1].distance <= near.distance)
			break;
		nearest->items[place] = nearest->items[place - 1];
	}
	nearest->items[place] = near;
	return 0;
}

struct near_search {
	const char *wanted;
	size_t wanted_bytes;
	const char *word; /* the last one of wanted */
	size_t word_bytes;
	enum elf_name_form form; /* with arguments where some were written: they may be wrong */
	size_t most;
	unsigned edits; /* that are too many */
	elf_near_names *nearest;
};

/* Only what is nearer than the farthest held is worth the whole reckoning. */
static unsigned nearer_than_held(const struct near_search *search, unsigned limit)
{
	const elf_near_names *nearest = search->nearest;

	if (nearest->count < search->most)
		return limit;
	return least(limit, nearest->items[nearest->count - 1].distance);
}

static unsigned search_limit(const struct near_search *search)
{
	return nearer_than_held(search, search->edits);
}

/* ---- Go's names, which are not mangled ---- */

/* "grow" of "bytes.(*Buffer).grow" and of "Buffer.grow"; the whole where there is no dot. */
static const char *go_method(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

/* "Buffer" of "bytes.(*Buffer[go.shape.int_0]).grow", whose method is given. */
static size_t go_type(const char *name, const char *method, const char **type)
{
	const char *end = method > name ? method - 1 : name;
	int depth = 0;

	while (end > name && (end[-1] == ')' || end[-1] == ']' || depth)) {
		end--;
		depth += (*end == ']') - (*end == '[');
	}
	for (*type = end; *type > name && !strchr(".(*/", (*type)[-1]);)
		(*type)--;
	return (size_t)(end - *type);
}

/* Whether both have one method name, which is all that is surely right; how far the rest is. */
static bool has_go_method(const struct near_search *search, const char *name, unsigned *distance)
{
	const char *wanted = go_method(search->wanted), *method = go_method(name);
	const char *wanted_type, *type;
	size_t wanted_bytes, bytes;

	if (method == name || strcmp(method, wanted) != 0)
		return false;
	wanted_bytes = go_type(search->wanted, wanted, &wanted_type);
	bytes = go_type(name, method, &type);
	*distance = !wanted_bytes || (bytes == wanted_bytes && !memcmp(type, wanted_type, bytes))
			    ? 1
			    : 2;
	return true;
}

/* ---- near names ---- */

static int look_at_plain(struct near_search *search, const char *name)
{
	unsigned limit = search_limit(search), distance;
	size_t bytes = strnlen(name, NAME_MAX_BYTES + 1);

	if (bytes > NAME_MAX_BYTES)
		return 0;
	if (has_go_method(search, name, &distance))
		limit = nearer_than_held(search, UINT_MAX);
	else
		distance = name_distance(search->wanted, search->wanted_bytes, name, bytes, limit);
	if (distance >= limit || is_held(search->nearest, name))
		return 0;
	return insert(search->nearest, search->most, name, distance);
}

/* A word of which at most a third would have to change. */
static unsigned word_limit(const struct near_search *search)
{
	return (unsigned)search->word_bytes / 3 + 1;
}

/*
 * Whether one of the words of a mangled name, "5flush" with its length before it, is near. To
 * demangle 500,000 names would take 0.4 s. A number that is none's length leads to no harm.
 */
static bool has_near_word(const struct near_search *search, const char *symbol)
{
	size_t bytes = strlen(symbol);
	const char *end = symbol + bytes;

	/* Operators have codes in place of words; few search for one. */
	if (elf_is_operator(search->word))
		return true;
	for (const char *digit = symbol; digit < end; digit++) {
		const char *at = digit;
		size_t length = 0;

		/* From each digit on: "_GLOBAL__N_1" has one, and "5flush" comes behind it. */
		for (; isdigit((unsigned char)*at) && length <= NAME_MAX_BYTES; at++)
			length = length * 10 + (size_t)(*at - '0');
		if (length && length <= NAME_MAX_BYTES && length <= (size_t)(end - at) &&
		    name_distance(search->word, search->word_bytes, at, length,
				  word_limit(search)) < word_limit(search))
			return true;
	}
	return false;
}

/* Whether the text before `end` ends with these bytes, which are whole parts of the name. */
static bool has_before(const char *name, const char *end, const char *wanted, size_t bytes)
{
	const char *start = end - bytes;

	return bytes <= (size_t)(end - name) && !memcmp(start, wanted, bytes) &&
	       (start == name || start[-1] == ':');
}

/*
 * What stands before the last word, "ns::Grow::", is right or not, and is half right where the
 * class is.
 */
static unsigned distance_before(const struct near_search *search, const char *name,
				const char *word)
{
	size_t bytes = (size_t)(search->word - search->wanted);
	const char *class = search->word;

	if (!bytes)
		return word != name;
	if (has_before(name, word, search->wanted, bytes))
		return 0;
	for (class -= bytes > 2 ? 2 : bytes; class > search->wanted && class[-1] != ':'; class --)
		;
	return has_before(name, word, class, (size_t)(search->word - class)) ? 1 : 2;
}

/* How far the name without arguments is; false where it is too far to offer. */
static bool is_near(const struct near_search *search, const char *name, unsigned *distance)
{
	unsigned limit = word_limit(search);
	const char *word;
	size_t bytes = elf_last_word(name, &word);

	if (!bytes || bytes > NAME_MAX_BYTES)
		return false;
	*distance = name_distance(search->word, search->word_bytes, word, bytes, limit);
	if (*distance >= limit || (*distance && elf_is_operator(search->word)))
		return false;
	/* Who writes the last word alone, right, can't have meant another, however short it is. */
	limit = *distance ? search_limit(search) : nearer_than_held(search, UINT_MAX);
	*distance += distance_before(search, name, word);
	return *distance < limit;
}

static int look_at_mangled(struct near_search *search, const char *symbol)
{
	unsigned distance;
	char *name, *shown;
	int status = 0;

	if (!search->word_bytes || !has_near_word(search, symbol))
		return 0;
	name = elf_demangle(symbol, NAME_ALONE);
	if (name && is_near(search, name, &distance)) {
		shown = elf_shown_name(symbol, search->form);
		if (!shown)
			status = -ENOMEM;
		else if (!is_held(search->nearest, shown))
			status = insert(search->nearest, search->most, shown, distance);
		free(shown);
	}
	free(name);
	return status;
}

int elf_nearest_names(const struct elf_image *image, const char *wanted, unsigned most_edits,
		      size_t most, elf_near_names *nearest)
{
	struct near_search search = {
		.wanted = wanted,
		.wanted_bytes = strlen(wanted),
		.most = most,
		.edits = least(most_edits, NAME_MAX_BYTES) + 1,
		.nearest = nearest,
	};
	const struct elf_symbol *symbol;
	int status = elf_load_symbols(image);

	if (status || !most || search.wanted_bytes > NAME_MAX_BYTES)
		return status;
	search.word_bytes = elf_last_word(wanted, &search.word);
	search.form = elf_has_arguments(wanted) ? NAME_ARGUMENTS : NAME_ALONE;
	array_each (symbol, &image->tables->symbols.symbols) {
		if (elf_is_cold_part(symbol->name))
			continue;
		status = elf_is_mangled(symbol->name) ? look_at_mangled(&search, symbol->name)
						      : look_at_plain(&search, symbol->name);
		if (status)
			return status;
	}
	return 0;
}

void elf_near_names_release(elf_near_names *nearest)
{
	struct elf_near_name *near;

	array_each (near, nearest)
		free(near->name);
	array_release(nearest);
}
