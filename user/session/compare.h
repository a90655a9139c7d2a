/* SPDX-License-Identifier: GPL-2.0-only */
/* Two recordings side by side. */
#ifndef SESSION_COMPARE_H
#define SESSION_COMPARE_H

#include "session/outputs.h"

struct compare_settings {
	const char *slow, *fast; /* paths of recordings */
	bool sets_min_time;      /* as in struct replay_settings */
	uint64_t min_time_ns;
	struct output_settings outputs;
};

/* Gives the exit status. */
int compare_recordings(const struct compare_settings *settings, const struct identity *owner);

#endif
