// SPDX-License-Identifier: GPL-2.0-only
#include "record/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "record/chunks.h"
#include "record/format.h"

/* So much is put together before it is written. */
#define BUFFER_BYTES (256u << 10)

typedef ARRAY(struct symbol_name) name_list;

struct recording_writer {
	int fd;
	const char *name;
	bool has_begun;
	bool lacks_parts; /* memory was out */
	int err;          /* it could not be written: said, and nothing more is */
	struct fields fields;
	ARRAY(uint8_t) waiting; /* chunks that are not written yet */
	/* As they were last written; their strings are only compared by their addresses. */
	name_list functions, routines;
	struct recording_size size;
};

/* ---- to the file ---- */

static void give_up(struct recording_writer *writer, int err)
{
	writer->err = err;
	writer->waiting.count = 0;
	log_error("can't write to %s: %s; the recording ends here, the watch goes on", writer->name,
		  strerror(-err));
}

static void write_out(struct recording_writer *writer)
{
	const uint8_t *at = writer->waiting.items;
	size_t left = writer->waiting.count;

	while (left) {
		ssize_t written = write(writer->fd, at, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			give_up(writer, -errno);
			return;
		}
		at += written;
		left -= (size_t)written;
		writer->size.bytes += (uint64_t)written;
	}
	writer->waiting.count = 0;
}

/* Nothing can be done with a part of it, so it goes whole or not at all. */
static int wait_to_write(struct recording_writer *writer, const void *bytes, size_t count)
{
	size_t wanted = writer->waiting.count + count;
	uint8_t *grown;

	if (wanted > writer->waiting.capacity) {
		grown = realloc(writer->waiting.items, wanted + BUFFER_BYTES);
		if (!grown)
			return -ENOMEM;
		writer->waiting.items = grown;
		writer->waiting.capacity = wanted + BUFFER_BYTES;
	}
	if (count)
		memcpy(writer->waiting.items + writer->waiting.count, bytes, count);
	writer->waiting.count = wanted;
	return 0;
}

static void lack_part(struct recording_writer *writer, const char *why)
{
	if (!writer->lacks_parts)
		log_warning("%s: %s: the recording lacks some of what was seen", writer->name, why);
	writer->lacks_parts = true;
}

/* An earlier recording of that name stays until there is something to put in its place. */
static void begin_file(struct recording_writer *writer)
{
	struct recording_head head = {
		.magic = RECORDING_MAGIC,
		.version = RECORDING_VERSION,
		.head_bytes = sizeof(head),
		.byte_order = RECORDING_BYTE_ORDER,
		.sample_bytes = sizeof(struct mw_sample),
		.sample_schema = RECORDING_SAMPLE_SCHEMA,
	};
	struct stat status;

	writer->has_begun = true;
	if (!fstat(writer->fd, &status) && S_ISREG(status.st_mode) && ftruncate(writer->fd, 0)) {
		give_up(writer, -errno);
		return;
	}
	head.crc = (uint32_t)crc32(0, (const void *)&head, offsetof(struct recording_head, crc));
	if (wait_to_write(writer, &head, sizeof(head)))
		lack_part(writer, strerror(ENOMEM));
}

static void put_chunk(struct recording_writer *writer, enum chunk_type type, const void *bytes,
		      size_t count)
{
	struct chunk_head head = {.sync = CHUNK_SYNC, .type = type, .bytes = (uint32_t)count};
	size_t before;
	int err;

	if (count > CHUNK_MOST) {
		lack_part(writer, "a part would be too large");
		return;
	}
	if (!writer->has_begun)
		begin_file(writer);
	if (writer->err)
		return;
	head.crc = (uint32_t)crc32(0, (const void *)&head.type, sizeof(head.type));
	head.crc = (uint32_t)crc32(head.crc, bytes, (uInt)count);
	head.head_crc =
		(uint32_t)crc32(0, (const void *)&head, offsetof(struct chunk_head, head_crc));
	before = writer->waiting.count;
	err = wait_to_write(writer, &head, sizeof(head));
	if (!err)
		err = wait_to_write(writer, bytes, count);
	if (err) {
		writer->waiting.count = before;
		lack_part(writer, strerror(-err));
	}
	if (writer->waiting.count >= BUFFER_BYTES)
		write_out(writer);
}

/* Where the next chunk's fields go; NULL where nothing is recorded. */
static struct fields *begin_chunk(struct recording_writer *writer)
{
	if (!writer || writer->err)
		return NULL;
	fields_to_write(&writer->fields);
	return &writer->fields;
}

