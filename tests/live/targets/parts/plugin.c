// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

static char from[8000], to[8000];

size_t plugin_flush(size_t bytes);

size_t plugin_flush(size_t bytes)
{
	memcpy(to, from, bytes);
	__asm__ volatile("" ::: "memory");
	return bytes;
}
