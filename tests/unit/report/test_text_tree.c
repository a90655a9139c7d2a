// SPDX-License-Identifier: GPL-2.0-only
#include "stall_sample.h"
#include "text_sample.h"

#define NODE(number, level, time)                                                                  \
	{                                                                                          \
		.frame = &sample_frames[number], .depth = level, .time_ns = time                   \
	}

static struct run_summary with_nodes(const struct call_node *nodes, size_t count)
{
	return (struct run_summary){
		.stalls = {.nodes = nodes,
			   .node_count = count,
			   .sampled_ns = 1000 * MS,
			   .culprits = sample_culprits,
			   .culprit_count = 1},
		.is_sampled = true,
		.is_copies_only = true,
		.samples = 1000,
		.budget_pct = -1,
	};
}

/* The tree of the summary, from its titles to the empty line behind it. */
static void check_tree(struct text_settings settings, const struct run_summary *summary,
		       const char *wanted)
{
	static const char titles[] = "\n     TIME  SHARE  CALLS THAT LED TO COPIES (by samples)\n";
	struct fixture fixture;
	char *tree, *end;

	open_report(&fixture, settings);
	show_summary(&fixture, summary);
	tree = strstr(fixture.shown, titles);
	assert_non_null(tree);
	tree += strlen(titles);
	end = strstr(tree, "\n\n");
	assert_non_null(end);
	end[1] = '\0';
	assert_string_equal(tree, wanted);
	close_report(&fixture);
}

static void shows_a_deep_path_in_few_lines(void **state)
{
	struct run_summary summary = with_nodes(sample_nodes, 12);
	struct call_node nodes[8];

	(void)state;
	summary.stalls.sampled_ns = 1600 * MS;
	check_tree((struct text_settings){.columns = 80}, &summary,
		   "   1.60 s  100 %  _start -> __libc_start_main -> 5 more\n"
		   "                    -> _PyEval_EvalFrameDefault -> PyObject_Vectorcall\n"
		   "                    -> python3.11+0x1a2b30 -> PyUnicode_Join -> memmove\n");
	check_tree((struct text_settings){.columns = 80, .verbose = true}, &summary,
		   "   1.60 s  100 %  _start -> __libc_start_main -> Py_BytesMain -> Py_RunMain\n"
		   "                    -> PyRun_SimpleFile -> python3.11+0x11e000\n"
		   "                    -> PyEval_EvalCode -> _PyEval_EvalFrameDefault\n"
		   "                    -> PyObject_Vectorcall -> python3.11+0x1a2b30\n"
		   "                    -> PyUnicode_Join -> memmove\n");
	/* One more takes the place of what would say so. */
	for (size_t i = 0; i < 8; i++) {
		nodes[i] = sample_nodes[i + 4];
		nodes[i].depth = i;
	}
	summary.stalls.nodes = nodes;
	summary.stalls.node_count = 8;
	check_tree((struct text_settings){.columns = 1000}, &summary,
		   "   1.60 s  100 %  PyRun_SimpleFile -> python3.11+0x11e000 -> PyEval_EvalCode "
		   "-> _PyEval_EvalFrameDefault -> PyObject_Vectorcall -> python3.11+0x1a2b30 -> "
		   "PyUnicode_Join -> memmove\n");
	check_tree((struct text_settings){.columns = 40}, &summary,
		   "   1.60 s  100 %  PyRun_SimpleFile\n"
		   "                    -> python3...x11e000\n"
		   "                    -> PyEval_EvalCode\n"
		   "                    -> _PyEval_..Default\n"
		   "                    -> PyObject..torcall\n"
		   "                    -> python3...x1a2b30\n"
		   "                    -> PyUnicode_Join\n"
		   "                    -> memmove\n");
}

static void shows_branches(void **state)
{
	const struct call_node nodes[] = {
		NODE(11, 0, 900 * MS), NODE(8, 1, 900 * MS), NODE(2, 2, 600 * MS),
		NODE(0, 3, 400 * MS),  NODE(1, 3, 200 * MS), NODE(0, 4, 200 * MS),
		NODE(5, 2, 300 * MS),  NODE(0, 3, 300 * MS), NODE(7, 0, 100 * MS),
	};
	struct run_summary summary = with_nodes(nodes, 9);

	(void)state;
	check_tree((struct text_settings){.columns = 80}, &summary,
		   "   900 ms   90 %  _start -> Py_RunMain\n"
		   "   600 ms   60 %    python3.11+0x1a2b30\n"
		   "   400 ms   40 %      memmove\n"
		   "   200 ms   20 %      PyUnicode_Join -> memmove\n"
		   "   300 ms   30 %    PyEval_EvalCode -> memmove\n"
		   "   100 ms   10 %  PyRun_SimpleFile\n");
}

/* Who is one of several is not on its caller's line, however small the others are. */
static void parts_a_path_at_a_small_branch(void **state)
{
	const struct call_node nodes[] = {
		NODE(11, 0, 1000 * MS),
		NODE(8, 1, 970 * MS),
		NODE(2, 1, 30 * MS),
	};
	struct run_summary summary = with_nodes(nodes, 3);

	(void)state;
	check_tree((struct text_settings){.columns = 80, .verbose = true}, &summary,
		   "   1.00 s  100 %  _start\n"
		   "   970 ms   97 %    Py_RunMain\n"
		   "  30.0 ms  3.0 %    python3.11+0x1a2b30\n");
}

