// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "text_sample.h"

#include "report/layout.h"

/* ---- a whole run ---- */

static const char golden[] =
	"memwatch 0.1.0: watching /usr/bin/python3.9 app.py (as user alice)\n"
	"\n"
	"     TIME      TOOK    COPIED   COPIES       RATE      WRITE  FUNCTION\n"
	"python3 4242:\n"
	"  0.412 s   26.1 ms  95.4 MiB  100,000  3.83 GB/s    100,000  flush_accumulator\n"
	"  0.812 s   26.2 ms  95.4 MiB  100,000  3.82 GB/s    200,000  flush_accumulator\n"
	"loader 4242/4250:\n"
	"  0.850 s  no flush  16.0 MiB        1          -          -  memmove\n"
	"  0.950 s  process 4252 (ls), after its exec, is NOT WATCHED: it was gone before\n"
	"           it could be read\n"
	"python3 4242:\n"
	"  1.212 s   26.3 ms  95.4 MiB  100,000  3.80 GB/s    300,000  flush_accumulator\n"
	"                                                              unfinished\n"
	"\n"
	"    CALLS     TOTAL       P50       P99     WORST    COPIED  FUNCTION\n"
	"       10    236 ms   26.2 ms   26.9 ms   26.9 ms   858 MiB  flush_accumulator\n"
	"1,234,567   98.8 ms     80 ns    140 ns   2.10 ms  4.00 KiB  PyUnicode_Join\n"
	"Calls of flush_accumulator: 1 still open when their thread or the watch ended.\n"
	"\n"
	"1 in 100,000 calls of lazy_write stalls: flush_accumulator typically copied\n"
	"  95.4 MiB in 26.1 ms (3.83 GB/s); a typical other call took under 810 ns (with\n"
	"  memwatch's probe in it).\n"
	"\n"
	"Copies counted: 1,000,001, 970 MiB together, the largest 16.0 MiB.\n"
	"Copies of 1.00 MiB or more outside any flush: 1.\n"
	"Copies under 2,113 bytes are not counted (--gate 0 counts every one).\n"
	"Watched for 4.00 s, 2 of 3 processes (1 could not be watched); the longest\n"
	"  unwatched start of a followed one: 11.2 ms.\n"
	"The target spent about 880 ms in 1,100,012 probe hits (800 ns or 12.0 us each).\n"
	"memwatch cost 23 % of its time.\n";

static void show_run(struct fixture *fixture)
{
	struct flush last = sample_flush(3);

	show_header(fixture, "/usr/bin/python3.9 app.py");
	show_child(fixture, (struct child_report){.pid = 4242,
						  .comm = "python3",
						  .event = "launch",
						  .at_ns = 1 * S,
						  .watched = true});
	show_flush(fixture, sample_flush(1));
	show_flush(fixture, sample_flush(2));
	show_copy(fixture, "memmove");
	show_child(fixture, (struct child_report){.pid = 4251,
						  .parent_pid = 4242,
						  .comm = "sh",
						  .event = "fork",
						  .at_ns = 1900 * MS,
						  .unwatched_ns = 11200000,
						  .watched = true});
	show_child(fixture, (struct child_report){.pid = 4252,
						  .parent_pid = 4251,
						  .comm = "ls",
						  .event = "exec",
						  .at_ns = 1950 * MS,
						  .reason = "it was gone before it could be read"});
	last.unfinished = true;
	show_flush(fixture, last);
	show_summary(fixture, &sample_summary);
}

static void shows_a_run(void **state)
{
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_run(&fixture);
	assert_string_equal(fixture.shown, golden);
	close_report(&fixture);
}

/* Colours change no column: without them the text is the same. */
static void colours_are_all_that_colour_adds(void **state)
{
	struct fixture fixture;
	char *end;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80, .colour = true});
	show_run(&fixture);
	assert_non_null(strchr(fixture.shown, '\033'));
	end = fixture.shown;
	for (const char *c = fixture.shown; *c; c++) {
		if (*c == '\033')
			c = strchr(c, 'm');
		else
			*end++ = *c;
	}
	*end = '\0';
	assert_string_equal(fixture.shown, golden);
	close_report(&fixture);
}

/* ---- names that a target chose to do harm ---- */

