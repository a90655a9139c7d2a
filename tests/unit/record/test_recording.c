// SPDX-License-Identifier: GPL-2.0-only
/* What goes into a recording comes out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/log.h"
#include "record/recording_sample.h"
#include "record/retell.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- every field ---- */

static void same_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

/* With its padding, which an assignment may leave as it is. */
#define COPY_OF(type, wanted, sample)                                                              \
	struct type wanted;                                                                        \
	memcpy(&wanted, sample, sizeof(wanted))

/* The text is the same, at another address: then the rest can be compared as bytes. */
#define TAKE_TEXT(wanted, got, field)                                                              \
	do {                                                                                       \
		same_text((wanted).field, (got)->field);                                           \
		(wanted).field = (got)->field;                                                     \
	} while (0)

static void see_header(void *context, const struct run_header *header,
		       const struct recorded_settings *settings)
{
	COPY_OF(recorded_settings, set, &sample_settings);
	COPY_OF(run_header, wanted, &sample_header);

	TAKE_TEXT(wanted, header, version);
	TAKE_TEXT(wanted, header, command);
	TAKE_TEXT(wanted, header, run_as);
	TAKE_TEXT(set, settings, writes_function);
	assert_int_equal(header->pid_count, COUNT(sample_pids));
	assert_memory_equal(header->pids, sample_pids, sizeof(sample_pids));
	wanted.pids = header->pids;
	assert_memory_equal(header, &wanted, sizeof(wanted));
	assert_memory_equal(settings, &set, sizeof(set));
	++*(unsigned *)context;
}

static void see_name(const struct symbol_name *name, const struct symbol_name *sample)
{
	COPY_OF(symbol_name, wanted, sample);

	TAKE_TEXT(wanted, name, function);
	TAKE_TEXT(wanted, name, symbol);
	TAKE_TEXT(wanted, name, module);
	assert_memory_equal(name, &wanted, sizeof(wanted));
}

static void see_function_name(void *context, unsigned function, const struct symbol_name *name)
{
	static const struct symbol_name other = {.function = "other", .module = "app"};

	see_name(name, function ? &other : &sample_function);
	++*(unsigned *)context;
}

static void see_routine_name(void *context, unsigned routine, const struct symbol_name *name)
{
	assert_int_equal(routine, 1);
	see_name(name, &sample_routine);
	++*(unsigned *)context;
}

static void see_child(void *context, const struct child_report *child)
{
	COPY_OF(child_report, wanted, &sample_child);

	TAKE_TEXT(wanted, child, event);
	TAKE_TEXT(wanted, child, reason);
	assert_memory_equal(child, &wanted, sizeof(wanted));
	++*(unsigned *)context;
}

static void see_code(void *context, const struct recorded_code *code)
{
	struct stat own;

	assert_int_equal(stat("/proc/self/exe", &own), 0);
	assert_int_equal(code->pid, 4242);
	assert_int_equal(code->since_ns, SAMPLE_START_NS + 1);
	assert_int_equal(code->count, SAMPLE_MAPPINGS);
	for (size_t i = 0; i < SAMPLE_MAPPINGS; i++) {
		COPY_OF(stack_mapping, wanted, &sample_mappings[i]);
		const struct recorded_mapping *got = &code->mappings[i];
		bool is_marked = i == 2;

		TAKE_TEXT(wanted, &got->mapping, path);
		wanted.open_path = NULL;
		assert_memory_equal(&got->mapping, &wanted, sizeof(wanted));
		assert_int_equal(got->mark.bytes, is_marked ? (uint64_t)own.st_size : 0);
		assert_int_equal(got->mark.changed_ns != 0, is_marked);
	}
	++*(unsigned *)context;
}

static void see_jitted(void *context, const struct recorded_jitted *jitted)
{
	COPY_OF(jitted_code, wanted, &sample_jitted);

	assert_int_equal(jitted->pid, 4242);
	TAKE_TEXT(wanted, &jitted->code, name);
	assert_memory_equal(&jitted->code, &wanted, sizeof(wanted));
	++*(unsigned *)context;
}

static void see_process_end(void *context, pid_t pid, uint64_t at_ns)
{
	assert_int_equal(pid, 4242);
	assert_int_equal(at_ns, SAMPLE_START_NS + 550);
	++*(unsigned *)context;
}

static void see_sample(void *context, const struct mw_sample *record)
{
	struct mw_sample wanted = sample_record.record;

	wanted.head.bytes = sizeof(wanted) + SAMPLE_STACK;
	assert_memory_equal(record, &wanted, sizeof(wanted));
	assert_memory_equal(record + 1, sample_record.stack, SAMPLE_STACK);
	++*(unsigned *)context;
}

static void see_flush(void *context, unsigned function, struct flush *flush)
{
	assert_int_equal(function, 0);
	assert_memory_equal(flush, &sample_flush, sizeof(*flush));
	++*(unsigned *)context;
}

