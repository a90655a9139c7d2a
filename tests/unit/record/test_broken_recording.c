// SPDX-License-Identifier: GPL-2.0-only
/* Of a recording that is cut, damaged or made up, what is whole comes out, and nothing else. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "record/format.h"
#include "record/recording_sample.h"
#include "record/retell.h"

#define FILE_MOST 65536

/* A recording in memory, to be damaged. */
struct file {
	uint8_t bytes[FILE_MOST];
	size_t count;
	size_t chunk_offs[SAMPLE_CHUNKS + 1]; /* the last is the end */
};

static struct chunk_head head_at(const struct file *file, size_t off)
{
	struct chunk_head head;

	memcpy(&head, file->bytes + off, sizeof(head));
	return head;
}

static void take_sample(struct file *file)
{
	int fd = write_sample();
	ssize_t count = pread(fd, file->bytes, FILE_MOST, 0);
	size_t off = sizeof(struct recording_head);

	assert_true(count > 0 && count < FILE_MOST);
	file->count = (size_t)count;
	for (size_t i = 0; i < SAMPLE_CHUNKS; i++) {
		file->chunk_offs[i] = off;
		off += sizeof(struct chunk_head) + head_at(file, off).bytes;
	}
	assert_int_equal(off, file->count);
	file->chunk_offs[SAMPLE_CHUNKS] = off;
	close(fd);
}

/* False: it is no recording at all. */
static bool read_bytes(const void *bytes, size_t count, struct recording_state *state)
{
	int fd = memfd_create("broken", MFD_CLOEXEC), again;

	assert_int_equal(write(fd, bytes, count), count);
	again = retell(fd, state);
	close(fd);
	if (again >= 0)
		close(again);
	return again >= 0;
}

/* What is said goes to *text; lives until the next call. */
static const char *refusal(const char *path)
{
	static char text[1024];
	struct recording_reader *reader = NULL;
	int kept = dup(STDERR_FILENO);
	FILE *said = tmpfile();
	size_t bytes;
	int err;

	assert_true(dup2(fileno(said), STDERR_FILENO) >= 0);
	err = recording_open(path, &reader);
	dup2(kept, STDERR_FILENO);
	close(kept);
	assert_true(err < 0);
	assert_null(reader);
	rewind(said);
	bytes = fread(text, 1, sizeof(text) - 1, said);
	text[bytes] = '\0';
	fclose(said);
	/* One line. */
	assert_ptr_equal(strchr(text, '\n'), text + bytes - 1);
	return text;
}

static void assert_refused(const char *path, const char *why)
{
	const char *text = refusal(path);

	if (!strstr(text, why))
		fail_msg("'%s' does not say '%s'", text, why);
}

static void assert_bytes_refused(const void *bytes, size_t count, const char *why)
{
	int fd = memfd_create("refused", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, count), count);
	assert_refused(path_of(fd), why);
	close(fd);
}

/* ---- cut and damaged files ---- */

static void cut_at_any_byte_it_gives_the_chunks_before(void **state)
{
	static struct file file;
	size_t whole = 0;

	(void)state;
	take_sample(&file);
	for (size_t count = sizeof(struct recording_head); count < file.count; count++) {
		struct recording_state read;

		while (whole < SAMPLE_CHUNKS && file.chunk_offs[whole + 1] <= count)
			whole++;
		assert_true(read_bytes(file.bytes, count, &read));
		assert_int_equal(read.chunks, whole);
		assert_int_equal(read.damaged, 0);
		assert_true(read.is_cut_off);
	}
}

static void cut_within_its_head_it_is_refused(void **state)
{
	static struct file file;

	(void)state;
	take_sample(&file);
	assert_bytes_refused(file.bytes, 0, "is empty");
	for (size_t count = 1; count < RECORDING_MAGIC_BYTES; count++)
		assert_bytes_refused(file.bytes, count, "is no recording");
	for (size_t count = RECORDING_MAGIC_BYTES; count < sizeof(struct recording_head); count++)
		assert_bytes_refused(file.bytes, count, "cut off before anything was recorded");
}

