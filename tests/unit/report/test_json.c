// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/report.h"

/* A report that writes into memory. */
struct fixture {
	struct report *report;
	FILE *out;
	char *shown;
	size_t bytes;
};

static void open_report(struct fixture *fixture)
{
	*fixture = (struct fixture){0};
	fixture->out = open_memstream(&fixture->shown, &fixture->bytes);
	fixture->report = report_json_new(fixture->out);
	assert_non_null(fixture->report);
}

static void close_report(struct fixture *fixture)
{
	fixture->report->ops->free(fixture->report);
	fclose(fixture->out);
	free(fixture->shown);
}

/* The report's one line, whole, must be that text. */
static void check_line(struct fixture *fixture, int status, const char *wanted)
{
	assert_int_equal(status, 0);
	assert_string_equal(fixture->shown, wanted);
	close_report(fixture);
}

static const struct flush sample_flush = {
	.function = "flush_accumulator",
	.module = "python3.9",
	.pid = 4242,
	.tid = 4250,
	.comm = "python3",
	.start_ns = 1000,
	.duration_ns = 26100000,
	.copied_bytes = 100000000,
	.copies = 100000,
	.copies_known = true,
	.write_index = 100000,
	.probe_hits = 100002,
	.overhead_ns = 80000000,
};

static void shows_a_launched_commands_header(void **state)
{
	const struct run_header header = {
		.version = "0.1.0",
		.start_unix_ns = 1700000000000000001,
		.start_ns = 5,
		.command = "/bin/app -x",
		.run_as = "alice",
		.budget_pct = 2,
		.min_bytes = 1048576,
		.min_time_ns = 1000000,
	};
	struct fixture fixture;
	int status;

	(void)state;
	open_report(&fixture);
	status = fixture.report->ops->header(fixture.report, &header);
	check_line(&fixture, status,
		   "{\"type\":\"header\",\"schema\":1,\"version\":\"0.1.0\","
		   "\"start_unix_ns\":1700000000000000001,\"clock\":\"monotonic\",\"start_ns\":5,"
		   "\"command\":\"/bin/app -x\",\"run_as\":\"alice\",\"budget_pct\":2.0,"
		   "\"gate\":\"auto\",\"min_bytes\":1048576,\"min_time_ns\":1000000}\n");
}

static void shows_an_attachs_header(void **state)
{
	const pid_t pids[] = {42, 43};
	const struct run_header header = {.version = "0.1.0",
					  .pids = pids,
					  .pid_count = 2,
					  .budget_pct = -1,
					  .gate_is_fixed = true};
	struct fixture fixture;
	int status;

	(void)state;
	open_report(&fixture);
	status = fixture.report->ops->header(fixture.report, &header);
	check_line(&fixture, status,
		   "{\"type\":\"header\",\"schema\":1,\"version\":\"0.1.0\",\"start_unix_ns\":0,"
		   "\"clock\":\"monotonic\",\"start_ns\":0,\"pids\":[42,43],\"gate_bytes\":0,"
		   "\"min_bytes\":0,\"min_time_ns\":0}\n");
}

static void shows_children(void **state)
{
	const struct child_report watched = {.pid = 7,
					     .parent_pid = 6,
					     .comm = "sh",
					     .event = "fork",
					     .at_ns = 9,
					     .unwatched_ns = 11,
					     .watched = true};
	const struct child_report missed = {
		.pid = 7, .comm = "sh", .event = "attach", .at_ns = 9, .reason = "too late"};
	struct fixture fixture;
	int status;

	(void)state;
	open_report(&fixture);
	status = fixture.report->ops->child(fixture.report, &watched);
	check_line(&fixture, status,
		   "{\"type\":\"child\",\"pid\":7,\"parent_pid\":6,\"comm\":\"sh\","
		   "\"event\":\"fork\",\"at_ns\":9,\"unwatched_ns\":11,\"watched\":true}\n");
	open_report(&fixture);
	status = fixture.report->ops->child(fixture.report, &missed);
	check_line(&fixture, status,
		   "{\"type\":\"child\",\"pid\":7,\"comm\":\"sh\",\"event\":\"attach\","
		   "\"at_ns\":9,\"watched\":false,\"reason\":\"too late\"}\n");
}

