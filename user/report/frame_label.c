// SPDX-License-Identifier: GPL-2.0-only
#include "report/frame_label.h"

#include <stdio.h>
#include <string.h>

const char *frame_label(char buf[FRAME_LABEL_BYTES], const struct frame *frame)
{
	if (frame->name)
		return frame->name;
	if (!frame->module)
		snprintf(buf, FRAME_LABEL_BYTES, "%#llx", (unsigned long long)frame->addr);
	else
		snprintf(buf, FRAME_LABEL_BYTES, "%.255s+%#llx", frame->module,
			 (unsigned long long)(frame->function_off ? frame->function_off
								  : frame->offset));
	return buf;
}

const char *frame_flush_pattern(char buf[FRAME_LABEL_BYTES], const struct frame *frame)
{
	/* Its own code is elsewhere, if there is any. */
	if (frame->is_inlined)
		return NULL;
	if (frame->name)
		return frame->name;
	if (!frame->module || !frame->function_off)
		return NULL;
	snprintf(buf, FRAME_LABEL_BYTES, "%.255s:+%#llx", frame->module,
		 (unsigned long long)frame->function_off);
	return buf;
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool frame_labels_alike(const struct frame *a, const struct frame *b)
{
	char label_a[FRAME_LABEL_BYTES], label_b[FRAME_LABEL_BYTES];

	if (!a || !b || !is_same_text(a->module, b->module))
		return false;
	/* Static functions of different source files share a name. */
	if (a->function_off && b->function_off && !a->is_inlined && !b->is_inlined)
		return a->function_off == b->function_off;
	return !strcmp(frame_label(label_a, a), frame_label(label_b, b));
}

uint64_t frame_calls_per_stall(const struct discovery *discovery, const struct frame *frame)
{
	for (size_t i = 0; i < discovery->function_count; i++) {
		if (frame_labels_alike(discovery->functions[i].frame, frame))
			return discovery->functions[i].calls_per_stall;
	}
	return 0;
}
