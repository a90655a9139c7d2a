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

/* A line that says something else is passed over. */
static int add_line(struct perf_map *map, const char *at, const char *end)
{
	struct perf_map_entry entry = {.name = map->names.count, .line = map->lines++};
	size_t bytes;

	if (!read_number(&at, end, &entry.start_addr) || at == end || *at++ != ' ' ||
	    !read_number(&at, end, &entry.bytes) || at == end || *at++ != ' ' || at == end)
		return 0;
	if (!entry.bytes || entry.bytes > UINT64_MAX - entry.start_addr)
		return 0;
	bytes = (size_t)(end - at);
	if (add_name(map, at, bytes < NAME_BYTES ? bytes : NAME_BYTES))
		return -ENOMEM;
	return array_push(&map->entries, entry);
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

static const struct perf_map_entry *find_entry(const struct perf_map *map, uint64_t addr)
{
	const struct perf_map_entry *items = map->entries.items, *found = NULL;
	size_t low = 0, high = map->entries.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (items[middle].start_addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned i = 0; low && i < OVERLAPS_MOST; i++) {
		const struct perf_map_entry *entry = &items[--low];

		if (addr - entry->start_addr < entry->bytes &&
		    (!found || entry->line > found->line))
			found = entry;
	}
	return found;
}

const char *perf_map_name(struct perf_map *map, uint64_t addr, uint64_t *start_addr)
{
	const struct perf_map_entry *entry = find_entry(map, addr);

	if (!entry) {
		read_more(map);
		entry = find_entry(map, addr);
	}
	if (!entry)
		return NULL;
	*start_addr = entry->start_addr;
	return map->names.items + entry->name;
}
