// SPDX-License-Identifier: GPL-2.0-only
#include "truth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int truth_init(struct truth *truth, size_t room)
{
	*truth = (struct truth){.room = room};
	truth->records = calloc(room, sizeof(*truth->records));
	if (!truth->records)
		return -ENOMEM;
	/* A fill other than zero, or gcc takes it for a part of calloc() and drops it. */
	memset(truth->records, 0xff, room * sizeof(*truth->records));
	return 0;
}

void truth_free(struct truth *truth)
{
	free(truth->records);
	*truth = (struct truth){0};
}

void truth_add(struct truth *truth, struct truth_record record)
{
	if (truth->count == truth->room)
		abort();
	truth->records[truth->count++] = record;
}

void truth_write(const struct truth *truth, FILE *file)
{
	for (size_t i = 0; i < truth->count; i++) {
		const struct truth_record *record = &truth->records[i];

		fprintf(file, "{\"start_ns\":%" PRIu64 ",\"duration_ns\":%" PRIu64,
			record->start_ns, record->duration_ns);
		fprintf(file, ",\"bytes\":%" PRIu64 ",\"copies\":%" PRIu64, record->bytes,
			record->copies);
		fprintf(file, ",\"write_index\":%" PRIu64 ",\"tid\":%d}\n", record->write_index,
			record->tid);
	}
}

int truth_open(const char *path, FILE **file)
{
	*file = NULL;
	if (!path)
		return 0;
	*file = fopen(path, "we");
	return *file ? 0 : -errno;
}

int truth_close(FILE *file)
{
	int failed;

	if (!file)
		return 0;
	failed = ferror(file);
	if (fclose(file))
		return -errno;
	return failed ? -EIO : 0;
}