/* Whichever byte it is, one chunk is lost, and all the others are found. */
static void one_wrong_byte_costs_one_chunk(void **state)
{
	static struct file file;

	(void)state;
	take_sample(&file);
	for (size_t off = RECORDING_MAGIC_BYTES; off < file.count; off++) {
		bool in_head = off < sizeof(struct recording_head);
		bool in_end = off >= file.chunk_offs[SAMPLE_CHUNKS - 1];

		for (unsigned bits = 1; bits < 0x100; bits = bits * 3 + 1) {
			struct recording_state read;

			file.bytes[off] ^= bits;
			assert_true(read_bytes(file.bytes, file.count, &read));
			file.bytes[off] ^= bits;
			assert_int_equal(read.chunks, SAMPLE_CHUNKS - !in_head);
			assert_int_equal(read.damaged, !in_end);
			assert_int_equal(read.is_cut_off, in_end);
		}
	}
}

static void a_hole_costs_the_chunks_within_it(void **state)
{
	static struct file file;
	struct recording_state read;

	(void)state;
	take_sample(&file);
	/* From within the third to within the sixth one. */
	memset(file.bytes + file.chunk_offs[2] + 5, 0,
	       file.chunk_offs[5] + 5 - file.chunk_offs[2] - 5);
	assert_true(read_bytes(file.bytes, file.count, &read));
	assert_int_equal(read.chunks, SAMPLE_CHUNKS - 4);
	assert_int_equal(read.damaged, 1);
	assert_false(read.is_cut_off);
}

static void what_follows_the_end_is_left_alone(void **state)
{
	static struct file file;
	struct recording_state read;

	(void)state;
	take_sample(&file);
	memcpy(file.bytes + file.count, file.bytes, 1000);
	assert_true(read_bytes(file.bytes, file.count + 1000, &read));
	assert_int_equal(read.chunks, SAMPLE_CHUNKS);
	assert_int_equal(read.damaged, 0);
	assert_false(read.is_cut_off);
}

/* ---- other versions ---- */

static void stamp_head(struct file *file, size_t head_bytes)
{
	uint32_t crc = (uint32_t)crc32(0, file->bytes, (uInt)(head_bytes - sizeof(crc)));

	memcpy(file->bytes + head_bytes - sizeof(crc), &crc, sizeof(crc));
}

/* The sample, as another memwatch would have begun it. */
static const struct file *file_of_version(uint32_t version, uint32_t head_bytes)
{
	static struct file file;
	struct recording_head head;

	take_sample(&file);
	memcpy(&head, file.bytes, sizeof(head));
	head.version = version;
	head.head_bytes = head_bytes;
	memcpy(file.bytes, &head, sizeof(head));
	stamp_head(&file, head_bytes);
	return &file;
}

static void other_versions_are_refused(void **state)
{
	const struct file *file = file_of_version(7, sizeof(struct recording_head));

	(void)state;
	assert_bytes_refused(file->bytes, file->count,
			     "was made by a newer memwatch (format 7, this one reads 2)");
	/* It may have a longer head. */
	file = file_of_version(7, 100);
	assert_bytes_refused(file->bytes, file->count, "(format 7, this one reads 2)");
	file = file_of_version(1, sizeof(struct recording_head));
	assert_bytes_refused(file->bytes, file->count,
			     "was made by an older memwatch (format 1, this one reads 2)");
}

static void other_samples_are_refused(void **state)
{
	static struct file file;
	struct recording_head heads[3];

	(void)state;
	take_sample(&file);
	for (size_t i = 0; i < 3; i++)
		memcpy(&heads[i], file.bytes, sizeof(heads[i]));
	heads[0].byte_order = 0x04030201;
	heads[1].sample_bytes += 8;
	heads[2].sample_schema++;
	for (size_t i = 0; i < 3; i++) {
		memcpy(file.bytes, &heads[i], sizeof(heads[i]));
		stamp_head(&file, sizeof(heads[i]));
		assert_bytes_refused(file.bytes, file.count, "samples this one can't read");
	}
}