static void shows_flushes(void **state)
{
	struct flush flush = sample_flush;
	struct fixture fixture;
	int status;

	(void)state;
	open_report(&fixture);
	status = fixture.report->ops->flush(fixture.report, &flush);
	check_line(&fixture, status,
		   "{\"type\":\"flush\",\"function\":\"flush_accumulator\","
		   "\"module\":\"python3.9\",\"pid\":4242,\"tid\":4250,\"comm\":\"python3\","
		   "\"start_ns\":1000,\"duration_ns\":26100000,\"unfinished\":false,"
		   "\"recursive\":false,\"write_index\":100000,\"copied_bytes\":100000000,"
		   "\"copies\":100000,\"gate_bytes\":0,\"partly_counted\":false,"
		   "\"gate_raised\":false,\"probe_hits\":100002,\"overhead_ns\":80000000}\n");
	/* Costs that were not calibrated, and no --writes: absent, not zero. */
	flush.overhead_ns = flush.write_index = 0;
	open_report(&fixture);
	status = fixture.report->ops->flush(fixture.report, &flush);
	assert_null(strstr(fixture.shown, "overhead_ns"));
	assert_null(strstr(fixture.shown, "write_index"));
	assert_non_null(strstr(fixture.shown, "\"probe_hits\":100002}"));
	close_report(&fixture);
	/* A thread that was gone when the watch ended. */
	flush.copies_known = false;
	flush.comm[0] = '\0';
	flush.unfinished = flush.recursive = true;
	open_report(&fixture);
	status |= fixture.report->ops->flush(fixture.report, &flush);
	check_line(&fixture, status,
		   "{\"type\":\"flush\",\"function\":\"flush_accumulator\","
		   "\"module\":\"python3.9\",\"pid\":4242,\"tid\":4250,\"start_ns\":1000,"
		   "\"duration_ns\":26100000,\"unfinished\":true,\"recursive\":true}\n");
}

static void shows_copies(void **state)
{
	const struct large_copy copy = {.routine = "memmove",
					.module = "libc.so.6",
					.pid = 4242,
					.tid = 4242,
					.comm = "app",
					.start_ns = 5,
					.bytes = 1 << 24,
					.dst_addr = 0x7f33a4600010,
					.src_addr = 0xffffffffffffffff};
	struct fixture fixture;
	int status;

	(void)state;
	open_report(&fixture);
	status = fixture.report->ops->copy(fixture.report, &copy);
	check_line(&fixture, status,
		   "{\"type\":\"copy\",\"routine\":\"memmove\",\"module\":\"libc.so.6\","
		   "\"pid\":4242,\"tid\":4242,\"comm\":\"app\",\"start_ns\":5,\"bytes\":16777216,"
		   "\"dst_addr\":139859777814544,\"src_addr\":9223372036854775807}\n");
}

/* Who adds up copied_bytes can tell that the sum is too low, and by what. */
static void flushes_tell_what_is_missing(void **state)
{
	struct flush flush = sample_flush;
	struct fixture fixture;

	(void)state;
	flush.gate_bytes = 1 << 20;
	flush.partly_counted = true;
	flush.copy_ns = 7;
	flush.timed_copies = 2;
	flush.timed_bytes = 3 << 20;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->flush(fixture.report, &flush), 0);
	assert_non_null(
		strstr(fixture.shown,
		       "\"copied_bytes\":100000000,\"copies\":100000,\"gate_bytes\":"
		       "1048576,\"partly_counted\":true,\"gate_raised\":false,\"copy_ns\":7,"
		       "\"timed_copies\":2,\"timed_bytes\":3145728,\"probe_hits\""));
	close_report(&fixture);
	flush.partly_counted = false;
	flush.gate_raised = true;
	flush.gate_bytes = NO_GATE;
	flush.copied_bytes = flush.copies = flush.timed_copies = 0;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->flush(fixture.report, &flush), 0);
	assert_non_null(strstr(fixture.shown,
			       "\"copied_bytes\":0,\"copies\":0,\"partly_counted\":false,\"gate_"
			       "raised\":true,\"probe_hits\""));
	close_report(&fixture);
}

