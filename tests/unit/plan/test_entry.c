// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "code_bytes.h"

#define VADDR 0x1000

/* Plans the whole of code as one function. */
static int plan_all(const uint8_t *code, size_t count, struct probe_point *point)
{
	const struct code_bytes bytes = {VADDR, code, count, NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);

	return plan_entry(&view, (struct code_range){VADDR, count}, point);
}

static void test_first_push(void **state)
{
	static const uint8_t code[] = {
		0xf3, 0x0f, 0x1e, 0xfa, /* 1000 endbr64 */
		0x48, 0x89, 0xf8,       /* 1004 mov %rdi,%rax */
		0x41, 0x54,             /* 1007 push %r12 */
		0x55,                   /* 1009 push %rbp */
		0xc3,                   /* 100a ret */
	};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1007);
	assert_int_equal(point.probe, PROBE_EMULATED);
	assert_int_equal(point.original, 0x41);
	assert_string_equal(point.reason, "push %r12: emulated");
}

static void test_nothing_past_the_stack_pointer(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x83, 0xec, 0x08, /* 1000 sub $8,%rsp */
		0x53,                   /* 1004 push %rbx */
		0xc3,                   /* 1005 ret */
	};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1000);
	assert_int_equal(point.probe, PROBE_STEPPED);
}

static void test_branch_is_the_last(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x85, 0xff, /* 1000 test %rdi,%rdi */
		0x74, 0x01,       /* 1003 je 1006 */
		0x55,             /* 1005 push %rbp */
		0xc3,             /* 1006 ret */
	};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1003);
}

/* The push belongs to a way that the call may not take. */
static void test_nothing_past_a_stepped_branch(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x89, 0xf8, /* 1000 mov %rdi,%rax */
		0xe3, 0x01,       /* 1003 jrcxz 1006 */
		0x55,             /* 1005 push %rbp */
		0xc3,             /* 1006 ret */
	};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1000);
}

/* 1003 heads a loop: the je in it is passed on each round. */
static void test_loop_head_on_the_stretch(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x31, 0xc0, /* 1000 xor %rax,%rax */
		0x48, 0xff, 0xc8, /* 1003 dec %rax */
		0x74, 0x02,       /* 1006 je 100a */
		0xeb, 0xf9,       /* 1008 jmp 1003 */
		0xc3,             /* 100a ret */
	};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1000);
	assert_null(strstr(point.reason, "loop"));
}

/* The way back is in a .cold part that the function does not contain. */
static void test_loop_through_a_cold_part(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x31, 0xc0, /* 1000 xor %rax,%rax */
		0x48, 0xff, 0xc8, /* 1003 dec %rax */
		0x74, 0x02,       /* 1006 je 100a */
		0xc3, 0x90,       /* 1008 ret */
		0xeb, 0xf7,       /* 100a cold: jmp 1003 */
	};
	const struct code_range functions[] = {{0x1000, 10}, {0x100a, 2}, {0, 0}};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), functions, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_entry(&view, functions[0], &point), 0);
	assert_int_equal(point.vaddr, 0x1000);
}

static void test_loop_to_the_entry(void **state)
{
	static const uint8_t code[] = {
		0x48, 0xff, 0xcf, /* 1000 dec %rdi */
		0x75, 0xfb,       /* 1003 jne 1000 */
		0xc3,             /* 1005 ret */
	};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1003);
	assert_non_null(strstr(point.reason, "loop from +0x3 count as calls"));
}

/* A jump table may lead back to 1003, but not to a push. */
static void test_jump_table(void **state)
{
	static uint8_t code[] = {
		0x48, 0x31, 0xc0, /* 1000 xor %rax,%rax */
		0x83, 0xff, 0x05, /* 1003 cmp $5,%edi */
		0x77, 0x03,       /* 1006 ja 100b */
		0xff, 0x24, 0xc6, /* 1008 jmp *(%rsi,%rax,8) */
		0xc3,             /* 100b ret */
	};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1000);
	code[3] = 0x53; /* push %rbx; push %rdi; add $0x03777,%eax ... */
	code[4] = 0x57;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1003);
}

