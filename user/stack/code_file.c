// SPDX-License-Identifier: GPL-2.0-only
#include "stack/code_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "elf/debug_file.h"

static struct file_identity identity_of(const struct stat *status)
{
	return (struct file_identity){
		.device = status->st_dev,
		.inode = status->st_ino,
		.bytes = (uint64_t)status->st_size,
		.changed_ns = status->st_mtim.tv_sec * (int64_t)NS_PER_S + status->st_mtim.tv_nsec,
	};
}

static bool is_same(const struct file_identity *a, const struct file_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
	       a->changed_ns == b->changed_ns;
}

bool file_identify(const char *path, struct file_identity *identity)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return false;
	*identity = identity_of(&status);
	return true;
}

struct code_file *code_file_new(uint64_t id, const struct file_identity *identity,
				const struct stack_mapping *mapping)
{
	struct code_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->id = id;
	file->identity = *identity;
	file->path = strdup(mapping->path);
	file->open_path = strdup(mapping->open_path ? mapping->open_path : mapping->path);
	file->build_id_bytes = mapping->build_id_bytes;
	if (file->build_id_bytes > sizeof(file->build_id))
		file->build_id_bytes = sizeof(file->build_id);
	memcpy(file->build_id, mapping->build_id, file->build_id_bytes);
	if (mapping->image) {
		file->image = elf_image_share(mapping->image);
		file->is_opened = true;
	}
	if (file->path && file->open_path)
		return file;
	code_file_free(file);
	return NULL;
}

void code_file_free(struct code_file *file)
{
	if (!file)
		return;
	source_free(file->source);
	elf_image_free(file->image);
	free(file->open_path);
	free(file->path);
	free(file);
}

bool code_file_is(const struct code_file *file, const struct file_identity *identity,
		  const struct stack_mapping *mapping)
{
	return is_same(&file->identity, identity) &&
	       file->build_id_bytes == mapping->build_id_bytes &&
	       !memcmp(file->build_id, mapping->build_id, file->build_id_bytes);
}

/* All zeroes say nothing. */
static bool is_build(const struct code_file *file)
{
	static const uint8_t unknown[sizeof(file->build_id)];
	const uint8_t *id;
	size_t bytes;

	if (!memcmp(file->build_id, unknown, file->build_id_bytes))
		return true;
	id = elf_image_build_id(file->image, &bytes);
	return id && bytes == file->build_id_bytes && !memcmp(id, file->build_id, bytes);
}

/* By the time of the first path, a descriptor of this number may be another file's. */
static int open_again(const struct code_file *file)
{
	int fd = open(file->open_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct file_identity identity;
	struct stat status;

	if (fd < 0)
		return fd;
	if (fstat(fd, &status) == 0) {
		identity = identity_of(&status);
		if (is_same(&identity, &file->identity))
			return fd;
	}
	close(fd);
	return -1;
}

static void open_image(struct code_file *file, pid_t pid, stack_debug_finder find_debug)
{
	int fd = open_again(file);

	if (fd >= 0) {
		elf_image_open(fd, &file->image);
		close(fd);
	}
	if (file->image && !is_build(file)) {
		log_detail("%s: not used for stacks: another build is mapped", file->path);
		elf_image_free(file->image);
		file->image = NULL;
	}
	/* Without its names it is of use still. */
	if (file->image && find_debug)
		find_debug(file->image, pid, file->path);
	else if (file->image && elf_lacks_symbols(file->image))
		elf_image_take_mini_debug(file->image);
}

const struct elf_image *code_file_image(struct code_file *file, pid_t pid,
					stack_debug_finder find_debug)
{
	if (!file->is_opened)
		open_image(file, pid, find_debug);
	file->is_opened = true;
	return file->image;
}

/*
 * libc is on every path and its lines tell nobody anything; to unpack what Debian's libc6-dbg has
 * of them takes 0.2 s.
 */
static bool is_libc(const struct code_file *file)
{
	static const char *const names[] = {"/libc.so", "/libc-2.", "/ld-linux", "/ld-musl"};
	const char *slash = strrchr(file->path, '/');

	for (size_t i = 0; slash && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strncmp(slash, names[i], strlen(names[i])))
			return true;
	}
	return false;
}

struct source *code_file_source(struct code_file *file)
{
	if (!file->source && file->image && !is_libc(file))
		file->source = source_new(file->image);
	return file->source;
}