static void shows_steps_of_copies(void **state)
{
	struct budget_step step = {.at_ns = 9,
				   .pid = 7,
				   .comm = "sh",
				   .to_gate_bytes = 1 << 20,
				   .is_raised = true,
				   .spent_ns = 38,
				   .took_ns = 12,
				   .during_ns = 100};
	struct fixture fixture;
	int status;

	(void)state;
	open_report(&fixture);
	status = fixture.report->ops->budget(fixture.report, &step);
	check_line(&fixture, status,
		   "{\"type\":\"budget\",\"at_ns\":9,\"from\":\"every\",\"to\":\"large\","
		   "\"reason\":\"its probes cost more than the budget allows\",\"pid\":7,"
		   "\"comm\":\"sh\",\"from_gate_bytes\":0,\"to_gate_bytes\":1048576,"
		   "\"spent_ns\":38,\"took_ns\":12,\"spent_pct\":38.0}\n");
	step = (struct budget_step){
		.at_ns = 9, .pid = 7, .from_gate_bytes = NO_GATE, .to_gate_bytes = 2113};
	open_report(&fixture);
	status = fixture.report->ops->budget(fixture.report, &step);
	check_line(&fixture, status,
		   "{\"type\":\"budget\",\"at_ns\":9,\"from\":\"none\",\"to\":\"large\","
		   "\"reason\":\"the budget has room again\",\"pid\":7,\"to_gate_bytes\":2113,"
		   "\"spent_ns\":0,\"took_ns\":0}\n");
	step.from_gate_bytes = 2113;
	step.to_gate_bytes = NO_GATE;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->budget(fixture.report, &step), 0);
	assert_non_null(strstr(fixture.shown, "\"from\":\"large\",\"to\":\"none\","));
	assert_non_null(strstr(fixture.shown, "\"from_gate_bytes\":2113,\"spent_ns\""));
	close_report(&fixture);
}

static void shows_steps_of_functions(void **state)
{
	const struct budget_step step = {.at_ns = 9,
					 .function = "flush",
					 .from_watch = WATCH_TIMED,
					 .to_watch = WATCH_COUNTED,
					 .is_raised = true,
					 .spent_ns = 61};
	const struct budget_step dropped = {
		.from_watch = WATCH_COUNTED, .to_watch = WATCH_DROPPED, .function = "flush"};
	struct fixture fixture;
	int status;

	(void)state;
	open_report(&fixture);
	status = fixture.report->ops->budget(fixture.report, &step);
	check_line(&fixture, status,
		   "{\"type\":\"budget\",\"at_ns\":9,\"from\":\"timed\",\"to\":\"counted\","
		   "\"reason\":\"its probes cost more than the budget allows\","
		   "\"function\":\"flush\",\"spent_ns\":61,\"took_ns\":0}\n");
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->budget(fixture.report, &dropped), 0);
	assert_non_null(strstr(fixture.shown, "\"from\":\"counted\",\"to\":\"dropped\","));
	close_report(&fixture);
}

static void tells_how_long_a_copy_took(void **state)
{
	const struct large_copy copy = {.routine = "memmove", .start_ns = 5, .duration_ns = 70};
	struct fixture fixture;

	(void)state;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->copy(fixture.report, &copy), 0);
	assert_non_null(strstr(fixture.shown, "\"start_ns\":5,\"duration_ns\":70,\"bytes\":0,"));
	close_report(&fixture);
}

/* ---- the summary ---- */

static const struct function_summary sample_functions[] = {
	{.function = "flush",
	 .module = "app",
	 .calls = 10,
	 .ended = 9,
	 .unfinished = 1,
	 .abandoned = 2,
	 .lost = 3,
	 .total_ns = 90,
	 .p50_ns = 8,
	 .p99_ns = 9,
	 .max_ns = 10,
	 .copied_bytes = 11,
	 .copies = 12,
	 .outermost = 8,
	 .whole_calls = 3,
	 .whole_bytes = 6,
	 .estimated_bytes = 16,
	 .error_bytes = 4,
	 .reported = 13},
	{.function = "open",
	 .module = "app",
	 .calls = 1,
	 .unfinished = 1,
	 .is_counted_only = true,
	 .is_dropped = true},
};

