// SPDX-License-Identifier: GPL-2.0-only
/* Two runs as JSON, and the summary of a recording without its end. */
#include "json_sample.h"

static void two_runs_are_one_line(void **state)
{
	const struct run_summary slow = {.wall_ns = 24}, fast = {.wall_ns = 5, .is_partial = true};
	struct diff_culprit culprit = {
		.frame = {.name = "flush", .symbol = "_Z5flushv", .module = "app"},
		.runs = {{6, 21, 4, 100, false, true, 7}, {1, 2, 2, 50, true, false, 0}},
	};
	struct diff_function function = {.frame = {.name = "work", .module = "app"},
					 .time_ns = {9, 8}};
	const struct run_diff diff = {
		.runs = {{"a.rec", "app", &slow}, {"b.rec", NULL, &fast}},
		.verdict = DIFF_LONGER,
		.worst = &culprit,
		.stalled_ns = {21, 2},
		.culprits = {.items = &culprit, .count = 1},
		.functions = {.items = &function, .count = 1},
	};
	struct fixture fixture;

	(void)state;
	open_report(&fixture);
	check_line(&fixture, fixture.report->ops->diff(fixture.report, &diff),
		   "{\"type\":\"diff\",\"schema\":1,"
		   "\"slow\":{\"recording\":\"a.rec\",\"command\":\"app\",\"wall_ns\":24,"
		   "\"stalled_ns\":21},"
		   "\"fast\":{\"recording\":\"b.rec\",\"wall_ns\":5,\"cut_off\":true,"
		   "\"stalled_ns\":2},"
		   "\"verdict\":\"stalls longer in slow\",\"culprit\":\"flush\","
		   "\"symbol\":\"_Z5flushv\",\"module\":\"app\","
		   "\"culprits\":[{\"culprit\":\"flush\",\"symbol\":\"_Z5flushv\","
		   "\"module\":\"app\",\"slow\":{\"stalls\":6,\"total_ns\":21,\"max_ns\":4,"
		   "\"copied_bytes\":100,\"calls\":7},\"fast\":{\"stalls\":1,\"total_ns\":2,"
		   "\"max_ns\":2,\"copied_bytes\":50,\"partly_counted\":true}}],"
		   "\"call_tree\":[{\"function\":\"work\",\"module\":\"app\","
		   "\"slow_ns\":9,\"fast_ns\":8}]}\n");
}

static void counters_of_a_cut_recording_are_absent(void **state)
{
	const struct function_summary function = {.function = "flush",
						  .module = "app",
						  .calls = 2,
						  .ended = 2,
						  .reported = 2,
						  .total_ns = 30,
						  .p50_ns = 10,
						  .p99_ns = 20,
						  .max_ns = 20,
						  .copies = 3,
						  .copied_bytes = 7};
	const struct run_summary summary = {
		.is_partial = true,
		.wall_ns = 1000,
		.functions = &function,
		.function_count = 1,
		.is_sampled = true,
		.sample_period_ns = 5,
		.processes_seen = 1,
		.processes_watched = 1,
	};
	struct fixture fixture;

	(void)state;
	open_report(&fixture);
	check_line(&fixture, fixture.report->ops->summary(fixture.report, &summary),
		   "{\"type\":\"summary\",\"cut_off\":true,"
		   "\"functions\":[{\"function\":\"flush\",\"module\":\"app\",\"reported\":2,"
		   "\"total_ns\":30,\"p50_ns\":10,\"p99_ns\":20,\"max_ns\":20,"
		   "\"copied_bytes\":7,\"copies\":3}],\"wall_ns\":1000,\"sample_period_ns\":5,"
		   "\"sampled_ns\":0,\"stackless_ns\":0,\"culprits\":[],\"call_tree\":[],"
		   "\"processes_watched\":1,\"processes_seen\":1,\"worst_unwatched_ns\":0}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_runs_are_one_line),
		cmocka_unit_test(counters_of_a_cut_recording_are_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
