/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells a recording as it was told when it happened. */
#ifndef SESSION_REPLAY_H
#define SESSION_REPLAY_H

#include "record/reader.h"
#include "session/outputs.h"

struct replay;

struct replay_settings {
	const char *path;
	bool sets_min_time;
	uint64_t min_time_ns; /* then; shorter calls and stalls are not told of */
};

/*
 * Opens it and looks at nothing but its beginning, so that outputs that hold something already are
 * emptied for a recording alone. What it is not was said: 0 or negative errno.
 */
int replay_open(const struct replay_settings *settings, struct replay **replay);

/*
 * Tells the outputs all that is whole in it, and says in one line each what is not. 0; -ENODATA
 * where nothing is, which was said; or -ENOMEM.
 */
int replay_tell(struct replay *replay, struct outputs *outputs);
/* What was told lives until now. */
void replay_close(struct replay *replay);

/* As outputs_open(), but -EINVAL, which is said, where one would overwrite a recording. */
int replay_open_outputs(struct outputs *outputs, const struct output_settings *settings,
			const struct identity *owner, const char *const *recordings, size_t count);

struct report_settings {
	struct replay_settings replay;
	struct output_settings outputs;
};
/* Gives the exit status. */
int replay_report(const struct report_settings *settings, const struct identity *owner);

#endif
