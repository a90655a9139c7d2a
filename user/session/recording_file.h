/* SPDX-License-Identifier: GPL-2.0-only */
/* The file of `memwatch record`: opened before anything is touched, spoken of at the end. */
#ifndef SESSION_RECORDING_FILE_H
#define SESSION_RECORDING_FILE_H

#include "record/writer.h"
#include "session/outputs.h"

/*
 * Created as `owner`, and none of the outputs' files. What can't be was said: 0 or negative errno.
 * path is borrowed.
 */
int recording_file_open(const char *path, const struct identity *owner,
			const struct outputs *outputs, struct recording_writer **writer);

/* Says what was recorded. True where all of it was written, or there is no writer. */
bool recording_file_close(const char *path, struct recording_writer *writer);

#endif
