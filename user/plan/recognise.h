/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a routine does with a destination in %rdi, a source in %rsi and a size in %rdx, read from
 * its code alone: whether it copies, whether it is of memcpy's kind, and to whom it hands them on.
 */
#ifndef PLAN_RECOGNISE_H
#define PLAN_RECOGNISE_H

#include "plan/plan.h"

/* Another routine gets all three, each in its register: by a call, or by a jump out of this one. */
struct copy_forward {
	uint64_t target_vaddr; /* in the same module, or 0 */
	uint64_t slot_vaddr;   /* else the pointer it goes through: a PLT's, or a variable */
};
typedef ARRAY(struct copy_forward) copy_forwards;

struct copy_nature {
	bool copies;      /* stores through the destination what it loads through the source */
	bool does_other;  /* compares what it loads, computes with it, fills, calls */
	bool by_size;     /* branches, or repeats, by the size */
	bool gives_start; /* returns the destination, on one way at least */
	bool gives_end;   /* returns the destination's end, on one way at least */
	bool gives_other; /* returns something else, on one way at least */
	bool lost;        /* it is longer than anything of this kind, or no code */
	copy_forwards forwards;
};

/*
 * Follows all ways from vaddr on but those through jump tables. 0 or -ENOMEM;
 * copy_nature_release() frees what it holds, also after an error.
 */
int copy_nature_of(const struct code_view *code, uint64_t vaddr, struct copy_nature *nature);
void copy_nature_release(struct copy_nature *nature);

/*
 * The name of the copy routine that the code at vaddr must be: "memmove" (or memcpy, which need
 * not differ) or "mempcpy"; NULL where it is none, or memory is short. Not strncpy and memccpy,
 * which look at what they copy, nor memset, which has no source.
 */
const char *plan_recognise_copy(const struct code_view *code, uint64_t vaddr);

typedef ARRAY(struct copy_door) copy_doors;

/*
 * Appends where musl's memcpy and memmove stand in the code from vaddr on: assembly that has
 * neither bounds nor slots, but the same bytes since musl 1.1. 0 or -ENOMEM.
 */
int plan_find_musl_copies(const struct code_view *code, uint64_t vaddr, copy_doors *doors);

#endif
