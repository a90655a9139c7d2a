// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "plan/gate_cut.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DOOR(price)                                                                                \
	{                                                                                          \
		.cost = (price), .is_door = true                                                   \
	}
#define END(price)                                                                                 \
	{                                                                                          \
		.cost = (price), .is_end = true                                                    \
	}
#define NODE(price)                                                                                \
	{                                                                                          \
		.cost = (price)                                                                    \
	}

static void expect(struct cut_node *nodes, size_t count, const struct size_edge *edges,
		   size_t edge_count, const char *chosen)
{
	assert_int_equal(gate_cut(nodes, count, edges, edge_count), 0);
	for (size_t i = 0; i < count; i++)
		if (nodes[i].is_chosen != (chosen[i] == 'x'))
			fail_msg("node %zu of %s", i, chosen);
}

static void test_cheapest_of_a_line(void **state)
{
	struct cut_node nodes[] = {DOOR(9), NODE(COST_NEVER), NODE(3), NODE(4), END(5)};
	const struct size_edge edges[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}};

	(void)state;
	expect(nodes, COUNT(nodes), edges, COUNT(edges), "..x..");
}

static void test_two_ways_cost_less_than_where_they_part(void **state)
{
	struct cut_node nodes[] = {DOOR(9), NODE(3), NODE(4), END(COST_NEVER)};
	const struct size_edge edges[] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}};

	(void)state;
	expect(nodes, COUNT(nodes), edges, COUNT(edges), ".xx.");
	nodes[0].cost = 6;
	expect(nodes, COUNT(nodes), edges, COUNT(edges), "x...");
}

/* 0 goes to 1 and 2, 1 also to 2; both end at 3. 1 and 2 would count 0-1-2 twice. */
static void test_no_way_passes_two(void **state)
{
	struct cut_node nodes[] = {DOOR(50), NODE(1), NODE(1), END(COST_NEVER)};
	const struct size_edge edges[] = {{0, 1}, {0, 2}, {1, 2}, {1, 3}, {2, 3}};

	(void)state;
	expect(nodes, COUNT(nodes), edges, COUNT(edges), "x...");
	nodes[0].cost = COST_NEVER;
	assert_int_equal(gate_cut(nodes, COUNT(nodes), edges, COUNT(edges)), -ENOENT);
}

/*
 * 1 and 3 are the cheapest that part the doors from the ends: 0-5-3 and 0-1-4 pass one each, but
 * 0-1-2-3 would pass both.
 */
static void test_no_way_comes_back_over_the_cut(void **state)
{
	struct cut_node nodes[] = {DOOR(COST_NEVER), NODE(1),  NODE(1),        NODE(1),
				   NODE(12),         NODE(10), END(COST_NEVER)};
	const struct size_edge edges[] = {{0, 1}, {0, 5}, {1, 2}, {1, 4},
					  {2, 3}, {5, 3}, {3, 6}, {4, 6}};

	(void)state;
	expect(nodes, COUNT(nodes), edges, COUNT(edges), ".x...x.");
}

/* 1 and 2 lead to each other: neither is passed once. */
static void test_no_node_of_a_loop(void **state)
{
	struct cut_node nodes[] = {DOOR(9), NODE(1), NODE(1), END(7)};
	const struct size_edge edges[] = {{0, 1}, {1, 2}, {2, 1}, {2, 3}};

	(void)state;
	expect(nodes, COUNT(nodes), edges, COUNT(edges), "...x");
}

/* The end of one way is on the other's: what flows back there must come out right. */
static void test_ways_that_cross(void **state)
{
	struct cut_node nodes[] = {DOOR(COST_NEVER), NODE(4), NODE(5), NODE(3),
				   NODE(COST_NEVER), NODE(8), NODE(2), END(COST_NEVER)};
	const struct size_edge edges[] = {{0, 1}, {0, 2}, {1, 3}, {1, 4}, {2, 4},
					  {3, 7}, {4, 5}, {4, 6}, {5, 7}, {6, 7}};

	(void)state;
	/* 1 and 2 for 9; 3 with 5 and 6 for 13. */
	expect(nodes, COUNT(nodes), edges, COUNT(edges), ".xx.....");
	nodes[5].cost = 3;
	expect(nodes, COUNT(nodes), edges, COUNT(edges), "...x.xx.");
}

static void test_all_doors(void **state)
{
	struct cut_node nodes[] = {DOOR(9), DOOR(2), NODE(4), END(COST_NEVER)};
	const struct size_edge edges[] = {{0, 2}, {1, 2}, {2, 3}};

	(void)state;
	expect(nodes, COUNT(nodes), edges, COUNT(edges), "..x.");
	nodes[2].cost = 20;
	expect(nodes, COUNT(nodes), edges, COUNT(edges), "xx..");
}

static void test_no_way_out(void **state)
{
	struct cut_node nodes[] = {DOOR(COST_NEVER), NODE(1), END(COST_NEVER)};
	const struct size_edge edges[] = {{0, 1}, {1, 2}, {0, 2}};

	(void)state;
	assert_int_equal(gate_cut(nodes, COUNT(nodes), edges, COUNT(edges)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cheapest_of_a_line),
		cmocka_unit_test(test_two_ways_cost_less_than_where_they_part),
		cmocka_unit_test(test_no_way_passes_two),
		cmocka_unit_test(test_no_way_comes_back_over_the_cut),
		cmocka_unit_test(test_no_node_of_a_loop),
		cmocka_unit_test(test_ways_that_cross),
		cmocka_unit_test(test_all_doors),
		cmocka_unit_test(test_no_way_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
