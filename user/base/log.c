// SPDX-License-Identifier: GPL-2.0-only
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

static enum log_level log_threshold = LOG_NOTE;

void log_set_level(enum log_level level)
{
	log_threshold = level;
}

bool log_shows(enum log_level level)
{
	return level <= log_threshold;
}

void log_line(enum log_level level, const char *format, ...)
{
	static const char *const prefix[] = {
		[LOG_ERROR] = "memwatch: ",
		[LOG_WARNING] = "memwatch: warning: ",
		[LOG_NOTE] = "memwatch: ",
		[LOG_DETAIL] = "memwatch: ",
	};
	int kept_errno = errno;
	char text[2048], safe[3072];
	va_list args;

	if (!log_shows(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* Names in it come from the target, and the terminal is root's. */
	text_safe(safe, sizeof(safe), text);
	/* One write a line, so that lines of the target and ours do not cut each other. */
	fprintf(stderr, "%s%s\n", prefix[level], safe);
	errno = kept_errno;
}
