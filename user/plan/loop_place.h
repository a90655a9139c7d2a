/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers, and so addresses, as sums of what the registers held before a loop's first round:
 * %rsi + 4 * %rax + 16. Two of the same form differ by a constant, whatever the registers held.
 */
#ifndef PLAN_LOOP_PLACE_H
#define PLAN_LOOP_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/decode.h"

/* Numbers in memory that stay the same: a bound or a pointer that each round loads anew. */
#define LOOP_WORDS     8
#define LOOP_VARIABLES (CPU_REGISTERS + LOOP_WORDS)
#define LOOP_FORMS     64

enum {
	FORM_CONSTANT = 0, /* of no variable */
	FORM_UNKNOWN = LOOP_FORMS,
};

struct loop_place {
	uint8_t form; /* index into struct loop_forms, or FORM_UNKNOWN */
	uint64_t constant;
};

struct loop_forms {
	int32_t times[LOOP_FORMS][LOOP_VARIABLES];
	size_t count;
	struct {
		struct loop_place at;
		uint8_t bytes;
	} words[LOOP_WORDS];
	size_t word_count;
};

void loop_forms_init(struct loop_forms *forms);

/*
 * All of these give FORM_UNKNOWN where an operand is unknown, or where there are more forms, or
 * larger factors, than a loop that copies has.
 */
struct loop_place place_constant(uint64_t constant);
struct loop_place place_of_register(struct loop_forms *forms, uint8_t number);
/* The number that stands in memory there; the same for the same place and size. */
struct loop_place place_of_word(struct loop_forms *forms, const struct loop_place *at,
				uint8_t bytes);
struct loop_place place_sum(struct loop_forms *forms, const struct loop_place *a,
			    const struct loop_place *b);
struct loop_place place_times(struct loop_forms *forms, const struct loop_place *a, int32_t factor);

bool place_is_known(const struct loop_place *place);
/* Known, and the same. */
bool place_equals(const struct loop_place *a, const struct loop_place *b);

#endif
