/* SPDX-License-Identifier: GPL-2.0-only */
/* Routines at 0x1000 with a threshold and a jump table in memory. */
#ifndef TEST_GATE_CODE_H
#define TEST_GATE_CODE_H

#include <string.h>

#include "code_bytes.h"
#include "plan/gate.h"

#define ROUTINE   0x1000
#define THRESHOLD 0x3000 /* 2,112 */
#define UNKNOWN   0x3010 /* what the process may change */
#define TABLE     0x3100 /* four offsets from itself, of the rets at 0x101d and behind */

static const uint64_t gate_threshold = 2112;
static const int32_t gate_table[] = {0x101d - TABLE, 0x101e - TABLE, 0x101f - TABLE,
				     0x1020 - TABLE};

static bool gate_memory_read(const void *source, uint64_t vaddr, void *bytes, size_t count)
{
	(void)source;
	if (vaddr == THRESHOLD && count <= sizeof(gate_threshold))
		memcpy(bytes, &gate_threshold, count);
	else if (vaddr - TABLE + count <= sizeof(gate_table))
		memcpy(bytes, (const uint8_t *)gate_table + (vaddr - TABLE), count);
	else
		return false;
	return true;
}

static const struct memory_view gate_memory = {gate_memory_read, NULL};
static const struct copy_door gate_door = {"memmove", ROUTINE};

#endif
