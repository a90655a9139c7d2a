// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loops that load, and often store, and are no copies: what they store is not what they loaded, or
 * not in its order, or they do something else besides. An insertion sort is not among them: clang
 * copies its last round out of the outer loop, and there it does move memory, and no more.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTINE __attribute__((noinline, visibility("default")))

#define EACH(name, to_type, from_type, expression)                                                 \
	ROUTINE void name(to_type *to, const from_type *from, size_t count, uint64_t key)          \
	{                                                                                          \
		(void)key, (void)from;                                                             \
		for (size_t i = 0; i < count; i++)                                                 \
			to[i] = (to_type)(expression);                                             \
	}

EACH(other_xor, uint8_t, uint8_t, from[i] ^ (uint8_t)key)
EACH(other_add, uint32_t, uint32_t, from[i] + key)
EACH(other_increment, uint64_t, uint64_t, from[i] + 1)
EACH(other_invert, uint64_t, uint64_t, ~from[i])
EACH(other_mask, uint16_t, uint16_t, from[i] & 0x7fff)
EACH(other_upper, char, char, from[i] >= 'a' && from[i] <= 'z' ? from[i] - 32 : from[i])
EACH(other_rare_upper, char, char,
     __builtin_expect(from[i] >= 'a' && from[i] <= 'z', 0) ? from[i] - 32 : from[i])
EACH(other_clamp, int, int, from[i] > 255 ? 255 : from[i])
EACH(other_swap_bytes, uint32_t, uint32_t, __builtin_bswap32(from[i]))
EACH(other_rotate, uint32_t, uint32_t, from[i] << 7 | from[i] >> 25)
EACH(other_widen, uint16_t, uint8_t, from[i])
EACH(other_widen_signed, int64_t, int32_t, from[i])
EACH(other_narrow, uint8_t, uint32_t, from[i])
EACH(other_to_double, double, float, from[i])
EACH(other_to_float, float, int, from[i])
EACH(other_scale, float, float, from[i] * 0.5f)
EACH(other_absolute, double, double, __builtin_fabs(from[i]))
EACH(other_gather, uint64_t, uint64_t, from[from[i]])
EACH(other_gather_narrow, uint8_t, uint32_t, ((const uint8_t *)key)[from[i]])
EACH(other_reverse, uint8_t, uint8_t, from[count - 1 - i])
EACH(other_reverse_longs, uint64_t, uint64_t, from[count - 1 - i])
EACH(other_each_second, uint32_t, uint32_t, from[2 * i])
EACH(other_twice, uint32_t, uint32_t, from[i / 2])
EACH(other_fill_from, uint8_t, uint8_t, from[0])
EACH(other_fill, uint64_t, uint64_t, key)
EACH(other_clear, uint32_t, uint32_t, 0)
EACH(other_count, uint32_t, uint32_t, i)
EACH(other_neighbours, int, int, from[i] + from[i + 1])
EACH(other_choose, uint64_t, uint64_t, from[i] & 1 ? from[i] : key)
EACH(other_address, uint64_t, uint64_t, (uintptr_t)&from[i])

ROUTINE uint64_t other_sum(const uint32_t *from, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += from[i];
	return sum;
}

ROUTINE uint64_t other_sum_and_copy(uint32_t *to, const uint32_t *from, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		sum += from[i];
		to[i] = from[i];
	}
	return sum;
}

ROUTINE uint32_t other_most_and_copy(uint32_t *to, const uint32_t *from, size_t count)
{
	uint32_t most = 0;

	for (size_t i = 0; i < count; i++) {
		most = from[i] > most ? from[i] : most;
		to[i] = from[i];
	}
	return most;
}

ROUTINE void other_copy_and_note(volatile uint64_t *copied, uint8_t *to, const uint8_t *from,
				 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		to[i] = from[i];
		++*copied;
	}
}

ROUTINE uint64_t other_hash(const uint8_t *from, size_t count)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ from[i]) * 0x100000001b3;
	return hash;
}

ROUTINE uint32_t other_checksum(const uint32_t *table, const uint8_t *from, size_t count)
{
	uint32_t sum = ~0u;

	while (count--)
		sum = table[(sum ^ *from++) & 0xff] ^ sum >> 8;
	return sum;
}

