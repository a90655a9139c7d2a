// SPDX-License-Identifier: GPL-2.0-only
#include "record/texts.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MOST (256u << 20)
/* What a string takes besides itself, about. */
#define NODE_BYTES 64

static int compare_texts(const void *left, const void *right)
{
	return strcmp(left, right);
}

const char *texts_add(struct texts *texts, const char *bytes, size_t count)
{
	char *text, *const *known;

	if (count >= BYTES_MOST - texts->bytes)
		return NULL;
	text = strndup(bytes, count);
	known = text ? tsearch(text, &texts->tree, compare_texts) : NULL;
	if (!known || *known != text)
		free(text);
	else
		texts->bytes += count + NODE_BYTES;
	return known ? *known : NULL;
}

void texts_release(struct texts *texts)
{
	tdestroy(texts->tree, free);
	*texts = (struct texts){0};
}
