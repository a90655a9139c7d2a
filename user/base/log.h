/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What memwatch says of itself, always on stderr, one line each, prefixed "memwatch: ".
 * errno is kept as it was, so that a caller may log before it returns -errno.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_ERROR,   /* what failed, on what, what to do */
	LOG_WARNING, /* the report will lack something */
	LOG_NOTE,    /* worth knowing; -q hides it */
	LOG_DETAIL,  /* -v shows it */
};

/* Lines above this level are dropped; LOG_NOTE at first. */
void log_set_level(enum log_level level);
bool log_shows(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_note(...)    log_line(LOG_NOTE, __VA_ARGS__)
#define log_detail(...)  log_line(LOG_DETAIL, __VA_ARGS__)

#endif