/* Where the stack is too small, Go 1.19 grows it and comes back to the entry. */
static void test_behind_the_check_of_the_stack(void **state)
{
	static uint8_t code[] = {
		0x49, 0x3b, 0x66, 0x10,       /* 1000 cmp 0x10(%r14),%rsp */
		0x76, 0x09,                   /* 1004 jbe 100f */
		0x48, 0x83, 0xec, 0x18,       /* 1006 sub $0x18,%rsp */
		0x48, 0x83, 0xc4, 0x18,       /* 100a add $0x18,%rsp */
		0xc3,                         /* 100e ret */
		0x48, 0x89, 0x44, 0x24, 0x08, /* 100f mov %rax,0x8(%rsp) */
		0xe8, 0x00, 0x00, 0x00, 0x00, /* 1014 call morestack_noctxt */
		0x48, 0x8b, 0x44, 0x24, 0x08, /* 1019 mov 0x8(%rsp),%rax */
		0xeb, 0xe0,                   /* 101e jmp 1000 */
	};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1006);
	assert_null(strstr(point.reason, "count as calls"));
	assert_non_null(strstr(point.reason, "behind the check"));
	code[6] = 0x55; /* push %rbp, as since Go 1.21 */
	code[7] = 0x48;
	code[8] = 0x89;
	code[9] = 0xe5; /* mov %rsp,%rbp */
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1006);
	assert_int_equal(point.probe, PROBE_EMULATED);
	/* Back to elsewhere, it is no such check: jmp 1006. */
	code[0x1f] = 0xe6;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1004);
	code[0x1f] = 0xe0;
}

/* A frame of 4 kB and more: the sum may wrap around, so there are two branches. */
static void test_behind_both_checks_of_a_large_frame(void **state)
{
	static const uint8_t code[] = {
		0x49, 0x89, 0xe4,                         /* 1000 mov %rsp,%r12 */
		0x49, 0x81, 0xec, 0x00, 0x20, 0x00, 0x00, /* 1003 sub $0x2000,%r12 */
		0x72, 0x0e,                               /* 100a jb 101a */
		0x4d, 0x3b, 0x66, 0x10,                   /* 100c cmp 0x10(%r14),%r12 */
		0x76, 0x08,                               /* 1010 jbe 101a */
		0x48, 0x81, 0xec, 0x80, 0x20, 0x00, 0x00, /* 1012 sub $0x2080,%rsp */
		0xc3,                                     /* 1019 ret */
		0xe8, 0x00, 0x00, 0x00, 0x00,             /* 101a call morestack_noctxt */
		0xeb, 0xdf,                               /* 101f jmp 1000 */
	};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1012);
}

static void test_refusals(void **state)
{
	static const uint8_t vex[] = {
		0xc5, 0xfe, 0x6f, 0x06, /* vmovdqu (%rsi),%ymm0 */
		0xc5, 0xf8, 0x77,       /* vzeroupper */
		0x3e, 0xff, 0xe0,       /* notrack jmp *%rax */
	};
	static const uint8_t nop5[] = {
		0x0f, 0x1f, 0x44, 0x00, 0x00, /* nopl 0x0(%rax,%rax,1) */
		0xf4,                         /* hlt */
	};
	static const uint8_t bad[] = {0x06};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(vex, sizeof(vex), &point), -ENOTSUP);
	assert_non_null(strstr(point.reason, "vmovdqu"));
	assert_non_null(strstr(point.reason, "refuses"));
	assert_int_equal(plan_all(nop5, sizeof(nop5), &point), -ENOTSUP);
	assert_non_null(strstr(point.reason, "harms"));
	assert_int_equal(plan_all(bad, sizeof(bad), &point), -ENOTSUP);
	assert_non_null(strstr(point.reason, "no instruction"));
}

/* What the entry does not bear, a later one does. */
static void test_past_an_unprobeable_entry(void **state)
{
	static const uint8_t code[] = {
		0xc5, 0xf8, 0x77, /* 1000 vzeroupper */
		0x48, 0x89, 0xf8, /* 1003 mov %rdi,%rax */
		0xc3,             /* 1006 ret */
	};
	struct probe_point point;

	(void)state;
	assert_int_equal(plan_all(code, sizeof(code), &point), 0);
	assert_int_equal(point.vaddr, 0x1003);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_push),
		cmocka_unit_test(test_nothing_past_the_stack_pointer),
		cmocka_unit_test(test_branch_is_the_last),
		cmocka_unit_test(test_nothing_past_a_stepped_branch),
		cmocka_unit_test(test_loop_head_on_the_stretch),
		cmocka_unit_test(test_loop_through_a_cold_part),
		cmocka_unit_test(test_loop_to_the_entry),
		cmocka_unit_test(test_jump_table),
		cmocka_unit_test(test_behind_the_check_of_the_stack),
		cmocka_unit_test(test_behind_both_checks_of_a_large_frame),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_past_an_unprobeable_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
