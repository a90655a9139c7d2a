// SPDX-License-Identifier: GPL-2.0-only
/* make_recordings FOLDER: writes seeds for fuzz_recording.c, made by the writer itself. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/fuzz/recording_case.h"
#include "tests/unit/record/recording_sample.h"

#define BYTES_MOST 65536

static int write_seed(const char *folder, const char *name, unsigned how, const uint8_t *bytes,
		      size_t count)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file) {
		perror(path);
		return 1;
	}
	fputc((int)how, file);
	fwrite(bytes, 1, count, file);
	return fclose(file) != 0;
}

int main(int argc, char *argv[])
{
	static uint8_t bytes[BYTES_MOST];
	ssize_t count;
	int fd;

	if (argc != 2 || (mkdir(argv[1], 0755) && errno != EEXIST))
		return 2;
	fd = write_sample();
	count = fd < 0 ? -1 : pread(fd, bytes, sizeof(bytes), 0);
	if (count <= 0)
		return 1;
	return write_seed(argv[1], "whole", RECORDING_KEEP_HEAD, bytes, (size_t)count) ||
	       write_seed(argv[1], "restamped", RECORDING_RESTAMP, bytes, (size_t)count) ||
	       write_seed(argv[1], "cut", 0, bytes, (size_t)count / 2) ||
	       write_seed(argv[1], "cut-restamped", RECORDING_RESTAMP, bytes, (size_t)count / 2);
}
