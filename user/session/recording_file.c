// SPDX-License-Identifier: GPL-2.0-only
#include "session/recording_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

int recording_file_open(const char *path, const struct identity *owner,
			const struct outputs *outputs, struct recording_writer **writer)
{
	int fd = output_file_open(path, owner);
	struct stat status;

	if (fd < 0)
		return fd;
	if (!fstat(fd, &status) && outputs_go_to(outputs, &status)) {
		log_error("the recording and --json would go to the same file, '%s'; give each "
			  "its own",
			  path);
		close(fd);
		return -EINVAL;
	}
	*writer = recording_writer_new(fd, path);
	return *writer ? 0 : -ENOMEM;
}

bool recording_file_close(const char *path, struct recording_writer *writer)
{
	char wall[TEXT_SHORT], samples[TEXT_SHORT], bytes[TEXT_SHORT];
	struct recording_size size;
	int err;

	if (!writer)
		return true;
	err = recording_writer_close(writer, &size);
	if (size.wall_ns)
		log_note("%s recorded in %s (%s sample%s, %s); see it with: memwatch report %s",
			 text_duration(wall, size.wall_ns), path, text_count(samples, size.samples),
			 size.samples == 1 ? "" : "s", text_bytes(bytes, size.bytes), path);
	return !err;
}
