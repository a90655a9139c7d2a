/* SPDX-License-Identifier: GPL-2.0-only */
/* When two frames are of one function; and numbers for functions, of which there is a limit. */
#ifndef ANALYSE_FUNCTION_H
#define ANALYSE_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#include "stack/frame.h"

/* Whether two frames are of the same function, whatever instruction of it they are at. */
bool frame_same_function(const struct frame *a, const struct frame *b);
bool call_path_has(const struct call_path *path, const struct frame *function);

#define NO_FUNCTION UINT32_MAX

struct numbered_function {
	struct frame frame; /* the first of it that came */
	uint32_t parent;    /* below which it is numbered; NO_FUNCTION: below none */
	uint32_t next;      /* whose hash is the same; NO_FUNCTION: none */
};

/*
 * Functions, each below a parent or none, numbered from 0 as they come: a parent has a lower number
 * than what is below it. There is room for all of them from the start, so a frame stays where it is
 * until the end; pages that are not needed are never touched.
 */
struct functions {
	struct numbered_function *items;
	uint32_t *buckets;
	uint32_t count, most;
};

/* 0 or -ENOMEM. */
int functions_init(struct functions *functions, uint32_t most);
void functions_release(struct functions *functions);

/* The number of a frame's function; NO_FUNCTION: it is new, and there is no room for another. */
uint32_t functions_number(struct functions *functions, uint32_t parent, const struct frame *frame);

#endif
