// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/output.h"

/* text_safe() makes at most this many bytes of one: \xNN, and U+FFFD is three. */
#define SAFE_GROWTH 4

/* The length of the control character that text starts with: C0, DEL, C1 (U+0080 to U+009F). */
static size_t control_bytes(const char *text)
{
	unsigned char first = (unsigned char)text[0], second;

	if ((first && first < 0x20) || first == 0x7f)
		return 1;
	if (first != 0xc2)
		return 0;
	second = (unsigned char)text[1];
	return second >= 0x80 && second <= 0x9f ? 2 : 0;
}

/*
 * text_safe() repairs the UTF-8 but would also spell control characters out, and then "\x1b" and
 * ESC were the same to a reader. JSON has escapes for them, so they are kept from it.
 */
json_t *json_line_string(const char *raw)
{
	size_t bytes = strlen(raw), run_bytes, kept;
	char *run = malloc(bytes + 1), *repaired = malloc(bytes * SAFE_GROWTH + 1), *end = repaired;
	json_t *string = NULL;

	while (run && repaired && *raw) {
		for (run_bytes = 0; raw[run_bytes] && !control_bytes(raw + run_bytes);)
			run_bytes++;
		memcpy(run, raw, run_bytes);
		run[run_bytes] = '\0';
		text_safe(end, run_bytes * SAFE_GROWTH + 1, run);
		end += strlen(end);
		kept = control_bytes(raw + run_bytes);
		memcpy(end, raw + run_bytes, kept);
		end += kept;
		raw += run_bytes + kept;
	}
	if (run && repaired)
		string = json_stringn(repaired, (size_t)(end - repaired));
	free(run);
	free(repaired);
	return string;
}

struct json_line json_line_new(const char *type)
{
	struct json_line line = {.object = json_object()};

	if (!line.object)
		line.error = -ENOMEM;
	if (type)
		json_line_text(&line, "type", type);
	return line;
}

void json_line_value(struct json_line *line, const char *key, json_t *value)
{
	/* Takes the value even where it fails, and fails where there is no value or no object. */
	if (json_object_set_new(line->object, key, value))
		line->error = -ENOMEM;
}

void json_line_count(struct json_line *line, const char *key, uint64_t value)
{
	/* jansson's integers have a sign. */
	json_line_value(line, key, json_integer(value > INT64_MAX ? INT64_MAX : (int64_t)value));
}

void json_line_known(struct json_line *line, const char *key, uint64_t value)
{
	if (value)
		json_line_count(line, key, value);
}

void json_line_real(struct json_line *line, const char *key, double value)
{
	json_line_value(line, key, json_real(value));
}

void json_line_flag(struct json_line *line, const char *key, bool value)
{
	json_line_value(line, key, json_boolean(value));
}

void json_line_text(struct json_line *line, const char *key, const char *raw)
{
	if (raw)
		json_line_value(line, key, json_line_string(raw));
}

void json_line_object(struct json_line *line, const char *key, struct json_line *inner)
{
	if (inner->error)
		line->error = inner->error;
	json_line_value(line, key, inner->object);
	inner->object = NULL;
}

int json_line_append(json_t *array, struct json_line *inner)
{
	int error = inner->error;

	if (json_array_append_new(array, inner->object))
		error = -ENOMEM;
	inner->object = NULL;
	return error;
}

int json_line_send(struct json_line *line, FILE *out)
{
	struct page page;
	int error = line->error;

	if (!error)
		error = page_open(&page);
	if (!error) {
		/* ASCII, so that a name cannot harm the terminal that a line is shown on. */
		if (json_dumpf(line->object, page.stream,
			       JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(6)))
			page.error = -ENOMEM;
		fputc('\n', page.stream);
		error = page_send(&page, out);
	}
	json_decref(line->object);
	line->object = NULL;
	return error;
}