static void end_chunk(struct recording_writer *writer, enum chunk_type type)
{
	int err = fields_end(&writer->fields);

	if (err)
		lack_part(writer, strerror(-err));
	else
		put_chunk(writer, type, writer->fields.put.items, writer->fields.put.count);
}

struct recording_writer *recording_writer_new(int fd, const char *name)
{
	struct recording_writer *writer = calloc(1, sizeof(*writer));

	if (!writer) {
		close(fd);
		return NULL;
	}
	writer->fd = fd;
	writer->name = name;
	return writer;
}

int recording_writer_close(struct recording_writer *writer, struct recording_size *size)
{
	int err;

	if (!writer)
		return 0;
	if (!writer->err)
		write_out(writer);
	if (close(writer->fd) && !writer->err)
		give_up(writer, -errno);
	err = writer->err;
	if (!err && writer->lacks_parts)
		err = -ENOMEM;
	*size = writer->size;
	fields_release(&writer->fields);
	array_release(&writer->waiting);
	array_release(&writer->functions);
	array_release(&writer->routines);
	free(writer);
	return err;
}

/* ---- what is told of; a walk that writes changes nothing, but takes no const ---- */

void recording_header(struct recording_writer *writer, const struct run_header *header,
		      const struct recorded_settings *settings)
{
	struct fields *fields = begin_chunk(writer);
	struct recorded_settings set = *settings;
	struct run_header told = *header;

	if (!fields)
		return;
	chunk_header(fields, &told, &set);
	end_chunk(writer, CHUNK_HEADER);
}

void recording_child(struct recording_writer *writer, const struct child_report *child)
{
	struct fields *fields = begin_chunk(writer);
	struct child_report told = *child;

	if (!fields)
		return;
	chunk_child(fields, &told);
	end_chunk(writer, CHUNK_CHILD);
}

void recording_budget(struct recording_writer *writer, const struct budget_step *step)
{
	struct fields *fields = begin_chunk(writer);
	struct budget_step told = *step;

	if (!fields)
		return;
	chunk_budget(fields, &told);
	end_chunk(writer, CHUNK_BUDGET);
}

void recording_discovery(struct recording_writer *writer, const struct discovery *discovery)
{
	struct fields *fields = begin_chunk(writer);
	struct frame frames[DISCOVERY_FRAMES];
	struct discovery told = *discovery;

	if (!fields)
		return;
	chunk_discovery(fields, &told, frames);
	end_chunk(writer, CHUNK_DISCOVERY);
}

/* Go gives its programs no such id as linkers do. */
static struct file_mark mark_of(const struct stack_mapping *mapping)
{
	const char *path = mapping->open_path ? mapping->open_path : mapping->path;
	struct file_mark mark = {0};
	struct stat status;

	if (mapping->build_id_bytes || !path || stat(path, &status) || !S_ISREG(status.st_mode))
		return mark;
	mark.bytes = (uint64_t)status.st_size;
	mark.changed_ns =
		(uint64_t)status.st_mtim.tv_sec * NS_PER_S + (uint64_t)status.st_mtim.tv_nsec;
	return mark;
}

void recording_code(struct recording_writer *writer, pid_t pid, uint64_t since_ns,
		    const struct stack_mapping *mappings, size_t count)
{
	struct recorded_code code = {.pid = pid, .since_ns = since_ns, .count = count};
	struct fields *fields = begin_chunk(writer);

	if (!fields)
		return;
	code.mappings = calloc(count ? count : 1, sizeof(*code.mappings));
	if (!code.mappings) {
		lack_part(writer, strerror(ENOMEM));
		return;
	}
	for (size_t i = 0; i < count; i++)
		code.mappings[i] = (struct recorded_mapping){mappings[i], mark_of(&mappings[i])};
	chunk_code(fields, &code);
	free(code.mappings);
	end_chunk(writer, CHUNK_CODE);
}

void recording_jitted(struct recording_writer *writer, pid_t pid, const struct jitted_code *code)
{
	struct recorded_jitted told = {.pid = pid, .code = *code};
	struct fields *fields = begin_chunk(writer);

	if (!fields)
		return;
	chunk_jitted(fields, &told);
	end_chunk(writer, CHUNK_JITTED);
}