static void see_copy(void *context, unsigned routine, struct large_copy *copy)
{
	assert_int_equal(routine, 1);
	assert_memory_equal(copy, &sample_copy, sizeof(*copy));
	++*(unsigned *)context;
}

static void see_budget(void *context, const struct budget_step *step)
{
	COPY_OF(budget_step, wanted, &sample_step);

	TAKE_TEXT(wanted, step, function);
	assert_memory_equal(step, &wanted, sizeof(wanted));
	++*(unsigned *)context;
}

static void see_frame(const struct frame *frame, const struct frame *sample)
{
	COPY_OF(frame, wanted, sample);

	TAKE_TEXT(wanted, frame, name);
	TAKE_TEXT(wanted, frame, symbol);
	TAKE_TEXT(wanted, frame, module);
	TAKE_TEXT(wanted, frame, file);
	TAKE_TEXT(wanted, frame, language);
	assert_memory_equal(frame, &wanted, sizeof(wanted));
}

static void see_discovery(void *context, const struct discovery *discovery)
{
	COPY_OF(discovery, wanted, &sample_discovery);

	assert_int_equal(discovery->function_count, 3);
	for (size_t i = 0; i < 3; i++) {
		see_frame(discovery->functions[i].frame, &sample_frames[i]);
		wanted.functions[i].frame = discovery->functions[i].frame;
	}
	see_frame(discovery->culprit, &sample_frames[0]);
	wanted.culprit = discovery->culprit;
	wanted.flush = discovery->functions[1].frame;
	wanted.caller = discovery->functions[2].frame;
	TAKE_TEXT(wanted, discovery, reason);
	assert_memory_equal(discovery, &wanted, sizeof(wanted));
	++*(unsigned *)context;
}

static void see_advance(void *context, uint64_t now_ns)
{
	assert_int_equal(now_ns, SAMPLE_START_NS + 600);
	++*(unsigned *)context;
}

static void see_end(void *context, size_t function_count, const struct run_end *end)
{
	struct run_end *wanted = malloc(sizeof(*wanted));

	assert_non_null(wanted);
	sample_end(wanted);
	assert_int_equal(function_count, 2);
	assert_int_equal(end->watched_count, 2);
	assert_int_equal(end->uncalled_count, 1);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(end->watched[i], sample_watched[i]);
	assert_string_equal(end->uncalled[0], sample_uncalled[0]);
	wanted->watched = end->watched;
	wanted->uncalled = end->uncalled;
	TAKE_TEXT(*wanted, end, writes_function);
	assert_memory_equal(end, wanted, sizeof(*wanted));
	free(wanted);
	++*(unsigned *)context;
}

static const struct recording_handlers seers = {
	.header = see_header,
	.function_name = see_function_name,
	.routine_name = see_routine_name,
	.child = see_child,
	.code = see_code,
	.jitted = see_jitted,
	.process_end = see_process_end,
	.sample = see_sample,
	.flush = see_flush,
	.copy = see_copy,
	.budget = see_budget,
	.discovery = see_discovery,
	.advance = see_advance,
	.end = see_end,
};

static void every_field_comes_back(void **state)
{
	struct recording_reader *reader = NULL;
	struct recording_state read;
	unsigned seen = 0;
	int fd = write_sample();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(recording_open(path_of(fd), &reader), 0);
	read = recording_read(reader, &seers, &seen);
	assert_int_equal(read.chunks, SAMPLE_CHUNKS);
	assert_int_equal(seen, SAMPLE_CHUNKS);
	assert_int_equal(read.damaged, 0);
	assert_false(read.is_cut_off);
	assert_int_equal(read.last_ns, SAMPLE_START_NS + SAMPLE_WALL_NS);
	recording_close(reader);
	close(fd);
}

static size_t take_bytes(int fd, uint8_t *bytes, size_t most)
{
	ssize_t count = pread(fd, bytes, most, 0);

	assert_true(count > 0 && (size_t)count < most);
	return (size_t)count;
}

static void what_is_read_is_written_alike(void **state)
{
	static uint8_t first[65536], second[65536];
	int fd = write_sample(), again;
	struct recording_state read;
	size_t bytes;

	(void)state;
	again = retell(fd, &read);
	assert_true(again >= 0);
	bytes = take_bytes(fd, first, sizeof(first));
	assert_int_equal(take_bytes(again, second, sizeof(second)), bytes);
	assert_memory_equal(first, second, bytes);
	close(fd);
	close(again);
}

/* ---- the writer ---- */

static struct recording_writer *writer_of(int fd)
{
	struct recording_writer *writer = recording_writer_new(dup(fd), "a file");

	assert_non_null(writer);
	return writer;
}

static off_t size_of(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return status.st_size;
}

