// SPDX-License-Identifier: GPL-2.0-only
#include "choose/debug_files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "choose/debuginfod.h"
#include "elf/debug_file.h"
#include "target/root.h"

/* Of the file that fd is of, which is closed. shown: the two parts of its name, for messages. */
static int try_open_file(struct elf_image *image, int fd, const char *path,
			 const char *const shown[2])
{
	struct elf_image *debug = NULL;
	int err = elf_image_open(fd, &debug);

	close(fd);
	if (!err)
		err = elf_image_take_debug(image, debug);
	if (!err) {
		log_detail("%s: its symbols are read from %s%s", path, shown[0], shown[1]);
		return 0;
	}
	log_detail("%s: %s%s is not used: %s", path, shown[0], shown[1], elf_debug_refusal(err));
	elf_image_free(debug);
	return err;
}

/* 0: taken; another status: not this one. */
static int try_file(struct elf_image *image, const struct target_root *root, const char *path,
		    const char *file)
{
	int fd = target_root_open_file(root, file);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return fd;
	if (fd == -EINVAL)
		log_detail("%s: %s is not used: it is no regular file", path, file);
	else if (fd < 0)
		log_detail("%s: %s can't be opened: %s", path, file, strerror(-fd));
	if (fd < 0)
		return fd;
	return try_open_file(image, fd, path, (const char *const[]){root->path, file});
}

/* pid: whose view; 0 is memwatch's own. */
static int try_view(struct elf_image *image, pid_t pid, const char *path)
{
	elf_debug_paths files = {0};
	struct target_root root;
	int err = target_root_open(pid, &root), found = -ENOENT;
	char **file;

	if (err)
		return found;
	err = elf_debug_paths_add(image, target_root_strip(&root, path), &files);
	array_each (file, &files) {
		if (err)
			break;
		found = try_file(image, &root, path, *file);
		if (!found || found == -ENOMEM)
			break;
	}
	elf_debug_paths_release(&files);
	target_root_close(&root);
	return err ? err : found;
}

static int try_debuginfod(struct elf_image *image, const char *path, bool asks)
{
	size_t bytes;
	const uint8_t *build_id = elf_image_build_id(image, &bytes);
	int fd = build_id ? debuginfod_cached(build_id, bytes) : -ENOENT;

	if (fd < 0 && asks && build_id)
		fd = debuginfod_fetch(build_id, bytes, path);
	return fd < 0 ? fd
		      : try_open_file(image, fd, path,
				      (const char *const[]){"debuginfod", "'s file"});
}

static int try_mini(struct elf_image *image, const char *path)
{
	int err = elf_image_take_mini_debug(image);

	if (!err)
		log_detail("%s: its symbols are read from its mini-debuginfo", path);
	else if (err != -ENOENT)
		log_detail("%s: its mini-debuginfo is not used: %s", path, elf_debug_refusal(err));
	return err;
}

static int find(struct elf_image *image, pid_t pid, const char *path, bool asks)
{
	static const char deleted[] = " (deleted)";
	size_t bytes = strlen(path), tail = sizeof(deleted) - 1;
	char *file = strdup(path);
	int err;

	if (!file)
		return -ENOMEM;
	/* The debug file beside it may be there still. */
	if (bytes > tail && !strcmp(path + bytes - tail, deleted))
		file[bytes - tail] = '\0';
	err = elf_lacks_symbols(image) ? -ENOENT : 0;
	if (err && pid && !target_root_is_own(pid))
		err = try_view(image, pid, file);
	if (err && err != -ENOMEM)
		err = try_view(image, 0, file);
	if (err && err != -ENOMEM)
		err = try_debuginfod(image, path, asks);
	if (err && err != -ENOMEM)
		err = try_mini(image, path);
	free(file);
	return err == -ENOMEM ? err : 0;
}

int debug_files_find(struct elf_image *image, pid_t pid, const char *path)
{
	return find(image, pid, path, false);
}

int debug_files_fetch(struct elf_image *image, const char *path)
{
	return find(image, 0, path, true);
}
