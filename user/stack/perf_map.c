// SPDX-License-Identifier: GPL-2.0-only
#include "stack/perf_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

/* Node's after hours are some 10 MiB. */
#define READ_MOST   (64 << 20)
#define CHUNK_BYTES 65536
#define NAME_BYTES  1024

/* While a JIT adds to it all the time, one part in so many of the time is spent on reading it. */
#define READING_SHARE 20

/* What a recording may add to it: each costs the more, the more there are. */
#define ADDED_MOST 65536

/* How many entries before an address may be looked at: a JIT writes new code over old. */
#define OVERLAPS_MOST 64

int perf_map_init(struct perf_map *map, const char *path)
{
	*map = (struct perf_map){0};
	if (!path)
		return 0;
	map->path = strdup(path);
	return map->path ? 0 : -ENOMEM;
}

static void drop_entries(struct perf_map *map)
{
	array_release(&map->entries);
	array_release(&map->names);
	map->read_bytes = 0;
	map->lines = 0;
}

void perf_map_release(struct perf_map *map)
{
	drop_entries(map);
	free(map->path);
	map->path = NULL;
}

/* ---- reading ---- */

/* Digits alone, with "0x" before them or without; false where there are none, or too many. */
static bool read_number(const char **at, const char *end, uint64_t *number)
{
	unsigned digits = 0;

	*number = 0;
	if (end - *at > 2 && (*at)[0] == '0' && ((*at)[1] | 0x20) == 'x')
		*at += 2;
	for (; *at < end; (*at)++, digits++) {
		char digit = **at | 0x20;

		if (digit >= '0' && digit <= '9')
			*number = *number << 4 | (uint64_t)(digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			*number = *number << 4 | (uint64_t)(digit - 'a' + 10);
		else
			break;
	}
	return digits && digits <= 16;
}

static int add_name(struct perf_map *map, const char *name, size_t bytes)
{
	for (size_t i = 0; i < bytes && name[i]; i++) {
		if (array_push(&map->names, name[i]))
			return -ENOMEM;
	}
	return array_push(&map->names, '\0');
}

/* One that can be nowhere is passed over. */
static int add_entry(struct perf_map *map, struct perf_map_entry *entry, const char *name,
		     size_t bytes)
{
	if (!entry->bytes || entry->bytes > UINT64_MAX - entry->start_addr)
		return 0;
	entry->name = map->names.count;
	if (add_name(map, name, bytes < NAME_BYTES ? bytes : NAME_BYTES))
		return -ENOMEM;
	return array_push(&map->entries, *entry);
}

/* A line that says something else is passed over. */
static int add_line(struct perf_map *map, const char *at, const char *end)
{
	struct perf_map_entry entry = {.line = map->lines++};

	if (!read_number(&at, end, &entry.start_addr) || at == end || *at++ != ' ' ||
	    !read_number(&at, end, &entry.bytes) || at == end || *at++ != ' ' || at == end)
		return 0;
	return add_entry(map, &entry, at, (size_t)(end - at));
}

/* How many bytes were whole lines; < 0: no memory. */
static ssize_t add_lines(struct perf_map *map, const char *text, size_t bytes)
{
	const char *at = text, *end = text + bytes, *line_end;

	while ((line_end = memchr(at, '\n', (size_t)(end - at)))) {
		if (add_line(map, at, line_end))
			return -ENOMEM;
		at = line_end + 1;
	}
	return at - text;
}

static int compare_entries(const void *left, const void *right)
{
	const struct perf_map_entry *a = left, *b = right;

	if (a->start_addr != b->start_addr)
		return a->start_addr < b->start_addr ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

/* A FIFO in its place must not hold anybody up, nor a link lead to another's secrets. */
static int open_map(const struct perf_map *map, struct stat *status)
{
	int fd = open(map->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);

	if (fd >= 0 && (fstat(fd, status) < 0 || !S_ISREG(status->st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* What there was memory for is there. */
static void read_chunks(struct perf_map *map, int fd)
{
	char text[CHUNK_BYTES];
	ssize_t got, whole;

	while (map->read_bytes < READ_MOST &&
	       (got = pread(fd, text, sizeof(text), map->read_bytes)) > 0) {
		whole = add_lines(map, text, (size_t)got);
		/* A line without an end is none; else the last one may be half written. */
		if (!whole && got == sizeof(text))
			whole = got;
		if (whole <= 0)
			break;
		map->read_bytes += whole;
	}
	if (map->entries.count)
		qsort(map->entries.items, map->entries.count, sizeof(*map->entries.items),
		      compare_entries);
}

/* What was read before goes, where it was another file. */
static void read_more(struct perf_map *map)
{
	uint64_t start_ns = clock_monotonic_ns();
	struct stat status;
	int fd;

	if (!map->path || start_ns < map->next_read_ns)
		return;
	fd = open_map(map, &status);
	if (fd >= 0) {
		if (status.st_dev != map->device || status.st_ino != map->inode ||
		    status.st_size < map->read_bytes)
			drop_entries(map);
		map->device = status.st_dev;
		map->inode = status.st_ino;
		if (status.st_size > map->read_bytes)
			read_chunks(map, fd);
		close(fd);
	}
	map->next_read_ns = clock_monotonic_ns();
	map->next_read_ns += READING_SHARE * (map->next_read_ns - start_ns);
}

/* ---- asking ---- */

/* How many begin there or before. */
static size_t count_up_to(const struct perf_map *map, uint64_t addr)
{
	size_t low = 0, high = map->entries.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->entries.items[middle].start_addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct perf_map_entry *find_entry(const struct perf_map *map, uint64_t addr)
{
	struct perf_map_entry *found = NULL;
	size_t before = count_up_to(map, addr);

	for (unsigned i = 0; before && i < OVERLAPS_MOST; i++) {
		struct perf_map_entry *entry = &map->entries.items[--before];

		if (addr - entry->start_addr < entry->bytes &&
		    (!found || entry->line > found->line))
			found = entry;
	}
	return found;
}

bool perf_map_find(struct perf_map *map, uint64_t addr, struct jitted_code *code, bool *is_first)
{
	struct perf_map_entry *entry = find_entry(map, addr);

	if (!entry) {
		read_more(map);
		entry = find_entry(map, addr);
	}
	if (!entry)
		return false;
	*code = (struct jitted_code){entry->start_addr, entry->bytes, entry->line,
				     map->names.items + entry->name};
	*is_first = !entry->is_found;
	entry->is_found = true;
	return true;
}

int perf_map_add(struct perf_map *map, const struct jitted_code *code)
{
	struct perf_map_entry entry = {
		.start_addr = code->start_addr, .bytes = code->bytes, .line = code->line};
	size_t at = count_up_to(map, code->start_addr), known = map->entries.count;
	int err;

	if (known >= ADDED_MOST)
		return 0;
	err = add_entry(map, &entry, code->name, strnlen(code->name, NAME_BYTES));
	if (err || map->entries.count == known)
		return err;
	entry = map->entries.items[known];
	memmove(&map->entries.items[at + 1], &map->entries.items[at], (known - at) * sizeof(entry));
	map->entries.items[at] = entry;
	return 0;
}