static void what_is_no_recording_is_refused(void **state)
{
	char folder[] = "/tmp/memwatch-test-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	/* It is not waited for. */
	assert_refused(path, "is a pipe");
	unlink(path);
	assert_refused(path, "No such file");
	assert_refused(folder, "is a directory");
	rmdir(folder);
	assert_refused("/dev/zero", "is a device");
	assert_refused("/proc/self/exe", "is no recording");
}

/* ---- made-up chunks: the CRC is right, what stands there is not ---- */

static void stamp_chunk(struct chunk_head *head, const void *payload, size_t count)
{
	head->crc = (uint32_t)crc32(crc32(0, (void *)&head->type, 4), payload, (uInt)count);
	head->head_crc = (uint32_t)crc32(0, (void *)head, offsetof(struct chunk_head, head_crc));
}

/* A recording of nothing but this chunk. */
static size_t make_chunk(uint8_t *bytes, uint32_t type, const void *payload, size_t count,
			 uint32_t claimed)
{
	struct chunk_head head = {.sync = CHUNK_SYNC, .type = type, .bytes = claimed};
	static struct file file;

	take_sample(&file);
	memcpy(bytes, file.bytes, sizeof(struct recording_head));
	stamp_chunk(&head, payload, count);
	memcpy(bytes + sizeof(struct recording_head), &head, sizeof(head));
	if (count)
		memcpy(bytes + sizeof(struct recording_head) + sizeof(head), payload, count);
	return sizeof(struct recording_head) + sizeof(head) + count;
}

static void assert_chunk_refused(uint32_t type, const void *payload, size_t count)
{
	static uint8_t bytes[FILE_MOST];
	size_t all = make_chunk(bytes, type, payload, count, (uint32_t)count);
	struct recording_state read;

	assert_true(read_bytes(bytes, all, &read));
	assert_int_equal(read.chunks, 0);
	assert_int_equal(read.damaged, 1);
}

static void chunks_of_no_kind_are_left_out(void **state)
{
	const uint32_t types[] = {0, CHUNK_TYPES, CHUNK_TYPES + 1, 1000, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		assert_chunk_refused(types[i], "payload", 7);
	for (uint32_t type = 0; type < CHUNK_TYPES; type++)
		assert_chunk_refused(type, "", 0);
}

/* Of a version that knows more fields, it would be half of the truth. */
static void longer_chunks_are_left_out(void **state)
{
	static struct file file;

	(void)state;
	take_sample(&file);
	for (size_t i = 0; i < SAMPLE_CHUNKS; i++) {
		struct chunk_head head = head_at(&file, file.chunk_offs[i]);
		uint8_t payload[FILE_MOST] = {0};

		memcpy(payload, file.bytes + file.chunk_offs[i] + sizeof(head), head.bytes);
		assert_chunk_refused(head.type, payload, head.bytes + 1);
		assert_chunk_refused(head.type, payload, head.bytes - 1);
	}
}

/* A length that no file holds is not believed, and no memory is asked for. */
static void huge_lengths_are_cut_off(void **state)
{
	const uint32_t claims[] = {13, CHUNK_MOST, CHUNK_MOST + 1, INT32_MAX, UINT32_MAX};
	static uint8_t bytes[FILE_MOST];

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
		size_t all = make_chunk(bytes, CHUNK_PROCESS_END, "pid and time", 12, claims[i]);
		struct recording_state read;

		assert_true(read_bytes(bytes, all, &read));
		assert_int_equal(read.chunks, 0);
		assert_true(read.is_cut_off);
	}
}

/* Each number in a chunk is taken for a length or an index once. */
static void huge_counts_are_refused(void **state)
{
	static struct file file;
	static uint8_t bytes[FILE_MOST];

	(void)state;
	take_sample(&file);
	for (size_t i = 0; i < SAMPLE_CHUNKS; i++) {
		struct chunk_head head = head_at(&file, file.chunk_offs[i]);
		uint8_t *payload = file.bytes + file.chunk_offs[i] + sizeof(head);

		for (size_t off = 0; off + 8 <= head.bytes; off++) {
			struct recording_state read;
			uint8_t kept[8];
			size_t all;

			memcpy(kept, payload + off, 8);
			memset(payload + off, 0xff, 8);
			payload[off + 7] = 0x7f;
			all = make_chunk(bytes, head.type, payload, head.bytes, head.bytes);
			memcpy(payload + off, kept, 8);
			assert_true(read_bytes(bytes, all, &read));
			assert_int_equal(read.chunks + read.damaged, 1);
		}
	}
}

