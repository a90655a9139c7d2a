// SPDX-License-Identifier: GPL-2.0-only
#include "target/maps.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 7f2c5a628000-7f2c5a77d000 r-xp 00026000 fe:01 393240   /usr/lib/x86_64-linux-gnu/libc.so.6 */
static int parse_line(char *line, struct target_mapping *mapping)
{
	unsigned major, minor;
	char permissions[5];
	int path_at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
		   &mapping->start_addr, &mapping->end_addr, permissions, &mapping->file_off,
		   &major, &minor, &mapping->inode, &path_at) < 7)
		return -EINVAL;
	mapping->device = (uint64_t)major << 32 | minor;
	mapping->writable = permissions[1] == 'w';
	mapping->executable = permissions[2] == 'x';
	line[strcspn(line, "\n")] = '\0';
	mapping->path = strdup(path_at ? line + path_at : "");
	return mapping->path ? 0 : -ENOMEM;
}

int target_maps_read(pid_t pid, struct target_maps *maps)
{
	char path[64], *line = NULL;
	size_t line_bytes = 0;
	FILE *file;
	int err = 0;

	memset(maps, 0, sizeof(*maps));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && getline(&line, &line_bytes, file) > 0) {
		struct target_mapping mapping = {0};

		if (parse_line(line, &mapping))
			continue;
		err = array_push(&maps->mappings, mapping);
		if (err)
			free(mapping.path);
	}
	/* A process that is gone, or a zombie, has no lines left. */
	if (!err && !maps->mappings.count)
		err = -ESRCH;
	free(line);
	fclose(file);
	if (err)
		target_maps_release(maps);
	return err;
}

void target_maps_release(struct target_maps *maps)
{
	struct target_mapping *mapping;

	array_each (mapping, &maps->mappings)
		free(mapping->path);
	array_release(&maps->mappings);
}

const struct target_mapping *target_maps_at(const struct target_maps *maps, uint64_t addr)
{
	const struct target_mapping *mapping;

	array_each (mapping, &maps->mappings) {
		if (addr >= mapping->start_addr && addr < mapping->end_addr)
			return mapping;
	}
	return NULL;
}

bool target_maps_addr(const struct target_maps *maps, uint64_t device, uint64_t inode,
		      uint64_t file_off, uint64_t *addr)
{
	const struct target_mapping *mapping;

	array_each (mapping, &maps->mappings) {
		uint64_t bytes = mapping->end_addr - mapping->start_addr;

		if (mapping->inode != inode || mapping->device != device ||
		    file_off < mapping->file_off || file_off - mapping->file_off >= bytes)
			continue;
		*addr = mapping->start_addr + (file_off - mapping->file_off);
		return true;
	}
	return false;
}

uint64_t target_maps_fileless_code_bytes(const struct target_maps *maps)
{
	const struct target_mapping *mapping;
	uint64_t sum = 0;

	array_each (mapping, &maps->mappings) {
		/* The kernel's own pages have names in brackets: [vdso], [vsyscall], [uprobes]. */
		bool kernels = *mapping->path == '[' && strcmp(mapping->path, "[heap]") != 0 &&
			       strcmp(mapping->path, "[stack]") != 0 &&
			       strncmp(mapping->path, "[anon", strlen("[anon")) != 0;

		if (mapping->executable && !mapping->inode && !kernels)
			sum += mapping->end_addr - mapping->start_addr;
	}
	return sum;
}

static void map_file_path(pid_t pid, const struct target_mapping *mapping, char *path, size_t bytes)
{
	snprintf(path, bytes, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, mapping->start_addr,
		 mapping->end_addr);
}

int target_mapping_file(pid_t pid, const struct target_mapping *mapping, struct target_file *file)
{
	struct stat status;
	char path[96];

	map_file_path(pid, mapping, path, sizeof(path));
	if (stat(path, &status))
		return -errno;
	*file = (struct target_file){
		.device = status.st_dev,
		.inode = status.st_ino,
		.bytes = status.st_size,
		.changed_ns = status.st_mtim.tv_sec * 1000000000ll + status.st_mtim.tv_nsec,
	};
	return 0;
}

bool target_file_same(const struct target_file *a, const struct target_file *b)
{
	return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
	       a->changed_ns == b->changed_ns;
}

bool target_file_deleted(int fd)
{
	struct stat status;

	return !fstat(fd, &status) && !status.st_nlink;
}

int target_mapping_open(pid_t pid, const struct target_mapping *mapping)
{
	struct stat status;
	char path[96];
	int handle, fd;

	map_file_path(pid, mapping, path, sizeof(path));
	handle = open(path, O_PATH | O_CLOEXEC);
	if (handle < 0)
		return -errno;
	if (fstat(handle, &status)) {
		fd = -errno;
	} else if (!S_ISREG(status.st_mode)) {
		fd = -EMEDIUMTYPE;
	} else {
		/* The very file that was looked at, whatever is mapped there by now. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	close(handle);
	return fd;
}
