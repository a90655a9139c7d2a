// SPDX-License-Identifier: GPL-2.0-only
#include "stall_sample.h"
#include "text_sample.h"

/* The lines below the row of a stall with that path, in a report of its own. */
static void check_path(struct text_settings settings, struct stall stall, const char *wanted)
{
	struct fixture fixture;
	const char *below;

	open_report(&fixture, settings);
	show_header(&fixture, "app");
	assert_int_equal(fixture.report->ops->stall(fixture.report, &stall), 0);
	below = strstr(fixture.shown, settings.verbose ? "samples\n" : "stall\n");
	assert_non_null(below);
	assert_string_equal(strchr(below, '\n') + 1, wanted);
	close_report(&fixture);
}

static void shows_the_inner_part_of_a_path(void **state)
{
	struct stall stall = sample_stall(0);

	(void)state;
	check_path((struct text_settings){.columns = 80}, stall,
		   "           memmove <- PyUnicode_Join <- python3.11+0x1a2b30\n"
		   "           <- PyObject_Vectorcall <- _PyEval_EvalFrameDefault <- "
		   "PyEval_EvalCode\n"
		   "           <- python3.11+0x11e000 <- PyRun_SimpleFile <- 4 more (-v)\n");
	/* One more takes the place of what would say so. */
	stall.frame_count = 9;
	check_path((struct text_settings){.columns = 132}, stall,
		   "           memmove <- PyUnicode_Join <- python3.11+0x1a2b30 <- "
		   "PyObject_Vectorcall <- _PyEval_EvalFrameDefault <- PyEval_EvalCode\n"
		   "           <- python3.11+0x11e000 <- PyRun_SimpleFile <- Py_RunMain\n");
	stall.frame_count = 1;
	check_path((struct text_settings){.columns = 80}, stall, "           memmove\n");
	stall.frame_count = 0;
	check_path((struct text_settings){.columns = 80}, stall, "");
}

static void verbose_shows_all_of_a_path(void **state)
{
	(void)state;
	check_path((struct text_settings){.columns = 80, .verbose = true}, sample_stall(0),
		   "           memmove <- PyUnicode_Join <- python3.11+0x1a2b30\n"
		   "           <- PyObject_Vectorcall <- _PyEval_EvalFrameDefault <- "
		   "PyEval_EvalCode\n"
		   "           <- python3.11+0x11e000 <- PyRun_SimpleFile <- Py_RunMain\n"
		   "           <- Py_BytesMain <- __libc_start_main <- _start\n");
}

static void fits_a_narrow_terminal(void **state)
{
	struct frame frames[] = {
		sample_frames[0],
		{.name = "std::__cxx11::basic_string<char>::_M_append", .is_inlined = true}};
	struct stall stall = sample_stall(0);

	(void)state;
	stall.frames = frames;
	stall.frame_count = 2;
	check_path((struct text_settings){.columns = 40}, stall,
		   "           memmove\n"
		   "           <- std::__.._append (inlined)\n");
}

static void says_where_a_path_ends_too_early(void **state)
{
	struct stall stall = sample_stall(0);

	(void)state;
	stall.frame_count = 2;
	stall.path_end = STACK_CUT;
	check_path((struct text_settings){.columns = 80}, stall,
		   "           memmove <- PyUnicode_Join <- ? (the stack was cut here)\n");
	stall.path_end = STACK_LOST;
	check_path((struct text_settings){.columns = 80}, stall,
		   "           memmove <- PyUnicode_Join <- ? (caller unknown)\n");
	stall.path_end = STACK_TOO_DEEP;
	check_path((struct text_settings){.columns = 80}, stall,
		   "           memmove <- PyUnicode_Join <- ? (too deep)\n");
	/* What is left out comes before that. */
	stall.frame_count = SAMPLE_FRAMES;
	check_path((struct text_settings){.columns = 1000}, stall,
		   "           memmove <- PyUnicode_Join <- python3.11+0x1a2b30 <- "
		   "PyObject_Vectorcall <- _PyEval_EvalFrameDefault <- PyEval_EvalCode <- "
		   "python3.11+0x11e000 <- PyRun_SimpleFile <- 4 more (-v) <- ? (too deep)\n");
}

static const struct frame source_frames[] = {
	{.name = "memcpy", .module = "libc.so.6", .offset = 5},
	{.name = "flush_accumulator",
	 .module = "python3.9",
	 .file = "Objects/accu.c",
	 .line = 33,
	 .is_inlined = true},
	{.name = "write_str", .module = "python3.9", .file = "Modules/_io/stringio.c", .line = 177},
	{.name = "on_alarm", .module = "app", .file = "app.c", .is_signal = true},
	{.module = "app", .offset = 0x1245},
	{.addr = 0x7f00c0de},
};

static void marks_what_is_no_plain_call(void **state)
{
	struct stall stall = sample_stall(0);

	(void)state;
	stall.frames = source_frames;
	stall.frame_count = 6;
	check_path((struct text_settings){.columns = 80}, stall,
		   "           memcpy <- flush_accumulator (inlined) <- write_str\n"
		   "           <- on_alarm (signal) <- app+0x1245 <- 0x7f00c0de\n");
}

