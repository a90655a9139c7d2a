/* SPDX-License-Identifier: GPL-2.0-only */
/* Which place a person may have meant by a number that is none. */
#ifndef CHOOSE_WRONG_PLACE_H
#define CHOOSE_WRONG_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "choose/modules.h"

/*
 * Writes ": did you mean LIB:+0xOFF?" into hint, or nothing. text: how the user wrote the number,
 * without a "+".
 */
void wrong_place_hint(const struct module *module, const char *text, uint64_t number, char *hint,
		      size_t hint_bytes);

#endif
