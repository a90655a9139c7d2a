// SPDX-License-Identifier: GPL-2.0-only
#include "json_sample.h"

static const struct function_summary sample_functions[] = {
	{.function = "flush",
	 .module = "app",
	 .calls = 10,
	 .ended = 9,
	 .unfinished = 1,
	 .abandoned = 2,
	 .cut_off = 5,
	 .untimed = 6,
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
		.losses = {1, 2, 3, 5, 4, 6, 7},
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
		.uncalled = watched,
		.uncalled_count = 1,
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
		   "\"dropped\":false,\"unfinished\":1,\"abandoned\":2,\"cut_off\":5,\"untimed\":6,"
		   "\"lost\":3,\"reported\":13},"
		   "{\"function\":\"open\",\"module\":\"app\",\"calls\":1,\"ended\":0,"
		   "\"total_ns\":0,\"copied_bytes\":0,\"copies\":0,\"outermost\":0,"
		   "\"whole_calls\":0,\"whole_bytes\":0,\"counted_only\":true,\"dropped\":true,"
		   "\"unfinished\":1,"
		   "\"abandoned\":0,\"lost\":0,\"reported\":0}],"
		   "\"wall_ns\":4000,\"target_cpu_ns\":400,\"lost_events\":28,"
		   "\"losses\":{\"ring_full\":1,\"span_table_full\":2,\"thread_state_failed\":3,"
		   "\"goroutine_table_full\":5,\"malformed\":4,\"samples\":6,"
		   "\"life_events\":7},\"probe_hits\":100,\"hit_cheap_ns\":800,"
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
		   "\"watched\":[\"flush in app\",\"memmove in libc.so.6\"],"
		   "\"uncalled\":[\"flush in app\"]}\n");
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
			    .whole_flushes = 3,
			    .bytes_are_typical = true,
			    .duration_ns = 26,
			    .overhead_ns = 16,
			    .flushes = 9,
			    .other_write_ns = 810},
	};
	static const char with_writes[] =
		"{\"type\":\"finding\",\"found_by\":\"flush\",\"culprit\":\"flush\","
		"\"lazy_caller\":\"write\","
		"\"period_writes\":100000,\"copied_bytes\":100,\"whole_flushes\":3,\"duration_ns\":"
		"26,\"overhead_ns\":"
		"16,\"flushes\":9,"
		"\"other_write_ns\":810}\n{\"type\":\"summary\",\"functions\":[],";
	static const char without_writes[] =
		"{\"type\":\"finding\",\"found_by\":\"flush\",\"culprit\":\"flush\","
		"\"whole_flushes\":2,\"duration_ns\":26,\"flushes\":9}\n{\"type\":\"summary\",";
	struct fixture fixture;

	(void)state;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->summary(fixture.report, &summary), 0);
	assert_memory_equal(fixture.shown, with_writes, strlen(with_writes));
	close_report(&fixture);
	summary.finding.writes_function = NULL;
	summary.finding.calls_per_stall = summary.finding.other_write_ns = 0;
	summary.finding.overhead_ns = 0;
	/* A typical amount that is not known is no 0. */
	summary.finding.whole_flushes = 2;
	summary.finding.bytes_are_typical = false;
	summary.finding.copied_bytes = 0;
	open_report(&fixture);
	assert_int_equal(fixture.report->ops->summary(fixture.report, &summary), 0);
	assert_memory_equal(fixture.shown, without_writes, strlen(without_writes));
	close_report(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_the_summary),
		cmocka_unit_test(leaves_out_costs_that_are_not_known),
		cmocka_unit_test(leaves_out_a_budget_that_there_is_not),
		cmocka_unit_test(shows_the_finding_before_the_summary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