static void an_earlier_file_stays_until_something_comes(void **state)
{
	int fd = memfd_create("earlier", MFD_CLOEXEC);
	struct recording_writer *writer;
	struct recording_size size;

	(void)state;
	/* Longer than what comes. */
	assert_int_equal(ftruncate(fd, 65536), 0);
	writer = writer_of(fd);
	assert_int_equal(recording_writer_close(writer, &size), 0);
	assert_int_equal(size_of(fd), 65536);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	writer = writer_of(fd);
	write_sample_body(writer);
	assert_int_equal(recording_writer_close(writer, &size), 0);
	assert_int_equal(size_of(fd), size.bytes);
	assert_int_equal(size.samples, 1);
	assert_int_equal(size.wall_ns, SAMPLE_WALL_NS);
	close(fd);
}

struct names_seen {
	unsigned names;
	struct symbol_name last;
	unsigned flushes;
	bool had_symbol[3];
};

static void count_name(void *context, unsigned function, const struct symbol_name *name)
{
	struct names_seen *seen = context;

	assert_int_equal(function, 5);
	seen->names++;
	seen->last = *name;
}

static void note_name(void *context, unsigned function, struct flush *flush)
{
	struct names_seen *seen = context;

	(void)function;
	(void)flush;
	assert_true(seen->flushes < COUNT(seen->had_symbol));
	seen->had_symbol[seen->flushes++] = seen->last.symbol;
}

/* Two constructors of one name: from the second one on, neither symbol is the one. */
static void a_name_is_written_again_when_it_changes(void **state)
{
	const struct recording_handlers handlers = {.function_name = count_name,
						    .flush = note_name};
	int fd = memfd_create("names", MFD_CLOEXEC);
	struct recording_writer *writer = writer_of(fd);
	struct symbol_name name = sample_function;
	struct recording_reader *reader = NULL;
	struct names_seen seen = {0};
	struct recording_size size;

	(void)state;
	recording_flush(writer, 5, &name, &sample_flush);
	recording_flush(writer, 5, &name, &sample_flush);
	name.symbol = NULL;
	recording_flush(writer, 5, &name, &sample_flush);
	assert_int_equal(recording_writer_close(writer, &size), 0);
	assert_int_equal(recording_open(path_of(fd), &reader), 0);
	recording_read(reader, &handlers, &seen);
	assert_int_equal(seen.names, 2);
	assert_int_equal(seen.flushes, 3);
	assert_true(seen.had_symbol[0] && seen.had_symbol[1] && !seen.had_symbol[2]);
	recording_close(reader);
	close(fd);
}

static void what_is_written_out_is_there_at_once(void **state)
{
	int fd = memfd_create("at-once", MFD_CLOEXEC);
	struct recording_writer *writer = writer_of(fd);
	struct recording_state read;
	struct recording_size size;
	int again;

	(void)state;
	recording_sample(writer, &sample_record.record);
	assert_int_equal(size_of(fd), 0);
	recording_write_out(writer);
	again = retell(fd, &read);
	assert_int_equal(read.chunks, 1);
	assert_true(read.is_cut_off);
	assert_int_equal(recording_writer_close(writer, &size), 0);
	close(again);
	close(fd);
}

static void a_full_disk_is_said_once(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC), kept = dup(STDERR_FILENO);
	struct recording_writer *writer = writer_of(fd);
	struct recording_size size;
	FILE *said = tmpfile();
	char text[1024];
	size_t bytes;

	(void)state;
	assert_true(dup2(fileno(said), STDERR_FILENO) >= 0);
	for (unsigned i = 0; i < 3; i++) {
		recording_sample(writer, &sample_record.record);
		recording_write_out(writer);
	}
	dup2(kept, STDERR_FILENO);
	assert_int_equal(recording_writer_close(writer, &size), -ENOSPC);
	rewind(said);
	bytes = fread(text, 1, sizeof(text) - 1, said);
	text[bytes] = '\0';
	assert_string_equal(text, "memwatch: can't write to a file: No space left on device; the "
				  "recording ends here, the watch goes on\n");
	fclose(said);
	close(kept);
	close(fd);
}

/* Each call is one that telling.c makes without a recording. */
static void without_a_file_nothing_is_written(void **state)
{
	struct recording_size size = {0};

	(void)state;
	write_sample_body(NULL);
	assert_int_equal(recording_writer_close(NULL, &size), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_comes_back),
		cmocka_unit_test(what_is_read_is_written_alike),
		cmocka_unit_test(an_earlier_file_stays_until_something_comes),
		cmocka_unit_test(a_name_is_written_again_when_it_changes),
		cmocka_unit_test(what_is_written_out_is_there_at_once),
		cmocka_unit_test(a_full_disk_is_said_once),
		cmocka_unit_test(without_a_file_nothing_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
