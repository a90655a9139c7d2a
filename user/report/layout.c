// SPDX-License-Identifier: GPL-2.0-only
#include "report/layout.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define ROW_INDENT 11 /* of a row's further lines: past the first figure */
#define LEAST_ROOM 16 /* narrower than that, a place beside the figures is no use */
#define NAME_LINES 3  /* that a name may take: C++ overloads can differ in their middle alone */

/* The length of the character that valid UTF-8 starts with; *columns is its width. */
static size_t character(const char *text, size_t *columns)
{
	/* What terminals show in two columns: East Asian scripts and full width forms, emoji. */
	static const struct {
		uint32_t first, last;
	} wide[] = {
		{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
		{0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
		{0xffe0, 0xffe6}, {0x1f000, 0x1faff}, {0x20000, 0x3fffd},
	};
	unsigned char lead = (unsigned char)*text;
	size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	uint32_t code = length == 1 ? lead : lead & (0x7fu >> length);

	*columns = 1;
	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		if (code >= wide[i].first && code <= wide[i].last)
			*columns = 2;
	}
	return length;
}

/* How many bytes of text fit in `most` columns, whole characters only. */
static size_t fitting_bytes(const char *text, size_t most)
{
	size_t bytes = 0, used = 0, columns;

	while (text[bytes]) {
		size_t length = character(text + bytes, &columns);

		if (used + columns > most)
			break;
		used += columns;
		bytes += length;
	}
	return bytes;
}

size_t layout_width(const char *text)
{
	size_t width = 0, columns;

	while (*text) {
		text += character(text, &columns);
		width += columns;
	}
	return width;
}

const char *layout_name(char buf[LAYOUT_NAME_BYTES], const char *raw, size_t columns)
{
	size_t width, head, tail, skipped;

	text_safe(buf, LAYOUT_NAME_BYTES, raw);
	width = layout_width(buf);
	if (width <= columns)
		return buf;
	head = fitting_bytes(buf, (columns - 2 + 1) / 2);
	tail = fitting_bytes(buf, width - (columns - 2) / 2);
	/* A wide character across the edge counts to the part that is left out. */
	while (layout_width(buf + tail) > (columns - 2) / 2)
		tail += character(buf + tail, &skipped);
	memcpy(buf + head, "..", 2);
	memmove(buf + head + 2, buf + tail, strlen(buf + tail) + 1);
	return buf;
}

/* Whether a line may end at this space: not between a number and its unit. */
static bool is_break(const char *text, size_t at)
{
	return text[at] == ' ' && at && !(text[at - 1] >= '0' && text[at - 1] <= '9');
}

/* How much of text fits in `room`, up to a space if there is one. */
static size_t line_bytes(const char *text, size_t room)
{
	size_t fits = fitting_bytes(text, room), end = fits, ignored;

	if (!text[fits])
		return fits;
	while (end && !is_break(text, end))
		end--;
	if (!end)
		end = fits ? fits : character(text, &ignored);
	return end;
}

/* Prints a line of text, without its end; gives what is left. */
static const char *print_part(struct page *page, const char *text, size_t room)
{
	size_t end = line_bytes(text, room);

	fprintf(page->stream, "%.*s", (int)end, text);
	text += end;
	while (*text == ' ')
		text++;
	return text;
}

static const char *print_line(struct page *page, const char *text, size_t room)
{
	text = print_part(page, text, room);
	fputc('\n', page->stream);
	return text;
}

void layout_paragraph(struct page *page, size_t hang, size_t columns, const char *format, ...)
{
	const char *rest;
	char *text = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		page->error = -ENOMEM;
		return;
	}
	rest = print_line(page, text, columns);
	while (*rest) {
		fprintf(page->stream, "%*s", (int)hang, "");
		rest = print_line(page, rest, columns > hang ? columns - hang : 1);
	}
	free(text);
}

void layout_chain_add(struct layout_chain *chain, const char *joint, const char *piece)
{
	size_t width = layout_width(joint) + layout_width(piece);
	bool begins = chain->used <= chain->hang;

	if (!begins && chain->used + 1 + width > chain->columns) {
		fprintf(chain->page->stream, "\n%*s", (int)chain->hang, "");
		chain->used = chain->hang;
		begins = true;
	}
	fprintf(chain->page->stream, "%s%s%s", begins ? "" : " ", joint, piece);
	chain->used += width + !begins;
}

/* A new line of a row: under the name if it has the room there, else further left. */
static void start_below(struct page *page, size_t columns, size_t name_column, size_t width)
{
	size_t indent = name_column + width <= columns ? name_column : ROW_INDENT;

	fprintf(page->stream, "\n%*s", (int)indent, "");
}

/* A name or remark on lines of its own, the last of which is open. Gives the width of that. */
static size_t put_below(struct page *page, size_t columns, size_t name_column, const char *name,
			size_t room)
{
	size_t whole = layout_width(name), width;

	do {
		width = layout_width(name);
		start_below(page, columns, name_column, whole);
		name = print_part(page, name, room);
	} while (*name);
	return width;
}

void layout_row(struct page *page, size_t columns, const char *figures, const char *raw_name,
		const char *remark)
{
	size_t name_column = layout_width(figures) + 2, width;
	size_t below = columns > ROW_INDENT + LEAST_ROOM ? columns - ROW_INDENT : LEAST_ROOM;
	size_t remark_width = layout_width(remark), used = name_column;
	char name[LAYOUT_NAME_BYTES];

	layout_name(name, raw_name, NAME_LINES * below);
	width = layout_width(name);
	fputs(figures, page->stream);
	if (name_column + width <= columns) {
		fprintf(page->stream, "  %s", name);
	} else {
		width = put_below(page, columns, name_column, name, below);
		used = ROW_INDENT;
	}
	if (remark_width && used + width + 2 + remark_width <= columns) {
		fprintf(page->stream, ", %s", remark);
	} else if (remark_width) {
		put_below(page, columns, name_column, remark, below);
	}
	fputc('\n', page->stream);
}
