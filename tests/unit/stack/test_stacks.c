// SPDX-License-Identifier: GPL-2.0-only
/* Processes, their files, and what JITs say of code that is in no file. */
#include <fcntl.h>
#include <sys/stat.h>

#include "made_code.h"
#include "stack/known.h"

static struct stacks *setup(const struct made_code *made, const uint8_t *build_id, int *fd)
{
	struct stacks *stacks = stacks_new(NULL);

	assert_non_null(stacks);
	*fd = made_map(stacks, made, build_id);
	return stacks;
}

/* How many frames a leaf's stack with its caller's address on top gives. */
static size_t frames_of_leaf(struct stacks *stacks)
{
	uint64_t words[] = {made_addr(0x48)};
	struct stack_taken taken = made_stack(words, COUNT(words), 0x10);
	struct call_path path = {0};
	size_t count;

	assert_int_equal(stacks_walk(stacks, MADE_PID, &taken, &path), 0);
	count = path.frames.count;
	array_release(&path.frames);
	return count;
}

/* There is no call before 0x48, which is missed only where the file is looked at. */
static void only_the_build_that_is_mapped_is_believed(void **state)
{
	struct made_code made = made_code();
	uint8_t other[20] = {1, 2, 4}, zeroes[20] = {0};
	struct stacks *stacks;
	int fd;

	(void)state;
	stacks = setup(&made, made.build_id, &fd);
	assert_int_equal(frames_of_leaf(stacks), 1);
	assert_non_null(stacks->files.items[0]->image);
	stacks_free(stacks);
	close(fd);
	stacks = setup(&made, zeroes, &fd);
	assert_int_equal(frames_of_leaf(stacks), 1);
	assert_non_null(stacks->files.items[0]->image);
	stacks_free(stacks);
	close(fd);
	stacks = setup(&made, other, &fd);
	assert_int_equal(frames_of_leaf(stacks), 2);
	assert_true(stacks->files.items[0]->is_opened);
	assert_null(stacks->files.items[0]->image);
	stacks_free(stacks);
	close(fd);
}

/* The descriptor's number came to be another file's before a path led there. */
static void a_file_that_was_exchanged_is_not_believed(void **state)
{
	struct made_code made = made_code();
	int fd, other = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stacks *stacks = setup(&made, NULL, &fd);

	(void)state;
	dup2(other, fd);
	frames_of_leaf(stacks);
	assert_null(stacks->files.items[0]->image);
	stacks_free(stacks);
	close(fd);
	close(other);
}

static void an_unknown_process_has_no_paths(void **state)
{
	struct made_code made = made_code();
	uint64_t words[] = {0};
	struct stack_taken taken = made_stack(words, COUNT(words), 0x10);
	struct call_path path = {0};
	struct stacks *stacks;
	int fd;

	(void)state;
	stacks = setup(&made, NULL, &fd);
	assert_int_equal(stacks_walk(stacks, 2, &taken, &path), -ENOENT);
	assert_int_equal(stacks_walk_addresses(stacks, 2, &taken, &path), -ENOENT);
	assert_int_equal(stacks_name(stacks, 2, 0, false, &path), -ENOENT);
	stacks_forget(stacks, 2);
	assert_int_equal(stacks_walk(stacks, MADE_PID, &taken, &path), 0);
	stacks_forget(stacks, MADE_PID);
	assert_int_equal(stacks_walk(stacks, MADE_PID, &taken, &path), -ENOENT);
	assert_int_equal(path.frames.count, 1);
	array_release(&path.frames);
	stacks_free(stacks);
	close(fd);
}

/* A second process of the program, and the first one with its mappings read anew. */
static void a_file_is_known_once(void **state)
{
	struct stacks *stacks = stacks_new(NULL);
	struct stack_mapping mapping = {
		.start_addr = 0x1000, .end_addr = 0x2000, .path = "/proc/self/exe"};

	(void)state;
	for (pid_t pid = 1; pid <= 3; pid++) {
		assert_int_equal(stacks_map(stacks, pid, &mapping, 1, NULL), 0);
		assert_int_equal(stacks_map(stacks, pid, &mapping, 1, NULL), 0);
	}
	assert_int_equal(stacks->files.count, 1);
	assert_int_equal(stacks->files.items[0]->users, 3);
	assert_int_equal(stacks->processes.count, 3);
	stacks_forget(stacks, 2);
	assert_int_equal(stacks->files.items[0]->users, 2);
	stacks_free(stacks);
}