/* The end of a run: what is 0 here is as much a figure as what is not. */
static struct run_summary sample_summary(const char *const *watched)
{
	return (struct run_summary){
		.wall_ns = 4000,
		.functions = sample_functions,
		.function_count = 2,
		.copies = 4,
		.copied_bytes = 1030,
		.largest_copy_bytes = 1024,
		.large_copies = 1,
		.copies_by_class = {[0] = 1, [3] = 2, [11] = 1, [SIZE_CLASSES - 1] = 1},
		.bytes_by_class = {[3] = 10, [11] = 1024, [SIZE_CLASSES - 1] = 5},
		.timed_copies = 2,
		.timed_bytes = 1025,
		.copy_ns = 60,
		.gate_bytes = 2113,
		.budget_pct = 2,
		.budget_credit_ns = 200,
		.budget_steps = 3,
		.writes_function = "put",
		.writes = 77,
		.write_gap_ns = 810,
		.unmatched_ends = 3,
		.losses = {1, 2, 3, 5, 4},
		.probe_hits = 100,
		.overhead_ns = 50,
		.hit_cheap_ns = 800,
		.hit_stepped_ns = 12000,
		.target_cpu_ns = 400,
		.processes_watched = 2,
		.processes_seen = 3,
		.worst_unwatched_ns = 12,
		.watched = watched,
		.watched_count = 2,
	};
}

static void shows_the_summary(void **state)
{
	const char *const watched[] = {"flush in app", "memmove in libc.so.6"};
	const struct run_summary summary = sample_summary(watched);
	struct fixture fixture;
	int status;

	(void)state;
	open_report(&fixture);
	status = fixture.report->ops->live(fixture.report, &summary);
	assert_int_equal(fixture.bytes, 0);
	status |= fixture.report->ops->summary(fixture.report, &summary);
	check_line(&fixture, status,
		   "{\"type\":\"summary\",\"functions\":["
		   "{\"function\":\"flush\",\"module\":\"app\",\"calls\":10,\"ended\":9,"
		   "\"total_ns\":90,\"p50_ns\":8,\"p99_ns\":9,\"max_ns\":10,\"copied_bytes\":11,"
		   "\"copies\":12,\"outermost\":8,\"whole_calls\":3,\"whole_bytes\":6,"
		   "\"estimated_bytes\":16,\"error_bytes\":4,\"counted_only\":false,"
		   "\"dropped\":false,\"unfinished\":1,\"abandoned\":2,\"lost\":3,\"reported\":13},"
		   "{\"function\":\"open\",\"module\":\"app\",\"calls\":1,\"ended\":0,"
		   "\"total_ns\":0,\"copied_bytes\":0,\"copies\":0,\"outermost\":0,"
		   "\"whole_calls\":0,\"whole_bytes\":0,\"counted_only\":true,\"dropped\":true,"
		   "\"unfinished\":1,"
		   "\"abandoned\":0,\"lost\":0,\"reported\":0}],"
		   "\"wall_ns\":4000,\"target_cpu_ns\":400,\"lost_events\":15,"
		   "\"losses\":{\"ring_full\":1,\"span_table_full\":2,\"thread_state_failed\":3,"
		   "\"goroutine_table_full\":5,\"malformed\":4,\"life_events\":0},\"probe_hits\":"
		   "100,\"hit_cheap_ns\":800,"
		   "\"hit_stepped_ns\":12000,\"overhead_ns\":50,\"overhead_pct\":12.5,"
		   "\"gate_bytes\":2113,\"budget_pct\":2.0,\"budget_credit_ns\":200,"
		   "\"budget_steps\":3,"
		   "\"copies\":4,\"copied_bytes\":1030,\"largest_copy_bytes\":1024,"
		   "\"large_copies\":1,\"copy_ns\":60,\"timed_copies\":2,"
		   "\"timed_bytes\":1025,\"size_classes\":["
		   "{\"from_bytes\":0,\"to_bytes\":0,\"copies\":1,\"bytes\":0},"
		   "{\"from_bytes\":4,\"to_bytes\":7,\"copies\":2,\"bytes\":10},"
		   "{\"from_bytes\":1024,\"to_bytes\":2047,\"copies\":1,\"bytes\":1024},"
		   "{\"from_bytes\":4611686018427387904,\"to_bytes\":9223372036854775807,"
		   "\"copies\":1,\"bytes\":5}],"
		   "\"writes_function\":\"put\",\"writes\":77,\"write_gap_ns\":810,\"unmatched_"
		   "ends\":3,\"processes_watched\":2,"
		   "\"processes_seen\":3,\"worst_unwatched_ns\":12,"
		   "\"watched\":[\"flush in app\",\"memmove in libc.so.6\"]}\n");
}

