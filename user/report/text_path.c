// SPDX-License-Identifier: GPL-2.0-only
/* The text report on call paths: below a line of the list, the innermost function first. */
#include "report/text_report.h"

#include <string.h>

#include "report/frame_label.h"

#define PATH_INDENT 11 /* where the names of rows go that don't fit beside their figures */
#define SHOWN_MOST  8  /* functions of a path, but for -v */
#define TOLD_MOST   6  /* functions that tell a path from another, but for -v */
#define PLACE_BYTES (LAYOUT_NAME_BYTES + 64)

/* ---- one function ---- */

static const char *frame_mark(const struct frame *frame)
{
	if (frame->is_inlined)
		return " (inlined)";
	return frame->is_signal ? " (signal)" : "";
}

const char *text_frame(char buf[LAYOUT_NAME_BYTES], const struct frame *frame, size_t columns)
{
	char label[FRAME_LABEL_BYTES];
	const char *mark = frame_mark(frame);
	size_t room = columns < NAME_COLUMNS ? columns : NAME_COLUMNS;

	/* A cut name keeps 400 bytes at most, so the mark has room. */
	layout_name(buf, frame_label(label, frame), room - strlen(mark));
	return strcat(buf, mark);
}

/* ---- which paths were shown ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
	/* FNV-1a, the end included. */
	do {
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	} while (*text++);
	return hash;
}

/*
 * From the culprit outward, so that a stall and a call of its culprit, once that is watched, count
 * as one. Further out, they differ by how deep an interpreter's recursion is.
 */
static uint64_t path_hash(const struct frame *frames, size_t count, const struct frame *culprit)
{
	char label[FRAME_LABEL_BYTES];
	uint64_t hash = 0xcbf29ce484222325ull;
	size_t first = 0;

	while (culprit && first < count && !frame_labels_alike(&frames[first], culprit))
		first++;
	if (first == count)
		first = 0;
	for (size_t i = first; i < count && i < first + TOLD_MOST; i++)
		hash = hash_text(hash, frame_label(label, &frames[i]));
	return hash;
}

/* True for the first of its kind. Where too many kinds came, nobody reads one more. */
static bool is_new(struct text_report *text, uint64_t hash)
{
	for (size_t i = 0; i < text->path_count; i++) {
		if (text->paths[i] == hash)
			return false;
	}
	if (text->path_count == TEXT_PATHS_MOST)
		return false;
	text->paths[text->path_count++] = hash;
	return true;
}

/* ---- a path ---- */

/* What is known of the callers of its last frame. */
static const char *end_words(enum stack_end end)
{
	static const char *const words[] = {
		[STACK_WHOLE] = NULL,
		[STACK_CUT] = "? (the stack was cut here)",
		[STACK_LOST] = "? (caller unknown)",
		[STACK_TOO_DEEP] = "? (too deep)",
	};

	return words[end];
}

static void print_chain(const struct text_report *text, struct page *page,
			const struct frame *frames, size_t count, size_t shown, enum stack_end end)
{
	struct layout_chain chain = {
		.page = page,
		.hang = PATH_INDENT,
		.columns = text->settings.columns,
		.used = PATH_INDENT,
	};
	char name[LAYOUT_NAME_BYTES], left[TEXT_SHORT], more[2 * TEXT_SHORT];
	size_t room = chain.columns - PATH_INDENT - strlen("<- ");

	fprintf(page->stream, "%*s", PATH_INDENT, "");
	for (size_t i = 0; i < shown; i++)
		layout_chain_add(&chain, i ? "<- " : "", text_frame(name, &frames[i], room));
	if (shown < count) {
		snprintf(more, sizeof(more), "%s more (-v)", text_count(left, count - shown));
		layout_chain_add(&chain, "<- ", more);
	}
	if (end_words(end))
		layout_chain_add(&chain, "<- ", end_words(end));
	fputc('\n', page->stream);
}

/* "Objects/accu.c:33", or "in libc.so.6" where nothing tells more. Gives buf. */
static const char *frame_place(char buf[PLACE_BYTES], const struct frame *frame, size_t columns)
{
	char name[LAYOUT_NAME_BYTES], line[TEXT_SHORT] = "";

	if (frame->line)
		snprintf(line, sizeof(line), ":%u", frame->line);
	if (frame->file)
		snprintf(buf, PLACE_BYTES, "%s%s",
			 layout_name(name, frame->file, columns - strlen(line)), line);
	else if (frame->name && frame->module)
		snprintf(buf, PLACE_BYTES, "in %s",
			 layout_name(name, frame->module, columns - strlen("in ")));
	else
		snprintf(buf, PLACE_BYTES, "%s", frame->module ? "" : "in no file");
	return buf;
}

/* "flush_accumulator, inlined, Objects/accu.c:33", on two lines where one has no room for it. */
static void print_frame(const struct text_report *text, struct page *page,
			const struct frame *frame)
{
	struct layout_chain chain = {
		.page = page,
		.hang = PATH_INDENT + LAYOUT_HANG,
		.columns = text->settings.columns,
		.used = PATH_INDENT,
	};
	const char *mark = frame->is_inlined ? "inlined, " : frame->is_signal ? "signal, " : "";
	char label[FRAME_LABEL_BYTES], name[LAYOUT_NAME_BYTES], place[PLACE_BYTES];
	char remark[PLACE_BYTES + TEXT_SHORT];
	size_t room = chain.columns - chain.hang;

	frame_place(place, frame, room - strlen(mark));
	snprintf(remark, sizeof(remark), "%s%s", mark, place);
	/* Nothing is known of its place. */
	if (!*place && *mark)
		remark[strlen(mark) - strlen(", ")] = '\0';
	layout_name(name, frame_label(label, frame), room - 1);
	fprintf(page->stream, "%*s", PATH_INDENT, "");
	layout_chain_add(&chain, "", *remark ? strcat(name, ",") : name);
	if (*remark)
		layout_chain_add(&chain, "", remark);
	fputc('\n', page->stream);
}

/* A line for each frame, with its place in the source. */
static void print_frames(const struct text_report *text, struct page *page,
			 const struct frame *frames, size_t count, enum stack_end end)
{
	for (size_t i = 0; i < count; i++)
		print_frame(text, page, &frames[i]);
	if (end_words(end))
		fprintf(page->stream, "%*s%s\n", PATH_INDENT, "", end_words(end));
}

static bool has_source(const struct frame *frames, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (frames[i].file)
			return true;
	}
	return false;
}

void text_path(struct text_report *text, struct page *page, const struct frame *frames,
	       size_t count, enum stack_end end, const struct frame *culprit)
{
	bool verbose = text->settings.verbose;
	/* One more is no longer than to say so. */
	size_t shown = verbose || count <= SHOWN_MOST + 1 ? count : SHOWN_MOST;

	if (!count)
		return;
	if (verbose && has_source(frames, count))
		print_frames(text, page, frames, count, end);
	else if (verbose || is_new(text, path_hash(frames, count, culprit)))
		print_chain(text, page, frames, count, shown, end);
}
