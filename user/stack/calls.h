/* SPDX-License-Identifier: GPL-2.0-only */
/* What the code around a place shows: that a call returns there, and whom it called. */
#ifndef STACK_CALLS_H
#define STACK_CALLS_H

#include "stack/known.h"

/* The code from the place's address on; NULL: there is none that can be looked at. */
const uint8_t *place_code(const struct place *place, size_t *bytes);

/* What a signal's handler returns to, in any libc: the kernel looks for nothing else. */
bool place_is_sigreturn(const struct place *place);

/* Where goroutines end: they return there, though nothing called them from there. */
bool place_is_goexit(const struct place *place);

/* Whether a call, or a signal's handler, may return there. Code of no file can't be looked at. */
bool place_is_return(const struct place *place);

/*
 * Whether the call that returns to the place leads to the function that begins at start_vaddr in
 * the other file: straight, or through a slot that the loader fills with its address.
 */
bool place_called(const struct place *place, const struct elf_image *callee, uint64_t start_vaddr);

#endif
