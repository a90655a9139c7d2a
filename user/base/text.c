// SPDX-License-Identifier: GPL-2.0-only
#include "base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* A suffix and how many of the smallest unit it stands for; tables end with a NULL name. */
struct suffix {
	const char *name;
	uint64_t factor;
};

/* The next larger unit: how many of the smallest one it holds, and how it is shown. */
struct scale {
	double factor;
	const char *name;
};

/* Fraction digits that are kept: the largest factor, a TiB, is below 10^13. */
#define FRACTION_DIGITS 15

/* "12" or "12.5" as whole × scale + fraction, in units of 1/scale. */
struct decimal {
	uint64_t whole;
	uint64_t fraction;
	uint64_t scale;
	bool too_large;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads the number that text starts with; gives what follows it, NULL where there is none. */
static const char *decimal_read(const char *text, struct decimal *number)
{
	*number = (struct decimal){.scale = 1};
	if (!is_digit(*text))
		return NULL;
	for (; is_digit(*text); text++) {
		if (__builtin_mul_overflow(number->whole, 10u, &number->whole) ||
		    __builtin_add_overflow(number->whole, (unsigned)(*text - '0'), &number->whole))
			number->too_large = true;
	}
	if (*text != '.')
		return text;
	text++;
	if (!is_digit(*text))
		return NULL;
	for (unsigned i = 0; is_digit(*text); text++, i++) {
		if (i >= FRACTION_DIGITS)
			continue;
		number->fraction = number->fraction * 10 + (unsigned)(*text - '0');
		number->scale *= 10;
	}
	return text;
}

static int parse_scaled(const char *text, const struct suffix *suffixes, uint64_t *value)
{
	struct decimal number;
	unsigned __int128 result;
	const char *rest = decimal_read(text, &number);

	if (!rest)
		return -EINVAL;
	while (suffixes->name && strcmp(suffixes->name, rest) != 0)
		suffixes++;
	if (!suffixes->name)
		return -EINVAL;
	/* Half a byte or half a nanosecond is a mistake, not a quantity. */
	if (suffixes->factor == 1 && number.scale > 1)
		return -EINVAL;
	result = (unsigned __int128)number.fraction * suffixes->factor / number.scale;
	result += (unsigned __int128)number.whole * suffixes->factor;
	if (number.too_large || result > UINT64_MAX)
		return -ERANGE;
	*value = (uint64_t)result;
	return 0;
}

int text_parse_bytes(const char *text, uint64_t *bytes)
{
	static const struct suffix suffixes[] = {
		{"", 1},
		{"B", 1},
		{"K", 1ull << 10},
		{"KB", 1ull << 10},
		{"KiB", 1ull << 10},
		{"M", 1ull << 20},
		{"MB", 1ull << 20},
		{"MiB", 1ull << 20},
		{"G", 1ull << 30},
		{"GB", 1ull << 30},
		{"GiB", 1ull << 30},
		{"T", 1ull << 40},
		{"TB", 1ull << 40},
		{"TiB", 1ull << 40},
		{NULL, 0},
	};

	return parse_scaled(text, suffixes, bytes);
}

int text_parse_duration(const char *text, uint64_t *ns)
{
	static const struct suffix suffixes[] = {
		{"ns", 1},      {"us", NS_PER_US},    {"ms", NS_PER_MS}, {"s", NS_PER_S},
		{"", NS_PER_S}, {"m", 60 * NS_PER_S}, {NULL, 0},
	};
	uint64_t value;
	int err = parse_scaled(text, suffixes, &value);

	/* 5 of what? Only 0 is as long in every unit. */
	if (!err && value && is_digit(text[strlen(text) - 1]))
		err = -EINVAL;
	if (!err)
		*ns = value;
	return err;
}

/* Decimals that leave three digits. The limits are those of rounding: 9.996 shows as "10.0". */
static int decimals_of(double value)
{
	if (value < 9.995)
		return 2;
	return value < 99.95 ? 1 : 0;
}

/*
 * Shows value in the largest unit of which it holds at least one, as shown: 1,048,575 bytes would
 * read "1024 KiB", so they are "1.00 MiB". The smallest unit has no decimals. scales ends with a
 * NULL name.
 */
static const char *show_scaled(char buf[TEXT_SHORT], double value, const struct scale *scales)
{
	const struct scale *best = scales;

	for (const struct scale *next = scales + 1; next->name; next++) {
		if (value / best->factor + 0.5 < next->factor / best->factor)
			break;
		best = next;
	}
	value /= best->factor;
	snprintf(buf, TEXT_SHORT, "%.*f %s", best == scales ? 0 : decimals_of(value), value,
		 best->name);
	return buf;
}

const char *text_bytes(char buf[TEXT_SHORT], uint64_t bytes)
{
	static const struct scale scales[] = {
		{1, "B"},        {0x1p10, "KiB"}, {0x1p20, "MiB"}, {0x1p30, "GiB"},
		{0x1p40, "TiB"}, {0x1p50, "PiB"}, {0x1p60, "EiB"}, {0, NULL},
	};

	return show_scaled(buf, (double)bytes, scales);
}

const char *text_duration(char buf[TEXT_SHORT], uint64_t ns)
{
	static const struct scale scales[] = {
		{1, "ns"}, {1e3, "us"}, {1e6, "ms"}, {1e9, "s"}, {0, NULL},
	};

	return show_scaled(buf, (double)ns, scales);
}

const char *text_rate(char buf[TEXT_SHORT], uint64_t bytes, uint64_t ns)
{
	static const struct scale scales[] = {
		{1, "B/s"},     {1e3, "kB/s"},  {1e6, "MB/s"},  {1e9, "GB/s"},
		{1e12, "TB/s"}, {1e15, "PB/s"}, {1e18, "EB/s"}, {0, NULL},
	};

	if (!ns)
		return strcpy(buf, "-");
	return show_scaled(buf, (double)bytes * 1e9 / (double)ns, scales);
}

const char *text_count(char buf[TEXT_SHORT], uint64_t count)
{
	char digits[TEXT_SHORT];
	size_t left = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	char *end = buf;

	for (const char *digit = digits; left; digit++) {
		*end++ = *digit;
		if (--left && left % 3 == 0)
			*end++ = ',';
	}
	*end = '\0';
	return buf;
}

/*
 * The length of the UTF-8 sequence that bytes start with, with its code point; 0 where it is none
 * by RFC 3629: overlong, a surrogate, past U+10FFFF, or cut short (by the final NUL at the latest).
 */
static size_t utf8_sequence(const unsigned char *bytes, uint32_t *code)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t extra = 0; extra < 4; extra++) {
		if ((bytes[0] & forms[extra].mask) != forms[extra].lead)
			continue;
		*code = bytes[0] & (unsigned char)~forms[extra].mask;
		for (size_t i = 1; i <= extra; i++) {
			if ((bytes[i] & 0xc0) != 0x80)
				return 0;
			*code = *code << 6 | (bytes[i] & 0x3f);
		}
		if (*code < forms[extra].least || *code > 0x10ffff ||
		    (*code >= 0xd800 && *code <= 0xdfff))
			return 0;
		return extra + 1;
	}
	return 0;
}

