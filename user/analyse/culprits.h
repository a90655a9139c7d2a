/* SPDX-License-Identifier: GPL-2.0-only */
/* The stalls of each culprit, summed up. */
#ifndef ANALYSE_CULPRITS_H
#define ANALYSE_CULPRITS_H

#include "analyse/function.h"
#include "analyse/result.h"
#include "bpf/event.h"

/* Of a run of days, the first that came: all later ones are one, of the name "(others)". */
#define CULPRITS_MOST 2048
/* As long as there are no more stalls, their median is exact; then it is within 3 %. */
#define CULPRIT_DURATIONS 32

struct culprit_total {
	struct culprit sum; /* without its frame */
	uint64_t first_ns[CULPRIT_DURATIONS];
	__u64 *time_classes; /* of all; NULL: first_ns has them, or memory is out */
};

struct culprits {
	struct functions functions;
	struct culprit_total *totals; /* by number; then of "(others)", and of those without one */
};

/* 0 or -ENOMEM. */
int culprits_init(struct culprits *culprits);
void culprits_release(struct culprits *culprits);

void culprits_add(struct culprits *culprits, const struct stall *stall);

typedef ARRAY(struct culprit) culprit_list;

/* Appends them, the longest total_ns first; frames live as long as culprits. 0 or -ENOMEM. */
int culprits_list(const struct culprits *culprits, culprit_list *list);

#endif
