// SPDX-License-Identifier: GPL-2.0-only
#include "report/output.h"

#include <errno.h>
#include <stdlib.h>

/* Ctrl-C may interrupt the write of a report that is still wanted: only then is it worth a retry.
 */
static int failed_write(FILE *out)
{
	if (errno != EINTR)
		return errno ? -errno : -EIO;
	clearerr(out);
	return 0;
}

int output_send(FILE *out, const char *text, size_t bytes)
{
	size_t sent = 0;
	int error = 0;

	while (sent < bytes && !error) {
		errno = 0;
		sent += fwrite(text + sent, 1, bytes - sent, out);
		if (sent < bytes)
			error = failed_write(out);
	}
	while (!error) {
		errno = 0;
		if (!fflush(out))
			break;
		error = failed_write(out);
	}
	return error;
}

int page_open(struct page *page)
{
	*page = (struct page){0};
	page->stream = open_memstream(&page->text, &page->bytes);
	return page->stream ? 0 : -errno;
}

int page_close(struct page *page)
{
	int error = ferror(page->stream) ? -ENOMEM : page->error;

	if (fclose(page->stream) && !error)
		error = -ENOMEM;
	return error;
}

int page_send(struct page *page, FILE *out)
{
	int error = page_close(page);

	if (!error)
		error = output_send(out, page->text, page->bytes);
	free(page->text);
	return error;
}
