// SPDX-License-Identifier: GPL-2.0-only
#include "record/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "record/chunks.h"
#include "record/format.h"

#define WINDOW_BYTES (256u << 10)
/* Of a head that a later version may have. */
#define HEAD_MOST 4096
/*
 * Where a file is damaged, whatever looks like a chunk is added up, which must come to an end also
 * where everything does: when so much was read and added up.
 */
#define WORK_LEAST (64ull << 20)
#define WORK_TIMES 4 /* the file's size */

struct recording_reader {
	int fd;
	uint64_t file_bytes;
	uint64_t first_off; /* of chunks */
	uint8_t *window;    /* a part of the file ... */
	size_t window_capacity, window_bytes;
	uint64_t window_off; /* ... from here on */
	void *payload;       /* of a chunk, aligned for any record */
	size_t payload_capacity;
	uint64_t work_bytes;
	struct fields fields;
	struct texts texts;
	struct recording_state state;
	const struct recording_handlers *handlers;
	void *context;
	bool has_end;
};

/* ---- bytes of the file ---- */

/* `count` bytes of the file; NULL where it has not so many there. They live until the next call. */
static const uint8_t *view(struct recording_reader *reader, uint64_t off, size_t count)
{
	size_t wanted = count > WINDOW_BYTES ? count : WINDOW_BYTES;
	uint8_t *grown;
	ssize_t got;

	if (off > reader->file_bytes || count > reader->file_bytes - off)
		return NULL;
	if (off >= reader->window_off && off - reader->window_off + count <= reader->window_bytes)
		return reader->window + (off - reader->window_off);
	if (wanted > reader->window_capacity) {
		grown = realloc(reader->window, wanted);
		if (!grown)
			return NULL;
		reader->window = grown;
		reader->window_capacity = wanted;
	}
	reader->window_off = off;
	reader->window_bytes = 0;
	while (reader->window_bytes < count) {
		got = pread(reader->fd, reader->window + reader->window_bytes,
			    wanted - reader->window_bytes, (off_t)(off + reader->window_bytes));
		if (got < 0 && errno == EINTR)
			continue;
		/* It can't be read there, or has become shorter since it was opened. */
		if (got <= 0)
			return NULL;
		reader->window_bytes += (size_t)got;
		reader->work_bytes += (uint64_t)got;
	}
	return reader->window;
}

static bool get_head(struct recording_reader *reader, uint64_t off, struct chunk_head *head)
{
	const uint8_t *bytes = view(reader, off, sizeof(*head));

	if (!bytes)
		return false;
	memcpy(head, bytes, sizeof(*head));
	return (uint32_t)crc32(0, bytes, offsetof(struct chunk_head, head_crc)) == head->head_crc &&
	       head->sync == CHUNK_SYNC && head->bytes <= CHUNK_MOST &&
	       head->bytes <= reader->file_bytes - off - sizeof(*head);
}

/* Whether a chunk stands there, with all its bytes as they were written. */
static bool is_whole(struct recording_reader *reader, uint64_t off, struct chunk_head *head)
{
	const uint8_t *payload;
	uLong crc;

	if (!get_head(reader, off, head))
		return false;
	payload = view(reader, off + sizeof(*head), head->bytes);
	if (!payload)
		return false;
	reader->work_bytes += head->bytes;
	crc = crc32(0, (const void *)&head->type, sizeof(head->type));
	return (uint32_t)crc32(crc, payload, head->bytes) == head->crc;
}

/* ---- where a chunk is damaged ---- */

/* How many bytes to search from there on: those that are at hand, if any. */
static size_t bytes_to_search(const struct recording_reader *reader, uint64_t off)
{
	uint64_t left = reader->file_bytes - off, at_hand = 0;

	if (off >= reader->window_off && off - reader->window_off < reader->window_bytes)
		at_hand = reader->window_bytes - (off - reader->window_off);
	if (at_hand < sizeof(struct chunk_head))
		at_hand = WINDOW_BYTES;
	return left < at_hand ? (size_t)left : (size_t)at_hand;
}