static void leaves_out_costs_that_are_not_known(void **state)
{
	const char *const watched[] = {"a", "b"};
	struct run_summary summary = sample_summary(watched);
	struct fixture fixture;

	(void)state;
	/* An estimate may come out above the whole. */
	summary.target_cpu_ns = 40;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->summary(fixture.report, &summary), 0);
	assert_non_null(strstr(fixture.shown, "\"overhead_ns\":50,\"overhead_pct\":100.0,"));
	close_report(&fixture);
	summary.target_cpu_ns = 0;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->summary(fixture.report, &summary), 0);
	assert_null(strstr(fixture.shown, "overhead_pct"));
	assert_null(strstr(fixture.shown, "target_cpu_ns"));
	assert_non_null(strstr(fixture.shown, "\"overhead_ns\":50"));
	close_report(&fixture);
	summary.hit_cheap_ns = summary.hit_stepped_ns = summary.overhead_ns = 0;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->summary(fixture.report, &summary), 0);
	assert_null(strstr(fixture.shown, "overhead"));
	assert_null(strstr(fixture.shown, "hit_"));
	close_report(&fixture);
}

static void leaves_out_a_budget_that_there_is_not(void **state)
{
	struct run_summary summary = {.budget_pct = -1, .gate_bytes = NO_GATE};
	struct fixture fixture;

	(void)state;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->summary(fixture.report, &summary), 0);
	assert_null(strstr(fixture.shown, "budget"));
	assert_null(strstr(fixture.shown, "gate"));
	assert_null(strstr(fixture.shown, "timed"));
	assert_null(strstr(fixture.shown, "copy_ns"));
	close_report(&fixture);
}

static void shows_the_finding_before_the_summary(void **state)
{
	struct run_summary summary = {
		.finding = {.found = true,
			    .function = "flush",
			    .writes_function = "write",
			    .calls_per_stall = 100000,
			    .copied_bytes = 100,
			    .whole_flushes = 2,
			    .duration_ns = 26,
			    .overhead_ns = 16,
			    .flushes = 9,
			    .other_write_ns = 810},
	};
	static const char with_writes[] =
		"{\"type\":\"finding\",\"culprit\":\"flush\",\"lazy_caller\":\"write\","
		"\"period_writes\":100000,\"copied_bytes\":100,\"whole_flushes\":2,\"duration_ns\":"
		"26,\"overhead_ns\":"
		"16,\"flushes\":9,"
		"\"other_write_ns\":810}\n{\"type\":\"summary\",\"functions\":[],";
	static const char without_writes[] =
		"{\"type\":\"finding\",\"culprit\":\"flush\",\"whole_flushes\":0,"
		"\"duration_ns\":26,\"flushes\":9}\n{\"type\":\"summary\",";
	struct fixture fixture;

	(void)state;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->summary(fixture.report, &summary), 0);
	assert_memory_equal(fixture.shown, with_writes, strlen(with_writes));
	close_report(&fixture);
	summary.finding.writes_function = NULL;
	summary.finding.calls_per_stall = summary.finding.other_write_ns = 0;
	summary.finding.overhead_ns = 0;
	/* A typical amount of none is no 0. */
	summary.finding.whole_flushes = summary.finding.copied_bytes = 0;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->summary(fixture.report, &summary), 0);
	assert_memory_equal(fixture.shown, without_writes, strlen(without_writes));
	close_report(&fixture);
}

/* ---- names that a target chose to do harm ---- */

/* Whatever the name: one line, plain ASCII, and jansson reads it back as `wanted`. */
static void check_name(const char *raw, const char *wanted)
{
	struct flush flush = sample_flush;
	struct fixture fixture;
	json_t *line;

	flush.function = raw;
	snprintf(flush.comm, COMM_BYTES, "%s", raw);
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->flush(fixture.report, &flush), 0);
	for (size_t i = 0; i + 1 < fixture.bytes; i++)
		assert_in_range(fixture.shown[i], 0x20, 0x7f);
	assert_int_equal(fixture.shown[fixture.bytes - 1], '\n');
	line = json_loads(fixture.shown, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "function")), wanted);
	assert_true(!*raw || json_is_string(json_object_get(line, "comm")));
	json_decref(line);
	close_report(&fixture);
}