/* In chunk `chunk`, these bytes become those. */
static void assert_value_refused(size_t chunk, const void *bytes, const void *wrong, size_t count)
{
	static struct file file;
	struct chunk_head head;
	uint8_t *payload, *found;

	take_sample(&file);
	head = head_at(&file, file.chunk_offs[chunk]);
	payload = file.bytes + file.chunk_offs[chunk] + sizeof(head);
	found = memmem(payload, head.bytes, bytes, count);
	assert_non_null(found);
	memcpy(found, wrong, count);
	assert_chunk_refused(head.type, payload, head.bytes);
}

static void values_that_nothing_can_have_are_refused(void **state)
{
	const double budget_pct = sample_header.budget_pct, nan = NAN, infinite = INFINITY;
	const uint64_t end_addr = 0x5000, before_start = 0x3000, id_bytes = 20, many = 21;

	(void)state;
	assert_value_refused(0, &budget_pct, &nan, sizeof(nan));
	assert_value_refused(0, &budget_pct, &infinite, sizeof(nan));
	assert_value_refused(1, "fork", "fo\0k", 4);
	assert_value_refused(2, &end_addr, &before_start, sizeof(end_addr));
	assert_value_refused(2, &id_bytes, &many, sizeof(many));
	/* Two flags, and how it is watched. */
	assert_value_refused(5, "\1\1\1\0\0\0", "\1\2\1\0\0\0", 6);
	assert_value_refused(5, "\1\1\1\0\0\0", "\1\1\3\0\0\0", 6);
	/* The flush of a discovery is one of three functions. */
	assert_value_refused(10, "\1\0\0\0\2\0\0\0", "\3\0\0\0\2\0\0\0", 8);
}

static void samples_are_checked_as_the_kernels_are(void **state)
{
	struct sample_with_stack good, bad;

	(void)state;
	memcpy(&good, &sample_record, sizeof(good));
	good.record.head.bytes = sizeof(good);
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		memcpy(&bad, &good, sizeof(bad));                                                  \
		change;                                                                            \
		assert_chunk_refused(CHUNK_SAMPLE, &bad, sizeof(bad));                             \
	} while (0)
	REFUSED(bad.record.head.type = MW_RECORD_SPAN);
	REFUSED(bad.record.head.bytes--);
	REFUSED(bad.record.stack_bytes++);
	REFUSED(bad.record.stack_bytes--);
	REFUSED(bad.record.kind = 0);
	REFUSED(bad.record.kind = MW_SAMPLE_KINDS);
	REFUSED(bad.record.flags = MW_SAMPLE_FLAGS + 1);
	REFUSED(bad.record.weight_ns = bad.record.head.at_ns + 1);
	REFUSED(bad.record.start_ns = bad.record.head.at_ns + 1);
#undef REFUSED
	assert_chunk_refused(CHUNK_SAMPLE, &good, sizeof(good) - 1);
}

static void see_comm(void *context, const struct mw_sample *record)
{
	*(size_t *)context = strlen(record->head.comm);
}

static void a_comm_without_an_end_gets_one(void **state)
{
	const struct recording_handlers handlers = {.sample = see_comm};
	static uint8_t bytes[FILE_MOST];
	struct recording_reader *reader = NULL;
	struct sample_with_stack sample;
	int fd = memfd_create("comm", MFD_CLOEXEC);
	size_t all, comm_bytes = 0;

	(void)state;
	memcpy(&sample, &sample_record, sizeof(sample));
	sample.record.head.bytes = sizeof(sample);
	memset(sample.record.head.comm, 'x', sizeof(sample.record.head.comm));
	all = make_chunk(bytes, CHUNK_SAMPLE, &sample, sizeof(sample), sizeof(sample));
	assert_int_equal(write(fd, bytes, all), all);
	assert_int_equal(recording_open(path_of(fd), &reader), 0);
	recording_read(reader, &handlers, &comm_bytes);
	assert_int_equal(comm_bytes, MW_COMM_BYTES - 1);
	recording_close(reader);
	close(fd);
}

