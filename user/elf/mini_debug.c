// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mini-debuginfo: Fedora's files carry the names that .dynsym lacks in .gnu_debugdata, an ELF file
 * of its own, packed with xz.
 */
#include <errno.h>
#include <lzma.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf/debug_file.h"
#include "elf/image_internal.h"

/* What xz -9 needs to unpack is 65 MiB; Fedora packs with -6, which needs 9. */
#define MEMORY_MOST (80u << 20)

/* Names of 500,000 functions are some 40 MiB. A file made for it unpacks to 7,000 times its size.
 */
#define UNPACKED_MOST (64u << 20)

#define CHUNK_BYTES 65536

static int status_of(lzma_ret result)
{
	switch (result) {
	case LZMA_OK:
	case LZMA_STREAM_END:
		return 0;
	case LZMA_MEM_ERROR:
		return -ENOMEM;
	case LZMA_MEMLIMIT_ERROR:
		return -EFBIG;
	default:
		return -EBADMSG;
	}
}

static int write_all(int fd, const uint8_t *bytes, size_t count)
{
	while (count) {
		ssize_t written = write(fd, bytes, count);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			bytes += written;
			count -= (size_t)written;
		}
	}
	return 0;
}

static int unpack(const Elf_Data *packed, int fd)
{
	static const lzma_stream nothing = LZMA_STREAM_INIT;
	lzma_stream stream = nothing;
	uint8_t chunk[CHUNK_BYTES];
	lzma_ret result = lzma_stream_decoder(&stream, MEMORY_MOST, 0);
	int status = status_of(result);

	stream.next_in = packed->d_buf;
	stream.avail_in = packed->d_size;
	while (!status && result != LZMA_STREAM_END) {
		stream.next_out = chunk;
		stream.avail_out = sizeof(chunk);
		result = lzma_code(&stream, LZMA_FINISH);
		status = status_of(result);
		if (!status && stream.total_out > UNPACKED_MOST)
			status = -EFBIG;
		if (!status)
			status = write_all(fd, chunk, sizeof(chunk) - stream.avail_out);
	}
	lzma_end(&stream);
	return status;
}

/* In a file without a name, so that it is read as any other. */
static int open_unpacked(const Elf_Data *packed, struct elf_image **debug)
{
	int fd = memfd_create("mini-debuginfo", MFD_CLOEXEC), status;

	if (fd < 0)
		return -errno;
	status = unpack(packed, fd);
	if (!status)
		status = elf_image_open(fd, debug);
	close(fd);
	return status;
}

int elf_image_take_mini_debug(struct elf_image *image)
{
	GElf_Shdr header;
	const Elf_Data *packed = elf_named_section(image, ".gnu_debugdata", &header);
	struct elf_image *debug = NULL;
	int status;

	if (!packed)
		return -ENOENT;
	status = open_unpacked(packed, &debug);
	if (!status)
		status = elf_join_debug(image, debug);
	if (status)
		elf_image_free(debug);
	return status;
}
