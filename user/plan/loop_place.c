// SPDX-License-Identifier: GPL-2.0-only
#include "plan/loop_place.h"

#include <string.h>

static const struct loop_place unknown = {.form = FORM_UNKNOWN};

void loop_forms_init(struct loop_forms *forms)
{
	memset(forms, 0, sizeof(*forms));
	forms->count = 1;
}

struct loop_place place_constant(uint64_t constant)
{
	return (struct loop_place){FORM_CONSTANT, constant};
}

bool place_is_known(const struct loop_place *place)
{
	return place->form != FORM_UNKNOWN;
}

bool place_equals(const struct loop_place *a, const struct loop_place *b)
{
	return place_is_known(a) && a->form == b->form && a->constant == b->constant;
}

/* The form with these factors, which has only one number. */
static uint8_t form_of(struct loop_forms *forms, const int32_t times[LOOP_VARIABLES])
{
	const size_t bytes = sizeof(forms->times[0]);

	for (size_t i = 0; i < forms->count; i++)
		if (!memcmp(forms->times[i], times, bytes))
			return (uint8_t)i;
	if (forms->count == LOOP_FORMS)
		return FORM_UNKNOWN;
	memcpy(forms->times[forms->count], times, bytes);
	return (uint8_t)forms->count++;
}

static struct loop_place place_of_variable(struct loop_forms *forms, size_t variable)
{
	int32_t times[LOOP_VARIABLES] = {0};

	times[variable] = 1;
	return (struct loop_place){.form = form_of(forms, times)};
}

struct loop_place place_of_register(struct loop_forms *forms, uint8_t number)
{
	return place_of_variable(forms, number);
}

struct loop_place place_of_word(struct loop_forms *forms, const struct loop_place *at,
				uint8_t bytes)
{
	size_t i = 0;

	if (!place_is_known(at) || (bytes != 4 && bytes != 8))
		return unknown;
	while (i < forms->word_count &&
	       (!place_equals(&forms->words[i].at, at) || forms->words[i].bytes != bytes))
		i++;
	if (i == LOOP_WORDS)
		return unknown;
	if (i == forms->word_count) {
		forms->words[i].at = *at;
		forms->words[i].bytes = bytes;
		forms->word_count++;
	}
	return place_of_variable(forms, CPU_REGISTERS + i);
}

struct loop_place place_sum(struct loop_forms *forms, const struct loop_place *a,
			    const struct loop_place *b)
{
	int32_t times[LOOP_VARIABLES];

	if (!place_is_known(a) || !place_is_known(b))
		return unknown;
	for (size_t i = 0; i < LOOP_VARIABLES; i++)
		if (__builtin_add_overflow(forms->times[a->form][i], forms->times[b->form][i],
					   &times[i]))
			return unknown;
	return (struct loop_place){form_of(forms, times), a->constant + b->constant};
}

struct loop_place place_times(struct loop_forms *forms, const struct loop_place *a, int32_t factor)
{
	int32_t times[LOOP_VARIABLES];

	if (!place_is_known(a))
		return unknown;
	for (size_t i = 0; i < LOOP_VARIABLES; i++)
		if (__builtin_mul_overflow(forms->times[a->form][i], factor, &times[i]))
			return unknown;
	return (struct loop_place){form_of(forms, times), a->constant * (uint64_t)(int64_t)factor};
}
