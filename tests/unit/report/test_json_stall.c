// SPDX-License-Identifier: GPL-2.0-only
#include "stall_sample.h"
#include "json_sample.h"

#include <jansson.h>

/* The report's one line, read back; the caller frees it. */
static json_t *read_line(struct fixture *fixture, int status)
{
	json_t *line;

	assert_int_equal(status, 0);
	assert_ptr_equal(strchr(fixture->shown, '\n'), fixture->shown + fixture->bytes - 1);
	line = json_loads(fixture->shown, 0, NULL);
	assert_non_null(line);
	close_report(fixture);
	return line;
}

static json_t *stall_line(struct stall stall)
{
	struct fixture fixture;
	int status;

	open_report(&fixture);
	status = fixture.report->ops->stall(fixture.report, &stall);
	return read_line(&fixture, status);
}

static json_t *discovery_line(struct discovery discovery)
{
	struct fixture fixture;
	int status;

	open_report(&fixture);
	status = fixture.report->ops->discovery(fixture.report, &discovery);
	return read_line(&fixture, status);
}

/* Checks that the value is that JSON text. */
static void check_value(const json_t *value, const char *wanted)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_non_null(text);
	assert_string_equal(text, wanted);
	free(text);
}

static void shows_stalls(void **state)
{
	struct stall stall = sample_stall(1);
	json_t *line;

	(void)state;
	stall.frame_count = 3;
	stall.path_end = STACK_CUT;
	stall.goroutine_addr = 0xc000;
	line = stall_line(stall);
	check_value(line, "{\"type\":\"stall\",\"culprit\":\"PyUnicode_Join\","
			  "\"module\":\"python3.11\",\"offset\":1678368,\"pid\":4242,\"tid\":4242,"
			  "\"comm\":\"python3\",\"goroutine_addr\":49152,\"start_ns\":1400000000,"
			  "\"duration_ns\":521000000,\"error_ns\":1000000,\"unfinished\":false,"
			  "\"samples\":519,\"stacks\":519,\"user_ns\":100000000,"
			  "\"fault_ns\":419000000,\"copied_bytes\":990000000,\"copies\":99000,"
			  "\"gate_bytes\":2113,\"estimated\":[\"start_ns\",\"duration_ns\"],"
			  "\"stack\":["
			  "{\"name\":\"memmove\",\"module\":\"libc.so.6\",\"offset\":1497913,"
			  "\"inlined\":false},"
			  "{\"name\":\"PyUnicode_Join\",\"module\":\"python3.11\","
			  "\"offset\":1678405,\"function_offset\":1678368,\"inlined\":false},"
			  "{\"module\":\"python3.11\",\"offset\":1715029,"
			  "\"function_offset\":1714992,\"inlined\":false}],"
			  "\"stack_end\":\"cut\"}");
	json_decref(line);
}

static void leaves_out_what_a_stall_does_not_tell(void **state)
{
	struct stall stall = sample_stall(1);
	json_t *line;

	(void)state;
	stall.culprit = NULL;
	stall.frame_count = 0;
	stall.gate_bytes = NO_GATE;
	stall.comm[0] = '\0';
	stall.unfinished = true;
	line = stall_line(stall);
	assert_null(json_object_get(line, "culprit"));
	assert_null(json_object_get(line, "module"));
	assert_null(json_object_get(line, "offset"));
	assert_null(json_object_get(line, "comm"));
	assert_null(json_object_get(line, "goroutine_addr"));
	assert_null(json_object_get(line, "gate_bytes"));
	assert_null(json_object_get(line, "stack"));
	assert_null(json_object_get(line, "stack_end"));
	assert_true(json_is_true(json_object_get(line, "unfinished")));
	json_decref(line);
	stall.culprit = SAMPLE_WRITE;
	line = stall_line(stall);
	check_value(json_object_get(line, "culprit"), "\"python3.11+0x1a2b30\"");
	check_value(json_object_get(line, "offset"), "1714992");
	json_decref(line);
}