/* The next place from `off` on where the sync word stands; the file's size: nowhere. */
static uint64_t find_sync(struct recording_reader *reader, uint64_t off)
{
	const uint32_t sync = CHUNK_SYNC;

	while (off + sizeof(struct chunk_head) <= reader->file_bytes) {
		size_t count = bytes_to_search(reader, off);
		const uint8_t *bytes = view(reader, off, count);
		const uint8_t *found = bytes ? memmem(bytes, count, &sync, sizeof(sync)) : NULL;

		if (found)
			return off + (uint64_t)(found - bytes);
		if (!bytes)
			break;
		/* It may lie across the border. */
		off += count - (sizeof(sync) - 1);
	}
	return reader->file_bytes;
}

/* The first whole chunk behind a damaged one; the file's size: there is none. */
static uint64_t find_chunk(struct recording_reader *reader, uint64_t damaged_off)
{
	uint64_t most = WORK_LEAST + WORK_TIMES * reader->file_bytes, off;
	struct chunk_head head;

	/* A stack may hold what looks like chunks: it is not searched where its size is known. */
	if (get_head(reader, damaged_off, &head))
		damaged_off += sizeof(head) + head.bytes - 1;
	off = find_sync(reader, damaged_off + 1);
	while (off < reader->file_bytes && reader->work_bytes < most) {
		if (is_whole(reader, off, &head))
			return off;
		off = find_sync(reader, off + 1);
	}
	return reader->file_bytes;
}

/* ---- what stands in chunks ---- */

static void see_time(struct recording_reader *reader, uint64_t at_ns)
{
	if (at_ns > reader->state.last_ns)
		reader->state.last_ns = at_ns;
}

static bool hand_on_header(struct recording_reader *reader)
{
	struct recorded_settings settings = {0};
	struct run_header header = {0};

	chunk_header(&reader->fields, &header, &settings);
	if (fields_end(&reader->fields))
		return false;
	see_time(reader, header.start_ns);
	reader->handlers->header(reader->context, &header, &settings);
	return true;
}

static bool hand_on_function_name(struct recording_reader *reader)
{
	struct symbol_name name = {0};
	uint32_t function = 0;

	chunk_function_name(&reader->fields, &function, &name);
	if (fields_end(&reader->fields))
		return false;
	reader->handlers->function_name(reader->context, function, &name);
	return true;
}

static bool hand_on_routine_name(struct recording_reader *reader)
{
	struct symbol_name name = {0};
	uint32_t routine = 0;

	chunk_routine_name(&reader->fields, &routine, &name);
	if (fields_end(&reader->fields))
		return false;
	reader->handlers->routine_name(reader->context, routine, &name);
	return true;
}

static bool hand_on_child(struct recording_reader *reader)
{
	struct child_report child = {0};

	chunk_child(&reader->fields, &child);
	if (fields_end(&reader->fields))
		return false;
	see_time(reader, child.at_ns);
	reader->handlers->child(reader->context, &child);
	return true;
}

static bool hand_on_code(struct recording_reader *reader)
{
	struct recorded_code code = {0};

	chunk_code(&reader->fields, &code);
	if (fields_end(&reader->fields))
		return false;
	see_time(reader, code.since_ns);
	reader->handlers->code(reader->context, &code);
	return true;
}

static bool hand_on_jitted(struct recording_reader *reader)
{
	struct recorded_jitted jitted = {0};

	chunk_jitted(&reader->fields, &jitted);
	if (fields_end(&reader->fields))
		return false;
	reader->handlers->jitted(reader->context, &jitted);
	return true;
}

static bool hand_on_process_end(struct recording_reader *reader)
{
	uint64_t at_ns = 0;
	pid_t pid = 0;

	chunk_process_end(&reader->fields, &pid, &at_ns);
	if (fields_end(&reader->fields))
		return false;
	see_time(reader, at_ns);
	reader->handlers->process_end(reader->context, pid, at_ns);
	return true;
}

static bool hand_on_sample(struct recording_reader *reader)
{
	struct mw_sample *record = reader->payload;

	if (!chunk_is_sample(record, reader->fields.left))
		return false;
	record->head.comm[sizeof(record->head.comm) - 1] = '\0';
	see_time(reader, record->head.at_ns);
	reader->handlers->sample(reader->context, record);
	return true;
}

