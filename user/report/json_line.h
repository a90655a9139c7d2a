/* SPDX-License-Identifier: GPL-2.0-only */
/* One line of JSON Lines: fields in the order they are added, absent ones simply not added. */
#ifndef REPORT_JSON_LINE_H
#define REPORT_JSON_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_line {
	json_t *object;
	int error; /* the first one; a line with an error is never sent */
};

/* An object; type is its first field, or NULL for one inside another. */
struct json_line json_line_new(const char *type);

void json_line_count(struct json_line *line, const char *key, uint64_t value);
/* As json_line_count(), but absent where the value is 0 and that means "not known". */
void json_line_known(struct json_line *line, const char *key, uint64_t value);
void json_line_real(struct json_line *line, const char *key, double value);
void json_line_flag(struct json_line *line, const char *key, bool value);
/* Any bytes from the target; absent where raw is NULL. */
void json_line_text(struct json_line *line, const char *key, const char *raw);
/* Takes the array or object (NULL: memory ran out). */
void json_line_value(struct json_line *line, const char *key, json_t *value);
/* Takes inner. */
void json_line_object(struct json_line *line, const char *key, struct json_line *inner);

/* A string of any bytes: what is no UTF-8 becomes U+FFFD. NULL where memory is out. */
json_t *json_line_string(const char *raw);

/* Appends inner, which it takes, to the array; 0 or -ENOMEM. */
int json_line_append(json_t *array, struct json_line *inner);

/* Sends the line and frees it; 0 or negative errno. */
int json_line_send(struct json_line *line, FILE *out);

#endif