/* Checks that no line is wider than that and that nothing in it commands a terminal. */
static void check_lines(const char *shown, size_t columns)
{
	char *copy = strdup(shown), *rest = copy, *line;

	for (const char *c = shown; *c; c++)
		assert_true(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
	assert_null(strstr(shown, "\xc2\x9b"));
	while ((line = strsep(&rest, "\n"))) {
		size_t length = strlen(line);

		if (layout_width(line) > columns || (length && line[length - 1] == ' '))
			fail_msg("too wide for %zu, or ends in a space: \"%s\"", columns, line);
	}
	free(copy);
}

static char *repeated(const char *part, size_t times)
{
	char *text = malloc(strlen(part) * times + 1), *end = text;

	*end = '\0';
	while (times--)
		end = stpcpy(end, part);
	return text;
}

static void show_named_step(struct fixture *fixture, const char *name)
{
	struct budget_step step = {
		.pid = 1, .to_gate_bytes = UINT64_MAX - 1, .is_raised = true, .spent_ns = S};

	snprintf(step.comm, COMM_BYTES, "%s", name);
	show_step(fixture, step);
}

/* Frames of all kinds, with the name wherever they have one. */
static void name_frames(struct frame *frames, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		frames[i] = (struct frame){.name = i == 2 ? NULL : name,
					   .symbol = name,
					   .module = name,
					   .offset = UINT64_MAX,
					   .file = i == 1 ? name : NULL,
					   .line = UINT32_MAX,
					   .language = name,
					   .is_inlined = i == 1,
					   .is_signal = i == 3};
}

static void show_named_stalls(struct fixture *fixture, const struct frame *frames, size_t count,
			      const char *name)
{
	struct stall stall = {.culprit = &frames[1],
			      .frames = frames,
			      .frame_count = count,
			      .path_end = STACK_TOO_DEEP,
			      .pid = 1,
			      .start_ns = 1000000 * S,
			      .duration_ns = 1000000 * S,
			      .error_ns = 1000000 * S,
			      .unfinished = true,
			      .samples = 1000000000000,
			      .copied_bytes = UINT64_MAX};
	struct discovery discovery = {.culprit = frames, .reason = name};

	snprintf(stall.comm, COMM_BYTES, "%s", name);
	assert_int_equal(fixture->report->ops->stall(fixture->report, &stall), 0);
	stall.culprit = NULL;
	assert_int_equal(fixture->report->ops->stall(fixture->report, &stall), 0);
	assert_int_equal(fixture->report->ops->discovery(fixture->report, &discovery), 0);
	discovery.flush = frames;
	assert_int_equal(fixture->report->ops->discovery(fixture->report, &discovery), 0);
	discovery.caller = &frames[1];
	discovery.functions[0] = (struct counted_function){frames, UINT64_MAX, UINT64_MAX};
	discovery.function_count = 1;
	assert_int_equal(fixture->report->ops->discovery(fixture->report, &discovery), 0);
	discovery.flush = NULL;
	assert_int_equal(fixture->report->ops->discovery(fixture->report, &discovery), 0);
}

static void show_named_findings(struct fixture *fixture, const struct frame *frames, size_t count,
				const char *name)
{
	struct culprit culprits[] = {{.frame = &frames[1], .fault_ns = UINT64_MAX},
				     {.frame = &frames[2]},
				     {.frame = NULL}};
	struct call_node nodes[80];
	struct discovery discoveries[] = {
		{.culprit = frames, .reason = name},
		{.culprit = &frames[1], .flush = &frames[1], .caller = &frames[2], .reason = name},
		{.culprit = &frames[3], .caller = &frames[3], .is_irregular = true}};
	struct run_summary summary = sample_summary;

	for (size_t i = 0; i < 3; i++) {
		culprits[i].stalls = 1000000000;
		culprits[i].total_ns = culprits[i].max_ns = culprits[i].p50_ns = 1000000 * S;
		culprits[i].copied_bytes = UINT64_MAX;
		discoveries[i].function_count = 1;
		discoveries[i].stalls = discoveries[i].cost_ns = UINT64_MAX / 4;
		discoveries[i].functions[0] =
			(struct counted_function){&frames[2], UINT64_MAX, UINT64_MAX};
	}
	for (size_t i = 0; i < 80; i++)
		nodes[i] = (struct call_node){&frames[i % count], i / 2, S, S};
	summary.stalls = (struct stall_summary){culprits, 3, nodes, 80, 2 * S, UINT64_MAX};
	summary.discoveries = discoveries;
	summary.is_sampled = true;
	summary.sample_period_ns = summary.samples = summary.copy_samples = UINT64_MAX;
	summary.trap_samples = summary.stacks = summary.sampling_ns = UINT64_MAX;
	for (summary.discovery_count = 0; summary.discovery_count < 4; summary.discovery_count++) {
		summary.finding.function = name;
		summary.finding.found = true;
		show_summary(fixture, &summary);
		summary.finding.found = false;
		show_summary(fixture, &summary);
	}
}

/* Every kind of line, with the name wherever a name can stand. */
static void show_all_with(struct fixture *fixture, const char *name)
{
	struct function_summary functions[] = {sample_functions[0], sample_functions[1]};
	const char *const watched[] = {name, "memmove in libc.so.6"};
	struct run_summary summary = sample_summary;
	struct child_report child = {.pid = 1, .parent_pid = 2, .event = "fork", .reason = name};
	struct flush flush = sample_flush(1);
	struct frame frames[12];

	show_header(fixture, name);
	snprintf(child.comm, COMM_BYTES, "%s", name);
	show_child(fixture, child);
	flush.function = name;
	flush.copies = flush.write_index = 1000000000000;
	flush.copied_bytes = UINT64_MAX;
	flush.duration_ns = 1000000 * S;
	flush.unfinished = flush.recursive = true;
	snprintf(flush.comm, COMM_BYTES, "%s", name);
	show_flush(fixture, flush);
	flush.partly_counted = true;
	show_flush(fixture, flush);
	show_step(fixture, (struct budget_step){.function = name, .is_raised = true});
	show_named_step(fixture, name);
	show_copy(fixture, name);
	for (size_t i = 0; i < 2; i++) {
		functions[i].function = functions[i].module = name;
		functions[i].abandoned = functions[i].lost = UINT64_MAX;
		functions[i].outermost = functions[i].estimated_bytes = UINT64_MAX;
		functions[i].whole_calls = functions[i].whole_bytes = UINT64_MAX - 1;
		functions[i].error_bytes = i ? UINT64_MAX : 0;
		functions[i].cut_off = functions[i].untimed = UINT64_MAX;
		functions[i].is_throttled = functions[i].is_counted_only = true;
	}
	summary.functions = functions;
	summary.finding.function = summary.finding.writes_function = name;
	summary.losses = (struct loss_counts){1, 2, 3, 4, 5, 6, 7};
	summary.budget_steps = summary.timed_copies = summary.timed_bytes = UINT64_MAX;
	summary.budget_pct = 12.3456;
	summary.budget_credit_ns = UINT64_MAX;
	show_summary(fixture, &summary);
	summary.finding.whole_flushes = 1;
	show_summary(fixture, &summary);
	summary.finding.found = false;
	summary.watched = watched;
	summary.watched_count = 2;
	summary.uncalled = watched;
	summary.uncalled_count = 2;
	show_summary(fixture, &summary);
	name_frames(frames, 12, name);
	show_named_stalls(fixture, frames, 12, name);
	show_named_findings(fixture, frames, 12, name);
}

static void stays_within_its_width(void **state)
{
	static const char *const parts[] = {"std::__cxx11::basic_string<char>, ",
					    "x",
					    "\xe8\xaa\x9e",
					    "\xf0\x9f\x98\x80",
					    "\x1b[2J",
					    "\xff\xfe",
					    "\r\n",
					    "\xc2\x9b",
					    "a b"};
	static const unsigned widths[] = {40, 64, 79, 80, 132, 400};

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *name = repeated(parts[i], 500);

		for (size_t j = 0; j < 2 * sizeof(widths) / sizeof(widths[0]); j++) {
			unsigned columns = widths[j / 2];
			struct fixture fixture;

			open_report(&fixture,
				    (struct text_settings){.columns = columns, .verbose = j % 2});
			show_all_with(&fixture, name);
			/* The figures are whole even where they alone are wider than the terminal.
			 */
			check_lines(fixture.shown, columns > 80 ? columns : 80);
			assert_non_null(
				strstr(fixture.shown, "  1,000,000,000,000  18.4 TB/s  1,000"));
			close_report(&fixture);
		}
		free(name);
	}
}

