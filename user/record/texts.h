/* SPDX-License-Identifier: GPL-2.0-only */
/* The strings that came out of a recording, once each: reports may refer to them until the end. */
#ifndef RECORD_TEXTS_H
#define RECORD_TEXTS_H

#include <stddef.h>

struct texts {
	void *tree; /* tsearch()'s: no choice of strings makes it slow */
	size_t bytes;
};

/*
 * The string of these bytes, which hold no NUL. NULL where memory is out, or where all of them
 * come to more than any recording needs.
 */
const char *texts_add(struct texts *texts, const char *bytes, size_t count);
void texts_release(struct texts *texts);

#endif
