// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/run_end.h"

#include "analyse/histogram.h"

/* The last class whose lowest time it reaches. */
static unsigned time_class_of(uint64_t ns)
{
	unsigned low = 0, high = MW_TIME_CLASSES;

	while (high - low > 1) {
		unsigned middle = (low + high) / 2;

		if (time_class_floor_ns(middle) <= ns)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void run_end_add_flush(struct run_end *end, unsigned function, const struct flush *flush)
{
	struct mw_function *counters = &end->functions[function];

	counters->calls++;
	if (flush->unfinished) {
		counters->unfinished++;
		return;
	}
	counters->ended++;
	counters->time_classes[time_class_of(flush->duration_ns)]++;
	if (flush->duration_ns > counters->max_ns)
		counters->max_ns = flush->duration_ns;
	if (flush->recursive)
		return;
	counters->outermost++;
	counters->total_ns += flush->duration_ns;
	counters->copied_bytes += flush->copied_bytes;
	counters->copies += flush->copies;
	if (flush_is_whole(flush)) {
		counters->whole_calls++;
		counters->whole_bytes += flush->copied_bytes;
	}
}
