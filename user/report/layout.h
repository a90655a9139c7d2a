/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text in a given width. Widths are in columns of a terminal: names from a target may be UTF-8,
 * whose characters take several bytes and one column or two.
 */
#ifndef REPORT_LAYOUT_H
#define REPORT_LAYOUT_H

#include <stddef.h>

#include "report/output.h"

/* Room for a name on its way into the report; longer ones are cut, and were too long to show. */
#define LAYOUT_NAME_BYTES 2048

/* Of a paragraph's further lines, where nothing says otherwise. */
#define LAYOUT_HANG 2

/* The columns that valid UTF-8 takes (text_safe() gives such). */
size_t layout_width(const char *text);

/*
 * A name from the target, made safe, and shortened in the middle with ".." to at most `columns`
 * (at least 3). The ends are kept: they tell long C++ names and paths apart. Gives buf.
 */
const char *layout_name(char buf[LAYOUT_NAME_BYTES], const char *raw, size_t columns);

/*
 * A paragraph filled to `columns`; all lines but the first are indented by `hang`. A number and
 * its unit stay on one line.
 */
void layout_paragraph(struct page *page, size_t hang, size_t columns, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Pieces one after the other, each of them whole on its line: where one does not fit, a new line
 * begins, indented by `hang`. Whoever begins the first line sets `used`, and ends the last one.
 */
struct layout_chain {
	struct page *page;
	size_t hang, columns;
	size_t used; /* of the line that is open */
};

/* `joint` ("<- ") stands before the piece on either line, behind a space on an open one. */
void layout_chain_add(struct layout_chain *chain, const char *joint, const char *piece);

/*
 * A row of a table: the figures, which are never cut, then a name from the target and a remark (""
 * for none). What does not fit beside the figures goes on lines of its own, a long name on a few.
 */
void layout_row(struct page *page, size_t columns, const char *figures, const char *raw_name,
		const char *remark);

#endif