static void files_of_the_dead_are_forgotten_in_the_end(void **state)
{
	struct made_code made = made_code();
	struct stacks *stacks = stacks_new(NULL);

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		close(made_map(stacks, &made, NULL));
		stacks_forget(stacks, MADE_PID);
	}
	assert_true(stacks->files.count >= 1 && stacks->files.count <= 100);
	stacks_free(stacks);
}

static void only_files_give_modules(void **state)
{
	static const char *const paths[] = {NULL, "", "[vdso]", "/gone/lib.so.1 (deleted)", "/"};
	struct stacks *stacks = stacks_new(NULL);
	struct stack_mapping mappings[COUNT(paths)] = {0};
	struct call_path path = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		mappings[i].start_addr = 0x1000 * (COUNT(paths) - i);
		mappings[i].end_addr = mappings[i].start_addr + 0x1000;
		mappings[i].path = paths[i];
		mappings[i].file_off = 0x5000;
	}
	assert_int_equal(stacks_map(stacks, 1, mappings, COUNT(paths), NULL), 0);
	for (size_t i = 0; i < COUNT(paths); i++)
		assert_int_equal(stacks_name(stacks, 1, mappings[i].start_addr + 8, false, &path),
				 0);
	assert_int_equal(path.frames.count, COUNT(paths));
	for (size_t i = 0; i < 3; i++) {
		assert_null(path.frames.items[i].module);
		assert_int_equal(path.frames.items[i].offset, 0);
	}
	assert_string_equal(path.frames.items[3].module, "lib.so.1");
	assert_int_equal(path.frames.items[3].offset, 0x5008);
	array_release(&path.frames);
	stacks_free(stacks);
}

static void code_of_no_file_is_named_by_the_jit(void **state)
{
	char map[] = "/tmp/memwatch-test-XXXXXX";
	struct stack_mapping mapping = {.start_addr = 0x1000, .end_addr = 0x3000};
	struct stacks *stacks = stacks_new(NULL);
	struct call_path path = {0};
	int fd = mkstemp(map);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(dprintf(fd, "1000 20 first\n1020 20 second\n"), 29);
	assert_int_equal(stacks_map(stacks, 1, &mapping, 1, map), 0);
	assert_int_equal(stacks_name(stacks, 1, 0x1020, false, &path), 0);
	/* What goes on there was called by the one before. */
	assert_int_equal(stacks_name(stacks, 1, 0x1020, true, &path), 0);
	assert_int_equal(stacks_name(stacks, 1, 0x2000, true, &path), 0);
	assert_string_equal(path.frames.items[0].name, "second");
	assert_string_equal(path.frames.items[1].name, "first");
	assert_null(path.frames.items[2].name);
	/* What was read stays, when the mappings are new ones. */
	assert_int_equal(stacks_map(stacks, 1, &mapping, 1, map), 0);
	assert_int_equal(stacks->processes.items[0]->perf_map.entries.count, 2);
	unlink(map);
	close(fd);
	array_release(&path.frames);
	stacks_free(stacks);
}

/* Names and places of a function of this program. */
static void names_one_address(void **state)
{
	struct stacks *stacks = stacks_new(NULL);
	struct call_path path = {0};
	const struct frame *frame;

	(void)state;
	map_process(stacks, getpid(), NULL);
	assert_int_equal(stacks_name(stacks, getpid(), (uintptr_t)frames_of_leaf, false, &path), 0);
	assert_int_equal(stacks_name(stacks, getpid(), (uintptr_t)frames_of_leaf + 4, true, &path),
			 0);
	assert_int_equal(path.frames.count, 2);
	frame = path.frames.items;
	assert_true(is_called(&frame[0], "frames_of_leaf"));
	assert_string_equal(frame[0].module, "test_stacks");
	assert_string_equal(frame[0].language, "C");
	assert_non_null(strstr(frame[0].file, "test_stacks.c"));
	assert_true(frame[0].line > 10);
	assert_int_equal(frame[0].function_off, frame[0].offset);
	assert_int_equal(frame[1].function_off, frame[0].offset);
	/* Equal texts are one. */
	assert_ptr_equal(frame[0].name, frame[1].name);
	assert_ptr_equal(frame[0].file, frame[1].file);
	array_release(&path.frames);
	stacks_free(stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_build_that_is_mapped_is_believed),
		cmocka_unit_test(a_file_that_was_exchanged_is_not_believed),
		cmocka_unit_test(an_unknown_process_has_no_paths),
		cmocka_unit_test(a_file_is_known_once),
		cmocka_unit_test(files_of_the_dead_are_forgotten_in_the_end),
		cmocka_unit_test(only_files_give_modules),
		cmocka_unit_test(code_of_no_file_is_named_by_the_jit),
		cmocka_unit_test(names_one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
