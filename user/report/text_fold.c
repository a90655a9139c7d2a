// SPDX-License-Identifier: GPL-2.0-only
/* The text report on what comes more often than a person can read: one line for all of it. */
#include "report/text_report.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "report/frame_label.h"
#include "report/layout.h"

#define FOLDED_HANG 11 /* past the time that such a line begins with */

static bool has_room(struct folded_lines *folded, uint64_t at_ns)
{
	if (at_ns >= folded->second_ns + NS_PER_S) {
		folded->second_ns = at_ns;
		folded->lines = 0;
	}
	if (folded->lines >= TEXT_LINES_MOST)
		return false;
	folded->lines++;
	return true;
}

static void add(struct folded_lines *folded, uint64_t start_ns, uint64_t amount)
{
	if (!folded->count++) {
		folded->least = folded->most = amount;
		folded->first_ns = folded->last_ns = start_ns;
	}
	folded->sum += amount;
	if (amount < folded->least)
		folded->least = amount;
	if (amount > folded->most)
		folded->most = amount;
	/* Of two threads', the one that began later may come first. */
	if (start_ns > folded->last_ns)
		folded->last_ns = start_ns;
	if (start_ns < folded->first_ns)
		folded->first_ns = start_ns;
}

bool text_fold_copy(struct text_report *text, const struct large_copy *copy)
{
	if (text->settings.verbose || has_room(&text->folded_copies, copy->start_ns))
		return false;
	add(&text->folded_copies, copy->start_ns, copy->bytes);
	return true;
}

bool text_fold_flush(struct text_report *text, const struct flush *flush)
{
	struct folded_lines *folded = &text->folded_flushes;

	if (text->settings.verbose || !flush->copies_known || flush->copied_bytes ||
	    !(flush->partly_counted || flush->gate_raised))
		return false;
	/* They come in the order in which they ended. */
	if (has_room(folded, flush->start_ns + flush->duration_ns))
		return false;
	if (!folded->count)
		text->folded_function = flush->function;
	else if (text->folded_function && strcmp(text->folded_function, flush->function))
		text->folded_function = NULL;
	add(folded, flush->start_ns, flush->duration_ns);
	return true;
}

bool text_fold_stall(struct text_report *text, const struct stall *stall)
{
	struct folded_lines *folded = &text->folded_stalls;

	if (text->settings.verbose || has_room(folded, stall->start_ns + stall->duration_ns))
		return false;
	if (!folded->count) {
		text->folded_alike = stall->culprit != NULL;
		if (stall->culprit)
			/* Its strings live on, unlike itself. */
			text->folded_culprit = *stall->culprit;
	} else if (!frame_labels_alike(stall->culprit, &text->folded_culprit)) {
		text->folded_alike = false;
	}
	add(folded, stall->start_ns, stall->duration_ns);
	return true;
}

/* "1.00 MiB to 4.00 MiB", or one of them where both read alike. Gives buf. */
static const char *range(char buf[3 * TEXT_SHORT], const char *least, const char *most)
{
	bool differ = strcmp(least, most);

	snprintf(buf, 3 * TEXT_SHORT, "%s%s%s", least, differ ? " to " : "", differ ? most : "");
	return buf;
}

static void print_copies(struct text_report *text, struct page *page)
{
	struct folded_lines *folded = &text->folded_copies;
	char at[TEXT_SHORT], count[TEXT_SHORT], least[TEXT_SHORT], most[TEXT_SHORT];
	char bytes[TEXT_SHORT], took[TEXT_SHORT], sizes[3 * TEXT_SHORT];

	layout_paragraph(
		page, FOLDED_HANG, text->settings.columns,
		"%9s  %s more copies outside any flush within %s: %s, %s together "
		"(-v shows each)",
		text_since_start(at, text, folded->first_ns), text_count(count, folded->count),
		text_duration(took, folded->last_ns - folded->first_ns),
		range(sizes, text_bytes(least, folded->least), text_bytes(most, folded->most)),
		text_bytes(bytes, folded->sum));
}

static void print_flushes(struct text_report *text, struct page *page)
{
	struct folded_lines *folded = &text->folded_flushes;
	char at[TEXT_SHORT], count[TEXT_SHORT], least[TEXT_SHORT], most[TEXT_SHORT];
	char within[TEXT_SHORT], times[3 * TEXT_SHORT], name[LAYOUT_NAME_BYTES];
	size_t room = text->settings.columns - FOLDED_HANG;

	layout_paragraph(
		page, FOLDED_HANG, text->settings.columns,
		"%9s  %s more calls of %s within %s, their copies not counted: each took %s "
		"(-v shows them)",
		text_since_start(at, text, folded->first_ns), text_count(count, folded->count),
		layout_name(name,
			    text->folded_function ? text->folded_function : "watched functions",
			    room < NAME_COLUMNS ? room : NAME_COLUMNS),
		text_duration(within, folded->last_ns - folded->first_ns),
		range(times, text_duration(least, folded->least),
		      text_duration(most, folded->most)));
}

static void print_stalls(struct text_report *text, struct page *page)
{
	struct folded_lines *folded = &text->folded_stalls;
	char at[TEXT_SHORT], count[TEXT_SHORT], least[TEXT_SHORT], most[TEXT_SHORT];
	char within[TEXT_SHORT], times[3 * TEXT_SHORT], name[LAYOUT_NAME_BYTES];
	size_t room = text->settings.columns - FOLDED_HANG;

	layout_paragraph(page, FOLDED_HANG, text->settings.columns,
			 "%9s  %s more stall%s%s%s within %s: each took about %s (-v shows them)",
			 text_since_start(at, text, folded->first_ns),
			 text_count(count, folded->count), folded->count == 1 ? "" : "s",
			 text->folded_alike ? " in " : "",
			 text->folded_alike ? text_frame(name, &text->folded_culprit, room) : "",
			 text_duration(within, folded->last_ns - folded->first_ns),
			 range(times, text_duration(least, folded->least),
			       text_duration(most, folded->most)));
}

static void begin_anew(struct text_report *text, struct folded_lines *folded)
{
	folded->count = folded->sum = 0;
	text->thread_named = false;
}

void text_print_folded(struct text_report *text, struct page *page)
{
	if (text->folded_copies.count) {
		print_copies(text, page);
		begin_anew(text, &text->folded_copies);
	}
	if (text->folded_flushes.count) {
		print_flushes(text, page);
		begin_anew(text, &text->folded_flushes);
	}
	if (text->folded_stalls.count) {
		print_stalls(text, page);
		begin_anew(text, &text->folded_stalls);
	}
}
