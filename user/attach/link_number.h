/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The links' numbers, as their points' cookies carry them. A number is live from when all probes
 * of its link are in place until the link is retired: only then does what they see count.
 */
#ifndef ATTACH_LINK_NUMBER_H
#define ATTACH_LINK_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

struct link_numbers {
	uint64_t *live;  /* MW_LINK_NUMBERS bits, which the kernel's side reads */
	uint32_t latest; /* the last that was given; 0: none */
};

/*
 * A number for a new link: the next that no live link has. Not the first, since one that was just
 * given back may still hit. 0: there is none.
 */
uint32_t link_numbers_next(struct link_numbers *numbers);

void link_number_set_live(uint64_t *live, uint32_t number, bool is_live);
bool link_number_is_live(const uint64_t *live, uint32_t number);

#endif