static void fits_usual_figures_with_long_names(void **state)
{
	char *name = repeated("std::vector<std::string>::", 100);
	struct flush flush = sample_flush(7);
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_header(&fixture, name);
	flush.function = name;
	flush.unfinished = true;
	show_flush(&fixture, flush);
	show_copy(&fixture, name);
	show_summary(&fixture, &sample_summary);
	check_lines(fixture.shown, 80);
	assert_non_null(strstr(fixture.shown, "  95.4 MiB  100,000  3.75 GB/s    700,000\n"));
	close_report(&fixture);
	free(name);
}

static void spells_control_characters_out(void **state)
{
	struct flush flush = sample_flush(1);
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	flush.function = "f\x1b[2J";
	snprintf(flush.comm, COMM_BYTES, "a\nb\xff");
	show_flush(&fixture, flush);
	assert_non_null(strstr(fixture.shown, "  f\\x1b[2J\n"));
	assert_non_null(strstr(fixture.shown, "a\\x0ab\xef\xbf\xbd 4242:\n"));
	close_report(&fixture);
}

/* ---- what is shown when ---- */

static void quiet_shows_the_summary_alone(void **state)
{
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80, .quiet = true, .colour = true});
	show_header(&fixture, "app");
	show_child(&fixture, (struct child_report){.pid = 1, .parent_pid = 2, .event = "fork"});
	show_flush(&fixture, sample_flush(1));
	show_copy(&fixture, "memmove");
	fixture.report->ops->stall(fixture.report, &(struct stall){0});
	fixture.report->ops->live(fixture.report, &sample_summary);
	assert_true(fixture.bytes == 0);
	show_summary(&fixture, &sample_summary);
	assert_non_null(strstr(fixture.shown, "1 in 100,000 calls of lazy_write stalls"));
	close_report(&fixture);
}