static bool hand_on_flush(struct recording_reader *reader)
{
	struct flush flush = {0};
	uint32_t function = 0;

	chunk_flush(&reader->fields, &function, &flush);
	if (fields_end(&reader->fields) || flush.duration_ns > UINT64_MAX - flush.start_ns)
		return false;
	see_time(reader, flush.start_ns + flush.duration_ns);
	reader->handlers->flush(reader->context, function, &flush);
	return true;
}

static bool hand_on_copy(struct recording_reader *reader)
{
	struct large_copy copy = {0};
	uint32_t routine = 0;

	chunk_copy(&reader->fields, &routine, &copy);
	if (fields_end(&reader->fields) || copy.duration_ns > UINT64_MAX - copy.start_ns)
		return false;
	see_time(reader, copy.start_ns + copy.duration_ns);
	reader->handlers->copy(reader->context, routine, &copy);
	return true;
}

static bool hand_on_budget(struct recording_reader *reader)
{
	struct budget_step step = {0};

	chunk_budget(&reader->fields, &step);
	if (fields_end(&reader->fields))
		return false;
	see_time(reader, step.at_ns);
	reader->handlers->budget(reader->context, &step);
	return true;
}

static bool hand_on_discovery(struct recording_reader *reader)
{
	struct frame frames[DISCOVERY_FRAMES] = {0};
	struct discovery discovery = {0};

	chunk_discovery(&reader->fields, &discovery, frames);
	if (fields_end(&reader->fields))
		return false;
	see_time(reader, discovery.at_ns);
	reader->handlers->discovery(reader->context, &discovery);
	return true;
}

static bool hand_on_advance(struct recording_reader *reader)
{
	uint64_t now_ns = 0;

	chunk_advance(&reader->fields, &now_ns);
	if (fields_end(&reader->fields))
		return false;
	see_time(reader, now_ns);
	reader->handlers->advance(reader->context, now_ns);
	return true;
}

static bool hand_on_end(struct recording_reader *reader)
{
	struct run_end *end = calloc(1, sizeof(*end));
	uint32_t function_count = 0;
	bool is_end = false;

	if (!end)
		return false;
	chunk_end(&reader->fields, &function_count, end);
	if (!fields_end(&reader->fields)) {
		is_end = reader->has_end = true;
		see_time(reader, end->at_ns);
		reader->handlers->end(reader->context, function_count, end);
	}
	free(end);
	return is_end;
}

/* False where it holds what no memwatch writes. */
static bool hand_on(struct recording_reader *reader, uint32_t type)
{
	static bool (*const kinds[CHUNK_TYPES])(struct recording_reader *) = {
		[CHUNK_HEADER] = hand_on_header,
		[CHUNK_FUNCTION_NAME] = hand_on_function_name,
		[CHUNK_ROUTINE_NAME] = hand_on_routine_name,
		[CHUNK_CHILD] = hand_on_child,
		[CHUNK_CODE] = hand_on_code,
		[CHUNK_JITTED] = hand_on_jitted,
		[CHUNK_PROCESS_END] = hand_on_process_end,
		[CHUNK_SAMPLE] = hand_on_sample,
		[CHUNK_FLUSH] = hand_on_flush,
		[CHUNK_COPY] = hand_on_copy,
		[CHUNK_BUDGET] = hand_on_budget,
		[CHUNK_DISCOVERY] = hand_on_discovery,
		[CHUNK_ADVANCE] = hand_on_advance,
		[CHUNK_END] = hand_on_end,
	};

	return type < CHUNK_TYPES && kinds[type] && kinds[type](reader);
}

/* Out of the window, which the reading of strings and arrays must not move. */
static bool take_payload(struct recording_reader *reader, uint64_t off, size_t count)
{
	const uint8_t *bytes = view(reader, off, count);
	void *grown;

	if (bytes && count > reader->payload_capacity) {
		grown = realloc(reader->payload, count);
		if (!grown)
			return false;
		reader->payload = grown;
		reader->payload_capacity = count;
	}
	if (!bytes)
		return false;
	if (count)
		memcpy(reader->payload, bytes, count);
	fields_to_read(&reader->fields, reader->payload, count, &reader->texts);
	return true;
}

