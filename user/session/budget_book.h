/* SPDX-License-Identifier: GPL-2.0-only */
/* What each consumer of the budget has spent, from one look to the next. */
#ifndef SESSION_BUDGET_BOOK_H
#define SESSION_BUDGET_BOOK_H

#include "session/budget.h"

/* Sums may stand still or, read from what has just ended, be too small for once. */
static inline uint64_t growth(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* Takes the sums over, lets who ended go and new ones come. Gives what all spent since. */
uint64_t budget_book(struct budget *budget, const struct budget_figures *figures);

#endif
