// SPDX-License-Identifier: GPL-2.0-only
#include "choose/debuginfod.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* Linkers make 16 or 20 bytes. */
#define ID_BYTES_MOST 64

static void write_hex(char text[2 * ID_BYTES_MOST + 1], const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	text[2 * count] = '\0';
}

/* ---- what is here ---- */

static bool is_folder(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISDIR(status.st_mode);
}

/* As elfutils' client keeps them (0.188, debuginfod-client.c): the oldest place, if it is there. */
static int cache_path(char path[PATH_MAX])
{
	const char *own = getenv("DEBUGINFOD_CACHE_PATH"), *home = getenv("HOME");
	const char *shared = getenv("XDG_CACHE_HOME");

	if (own && *own)
		return snprintf(path, PATH_MAX, "%s", own);
	if (home && snprintf(path, PATH_MAX, "%s/.debuginfod_client_cache", home) < PATH_MAX &&
	    is_folder(path))
		return (int)strlen(path);
	if (shared && *shared)
		return snprintf(path, PATH_MAX, "%s/debuginfod_client", shared);
	return home ? snprintf(path, PATH_MAX, "%s/.cache/debuginfod_client", home) : -ENOENT;
}

/* That a server had nothing is kept, too: as an empty file. */
static int open_kept(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &status) && S_ISREG(status.st_mode) && status.st_size)
		return fd;
	close(fd);
	return -ENOENT;
}

int debuginfod_cached(const uint8_t *build_id, size_t bytes)
{
	char path[PATH_MAX], id[2 * ID_BYTES_MOST + 1];
	int length = cache_path(path);

	if (!bytes || bytes > ID_BYTES_MOST || length < 0 || length >= PATH_MAX)
		return -ENOENT;
	write_hex(id, build_id, bytes);
	if (snprintf(path + length, PATH_MAX - (size_t)length, "/%s/debuginfo", id) >=
	    PATH_MAX - length)
		return -ENOENT;
	return open_kept(path);
}

/* ---- what others have ---- */

/* It brings libcurl and TLS, which take longer to load than a whole attach: only if it is used. */
struct client_library {
	void *handle;
	typeof(debuginfod_begin) *begin;
	typeof(debuginfod_end) *end;
	typeof(debuginfod_find_debuginfo) *find_debuginfo;
};

/* 0 or -ENOSYS. */
static int load(struct client_library *library)
{
	library->handle = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		return -ENOSYS;
	library->begin = dlsym(library->handle, "debuginfod_begin");
	library->end = dlsym(library->handle, "debuginfod_end");
	library->find_debuginfo = dlsym(library->handle, "debuginfod_find_debuginfo");
	if (library->begin && library->end && library->find_debuginfo)
		return 0;
	dlclose(library->handle);
	return -ENOSYS;
}

static int find(const struct client_library *library, const uint8_t *build_id, size_t bytes)
{
	debuginfod_client *client = library->begin();
	int fd;

	if (!client)
		return -ENOMEM;
	fd = library->find_debuginfo(client, build_id, (int)bytes, NULL);
	library->end(client);
	return fd;
}

static void explain(const char *path, int err)
{
	if (err == -ENOSYS)
		log_warning("DEBUGINFOD_URLS is set, but libdebuginfod.so.1 can't be loaded: "
			    "install libdebuginfod1 for the names in %s",
			    path);
	else
		log_warning("debuginfod has no debug file for %s: %s", path, strerror(-err));
}

int debuginfod_fetch(const uint8_t *build_id, size_t bytes, const char *path)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct client_library library;
	int fd;

	if (!urls || !*urls || !bytes || bytes > ID_BYTES_MOST)
		return -ENOENT;
	fd = load(&library);
	if (!fd) {
		log_note("asking debuginfod for the names in %s", path);
		fd = find(&library, build_id, bytes);
	}
	if (fd < 0 && fd != -ENOENT)
		explain(path, fd);
	return fd;
}