static void verbose_shows_where_a_large_copy_went(void **state)
{
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 100, .verbose = true});
	show_header(&fixture, "app");
	show_copy(&fixture, "memmove");
	assert_non_null(strstr(fixture.shown,
			       "\n     TIME      TOOK    COPIED   COPIES       RATE  FUNCTION\n"
			       "loader 4242/4250:\n"
			       "  0.850 s  no flush  16.0 MiB        1          -  memmove, "
			       "0x7f33a2000010 -> 0x7f33a4600010\n"));
	close_report(&fixture);
}

static void verbose_shows_the_first_process(void **state)
{
	struct fixture fixture;
	const struct child_report child = {
		.pid = 7, .comm = "app", .event = "attach", .watched = true};

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_child(&fixture, child);
	assert_true(fixture.bytes == 0);
	close_report(&fixture);
	open_report(&fixture, (struct text_settings){.columns = 80, .verbose = true});
	show_child(&fixture, child);
	assert_string_equal(fixture.shown, "  0.000 s  process 7 (app) is watched\n");
	close_report(&fixture);
}

static void unwatched_processes_always_show(void **state)
{
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_child(&fixture, (struct child_report){.pid = 7,
						   .comm = "app",
						   .event = "attach",
						   .reason = "it is a 32-bit program"});
	assert_string_equal(fixture.shown,
			    "  0.000 s  process 7 (app) is NOT WATCHED: it is a 32-bit program\n");
	close_report(&fixture);
}

static void followed_children_are_for_the_curious(void **state)
{
	const struct child_report watched = {.pid = 7,
					     .parent_pid = 6,
					     .comm = "sh",
					     .event = "fork",
					     .unwatched_ns = 11200000,
					     .watched = true};
	const struct child_report ended = {.pid = 8,
					   .parent_pid = 6,
					   .comm = "ls",
					   .event = "exec",
					   .reason = "it ended before its probes were live"};
	const struct child_report closing = {.pid = 9,
					     .parent_pid = 6,
					     .comm = "cp",
					     .event = "fork",
					     .reason =
						     "the watch ended before its probes were live"};
	struct fixture fixture;

	(void)state;
	for (int verbose = 0; verbose < 2; verbose++) {
		open_report(&fixture, (struct text_settings){.columns = 1000, .verbose = verbose});
		show_child(&fixture, watched);
		show_child(&fixture, ended);
		show_child(&fixture, closing);
		if (!verbose)
			assert_true(fixture.bytes == 0);
		else
			assert_string_equal(
				fixture.shown,
				"  0.000 s  process 7 (sh), forked from 6, unwatched for 11.2 ms\n"
				"  0.000 s  process 8 (ls), after its exec, is NOT WATCHED: it "
				"ended before its probes were live\n"
				"  0.000 s  process 9 (cp), forked from 6, is NOT WATCHED: the "
				"watch ended before its probes were live\n");
		close_report(&fixture);
	}
}

