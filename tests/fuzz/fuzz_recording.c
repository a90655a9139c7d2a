// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a recording. What is read of it is written down, and must then be read whole and
 * alike. A case's first byte says how much of it the checksums are to refuse, which no fuzzer
 * guesses: RESTAMP: nothing, they are put right first; KEEP_HEAD: the file's head may be anything.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "record/format.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/recording_case.h"
#include "tests/unit/record/retell.h"

static void restamp(uint8_t *bytes, size_t count)
{
	size_t off = sizeof(struct recording_head);
	struct chunk_head head;

	while (off + sizeof(head) <= count) {
		size_t left = count - off - sizeof(head);

		memcpy(&head, bytes + off, sizeof(head));
		head.sync = CHUNK_SYNC;
		/* The last one takes what there is. */
		if (head.bytes > left)
			head.bytes = (uint32_t)left;
		head.crc = (uint32_t)crc32(0, (const void *)&head.type, sizeof(head.type));
		head.crc = (uint32_t)crc32(head.crc, bytes + off + sizeof(head), head.bytes);
		head.head_crc = (uint32_t)crc32(0, (const void *)&head,
						offsetof(struct chunk_head, head_crc));
		memcpy(bytes + off, &head, sizeof(head));
		off += sizeof(head) + head.bytes;
	}
}

static void put_head(uint8_t *bytes)
{
	struct recording_head head = {
		.magic = RECORDING_MAGIC,
		.version = RECORDING_VERSION,
		.head_bytes = sizeof(head),
		.byte_order = RECORDING_BYTE_ORDER,
		.sample_bytes = sizeof(struct mw_sample),
		.sample_schema = RECORDING_SAMPLE_SCHEMA,
	};

	head.crc = (uint32_t)crc32(0, (const void *)&head, offsetof(struct recording_head, crc));
	memcpy(bytes, &head, sizeof(head));
}

static int make_file(const uint8_t *bytes, size_t count, unsigned how)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	uint8_t *file = malloc(count + 1);

	CHECK(fd >= 0 && file);
	memcpy(file, bytes, count);
	if (!(how & RECORDING_KEEP_HEAD) && count >= sizeof(struct recording_head))
		put_head(file);
	if (how & RECORDING_RESTAMP)
		restamp(file, count);
	CHECK(write(fd, file, count) == (ssize_t)count);
	free(file);
	return fd;
}

static void check_alike(int fd, int again)
{
	off_t bytes = lseek(fd, 0, SEEK_END);
	uint8_t *a = malloc((size_t)bytes + 1), *b = malloc((size_t)bytes + 1);

	CHECK(a && b && lseek(again, 0, SEEK_END) == bytes);
	CHECK(pread(fd, a, (size_t)bytes, 0) == bytes &&
	      pread(again, b, (size_t)bytes, 0) == bytes);
	CHECK(!memcmp(a, b, (size_t)bytes));
	free(a);
	free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct recording_state state = {0}, state_again = {0};
	int fd, told, again;

	if (!count)
		return 0;
	fd = make_file(bytes + 1, count - 1, *bytes);
	told = retell(fd, &state);
	if (told >= 0 && lseek(told, 0, SEEK_END)) {
		again = retell(told, &state_again);
		CHECK(again >= 0 && !state_again.damaged);
		CHECK(state_again.is_cut_off == state.is_cut_off);
		check_alike(told, again);
		close(again);
	}
	if (told >= 0)
		close(told);
	close(fd);
	return 0;
}
