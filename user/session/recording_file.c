// SPDX-License-Identifier: GPL-2.0-only
#include "session/recording_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

/*
 * It will hold what the target has in its stacks: for its owner alone, whatever umask says. A file
 * of somebody else's who lets this user write it stays as it is.
 */
static void make_private(int fd, const struct stat *status, const struct identity *owner,
			 const char *path)
{
	uid_t uid = owner->differs ? owner->uid : geteuid();

	if (S_ISREG(status->st_mode) && status->st_uid == uid && fchmod(fd, 0600))
		log_warning("others may be able to read '%s', which holds the target's stacks: %s",
			    path, strerror(errno));
}

int recording_file_open(const char *path, const struct identity *owner,
			const struct outputs *outputs, struct recording_writer **writer)
{
	int fd = output_file_open(path, owner);
	struct stat status;

	if (fd < 0)
		return fd;
	if (!fstat(fd, &status)) {
		if (outputs_go_to(outputs, &status)) {
			log_error("the recording and --json would go to the same file, '%s'; give "
				  "each its own",
				  path);
			close(fd);
			return -EINVAL;
		}
		make_private(fd, &status, owner, path);
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