/* ---- what would take for ever ---- */

#define MANY_BYTES (8u << 20)

/* Whatever looks like a chunk of megabytes can't be added up each time. */
static void a_file_of_nothing_but_beginnings_comes_to_an_end(void **state)
{
	struct chunk_head lure = {CHUNK_SYNC, CHUNK_SAMPLE, MANY_BYTES / 2, 0, 0};
	uint64_t start_ns = clock_monotonic_ns();
	uint8_t *bytes = malloc(MANY_BYTES);
	static struct file file;
	struct recording_state read;

	(void)state;
	assert_non_null(bytes);
	take_sample(&file);
	stamp_chunk(&lure, "not this", 8);
	for (size_t off = 0; off + sizeof(lure) <= MANY_BYTES; off += sizeof(lure))
		memcpy(bytes + off, &lure, sizeof(lure));
	memcpy(bytes, file.bytes, sizeof(struct recording_head));
	assert_true(read_bytes(bytes, MANY_BYTES, &read));
	assert_int_equal(read.chunks, 0);
	assert_true(read.is_cut_off);
	/* 0.1 s; under sanitizers more. */
	assert_true(clock_monotonic_ns() - start_ns < 5 * NS_PER_S);
	free(bytes);
}

/* A stack that holds a recording, as memwatch's own does: its chunks are none of this one's. */
static void a_damaged_sample_does_not_give_what_its_stack_holds(void **state)
{
	static struct {
		struct mw_sample record;
		uint8_t stack[FILE_MOST / 2];
	} sample;
	int fd = memfd_create("nested", MFD_CLOEXEC);
	static struct file file, outer;
	struct recording_writer *writer = recording_writer_new(dup(fd), "nested");
	struct recording_size size;
	struct recording_state read;
	size_t stack_off;
	ssize_t count;

	(void)state;
	take_sample(&file);
	memcpy(&sample, &sample_record, sizeof(sample.record));
	sample.record.stack_bytes = (uint32_t)file.count;
	memcpy(sample.stack, file.bytes, file.count);
	recording_sample(writer, &sample.record);
	recording_process_end(writer, 1, 1);
	assert_int_equal(recording_writer_close(writer, &size), 0);
	count = pread(fd, outer.bytes, FILE_MOST, 0);
	assert_int_equal(count, size.bytes);
	stack_off =
		sizeof(struct recording_head) + sizeof(struct chunk_head) + sizeof(sample.record);
	outer.bytes[stack_off - 100] ^= 1;
	assert_true(read_bytes(outer.bytes, (size_t)count, &read));
	assert_int_equal(read.damaged, 1);
	assert_int_equal(read.chunks, 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_any_byte_it_gives_the_chunks_before),
		cmocka_unit_test(cut_within_its_head_it_is_refused),
		cmocka_unit_test(one_wrong_byte_costs_one_chunk),
		cmocka_unit_test(a_hole_costs_the_chunks_within_it),
		cmocka_unit_test(what_follows_the_end_is_left_alone),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(other_samples_are_refused),
		cmocka_unit_test(what_is_no_recording_is_refused),
		cmocka_unit_test(chunks_of_no_kind_are_left_out),
		cmocka_unit_test(longer_chunks_are_left_out),
		cmocka_unit_test(huge_lengths_are_cut_off),
		cmocka_unit_test(huge_counts_are_refused),
		cmocka_unit_test(values_that_nothing_can_have_are_refused),
		cmocka_unit_test(samples_are_checked_as_the_kernels_are),
		cmocka_unit_test(a_comm_without_an_end_gets_one),
		cmocka_unit_test(a_file_of_nothing_but_beginnings_comes_to_an_end),
		cmocka_unit_test(a_damaged_sample_does_not_give_what_its_stack_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