/* Whose caller took much longer is not told to have taken as long. */
static void parts_a_path_where_its_time_changes(void **state)
{
	const struct call_node nodes[] = {
		NODE(11, 0, 1000 * MS),
		NODE(8, 1, 951 * MS),
		NODE(2, 2, 950 * MS),
	};
	struct run_summary summary = with_nodes(nodes, 3);

	(void)state;
	check_tree((struct text_settings){.columns = 80}, &summary,
		   "   1.00 s  100 %  _start -> Py_RunMain\n"
		   "   950 ms   95 %    python3.11+0x1a2b30\n");
}

static void leaves_out_what_took_little(void **state)
{
	const struct call_node nodes[] = {
		NODE(11, 0, 1000 * MS), NODE(8, 1, 900 * MS), NODE(0, 2, 850 * MS),
		NODE(1, 2, 50 * MS),    NODE(2, 1, 49 * MS),  NODE(0, 2, 40 * MS),
		NODE(5, 1, 9 * MS),
	};
	struct run_summary summary = with_nodes(nodes, 7);

	(void)state;
	summary.stalls.sampled_ns = 1012 * MS;
	summary.stalls.stackless_ns = 12 * MS;
	check_tree((struct text_settings){.columns = 80}, &summary,
		   "   1.00 s  100 %  _start\n"
		   "   900 ms   90 %    Py_RunMain\n"
		   "   850 ms   85 %      memmove\n"
		   "  50.0 ms  5.0 %      PyUnicode_Join\n"
		   "Left out: 3 functions with less than 5 % each, 5.8 % together (-v shows "
		   "more).\n"
		   "Of the 1.01 s in copies, 12.0 ms were sampled without a stack, and are not in\n"
		   "  it.\n");
	check_tree((struct text_settings){.columns = 80, .verbose = true}, &summary,
		   "   1.00 s  100 %  _start\n"
		   "   900 ms   90 %    Py_RunMain\n"
		   "   850 ms   85 %      memmove\n"
		   "  50.0 ms  5.0 %      PyUnicode_Join\n"
		   "  49.0 ms  4.9 %    python3.11+0x1a2b30 -> memmove\n"
		   "Left out: 1 function with less than 1 % each, 0.90 % together.\n"
		   "Of the 1.01 s in copies, 12.0 ms were sampled without a stack, and are not in\n"
		   "  it.\n");
}

static unsigned count_lines(const char *text)
{
	unsigned count = 0;

	while ((text = strchr(text, '\n'))) {
		count++;
		text++;
	}
	return count;
}

/* However the time is spread, a tree is for a reader, and deep ones stay on the screen. */
static void stays_readable(void **state)
{
	static struct call_node nodes[400];
	struct run_summary summary = with_nodes(nodes, 0);
	struct fixture fixture;
	size_t count = 0;

	(void)state;
	/* A callee of its own and a deeper branch at each of 200 calls. */
	for (size_t i = 0; i < 200; i++) {
		nodes[count++] = (struct call_node)NODE(1, i, (1000 - 4 * i) * MS);
		nodes[count++] = (struct call_node)NODE(2, i + 1, 1 * MS);
	}
	summary.stalls.node_count = count;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_summary(&fixture, &summary);
	assert_true(count_lines(fixture.shown) < 60);
	close_report(&fixture);
	/* 19 ways of 5 % each and their callees: too many lines, so they must take 10 %. */
	nodes[0] = (struct call_node)NODE(11, 0, 1000 * MS);
	for (size_t i = 0; i < 19; i++) {
		nodes[1 + 2 * i] = (struct call_node)NODE(1, 1, 105 * MS);
		nodes[2 + 2 * i] = (struct call_node)NODE(2, 2, 51 * MS);
	}
	summary.stalls.node_count = 39;
	open_report(&fixture, (struct text_settings){.columns = 80});
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, "\nLeft out: 19 functions with less than 10 % each"));
	close_report(&fixture);
}

/* A tree of next to nothing is for the curious. */
static void shows_no_tree_of_nothing(void **state)
{
	struct run_summary summary = with_nodes(sample_nodes, 12);
	struct fixture fixture;

	(void)state;
	check_summary(&summary, LIST("CALLS THAT LED"), NONE);
	summary.stalls.culprit_count = 0;
	summary.target_cpu_ns = 30 * S;
	check_summary(&summary, LIST("No stall"), LIST("CALLS THAT LED"));
	open_report(&fixture, (struct text_settings){.columns = 80, .verbose = true});
	show_summary(&fixture, &summary);
	assert_non_null(strstr(fixture.shown, "CALLS THAT LED"));
	close_report(&fixture);
	/* No stall, and yet a good part of its time. */
	summary.target_cpu_ns = 3 * S;
	check_summary(&summary, LIST("No stall", "CALLS THAT LED"), NONE);
	summary.stalls.node_count = 0;
	check_summary(&summary, LIST("No stall"), LIST("CALLS THAT LED"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_a_deep_path_in_few_lines),
		cmocka_unit_test(shows_branches),
		cmocka_unit_test(parts_a_path_at_a_small_branch),
		cmocka_unit_test(parts_a_path_where_its_time_changes),
		cmocka_unit_test(leaves_out_what_took_little),
		cmocka_unit_test(stays_readable),
		cmocka_unit_test(shows_no_tree_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