struct recording_state recording_read(struct recording_reader *reader,
				      const struct recording_handlers *handlers, void *context)
{
	uint64_t off = reader->first_off;
	struct chunk_head head;

	reader->handlers = handlers;
	reader->context = context;
	while (off < reader->file_bytes && !reader->has_end) {
		if (!is_whole(reader, off, &head)) {
			off = find_chunk(reader, off);
			reader->state.damaged += off < reader->file_bytes;
			continue;
		}
		if (take_payload(reader, off + sizeof(head), head.bytes) &&
		    hand_on(reader, head.type))
			reader->state.chunks++;
		else
			reader->state.damaged++;
		off += sizeof(head) + head.bytes;
	}
	reader->state.is_cut_off = !reader->has_end;
	return reader->state;
}

/* ---- opening ---- */

static bool head_holds(struct recording_reader *reader, const struct recording_head *head)
{
	uint32_t bytes = head->head_bytes, crc;
	const uint8_t *all;

	if (bytes < sizeof(*head) || bytes > HEAD_MOST)
		return false;
	all = view(reader, 0, bytes);
	if (!all)
		return false;
	memcpy(&crc, all + bytes - sizeof(crc), sizeof(crc));
	return (uint32_t)crc32(0, all, bytes - (uInt)sizeof(crc)) == crc;
}

static int check_head(struct recording_reader *reader, const char *path)
{
	static const uint8_t magic[] = RECORDING_MAGIC;
	const uint8_t *bytes = view(reader, 0, RECORDING_MAGIC_BYTES);
	struct recording_head head;

	if (!bytes || memcmp(bytes, magic, RECORDING_MAGIC_BYTES) != 0) {
		log_error("%s is no recording of memwatch", path);
		return -EINVAL;
	}
	bytes = view(reader, 0, sizeof(head));
	if (!bytes) {
		log_error("%s: cut off before anything was recorded", path);
		return -EINVAL;
	}
	memcpy(&head, bytes, sizeof(head));
	reader->first_off = sizeof(head);
	/* What is damaged says nothing; the chunks will. */
	if (!head_holds(reader, &head)) {
		reader->state.damaged++;
		return 0;
	}
	if (head.version > RECORDING_VERSION) {
		log_error("%s was made by a newer memwatch (format %u, this one reads %u)", path,
			  head.version, RECORDING_VERSION);
		return -EINVAL;
	}
	if (head.version < RECORDING_VERSION) {
		log_error("%s was made by an older memwatch (format %u, this one reads %u)", path,
			  head.version, RECORDING_VERSION);
		return -EINVAL;
	}
	if (head.byte_order == RECORDING_BYTE_ORDER &&
	    head.sample_bytes == sizeof(struct mw_sample) &&
	    head.sample_schema == RECORDING_SAMPLE_SCHEMA)
		return 0;
	log_error("%s was made by a memwatch whose samples this one can't read", path);
	return -EINVAL;
}

static int check_file(struct recording_reader *reader, const char *path)
{
	struct stat status;
	int err;

	if (fstat(reader->fd, &status)) {
		err = -errno;
		log_error("can't read '%s': %s", path, strerror(-err));
		return err;
	}
	if (!S_ISREG(status.st_mode)) {
		log_error("%s is %s: a recording is a file", path,
			  S_ISDIR(status.st_mode)    ? "a directory"
			  : S_ISFIFO(status.st_mode) ? "a pipe"
						     : "a device");
		return -EINVAL;
	}
	if (!status.st_size) {
		log_error("%s is empty", path);
		return -EINVAL;
	}
	reader->file_bytes = (uint64_t)status.st_size;
	return check_head(reader, path);
}

int recording_open(const char *path, struct recording_reader **reader)
{
	struct recording_reader *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	err = made->fd < 0 ? -errno : 0;
	if (err)
		log_error("can't read '%s': %s", path, strerror(-err));
	else
		err = check_file(made, path);
	if (err)
		recording_close(made);
	else
		*reader = made;
	return err;
}

void recording_close(struct recording_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	fields_release(&reader->fields);
	texts_release(&reader->texts);
	free(reader->window);
	free(reader->payload);
	free(reader);
}