static void verbose_shows_the_source(void **state)
{
	struct stall stall = sample_stall(0);

	(void)state;
	stall.frames = source_frames;
	stall.frame_count = 6;
	stall.path_end = STACK_LOST;
	check_path((struct text_settings){.columns = 80, .verbose = true}, stall,
		   "           memcpy, in libc.so.6\n"
		   "           flush_accumulator, inlined, Objects/accu.c:33\n"
		   "           write_str, Modules/_io/stringio.c:177\n"
		   "           on_alarm, signal, app.c\n"
		   "           app+0x1245\n"
		   "           0x7f00c0de, in no file\n"
		   "           ? (caller unknown)\n");
	check_path((struct text_settings){.columns = 40, .verbose = true}, stall,
		   "           memcpy, in libc.so.6\n"
		   "           flush_accumulator,\n"
		   "             inlined, Objects/accu.c:33\n"
		   "           write_str,\n"
		   "             Modules/_io/stringio.c:177\n"
		   "           on_alarm, signal, app.c\n"
		   "           app+0x1245\n"
		   "           0x7f00c0de, in no file\n"
		   "           ? (caller unknown)\n");
}

/* ---- once for each path ---- */

static unsigned paths_shown(const struct fixture *fixture)
{
	unsigned count = 0;

	for (const char *at = fixture->shown; (at = strstr(at, "\n           ")); at++)
		count += at[12] != '<';
	return count;
}

static void shows_a_path_once(void **state)
{
	struct frame frames[SAMPLE_FRAMES];
	struct stall stall = sample_stall(0);
	struct flush flush = sample_flush(0);
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	fixture.report->ops->stall(fixture.report, &stall);
	assert_int_equal(paths_shown(&fixture), 1);
	fixture.report->ops->stall(fixture.report, &stall);
	assert_int_equal(paths_shown(&fixture), 1);
	/* Another routine copied for the same culprit, which was at another of its calls. */
	memcpy(frames, sample_frames, sizeof(frames));
	frames[0].name = "memcpy";
	frames[1].offset++;
	stall.frames = frames;
	fixture.report->ops->stall(fixture.report, &stall);
	assert_int_equal(paths_shown(&fixture), 1);
	/* So did its call, once it was watched. */
	flush.frames = SAMPLE_JOIN;
	flush.frame_count = SAMPLE_FRAMES - 1;
	show_flush(&fixture, flush);
	assert_int_equal(paths_shown(&fixture), 1);
	/* Another caller is another way. */
	frames[3].name = "PyObject_Call";
	fixture.report->ops->stall(fixture.report, &stall);
	assert_int_equal(paths_shown(&fixture), 2);
	/* Where nobody is to blame, the whole way tells. */
	stall.culprit = NULL;
	fixture.report->ops->stall(fixture.report, &stall);
	assert_int_equal(paths_shown(&fixture), 4);
	/* Nor does it tell less where this one of its stacks has not the culprit. */
	stall.culprit = &(struct frame){.name = "elsewhere"};
	fixture.report->ops->stall(fixture.report, &stall);
	assert_int_equal(paths_shown(&fixture), 4);
	frames[0].name = "mempcpy";
	fixture.report->ops->stall(fixture.report, &stall);
	assert_int_equal(paths_shown(&fixture), 5);
	close_report(&fixture);
}

static void shows_the_paths_of_large_copies(void **state)
{
	struct large_copy copy = sample_copy("memmove");
	struct stall stall = sample_stall(0);
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	copy.frames = sample_frames;
	copy.frame_count = 3;
	fixture.report->ops->copy(fixture.report, &copy);
	assert_non_null(strstr(fixture.shown, "  memmove\n           memmove <- PyUnicode_Join <- "
					      "python3.11+0x1a2b30\n"));
	/* The stall that it is a part of goes the same way. */
	stall.frame_count = 3;
	fixture.report->ops->stall(fixture.report, &stall);
	assert_int_equal(paths_shown(&fixture), 1);
	close_report(&fixture);
}

/* A program whose every stall goes its own way must not flood the screen. */
static void shows_so_many_paths_and_no_more(void **state)
{
	struct frame frames[] = {sample_frames[0], sample_frames[1]};
	struct stall stall = sample_stall(0);
	struct fixture fixture;
	char name[16];

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	stall.culprit = &frames[1];
	stall.frames = frames;
	stall.frame_count = 2;
	frames[1].name = name;
	frames[1].function_off = 0;
	for (unsigned i = 0; i < 90; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		fixture.report->ops->stall(fixture.report, &stall);
	}
	assert_int_equal(paths_shown(&fixture), 64);
	close_report(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_the_inner_part_of_a_path),
		cmocka_unit_test(verbose_shows_all_of_a_path),
		cmocka_unit_test(fits_a_narrow_terminal),
		cmocka_unit_test(says_where_a_path_ends_too_early),
		cmocka_unit_test(marks_what_is_no_plain_call),
		cmocka_unit_test(verbose_shows_the_source),
		cmocka_unit_test(shows_a_path_once),
		cmocka_unit_test(shows_the_paths_of_large_copies),
		cmocka_unit_test(shows_so_many_paths_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