static void shows_frames(void **state)
{
	const struct frame frames[] = {
		{.name = "Grow::flush",
		 .symbol = "_ZN4Grow5flushEv",
		 .module = "app",
		 .offset = 5,
		 .file = "grow.cc",
		 .line = 33,
		 .language = "C++",
		 .is_inlined = true},
		{.addr = 77, .is_signal = true},
	};
	static const enum stack_end ends[] = {STACK_WHOLE, STACK_LOST, STACK_TOO_DEEP};
	static const char *const words[] = {"\"whole\"", "\"lost\"", "\"too_deep\""};
	struct stall stall = sample_stall(1);

	(void)state;
	stall.culprit = stall.frames = frames;
	stall.frame_count = 2;
	for (size_t i = 0; i < 3; i++) {
		json_t *line;

		stall.path_end = ends[i];
		line = stall_line(stall);
		check_value(json_object_get(line, "stack_end"), words[i]);
		check_value(json_object_get(line, "stack"),
			    "[{\"name\":\"Grow::flush\",\"symbol\":\"_ZN4Grow5flushEv\","
			    "\"module\":\"app\",\"offset\":5,\"file\":\"grow.cc\",\"line\":33,"
			    "\"inlined\":true,\"language\":\"C++\"},"
			    "{\"addr\":77,\"inlined\":false,\"signal\":true}]");
		check_value(json_object_get(line, "symbol"), "\"_ZN4Grow5flushEv\"");
		check_value(json_object_get(line, "inlined"), "true");
		json_decref(line);
	}
}

static void shows_the_paths_of_flushes_and_copies(void **state)
{
	static const char wanted[] = "[{\"name\":\"PyUnicode_Join\",\"module\":\"python3.11\","
				     "\"offset\":1678405,\"function_offset\":1678368,"
				     "\"inlined\":false}]";
	const struct large_copy copy = {
		.routine = "memmove", .frames = SAMPLE_JOIN, .frame_count = 1};
	struct flush flush = sample_flush;
	struct fixture fixture;
	json_t *line;
	int status;

	(void)state;
	flush.frames = SAMPLE_JOIN;
	flush.frame_count = 1;
	open_report(&fixture);
	status = fixture.report->ops->flush(fixture.report, &flush);
	line = read_line(&fixture, status);
	check_value(json_object_get(line, "stack"), wanted);
	check_value(json_object_get(line, "stack_end"), "\"whole\"");
	json_decref(line);
	open_report(&fixture);
	status = fixture.report->ops->copy(fixture.report, &copy);
	line = read_line(&fixture, status);
	check_value(json_object_get(line, "stack"), wanted);
	check_value(json_object_get(line, "stack_end"), "\"whole\"");
	json_decref(line);
}

/* Names hold what the target chose: nothing in a line commands a terminal or ends it. */
static void keeps_hostile_names_in_their_strings(void **state)
{
	const struct frame frame = {.name = "f\n\x1b[2J\"\\\xff",
				    .module = "\r\x7f",
				    .file = "\xc2\x9b",
				    .function_off = 1};
	struct stall stall = sample_stall(1);
	json_t *line;

	(void)state;
	stall.culprit = stall.frames = &frame;
	stall.frame_count = 1;
	line = stall_line(stall);
	assert_string_equal(json_string_value(json_object_get(line, "culprit")),
			    "f\n\x1b[2J\"\\\xef\xbf\xbd");
	assert_string_equal(json_string_value(json_object_get(line, "module")), "\r\x7f");
	json_decref(line);
}

