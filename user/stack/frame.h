/* SPDX-License-Identifier: GPL-2.0-only */
/* A call path: one frame for each function that was being executed, the innermost first. */
#ifndef STACK_FRAME_H
#define STACK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"

/* Strings belong to the `struct stacks` that gave the frame, equal ones at the same address. */
struct frame {
	uint64_t addr;      /* where it executes; of callers, where it goes on after the call */
	const char *name;   /* as people write it; NULL: unknown, the place must do */
	const char *symbol; /* as the file has it; NULL: the same, or unknown */
	const char *module; /* file name without folders; NULL: code that no file backs */
	uint64_t offset;    /* of addr in that file */
	/* Where its function begins in the file, be its name known or not; 0: not known. Of an
	 * inlined frame, that of the function into which it was inlined. */
	uint64_t function_off;
	const char *file;     /* source; NULL: unknown */
	unsigned line;        /* 0: unknown */
	const char *language; /* "C", "C++", "Rust", "Go", ...; NULL: unknown */
	/* Of what its caller keeps in registers meanwhile: where two samples differ in it, they are
	 * of two calls of the function. 0: not known. */
	uint64_t caller_state;
	bool is_inlined; /* it has no code of its own here: the next frame's function has it */
	bool is_signal;  /* the kernel called it, to deliver a signal, at the next frame */
};

enum stack_end {
	STACK_WHOLE,    /* it ends where the thread began */
	STACK_CUT,      /* more of the stack would have been needed than was taken */
	STACK_LOST,     /* nothing tells where a frame's caller is */
	STACK_TOO_DEEP, /* FRAMES_MOST came together */
};

#define FRAMES_MOST 256

struct call_path {
	ARRAY(struct frame) frames;
	enum stack_end end;
};

#endif
