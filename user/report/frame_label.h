/* SPDX-License-Identifier: GPL-2.0-only */
/* What a frame's function is called where it has no name, too. */
#ifndef REPORT_FRAME_LABEL_H
#define REPORT_FRAME_LABEL_H

#include "analyse/result.h"

#define FRAME_LABEL_BYTES 320 /* a file name has 255 at most */

/*
 * Its name, or else "python3.11+0x199c20", where it begins, or where it executes if that is not
 * known; in no file, that address. Not made safe to show. Gives the name or buf.
 */
const char *frame_label(char buf[FRAME_LABEL_BYTES], const struct frame *frame);

/*
 * What --flush takes for it: the name, or "python3.11:+0x199c20"; NULL: nothing does. Gives the
 * name or buf.
 */
const char *frame_flush_pattern(char buf[FRAME_LABEL_BYTES], const struct frame *frame);

/* Whether both are of one function, whatever instruction of it they are at; NULL is of none. */
bool frame_labels_alike(const struct frame *a, const struct frame *b);

/* How often it was called from one stall to the next; 0: it is NULL, or was not counted. */
uint64_t frame_calls_per_stall(const struct discovery *discovery, const struct frame *frame);

#endif
