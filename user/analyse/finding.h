/* SPDX-License-Identifier: GPL-2.0-only */
/* Which function stalls, how, and at which writes: the one sentence of the report. */
#ifndef ANALYSE_FINDING_H
#define ANALYSE_FINDING_H

#include "analyse/summary.h"

/* Fills an all-zero finding; 0 or -ENOMEM. */
int finding_reach(const struct summary_input *input, const struct tally *tally,
		  struct finding *finding);

#endif
