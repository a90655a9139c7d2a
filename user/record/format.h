/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording is a head and then chunks, all of it little endian.
 *
 * The head: magic (8 bytes), version, bytes of the head, byte order of the samples, bytes and
 * schema of a sample, CRC-32 of what stands before it; u32 each. Where version and the head's size
 * stand is the same in each version.
 *
 * A chunk: sync word, type, bytes of the payload, CRC-32 of type and payload, CRC-32 of these four;
 * u32 each; then the payload. It is whole or is left out. Whoever reads then finds the next one by
 * the length where that is as it was written, else by the sync word.
 */
#ifndef RECORD_FORMAT_H
#define RECORD_FORMAT_H

#include "bpf/event.h"

#define RECORDING_MAGIC       "\x89MWREC\r\n"
#define RECORDING_MAGIC_BYTES 8
/* Raised with each change of what stands in a chunk; no other is read. */
#define RECORDING_VERSION       2
#define RECORDING_BYTE_ORDER    0x01020304u
#define RECORDING_SAMPLE_SCHEMA 1

struct recording_head {
	uint8_t magic[RECORDING_MAGIC_BYTES];
	uint32_t version, head_bytes, byte_order, sample_bytes, sample_schema, crc;
};

#define CHUNK_SYNC 0x9d4b574du
/* No chunk has more; the largest is what a browser has mapped, some 100 KiB. */
#define CHUNK_MOST (16u << 20)

struct chunk_head {
	uint32_t sync, type, bytes, crc, head_crc;
};

enum chunk_type {
	CHUNK_HEADER = 1,
	CHUNK_FUNCTION_NAME,
	CHUNK_ROUTINE_NAME,
	CHUNK_CHILD,
	CHUNK_CODE,
	CHUNK_JITTED,
	CHUNK_PROCESS_END,
	CHUNK_SAMPLE,
	CHUNK_FLUSH,
	CHUNK_COPY,
	CHUNK_BUDGET,
	CHUNK_DISCOVERY,
	CHUNK_ADVANCE,
	CHUNK_END,
	CHUNK_TYPES,
};

_Static_assert(sizeof(struct recording_head) == 32 && sizeof(struct chunk_head) == 20,
	       "both are written as they are");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "samples and heads are written as is");

/* These are written as they are, too, or as the row of counters that they are. */
_Static_assert(sizeof(struct mw_sample) == 344 && MW_CALLERS == 8 && MW_REGISTER_COUNT == 16,
	       "a sample changed: raise RECORDING_SAMPLE_SCHEMA");
_Static_assert(sizeof(struct mw_function) == (17 + 656) * 8 &&
		       sizeof(struct mw_totals) == (2 * 64 + 14 + MW_LOSS_KINDS + 656) * 8 &&
		       MW_LOSS_KINDS == 5,
	       "counters changed: raise RECORDING_VERSION");

#endif
