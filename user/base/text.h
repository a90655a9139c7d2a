/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers with units, to and from words, and text that is safe to show. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * "64K", "1MiB", "1.5G", "4096", "100B": bytes; K, KB and KiB are all 1024 (M, G, T alike).
 * 0, or -EINVAL for anything else (negative, trailing text, empty), -ERANGE past 64 bits.
 */
int text_parse_bytes(const char *text, uint64_t *bytes);

/* "250us", "1.5ms", "2s", "3m"; only 0 may be bare. 0, -EINVAL or -ERANGE as above. */
int text_parse_duration(const char *text, uint64_t *ns);

#define TEXT_SHORT 32

/* "95.4 MiB", "512 B", "1.00 GiB": three digits. Gives buf. */
const char *text_bytes(char buf[TEXT_SHORT], uint64_t bytes);

/* "26.1 ms", "3.40 s", "950 ns": three digits. Gives buf. */
const char *text_duration(char buf[TEXT_SHORT], uint64_t ns);

/* "1,000,000". Gives buf. */
const char *text_count(char buf[TEXT_SHORT], uint64_t count);

/* "3.66 GB/s" (decimal, as memory bandwidth is quoted); "-" where ns is 0. Gives buf. */
const char *text_rate(char buf[TEXT_SHORT], uint64_t bytes, uint64_t ns);

/*
 * Copies a name that came from the target into buf so that it can harm neither a terminal nor a
 * JSON reader: control characters become \xNN, bytes that are no valid UTF-8 become U+FFFD. Cut
 * with "..." where it does not fit. Gives buf.
 */
const char *text_safe(char *buf, size_t buf_bytes, const char *raw);

/*
 * Adds a name to a list, behind `before` or ", ". Names are whole: "..." stands for all that there
 * is no room for, and at the end of a first one that is too long by itself.
 */
void text_list_add(char *list, size_t list_bytes, const char *before, const char *name);

#endif
