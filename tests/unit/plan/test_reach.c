// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "code_bytes.h"

#define VADDR 0x1000

/* The ends of the function at the first byte, of which nobody states the bounds. */
static int reach(const uint8_t *code, size_t count, const uint64_t *names, struct exit_plan *plan)
{
	const struct code_bytes bytes = {VADDR, code, count, NULL, names};
	const struct code_view view = code_bytes_view(&bytes);

	return plan_reached_exits(&view, VADDR, plan);
}

static bool ends_at(const struct exit_plan *plan, uint64_t vaddr)
{
	const struct probe_point *point;

	array_each (point, &plan->returns)
		if (point->vaddr == vaddr)
			return true;
	return false;
}

static void all_ways_are_followed(void **state)
{
	static const uint8_t code[] = {
		0x74, 0x04, /* 1000 je 1006 */
		0xc3,       /* 1002 ret */
		0xc3,       /* 1003 ret: another's */
		0xeb, 0x07, /* 1004 jmp 100d: another's */
		0x75, 0x01, /* 1006 jne 1009 */
		0xc3,       /* 1008 ret */
		0xeb, 0xf5, /* 1009 jmp 1000 */
		0xc3,       /* 100b ret: another's */
	};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(reach(code, sizeof(code), NULL, &plan), 0);
	assert_int_equal(plan.returns.count, 2);
	assert_true(ends_at(&plan, 0x1002) && ends_at(&plan, 0x1008));
	assert_int_equal(plan.own_returns, 0);
	assert_int_equal(plan.tails.count, 0);
	assert_int_equal(plan.blind_vaddr, 0);
	exit_plan_release(&plan);
}

/* What follows a call of abort() may be data, and would be harmed by a probe. */
static void calls_that_never_come_back_end_a_way(void **state)
{
	static const uint8_t code[] = {
		0x74, 0x06,                   /* 1000 je 1008 */
		0xe8, 0x0a, 0x00, 0x00, 0x00, /* 1002 call 1011: comes back */
		0xc3,                         /* 1007 ret */
		0xe8, 0x01, 0x00, 0x00, 0x00, /* 1008 call 100e */
		0xc3,                         /* 100d data */
		0xeb, 0xfe,                   /* 100e jmp 100e */
		0xc3,                         /* 1010 data */
		0x74, 0x05,                   /* 1011 je 1018 */
		0xe8, 0xe8, 0xff, 0xff, 0xff, /* 1013 call 1000: both call each other */
		0xc3,                         /* 1018 ret */
	};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(reach(code, sizeof(code), NULL, &plan), 0);
	assert_int_equal(plan.returns.count, 1);
	assert_true(ends_at(&plan, 0x1007));
	exit_plan_release(&plan);
}

/* a() calls b() calls a(), and only that: neither comes back, nor hangs the planner. */
static void circles_of_calls_come_to_an_end(void **state)
{
	static const uint8_t code[] = {
		0x74, 0x06,                   /* 1000 je 1008 */
		0xe8, 0x02, 0x00, 0x00, 0x00, /* 1002 call 1009 */
		0xc3,                         /* 1007 data */
		0xc3,                         /* 1008 ret */
		0xe8, 0x01, 0x00, 0x00, 0x00, /* 1009 call 100f */
		0xc3,                         /* 100e data */
		0xe8, 0xf5, 0xff, 0xff, 0xff, /* 100f call 1009 */
		0xc3,                         /* 1014 data */
	};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(reach(code, sizeof(code), NULL, &plan), 0);
	assert_int_equal(plan.returns.count, 1);
	assert_true(ends_at(&plan, 0x1008));
	exit_plan_release(&plan);
}

static void named_functions_and_stubs_are_tails(void **state)
{
	static const uint8_t code[] = {
		0x74, 0x04,                         /* 1000 je 1006 */
		0x75, 0x08,                         /* 1002 jne 100c */
		0x99,                               /* 1004 cltd, and on into the named one */
		0xc3,                               /* 1005 named: ret */
		0xff, 0x25, 0xf4, 0x0f, 0x00, 0x00, /* 1006 stub: jmp *0xff4(%rip) */
		0xc3,                               /* 100c named: ret */
	};
	const uint64_t names[] = {0x1005, 0x100c, 0};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(reach(code, sizeof(code), names, &plan), 0);
	assert_int_equal(plan.returns.count, 0);
	assert_int_equal(plan.tails.count, 3);
	assert_int_equal(plan.tails.items[0].target_vaddr, 0x1006);
	assert_int_equal(plan.tails.items[1].target_vaddr, 0x100c);
	assert_int_equal(plan.tails.items[2].target_vaddr, 0x1005);
	exit_plan_release(&plan);
}

static void jump_tables_are_blind(void **state)
{
	static const uint8_t code[] = {
		0x74, 0x0a,             /* 1000 je 100c */
		0x48, 0x63, 0x04, 0x82, /* 1002 movslq (%rdx,%rax,4),%rax */
		0x48, 0x01, 0xd0,       /* 1006 add %rdx,%rax */
		0x3e, 0xff, 0xe0,       /* 1009 notrack jmp *%rax */
		0xc3,                   /* 100c ret */
		0xc3,                   /* 100d ret: of a case */
	};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(reach(code, sizeof(code), NULL, &plan), 0);
	assert_int_equal(plan.returns.count, 1);
	assert_true(ends_at(&plan, 0x100c));
	assert_int_equal(plan.blind_vaddr, 0x1009);
	exit_plan_release(&plan);
}

static void what_is_not_known_is_refused(void **state)
{
	static const uint8_t no_code[] = {0x74, 0x01, 0xc3, 0x06};
	static const uint8_t imported[] = {
		0xe8, 0x01, 0x00, 0x00, 0x00,       /* 1000 call 1006: abort, perhaps */
		0xc3,                               /* 1005 ret */
		0xff, 0x25, 0xf4, 0x0f, 0x00, 0x00, /* 1006 jmp *0xff4(%rip) */
	};
	static const uint8_t cut[] = {0x90, 0x90};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(reach(no_code, sizeof(no_code), NULL, &plan), -ENOTSUP);
	assert_non_null(strstr(plan.note, "0x1003"));
	exit_plan_release(&plan);
	assert_int_equal(reach(imported, sizeof(imported), NULL, &plan), -ENOTSUP);
	assert_non_null(strstr(plan.note, "0x1000"));
	exit_plan_release(&plan);
	assert_int_equal(reach(cut, sizeof(cut), NULL, &plan), -ENOTSUP);
	exit_plan_release(&plan);
}

/* Endless, as a file that is made to do harm may have it. */
static void long_ways_are_cut(void **state)
{
	static uint8_t code[400000];
	struct exit_plan plan;

	(void)state;
	memset(code, 0x90, sizeof(code));
	assert_int_equal(reach(code, sizeof(code), NULL, &plan), -ENOTSUP);
	exit_plan_release(&plan);
	/* Each calls the next: 400,000 of them. */
	for (size_t i = 0; i + 5 <= sizeof(code); i += 5)
		memcpy(code + i, "\xe8\x00\x00\x00", 5);
	assert_int_equal(reach(code, sizeof(code), NULL, &plan), -ENOTSUP);
	exit_plan_release(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_ways_are_followed),
		cmocka_unit_test(calls_that_never_come_back_end_a_way),
		cmocka_unit_test(circles_of_calls_come_to_an_end),
		cmocka_unit_test(named_functions_and_stubs_are_tails),
		cmocka_unit_test(jump_tables_are_blind),
		cmocka_unit_test(what_is_not_known_is_refused),
		cmocka_unit_test(long_ways_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
