/* SPDX-License-Identifier: GPL-2.0-only */
/* Text reaches the output whole, and an error of the output reaches the caller with its errno. */
#ifndef REPORT_OUTPUT_H
#define REPORT_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

/* Writes all of it, through any buffer of the stream's; 0 or negative errno. */
int output_send(FILE *out, const char *text, size_t bytes);

/* Text that is put together in memory first, with the functions of stdio, and sent at once. */
struct page {
	FILE *stream;
	char *text;
	size_t bytes;
	int error; /* the first one of those who write on it; page_send() gives it */
};

/* 0 or negative errno. */
int page_open(struct page *page);

/* Completes page->text, which is then the caller's to free; 0 or negative errno. */
int page_close(struct page *page);

/* Sends what stands on the page and frees it; 0 or negative errno. */
int page_send(struct page *page, FILE *out);

#endif
