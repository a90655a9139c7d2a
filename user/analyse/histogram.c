// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/histogram.h"

/* Each octave from 16 ns on has this many classes; below, a class is one nanosecond. */
#define CLASSES_PER_OCTAVE 16u

uint64_t time_class_floor_ns(unsigned time_class)
{
	unsigned octave = time_class / CLASSES_PER_OCTAVE;

	if (!octave)
		return time_class;
	return (uint64_t)(CLASSES_PER_OCTAVE + time_class % CLASSES_PER_OCTAVE) << (octave - 1);
}

unsigned time_class_of_ns(uint64_t ns)
{
	unsigned octave, time_class;

	if (ns < CLASSES_PER_OCTAVE)
		return (unsigned)ns;
	octave = 63 - (unsigned)__builtin_clzll(ns) - 3;
	time_class =
		octave * CLASSES_PER_OCTAVE + (unsigned)(ns >> (octave - 1)) % CLASSES_PER_OCTAVE;
	return time_class < MW_TIME_CLASSES ? time_class : MW_TIME_CLASSES - 1;
}

/* The rank, from 1 on, of the one that `share` of all do not exceed. */
static uint64_t rank_of(uint64_t count, double share)
{
	double wanted = share * (double)count;
	uint64_t rank;

	if (wanted >= (double)count)
		return count;
	rank = wanted > 0 ? (uint64_t)wanted : 0;
	if ((double)rank < wanted || !rank)
		rank++;
	return rank;
}

uint64_t time_classes_percentile_ns(const __u64 classes[MW_TIME_CLASSES], double share,
				    uint64_t max_ns)
{
	uint64_t count = 0, seen = 0, rank, floor_ns, middle_ns;
	unsigned i;

	for (i = 0; i < MW_TIME_CLASSES; i++)
		count += classes[i];
	if (!count)
		return 0;
	rank = rank_of(count, share);
	for (i = 0; i < MW_TIME_CLASSES - 1; i++) {
		seen += classes[i];
		if (seen >= rank)
			break;
	}
	floor_ns = time_class_floor_ns(i);
	middle_ns = floor_ns + (time_class_floor_ns(i + 1) - floor_ns) / 2;
	return max_ns && middle_ns > max_ns ? max_ns : middle_ns;
}