static void shows_what_counting_calls_found(void **state)
{
	struct discovery discovery = sample_discovery();
	json_t *line;

	(void)state;
	line = discovery_line(discovery);
	check_value(line,
		    "{\"type\":\"finding\",\"found_by\":\"calls\",\"at_ns\":2234000000,"
		    "\"pid\":4242,\"comm\":\"python3\",\"culprit\":\"PyUnicode_Join\","
		    "\"module\":\"python3.11\",\"offset\":1678368,\"flush\":\"PyUnicode_Join\","
		    "\"flush_module\":\"python3.11\",\"flush_offset\":1678368,"
		    "\"lazy_caller\":\"python3.11+0x1a2b30\","
		    "\"lazy_caller_module\":\"python3.11\",\"lazy_caller_offset\":1714992,"
		    "\"period_writes\":100000,\"period_kind\":\"constant\","
		    "\"calls_per_stall\":100000,\"stalls\":3,\"evidence\":["
		    "{\"function\":\"PyUnicode_Join\",\"module\":\"python3.11\","
		    "\"offset\":1678368,\"calls_per_stall\":1,\"calls_within\":0},"
		    "{\"function\":\"python3.11+0x1a2b30\",\"module\":\"python3.11\","
		    "\"offset\":1714992,\"calls_per_stall\":100000,\"calls_within\":0},"
		    "{\"function\":\"PyObject_Vectorcall\",\"module\":\"python3.11\","
		    "\"offset\":1220608,\"calls_per_stall\":200000,\"calls_within\":5}],"
		    "\"cost_ns\":12000000,\"watched\":true}");
	json_decref(line);
	/* One distance is no law. */
	discovery.stalls = 1;
	line = discovery_line(discovery);
	check_value(json_object_get(line, "period_kind"), "\"single\"");
	check_value(json_object_get(line, "period_writes"), "100000");
	json_decref(line);
	discovery.is_irregular = true;
	discovery.function_count = 1;
	line = discovery_line(discovery);
	check_value(json_object_get(line, "period_kind"), "\"irregular\"");
	assert_null(json_object_get(line, "period_writes"));
	assert_null(json_object_get(line, "calls_per_stall"));
	json_decref(line);
	discovery.is_irregular = false;
	discovery.period_calls = 0;
	line = discovery_line(discovery);
	assert_null(json_object_get(line, "period_kind"));
	assert_null(json_object_get(line, "period_writes"));
	json_decref(line);
	discovery = (struct discovery){.culprit = SAMPLE_JOIN, .reason = "too few stalls"};
	line = discovery_line(discovery);
	check_value(line, "{\"type\":\"finding\",\"found_by\":\"calls\",\"at_ns\":0,\"pid\":0,"
			  "\"culprit\":\"PyUnicode_Join\",\"module\":\"python3.11\","
			  "\"offset\":1678368,\"stalls\":0,\"evidence\":[],\"cost_ns\":0,"
			  "\"watched\":false,\"reason\":\"too few stalls\"}");
	json_decref(line);
}

static void summarizes_the_samples(void **state)
{
	struct culprit culprits[] = {sample_culprits[0], {.stalls = 1, .gate_bytes = NO_GATE}};
	struct run_summary summary = {
		.stalls = {.culprits = culprits,
			   .culprit_count = 2,
			   .nodes = sample_nodes,
			   .node_count = 2,
			   .sampled_ns = 9,
			   .stackless_ns = 8},
		.is_sampled = true,
		.sample_period_ns = 1,
		.samples = 2,
		.copy_samples = 3,
		.trap_samples = 4,
		.stacks = 5,
		.sampling_ns = 6,
	};
	struct fixture fixture;
	int status;

	(void)state;
	open_report(&fixture);
	status = fixture.report->ops->summary(fixture.report, &summary);
	assert_int_equal(status, 0);
	assert_non_null(strstr(
		fixture.shown,
		",\"sample_period_ns\":1,\"samples\":2,\"copy_samples\":3,\"trap_samples\":4,"
		"\"stacks\":5,\"sampling_ns\":6,\"sampled_ns\":9,\"stackless_ns\":8,"
		"\"culprits\":[{\"culprit\":\"PyUnicode_Join\",\"module\":\"python3.11\","
		"\"offset\":1678368,\"stalls\":3,\"samples\":1560,\"total_ns\":1563000000,"
		"\"p50_ns\":521000000,\"max_ns\":522000000,\"user_ns\":300000000,"
		"\"fault_ns\":1260000000,\"copied_bytes\":2970000000,\"gate_bytes\":2113},"
		"{\"stalls\":1,\"samples\":0,\"total_ns\":0,\"p50_ns\":0,\"max_ns\":0,"
		"\"user_ns\":0,\"fault_ns\":0,\"copied_bytes\":0}],"
		"\"call_tree\":[{\"name\":\"_start\",\"module\":\"python3.11\","
		"\"offset\":1155072,\"depth\":0,\"time_ns\":1600000000,\"own_ns\":0},"
		"{\"name\":\"__libc_start_main\",\"module\":\"libc.so.6\",\"depth\":1,"
		"\"time_ns\":1600000000,\"own_ns\":0}],"));
	json_decref(read_line(&fixture, status));
	summary.is_sampled = false;
	open_report(&fixture);
	status = fixture.report->ops->summary(fixture.report, &summary);
	assert_null(strstr(fixture.shown, "culprits"));
	assert_null(strstr(fixture.shown, "call_tree"));
	assert_null(strstr(fixture.shown, "sampling_ns"));
	json_decref(read_line(&fixture, status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_stalls),
		cmocka_unit_test(leaves_out_what_a_stall_does_not_tell),
		cmocka_unit_test(shows_frames),
		cmocka_unit_test(shows_the_paths_of_flushes_and_copies),
		cmocka_unit_test(keeps_hostile_names_in_their_strings),
		cmocka_unit_test(shows_what_counting_calls_found),
		cmocka_unit_test(summarizes_the_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