/* C0, DEL, and C1 (U+009B starts an escape sequence in a terminal as ESC [ does). */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/* Writes what stands for the next character of *raw to shown and moves past it; its length. */
static size_t safe_character(char shown[8], const char **raw)
{
	uint32_t code = 0;
	size_t length = utf8_sequence((const unsigned char *)*raw, &code);
	size_t shown_bytes = length;

	if (!length) {
		length = 1;
		shown_bytes = (size_t)snprintf(shown, 8, "\xef\xbf\xbd");
	} else if (is_control(code)) {
		shown_bytes = (size_t)snprintf(shown, 8, "\\x%02x", (unsigned)code & 0xff);
	} else {
		memcpy(shown, *raw, length);
	}
	*raw += length;
	return shown_bytes;
}

const char *text_safe(char *buf, size_t buf_bytes, const char *raw)
{
	static const char dots[] = "...";
	const size_t dot_bytes = sizeof(dots) - 1;
	size_t used = 0, cut = 0, room;
	char shown[8];

	if (!buf_bytes)
		return buf;
	room = buf_bytes - 1;
	while (*raw) {
		size_t length = safe_character(shown, &raw);

		if (length > room - used) {
			size_t kept_dots = room - cut < dot_bytes ? room - cut : dot_bytes;

			memcpy(buf + cut, dots, kept_dots);
			used = cut + kept_dots;
			break;
		}
		memcpy(buf + used, shown, length);
		used += length;
		/* The last place between two characters where the dots still fit. */
		if (room - used >= dot_bytes)
			cut = used;
	}
	buf[used] = '\0';
	return buf;
}

/* ---- lists ---- */

void text_list_add(char *list, size_t list_bytes, const char *before, const char *name)
{
	static const char more[] = ", ...";
	size_t used = strlen(list), more_bytes = strlen(more);
	bool is_first = !used || !strstr(list, before);
	const char *between = is_first ? before : ", ";
	size_t wanted = strlen(between) + strlen(name);

	/* Room for the word that there are more is kept until it is said. */
	if (used >= more_bytes && !strcmp(list + used - more_bytes, more))
		return;
	if (used + wanted + more_bytes < list_bytes)
		snprintf(list + used, list_bytes - used, "%s%s", between, name);
	else if (!is_first)
		snprintf(list + used, list_bytes - used, "%s", more);
	else if (used + more_bytes + strlen("...") < list_bytes)
		snprintf(
			list + used, list_bytes - used, "%s%.*s...", between,
			(int)(list_bytes - used - strlen(between) - more_bytes - strlen("...") - 1),
			name);
}
