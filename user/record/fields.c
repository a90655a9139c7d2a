// SPDX-License-Identifier: GPL-2.0-only
#include "record/fields.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define NO_TEXT UINT32_MAX /* as the length of one */

static void release_arrays(struct fields *fields)
{
	void **array;

	array_each (array, &fields->arrays)
		free(*array);
	fields->arrays.count = 0;
}

void fields_to_write(struct fields *fields)
{
	fields->put.count = 0;
	fields->is_reading = false;
	fields->err = 0;
}

void fields_to_read(struct fields *fields, const void *bytes, size_t count, struct texts *texts)
{
	release_arrays(fields);
	fields->err = 0;
	fields->is_reading = true;
	fields->at = bytes;
	fields->left = count;
	fields->texts = texts;
}

int fields_end(struct fields *fields)
{
	if (!fields->err && fields->is_reading && fields->left)
		fields->err = -EBADMSG;
	return fields->err;
}

void fields_release(struct fields *fields)
{
	release_arrays(fields);
	array_release(&fields->arrays);
	array_release(&fields->put);
}

static void fail(struct fields *fields, int err)
{
	if (!fields->err)
		fields->err = err;
}

/* Where `count` bytes may be put; NULL where memory is out. */
static uint8_t *room_for(struct fields *fields, size_t count)
{
	size_t wanted = fields->put.count + count, capacity = fields->put.capacity;
	uint8_t *grown, *room;

	if (wanted > capacity) {
		capacity = 2 * wanted;
		grown = realloc(fields->put.items, capacity);
		if (!grown) {
			fail(fields, -ENOMEM);
			return NULL;
		}
		fields->put.items = grown;
		fields->put.capacity = capacity;
	}
	room = fields->put.items + fields->put.count;
	fields->put.count = wanted;
	return room;
}

/* The next `count` bytes that are read; NULL where there are less. */
static const uint8_t *take(struct fields *fields, size_t count)
{
	const uint8_t *taken = fields->at;

	if (fields->err)
		return NULL;
	if (count > fields->left) {
		fail(fields, -EBADMSG);
		return NULL;
	}
	fields->at += count;
	fields->left -= count;
	return taken;
}

void field_bytes(struct fields *fields, void *bytes, size_t count)
{
	const uint8_t *taken;
	uint8_t *room;

	if (fields->err || !count)
		return;
	if (fields->is_reading) {
		taken = take(fields, count);
		if (taken)
			memcpy(bytes, taken, count);
		return;
	}
	room = room_for(fields, count);
	if (room)
		memcpy(room, bytes, count);
}

void field_u32(struct fields *fields, uint32_t *value)
{
	field_bytes(fields, value, sizeof(*value));
}

void field_u64(struct fields *fields, uint64_t *value)
{
	field_bytes(fields, value, sizeof(*value));
}

void field_size(struct fields *fields, size_t *value)
{
	_Static_assert(sizeof(*value) == sizeof(uint64_t), "as wide as it is written");
	field_bytes(fields, value, sizeof(*value));
}

void field_pid(struct fields *fields, pid_t *pid)
{
	_Static_assert(sizeof(*pid) == sizeof(uint32_t), "as wide as it is written");
	field_bytes(fields, pid, sizeof(*pid));
}

void field_kind(struct fields *fields, uint32_t *value, uint32_t limit)
{
	uint32_t kind = *value;

	field_u32(fields, &kind);
	if (fields->err || !fields->is_reading)
		return;
	if (kind >= limit)
		fail(fields, -EBADMSG);
	else
		*value = kind;
}

void field_flag(struct fields *fields, bool *flag)
{
	uint8_t byte = *flag;

	field_bytes(fields, &byte, sizeof(byte));
	if (fields->err || !fields->is_reading)
		return;
	if (byte > 1)
		fail(fields, -EBADMSG);
	else
		*flag = byte;
}

void field_real(struct fields *fields, double *value)
{
	double real = *value;

	field_bytes(fields, &real, sizeof(real));
	if (fields->err || !fields->is_reading)
		return;
	if (isfinite(real))
		*value = real;
	else
		fail(fields, -EBADMSG);
}

void field_comm(struct fields *fields, char *comm, size_t bytes)
{
	field_bytes(fields, comm, bytes);
	if (fields->is_reading)
		comm[bytes - 1] = '\0';
}

static void read_text(struct fields *fields, uint32_t bytes, const char **text)
{
	const uint8_t *taken = take(fields, bytes);

	if (!taken)
		return;
	/* Nobody would see what stands behind it. */
	if (memchr(taken, '\0', bytes)) {
		fail(fields, -EBADMSG);
		return;
	}
	*text = texts_add(fields->texts, (const char *)taken, bytes);
	if (!*text)
		fail(fields, -ENOMEM);
}

void field_text(struct fields *fields, const char **text)
{
	uint32_t bytes = NO_TEXT;

	if (!fields->is_reading && *text)
		bytes = (uint32_t)strnlen(*text, NO_TEXT - 1);
	field_u32(fields, &bytes);
	if (!fields->is_reading)
		field_bytes(fields, (void *)*text, bytes == NO_TEXT ? 0 : bytes);
	else if (bytes == NO_TEXT)
		*text = NULL;
	else
		read_text(fields, bytes, text);
}

void field_name(struct fields *fields, const char **text)
{
	field_text(fields, text);
	if (fields->is_reading && !fields->err && !*text)
		fail(fields, -EBADMSG);
}

static void write_counters(struct fields *fields, const uint64_t *counters, uint32_t count)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < count; i++)
		used += counters[i] != 0;
	field_u32(fields, &used);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t value = counters[i];

		if (!value)
			continue;
		field_u32(fields, &i);
		field_u64(fields, &value);
	}
}

static void read_counters(struct fields *fields, uint64_t *counters, uint32_t count)
{
	uint32_t used = 0, index = 0, least = 0;

	field_kind(fields, &used, count + 1);
	for (uint32_t i = 0; i < used && !fields->err; i++) {
		field_kind(fields, &index, count);
		if (index < least)
			fail(fields, -EBADMSG);
		least = index + 1;
		field_u64(fields, &counters[index]);
	}
}

void field_counters(struct fields *fields, void *counters, size_t bytes)
{
	uint32_t count = (uint32_t)(bytes / sizeof(uint64_t));

	if (fields->is_reading)
		read_counters(fields, counters, count);
	else
		write_counters(fields, counters, count);
}

/* No more than there can be, whatever is claimed. */
static void *read_array(struct fields *fields, size_t count, size_t least_bytes, size_t item_bytes)
{
	void *array = NULL;

	if (!fields->err && count > fields->left / least_bytes)
		fail(fields, -EBADMSG);
	if (fields->err)
		return NULL;
	array = calloc(count ? count : 1, item_bytes);
	if (array && !array_push(&fields->arrays, array))
		return array;
	free(array);
	fail(fields, -ENOMEM);
	return NULL;
}

void *field_array(struct fields *fields, const void *items, size_t *count, size_t least_bytes,
		  size_t item_bytes)
{
	void *array = (void *)items;

	field_size(fields, count);
	if (fields->is_reading)
		array = read_array(fields, *count, least_bytes, item_bytes);
	if (!array)
		*count = 0;
	return array;
}
