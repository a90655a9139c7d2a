// SPDX-License-Identifier: GPL-2.0-only
/*
 * mapped FILE...: maps each file as if it were code, says so, and flushes once it is told to by a
 * line on stdin. Says how many copies, and of how many bytes, that made.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPIES 1000
#define BYTES  3000

static char from[BYTES], to[BYTES];
/* Calls that the compiler can't replace by copies of its own. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;

__attribute__((noinline)) void flush_all(void)
{
	for (int i = 0; i < COPIES; i++)
		copy(to, from, BYTES);
}

static void map_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) ||
	    mmap(NULL, status.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
}

int main(int count, char **arguments)
{
	char line[16];

	for (int i = 1; i < count; i++)
		map_file(arguments[i]);
	puts("mapped");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	flush_all();
	printf("%d %d\n", COPIES, COPIES * BYTES);
	return 0;
}