ROUTINE int other_compare(const uint8_t *a, const uint8_t *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (a[i] != b[i])
			return a[i] - b[i];
	return 0;
}

ROUTINE size_t other_length(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

struct node {
	struct node *next;
	uint64_t value;
};

ROUTINE uint64_t other_walk(const struct node *node)
{
	uint64_t last = 0;

	for (; node; node = node->next)
		last = node->value;
	return last;
}

ROUTINE void other_list_to_array(uint64_t *to, const struct node *node)
{
	for (; node; node = node->next)
		*to++ = node->value;
}

ROUTINE void other_reverse_list(struct node **list)
{
	struct node *last = NULL, *node = *list;

	while (node) {
		struct node *next = node->next;

		node->next = last;
		last = node;
		node = next;
	}
	*list = last;
}

ROUTINE void other_scatter(uint64_t *to, const uint32_t *where, const uint64_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[where[i]] = from[i];
}

ROUTINE void other_histogram(uint32_t *counts, const uint8_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		counts[from[i]]++;
}

ROUTINE void other_exchange(uint64_t *a, uint64_t *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t held = a[i];

		a[i] = b[i];
		b[i] = held;
	}
}

/* Elements with space between them. */
ROUTINE void other_column(uint32_t *to, const uint32_t *from, size_t count, size_t width)
{
	for (size_t i = 0; i < count; i++)
		to[i * (width | 2)] = from[i * (width | 2)];
}

struct pair {
	uint32_t key, value;
	uint64_t rest;
};

ROUTINE void other_field(struct pair *to, const struct pair *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i].key = from[i].key;
}

ROUTINE void other_swap_fields(struct pair *to, const struct pair *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		to[i].key = from[i].value;
		to[i].value = from[i].key;
		to[i].rest = from[i].rest;
	}
}

ROUTINE void other_fields_apart(uint32_t *keys, uint32_t *values, const struct pair *from,
				size_t count)
{
	for (size_t i = 0; i < count; i++) {
		keys[i] = from[i].key;
		values[i] = from[i].value;
	}
}

ROUTINE void other_interleave(uint8_t *to, const uint8_t *a, const uint8_t *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		to[2 * i] = a[i];
		to[2 * i + 1] = b[i];
	}
}

ROUTINE void other_running_sum(uint64_t *to, const uint64_t *from, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		to[i] = sum += from[i];
}

ROUTINE size_t other_without_zeros(uint8_t *to, const uint8_t *from, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (from[i])
			to[kept++] = from[i];
	return kept;
}

ROUTINE size_t other_unescape(char *to, const char *from, size_t count)
{
	char *start = to;

	for (const char *end = from + count; from < end; from++) {
		char letter = *from;

		if (__builtin_expect(letter == '\\', 0) && from + 1 < end) {
			letter = *++from;
			if (letter == 'n')
				letter = '\n';
		}
		*to++ = letter;
	}
	return (size_t)(to - start);
}

ROUTINE void other_transpose(uint32_t *to, const uint32_t *from, size_t count)
{
	for (size_t row = 0; row < count; row++)
		for (size_t column = 0; column < count; column++)
			to[column * count + row] = from[row * count + column];
}

ROUTINE void other_merge(int *to, const int *a, const int *a_end, const int *b, const int *b_end)
{
	while (a < a_end && b < b_end)
		*to++ = *a <= *b ? *a++ : *b++;
}

ROUTINE double other_product(const double *a, const double *b, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += a[i] * b[i];
	return sum;
}

ROUTINE void other_touch(volatile uint8_t *area, size_t count)
{
	for (size_t i = 0; i < count; i++)
		area[i] = area[i];
}

ROUTINE uint64_t other_interpreter(const uint8_t *code, uint64_t *stack, uint64_t value)
{
	for (;;) {
		switch (*code++) {
		case 0:
			return value;
		case 1:
			*stack++ = value;
			break;
		case 2:
			value = *--stack;
			break;
		case 3:
			value += *code++;
			break;
		case 4:
			value = ~value;
			break;
		case 5:
			*stack = stack[-1];
			stack++;
			break;
		}
	}
}

ROUTINE void other_with_calls(uint8_t *to, const uint8_t *from, size_t count, void (*note)(size_t))
{
	for (size_t i = 0; i < count; i++) {
		to[i] = from[i];
		note(i);
	}
}