void recording_process_end(struct recording_writer *writer, pid_t pid, uint64_t at_ns)
{
	struct fields *fields = begin_chunk(writer);

	if (!fields)
		return;
	chunk_process_end(fields, &pid, &at_ns);
	end_chunk(writer, CHUNK_PROCESS_END);
}

/* Of the room for its stack, what is used. */
void recording_sample(struct recording_writer *writer, const struct mw_sample *record)
{
	struct fields *fields = begin_chunk(writer);
	struct mw_sample told = *record;

	if (!fields)
		return;
	told.head.bytes = (uint32_t)sizeof(told) + told.stack_bytes;
	field_bytes(fields, &told, sizeof(told));
	field_bytes(fields, (void *)(record + 1), told.stack_bytes);
	end_chunk(writer, CHUNK_SAMPLE);
	writer->size.samples++;
}

/* ---- names ---- */

static bool is_same_name(const struct symbol_name *a, const struct symbol_name *b)
{
	return a->function == b->function && a->symbol == b->symbol && a->module == b->module &&
	       a->is_host == b->is_host && a->ends_unseen == b->ends_unseen &&
	       a->watch == b->watch && a->was_throttled == b->was_throttled &&
	       a->unseen_starts == b->unseen_starts;
}

/* Whether it is to be written: it is not as it was last. */
static bool take_name(struct recording_writer *writer, name_list *known, size_t index,
		      const struct symbol_name *name)
{
	int err = 0;

	while (!err && known->count <= index)
		err = array_push(known, ((struct symbol_name){0}));
	if (err) {
		lack_part(writer, strerror(-err));
		return true;
	}
	if (is_same_name(&known->items[index], name))
		return false;
	known->items[index] = *name;
	return true;
}

static void put_function_name(struct recording_writer *writer, unsigned function,
			      const struct symbol_name *name)
{
	struct fields *fields = begin_chunk(writer);
	struct symbol_name told = *name;
	uint32_t index = function;

	if (!fields || !take_name(writer, &writer->functions, function, name))
		return;
	chunk_function_name(fields, &index, &told);
	end_chunk(writer, CHUNK_FUNCTION_NAME);
}

static void put_routine_name(struct recording_writer *writer, unsigned routine,
			     const struct symbol_name *name)
{
	struct fields *fields = begin_chunk(writer);
	struct symbol_name told = *name;
	uint32_t index = routine;

	if (!fields || !take_name(writer, &writer->routines, routine, name))
		return;
	chunk_routine_name(fields, &index, &told);
	end_chunk(writer, CHUNK_ROUTINE_NAME);
}

void recording_flush(struct recording_writer *writer, unsigned function,
		     const struct symbol_name *name, const struct flush *flush)
{
	struct flush told = *flush;
	uint32_t index = function;
	struct fields *fields;

	put_function_name(writer, function, name);
	fields = begin_chunk(writer);
	if (!fields)
		return;
	chunk_flush(fields, &index, &told);
	end_chunk(writer, CHUNK_FLUSH);
}

void recording_copy(struct recording_writer *writer, unsigned routine,
		    const struct symbol_name *name, const struct large_copy *copy)
{
	struct large_copy told = *copy;
	uint32_t index = routine;
	struct fields *fields;

	put_routine_name(writer, routine, name);
	fields = begin_chunk(writer);
	if (!fields)
		return;
	chunk_copy(fields, &index, &told);
	end_chunk(writer, CHUNK_COPY);
}

/* ---- time, and the end ---- */

void recording_advance(struct recording_writer *writer, uint64_t now_ns)
{
	struct fields *fields = begin_chunk(writer);

	if (!fields)
		return;
	chunk_advance(fields, &now_ns);
	end_chunk(writer, CHUNK_ADVANCE);
}

void recording_write_out(struct recording_writer *writer)
{
	if (writer && !writer->err)
		write_out(writer);
}

void recording_end(struct recording_writer *writer, const struct symbol_name *functions,
		   size_t function_count, const struct run_end *end)
{
	uint32_t count = (uint32_t)function_count;
	struct fields *fields;

	for (unsigned i = 0; i < function_count; i++)
		put_function_name(writer, i, &functions[i]);
	fields = begin_chunk(writer);
	if (!fields)
		return;
	/* Some 350 KiB, and not ours to change: nor does a walk that writes. */
	chunk_end(fields, &count, (struct run_end *)end);
	end_chunk(writer, CHUNK_END);
	writer->size.wall_ns = end->wall_ns;
}
