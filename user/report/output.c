// SPDX-License-Identifier: GPL-2.0-only
#include "report/output.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t bytes)
{
	while (bytes) {
		ssize_t written = write(fd, text, bytes);

		/* Ctrl-C may interrupt the writing of a report that is still wanted. */
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		bytes -= (size_t)written;
	}
	return 0;
}

/* glibc drops what a stream holds when a write of it fails, so files are written to directly. */
int output_send(FILE *out, const char *text, size_t bytes)
{
	int fd = fileno(out);

	errno = 0;
	if (fd >= 0 && !fflush(out))
		return write_all(fd, text, bytes);
	if (fd < 0 && fwrite(text, 1, bytes, out) == bytes && !fflush(out))
		return 0;
	return errno ? -errno : -EIO;
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