static void counts_who_was_not_watched(void **state)
{
	static const struct {
		const char *reason, *wanted;
	} steps[] = {
		{"it ended before its probes were live",
		 ", 5 of 65 processes (60 ended before their probes were live); the longest "
		 "unwatched start of a followed one: 11.2 ms.\n"},
		{"the watch ended first",
		 "(60 ended, or the watch did, before their probes were live);"},
		{"it is a 32-bit program",
		 "before their probes were live, or could not be watched);"},
	};
	struct run_summary summary = sample_summary;
	struct fixture fixture;

	(void)state;
	summary.processes_watched = 5;
	summary.processes_seen = 65;
	open_report(&fixture, (struct text_settings){.columns = 1000, .quiet = true});
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		show_child(&fixture, (struct child_report){.pid = 8,
							   .parent_pid = 6,
							   .event = "fork",
							   .reason = steps[i].reason});
		show_summary(&fixture, &summary);
		assert_non_null(strstr(fixture.shown, steps[i].wanted));
	}
	close_report(&fixture);
}

static void names_the_pids_of_an_attach(void **state)
{
	const pid_t pids[] = {42, 43};
	struct run_header header = {.version = "0.1.0", .pids = pids, .pid_count = 2};
	struct fixture fixture;

	(void)state;
	open_report(&fixture, (struct text_settings){0});
	fixture.report->ops->header(fixture.report, &header);
	header.pid_count = 1;
	fixture.report->ops->header(fixture.report, &header);
	assert_string_equal(fixture.shown, "memwatch 0.1.0: watching processes 42, 43\n"
					   "memwatch 0.1.0: watching process 42\n");
	close_report(&fixture);
}

static void status_line_makes_way(void **state)
{
	struct fixture fixture;
	const char *after;

	(void)state;
	open_report(&fixture, (struct text_settings){.columns = 80});
	fixture.report->ops->live(fixture.report, &sample_summary);
	assert_true(fixture.bytes == 0);
	close_report(&fixture);

	open_report(&fixture, (struct text_settings){.columns = 60, .colour = true});
	fixture.report->ops->live(fixture.report, &sample_summary);
	assert_int_equal(fixture.shown[0], '\r');
	assert_null(strchr(fixture.shown, '\n'));
	assert_int_equal(fixture.bytes, 1 + 59 + 3);
	after = fixture.shown + fixture.bytes;
	show_flush(&fixture, sample_flush(1));
	after = fixture.shown + 1 + 59 + 3;
	assert_memory_equal(after, "\r\033[K", 4);
	show_flush(&fixture, sample_flush(2));
	after = fixture.shown + 1 + 59 + 3;
	assert_null(strchr(after + 1, '\r'));
	close_report(&fixture);
}

static void gives_the_error_of_the_output(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct report *report = report_text_new(full, &(struct text_settings){.columns = 80});
	const struct flush flush = sample_flush(1);

	(void)state;
	assert_int_equal(report->ops->flush(report, &flush), -ENOSPC);
	assert_int_equal(report->ops->summary(report, &sample_summary), -ENOSPC);
	report->ops->free(report);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_a_run),
		cmocka_unit_test(colours_are_all_that_colour_adds),
		cmocka_unit_test(stays_within_its_width),
		cmocka_unit_test(fits_usual_figures_with_long_names),
		cmocka_unit_test(spells_control_characters_out),
		cmocka_unit_test(quiet_shows_the_summary_alone),
		cmocka_unit_test(verbose_shows_where_a_large_copy_went),
		cmocka_unit_test(verbose_shows_the_first_process),
		cmocka_unit_test(unwatched_processes_always_show),
		cmocka_unit_test(followed_children_are_for_the_curious),
		cmocka_unit_test(counts_who_was_not_watched),
		cmocka_unit_test(names_the_pids_of_an_attach),
		cmocka_unit_test(status_line_makes_way),
		cmocka_unit_test(gives_the_error_of_the_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