static void keeps_or_repairs_any_name(void **state)
{
	static const struct {
		const char *raw, *wanted;
	} cases[] = {
		{"plain", "plain"},
		{"", ""},
		{"a\"b\\c", "a\"b\\c"},
		{"\x1b[2J\r\n\t\x7f", "\x1b[2J\r\n\t\x7f"},
		{"\xc2\x9b"
		 "31m",
		 "\xc2\x9b"
		 "31m"},
		{"\xc3\xa9\xe8\xaa\x9e\xf0\x9f\x98\x80", "\xc3\xa9\xe8\xaa\x9e\xf0\x9f\x98\x80"},
		{"a\xff"
		 "b",
		 "a\xef\xbf\xbd"
		 "b"},
		{"\xc3", "\xef\xbf\xbd"},
		{"\xc3\n\xa9", "\xef\xbf\xbd\n\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc2\xff", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xff\xff\xff\xff", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		/* Fifteen bytes of comm cut the last of these in two. */
		{"\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e"
		 "a\xe8\xaa\x9e",
		 "\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e\xe8\xaa\x9e"
		 "a\xe8\xaa\x9e"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_name(cases[i].raw, cases[i].wanted);
	for (unsigned i = 1; i < 0x100; i++) {
		char raw[3] = {(char)i, 'x'};

		check_name(raw, i < 0x80 ? raw : "\xef\xbf\xbdx");
	}
}

static void keeps_a_long_name_whole(void **state)
{
	char *raw = malloc(100001);

	(void)state;
	memset(raw, 'x', 100000);
	raw[100000] = '\0';
	check_name(raw, raw);
	free(raw);
}

/* ---- the output ---- */

static void sends_each_line_at_once(void **state)
{
	FILE *file = tmpfile();
	char line[2048];
	struct report *report = report_json_new(file);

	(void)state;
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(report->ops->flush(report, &sample_flush), 0);
		/* Read beside stdio: what lies in its buffer only is not there. */
		assert_true(pread(fileno(file), line, sizeof(line), 0) > i * 100);
	}
	report->ops->free(report);
	fclose(file);
}

static void gives_the_error_of_a_full_disk(void **state)
{
	const struct run_summary summary = {.finding = {.found = true, .function = "f"}};
	FILE *full = fopen("/dev/full", "w");
	struct report *report = report_json_new(full);

	(void)state;
	assert_int_equal(report->ops->flush(report, &sample_flush), -ENOSPC);
	/* It stays an error, and nothing later looks as if it had been written. */
	assert_int_equal(report->ops->flush(report, &sample_flush), -ENOSPC);
	assert_int_equal(report->ops->summary(report, &summary), -ENOSPC);
	report->ops->free(report);
	fclose(full);
}

static void gives_the_error_of_a_closed_pipe(void **state)
{
	int ends[2];
	struct report *report;
	FILE *out;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	out = fdopen(ends[1], "w");
	report = report_json_new(out);
	assert_int_equal(report->ops->flush(report, &sample_flush), -EPIPE);
	report->ops->free(report);
	fclose(out);
	signal(SIGPIPE, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_a_launched_commands_header),
		cmocka_unit_test(shows_an_attachs_header),
		cmocka_unit_test(shows_children),
		cmocka_unit_test(shows_flushes),
		cmocka_unit_test(shows_copies),
		cmocka_unit_test(flushes_tell_what_is_missing),
		cmocka_unit_test(shows_steps_of_copies),
		cmocka_unit_test(shows_steps_of_functions),
		cmocka_unit_test(tells_how_long_a_copy_took),
		cmocka_unit_test(shows_the_summary),
		cmocka_unit_test(leaves_out_a_budget_that_there_is_not),
		cmocka_unit_test(leaves_out_costs_that_are_not_known),
		cmocka_unit_test(shows_the_finding_before_the_summary),
		cmocka_unit_test(keeps_or_repairs_any_name),
		cmocka_unit_test(keeps_a_long_name_whole),
		cmocka_unit_test(sends_each_line_at_once),
		cmocka_unit_test(gives_the_error_of_a_full_disk),
		cmocka_unit_test(gives_the_error_of_a_closed_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
