// SPDX-License-Identifier: GPL-2.0-only
#include "json_sample.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
