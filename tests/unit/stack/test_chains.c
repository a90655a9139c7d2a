// SPDX-License-Identifier: GPL-2.0-only
/* Programs that print the call path on which they copy, and what is found on their stacks. */
#include <signal.h>
#include <time.h>

#include "taken.h"

#define LINE_BYTES 4096
#define NAMES_MOST 64

struct chain {
	char line[LINE_BYTES];
	char *names[NAMES_MOST]; /* the innermost first */
	size_t count;
};

struct target {
	pid_t pid;
	struct chain chain;
	struct stacks *stacks;
	struct call_path path;
};

/* ---- the target ---- */

static pid_t launch(const char *program, const char *mode, int *output)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execl(program, program, mode, TARGETS "/libchain.so", NULL);
		_exit(127);
	}
	close(ends[1]);
	*output = ends[0];
	return pid;
}

/* {"chain": ["copy", ...]}: each second text between quotation marks is a name. */
static void read_chain(int output, struct chain *chain)
{
	FILE *file = fdopen(output, "r");
	char *rest = NULL, *word;

	assert_non_null(file);
	assert_non_null(fgets(chain->line, sizeof(chain->line), file));
	fclose(file);
	strtok_r(chain->line, "\"", &rest);
	assert_string_equal(strtok_r(NULL, "\"", &rest), "chain");
	while (strtok_r(NULL, "\"", &rest) && (word = strtok_r(NULL, "\"", &rest))) {
		assert_true(chain->count < NAMES_MOST);
		chain->names[chain->count++] = word;
	}
}

/* Somewhere within its copies. */
static void setup_target(struct target *target, const char *program, const char *mode)
{
	static struct kept_stack kept;
	int output;

	*target = (struct target){.stacks = stacks_new(NULL)};
	assert_non_null(target->stacks);
	target->pid = launch(program, mode, &output);
	read_chain(output, &target->chain);
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	keep_child(&kept, target->pid);
	map_process(target->stacks, target->pid, NULL);
	assert_int_equal(stacks_walk(target->stacks, target->pid, &kept.taken, &target->path), 0);
}

static void end_target(struct target *target)
{
	kill(target->pid, SIGKILL);
	waitpid(target->pid, NULL, 0);
	array_release(&target->path.frames);
	stacks_free(target->stacks);
}

/* ---- the comparison ---- */

static bool is_in_chain(const struct chain *chain, const struct frame *frame)
{
	for (size_t i = 0; i < chain->count; i++) {
		if (is_called(frame, chain->names[i]))
			return true;
	}
	return false;
}

/* The frames that are the program's own are the chain's, in this order, up to `most`. */
static void check_chain(const struct target *target, size_t most)
{
	const struct frame *frame;
	size_t found = 0;

	array_each (frame, &target->path.frames) {
		if (!is_in_chain(&target->chain, frame))
			continue;
		if (found >= target->chain.count || !is_called(frame, target->chain.names[found])) {
			print_path(&target->path);
			fail_msg("frame %zu is %s", found, frame->name);
		}
		found++;
	}
	if (found != most)
		print_path(&target->path);
	assert_int_equal(found, most);
}

static unsigned count_signals(const struct call_path *path)
{
	const struct frame *frame;
	unsigned count = 0;

	array_each (frame, &path->frames)
		count += frame->is_signal;
	return count;
}

static void check_program(const char *program, const char *mode)
{
	struct target target;
	bool is_signal = !strcmp(mode, "signal");

	print_message("%s %s\n", program, mode);
	setup_target(&target, program, mode);
	assert_true(target.chain.count >= 20 || strstr(program, "cxx"));
	check_chain(&target, target.chain.count);
	if (target.path.end != STACK_WHOLE)
		print_path(&target.path);
	assert_int_equal(target.path.end, STACK_WHOLE);
	assert_int_equal(count_signals(&target.path), is_signal);
	end_target(&target);
}

static const char *const modes[] = {"plain", "signal", "alloca", "tail", "library"};

/* A static program has no dlopen() that is of use, and the library is one of glibc's. */
static bool is_possible(const char *program, const char *mode)
{
	return strcmp(mode, "library") || (!strstr(program, "static") && !strstr(program, "musl"));
}

static void check_modes(const char *program)
{
	for (size_t i = 0; i < COUNT(modes); i++) {
		if (is_possible(program, modes[i]))
			check_program(program, modes[i]);
	}
}

static void finds_the_chain_of_gcc(void **state)
{
	(void)state;
	check_modes(TARGETS "/chain");
	check_modes(TARGETS "/chain-O2-pointers");
}

static void finds_it_without_optimisation(void **state)
{
	(void)state;
	check_modes(TARGETS "/chain-O0");
	check_modes(TARGETS "/chain-O0-bare");
}

static void finds_the_chain_of_clang(void **state)
{
	(void)state;
	check_modes(TARGETS "/chain-O2-clang");
}

static void finds_it_in_static_programs(void **state)
{
	(void)state;
	check_modes(TARGETS "/chain-static");
}

/* musl has no call frame information: its kill() is known by who called it. */
static void finds_it_with_musl(void **state)
{
	(void)state;
	check_modes(TARGETS "/chain-musl");
	check_modes(TARGETS "/chain-musl-static");
}

static void finds_it_by_frame_pointers_alone(void **state)
{
	(void)state;
	check_modes(TARGETS "/chain-no-frames");
}

static void finds_virtual_functions_and_templates(void **state)
{
	(void)state;
	check_program(TARGETS "/chain_cxx", "plain");
}

/* Nothing of the interrupted function's stack was taken: where it was is all that is known. */
static void ends_where_a_handler_has_another_stack(void **state)
{
	struct target target;
	size_t handler = 0;

	(void)state;
	setup_target(&target, TARGETS "/chain", "altstack");
	while (strcmp(target.chain.names[handler], "on_signal"))
		handler++;
	check_chain(&target, handler + 1);
	assert_int_equal(count_signals(&target.path), 1);
	assert_int_equal(target.path.end, STACK_LOST);
	assert_false(target.path.frames.items[target.path.frames.count - 1].is_signal);
	end_target(&target);
}

/* Names are gone, places are not. */
static void finds_as_many_frames_in_a_stripped_program(void **state)
{
	struct target named, stripped;
	size_t last;

	(void)state;
	setup_target(&named, TARGETS "/chain", "plain");
	setup_target(&stripped, TARGETS "/chain-stripped", "plain");
	assert_int_equal(stripped.path.end, STACK_WHOLE);
	last = named.path.frames.count;
	assert_true(last >= 20 && stripped.path.frames.count == last);
	for (size_t i = 1; i <= 10; i++) {
		const struct frame *frame = &stripped.path.frames.items[last - i];
		const struct frame *same = &named.path.frames.items[last - i];

		assert_int_equal(frame->offset, same->offset);
		assert_int_equal(frame->function_off, same->function_off);
		assert_true(!frame->name || same->name);
	}
	end_target(&named);
	end_target(&stripped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_chain_of_gcc),
		cmocka_unit_test(finds_it_without_optimisation),
		cmocka_unit_test(finds_the_chain_of_clang),
		cmocka_unit_test(finds_it_in_static_programs),
		cmocka_unit_test(finds_it_with_musl),
		cmocka_unit_test(finds_it_by_frame_pointers_alone),
		cmocka_unit_test(finds_virtual_functions_and_templates),
		cmocka_unit_test(ends_where_a_handler_has_another_stack),
		cmocka_unit_test(finds_as_many_frames_in_a_stripped_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
