// SPDX-License-Identifier: GPL-2.0-only
/* Where no gate's point may stand, and ways that are not stated. */
#include "gate_code.h"

/* ---- what bears a probe ---- */

static const uint8_t stepped_only[] = {
	0x48, 0x89, 0xd1,                         /* 1000 mov %rdx,%rcx */
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1003 cmp $0x80,%rdx */
	0x76, 0x05,                               /* 100a jbe 1011 */
	0x49, 0x89, 0xf8,                         /* 100c mov %rdi,%r8 */
	0xf3, 0xa4,                               /* 100f rep movsb %ds:(%rsi),%es:(%rdi) */
	0xc3,                                     /* 1011 ret */
};

/* The branch lets small copies pass, but costs less than a step for each large one. */
static void test_emulated_before_stepped(void **state)
{
	(void)state;
	expect_one(stepped_only, sizeof(stepped_only), 0x81, 0x100a, 0);
}

static const uint8_t no_probe[] = {
	0x48, 0x89, 0xd1,                         /* 1000 mov %rdx,%rcx */
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1003 cmp $0x80,%rdx */
	0xf3, 0xa4,                               /* 100a rep movsb %ds:(%rsi),%es:(%rdi) */
	0xc5, 0xf8, 0x77,                         /* 100c vzeroupper */
	0xc3,                                     /* 100f ret */
};

/* Neither what is repeated nor what the kernel refuses, however late; the first mov is stepped. */
static void test_repeated_and_refused_instructions(void **state)
{
	(void)state;
	expect_one(no_probe, sizeof(no_probe), 0x81, 0x1000, 0);
	expect_refusal(no_probe + 10, sizeof(no_probe) - 10, 0x81,
		       "copies of more than 128 bytes lose their arguments at 0x1000 (rep movsb); "
		       "nothing before bears a probe");
}

static const uint8_t compares_first[] = {
	0x48, 0x89, 0xd1, /* 1000 mov %rdx,%rcx */
	0xf3, 0xa6,       /* 1003 repz cmpsb %es:(%rdi),%ds:(%rsi) */
	0x74, 0x06,       /* 1005 je 100d */
	0x90,             /* 1007 nop */
	0x48, 0x89, 0xd1, /* 1008 mov %rdx,%rcx */
	0xf3, 0xa4,       /* 100b rep movsb %ds:(%rsi),%es:(%rdi) */
	0xc3,             /* 100d ret */
};

/* The branch is emulated, but the comparison has moved source and destination on. */
static void test_compare_moves_the_arguments(void **state)
{
	(void)state;
	expect_one(compares_first, sizeof(compares_first), 0, 0x1000, 0);
}

static const uint8_t loop_first[] = {
	0x8a, 0x06,       /* 1000 mov (%rsi),%al */
	0x88, 0x07,       /* 1002 mov %al,(%rdi) */
	0x48, 0xff, 0xc7, /* 1004 inc %rdi */
	0x48, 0xff, 0xc6, /* 1007 inc %rsi */
	0x48, 0xff, 0xca, /* 100a dec %rdx */
	0x75, 0xf1,       /* 100d jne 1000 */
	0xc3,             /* 100f ret */
};

static void test_loop(void **state)
{
	(void)state;
	expect_refusal(loop_first, sizeof(loop_first), 1,
		       "copies of more than 0 bytes lose their arguments at 0x1004 (inc %rdi); "
		       "nothing before bears a probe");
}

static const uint8_t endless[] = {
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1000 cmp $0x80,%rdx */
	0x76, 0x02,                               /* 1007 jbe 100b */
	0xeb, 0xfe,                               /* 1009 jmp 1009 */
	0xc3,                                     /* 100b ret */
};

/* What never ends copies nothing for anyone. */
static void test_endless_loop(void **state)
{
	(void)state;
	expect_one(endless, sizeof(endless), 0, 0x1007, 0);
	expect_refusal(endless, sizeof(endless), 0x81, "no copy comes to an end");
}

static const uint8_t into_the_middle[] = {
	0x48, 0x89, 0xd1, /* 1000 mov %rdx,%rcx */
	0xe3, 0x01,       /* 1003 jrcxz 1006 */
	0xf2, 0xeb, 0x01, /* 1005 bnd jmp 1009 */
	0x90,             /* 1008 nop */
	0xc3,             /* 1009 ret */
};

/* Of two instructions that share bytes neither bears a breakpoint. */
static void test_jump_into_the_middle(void **state)
{
	(void)state;
	expect_one(into_the_middle, sizeof(into_the_middle), 0, 0x1000, 0);
}

static const uint8_t counting[] = {
	0x31, 0xc9,                               /* 1000 xor %ecx,%ecx */
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1002 cmp $0x80,%rdx */
	0x72, 0x08,                               /* 1009 jb 1013 */
	0x48, 0xff, 0xc1,                         /* 100b inc %rcx */
	0x48, 0x39, 0xd1,                         /* 100e cmp %rdx,%rcx */
	0x75, 0xf8,                               /* 1011 jne 100b */
	0xc3,                                     /* 1013 ret */
};

/* What a loop counts is given up after some rounds; nothing is proven of it. */
static void test_counting_loop(void **state)
{
	(void)state;
	expect_one(counting, sizeof(counting), 0x80, 0x1009, 0);
}

static const uint8_t writes_threshold[] = {
	0x48, 0x3b, 0x15, 0xf9, 0x1f, 0x00, 0x00,       /* 1000 cmp 0x1ff9(%rip),%rdx */
	0x76, 0x01,                                     /* 1007 jbe 100a */
	0x90,                                           /* 1009 nop */
	0x48, 0xc7, 0x05, 0xeb, 0x1f, 0x00, 0x00, 0x00, /* 100a movq $0x0,0x1feb(%rip) */
	0x00, 0x00, 0x00,                               /* ... */
	0xc3,                                           /* 1015 ret */
};

static void test_routine_that_writes_its_own_threshold(void **state)
{
	(void)state;
	expect_refusal(writes_threshold, sizeof(writes_threshold), 2113,
		       "movq $0x0, 0x3000 at 0x100a: it writes what it compares with");
}

static const uint8_t writes_by_pointer[] = {
	0x48, 0x3b, 0x15, 0xf9, 0x1f, 0x00, 0x00, /* 1000 cmp 0x1ff9(%rip),%rdx */
	0x76, 0x01,                               /* 1007 jbe 100a */
	0x90,                                     /* 1009 nop */
	0x48, 0x8d, 0x05, 0xef, 0x1f, 0x00, 0x00, /* 100a lea 0x1fef(%rip),%rax */
	0xc7, 0x40, 0x04, 0x00, 0x00, 0x00, 0x00, /* 1011 movl $0x0,0x4(%rax) */
	0xc3,                                     /* 1018 ret */
};

static void test_routine_that_writes_its_threshold_by_pointer(void **state)
{
	(void)state;
	expect_refusal(writes_by_pointer, sizeof(writes_by_pointer), 2113,
		       "movl $0x0, 0x4(%rax) at 0x1011: it writes what it compares with");
}

/* ---- where it returns to ---- */

static const uint8_t returns_elsewhere[] = {
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1000 cmp $0x80,%rdx */
	0x76, 0x09,                               /* 1007 jbe 1012 */
	0x48, 0x8d, 0x05, 0x02, 0x00, 0x00, 0x00, /* 1009 lea 0x2(%rip),%rax */
	0x50,                                     /* 1010 push %rax */
	0xc3,                                     /* 1011 ret */
	0x90,                                     /* 1012 nop */
	0xc3,                                     /* 1013 ret */
};

static const uint8_t skips_caller[] = {
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1000 cmp $0x80,%rdx */
	0x76, 0x04,                               /* 1007 jbe 100d */
	0x48, 0x83, 0xc4, 0x08,                   /* 1009 add $0x8,%rsp */
	0xc3,                                     /* 100d ret */
};

/* Both are jumps: what comes then is not known, and may pass a gate as well. */
static void test_return_that_is_a_jump(void **state)
{
	(void)state;
	expect_refusal(returns_elsewhere, sizeof(returns_elsewhere), 0x81,
		       "ret at 0x1011: where this returns to is not known");
	expect_refusal(skips_caller, sizeof(skips_caller), 0x81,
		       "ret at 0x100d: where this returns to is not known");
}

static const uint8_t framed[] = {
	0x55,                                     /* 1000 push %rbp */
	0x48, 0x89, 0xe5,                         /* 1001 mov %rsp,%rbp */
	0x48, 0x83, 0xec, 0x20,                   /* 1004 sub $0x20,%rsp */
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1008 cmp $0x80,%rdx */
	0x76, 0x05,                               /* 100f jbe 1016 */
	0x48, 0x89, 0xd1,                         /* 1011 mov %rdx,%rcx */
	0xf3, 0xa4,                               /* 1014 rep movsb %ds:(%rsi),%es:(%rdi) */
	0xc9,                                     /* 1016 leave */
	0xc3,                                     /* 1017 ret */
};

/* gcc -O0: the frame is given back by %rbp. */
static void test_return_from_a_frame(void **state)
{
	(void)state;
	expect_one(framed, sizeof(framed), 0x81, 0x1000, 0);
}

/* ---- jumps that are not stated, calls ---- */

static const uint8_t table[] = {
	0x48, 0x83, 0xfa, 0x40,                   /* 1000 cmp $0x40,%rdx */
	0x73, 0x1b,                               /* 1004 jae 1021 */
	0x48, 0x89, 0xd1,                         /* 1006 mov %rdx,%rcx */
	0x48, 0xc1, 0xe9, 0x04,                   /* 1009 shr $0x4,%rcx */
	0x4c, 0x8d, 0x1d, 0xec, 0x20, 0x00, 0x00, /* 100d lea 0x20ec(%rip),%r11 */
	0x49, 0x63, 0x0c, 0x8b,                   /* 1014 movslq (%r11,%rcx,4),%rcx */
	0x4c, 0x01, 0xd9,                         /* 1018 add %r11,%rcx */
	0xff, 0xe1,                               /* 101b jmp *%rcx */
	0xc3,                                     /* 101d ret */
	0xc3,                                     /* 101e ret */
	0xc3,                                     /* 101f ret */
	0xc3,                                     /* 1020 ret */
	0xeb, 0x00,                               /* 1021 jmp 1023 */
	0x48, 0x89, 0xd1,                         /* 1023 mov %rdx,%rcx */
	0xf3, 0xa4,                               /* 1026 rep movsb %ds:(%rsi),%es:(%rdi) */
	0xc3,                                     /* 1028 ret */
};

static void test_jump_table(void **state)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	expect_one(table, sizeof(table), 0x40, 0x1021, 0x40);
	assert_int_equal(PLAN(table, 0, &plan, reason), 0);
	for (uint64_t vaddr = 0x101d; vaddr <= 0x1020; vaddr++)
		assert_non_null(return_of(&plan, vaddr));
	gate_plan_release(&plan);
}

static const uint8_t table_by_size[] = {
	0x48, 0x83, 0xfa, 0x04,                   /* 1000 cmp $0x4,%rdx */
	0x73, 0x1b,                               /* 1004 jae 1021 */
	0x4c, 0x8d, 0x1d, 0xf3, 0x20, 0x00, 0x00, /* 1006 lea 0x20f3(%rip),%r11 */
	0x90,                                     /* 100d nop */
	0x90,                                     /* 100e nop */
	0x90,                                     /* 100f nop */
	0x90,                                     /* 1010 nop */
	0x90,                                     /* 1011 nop */
	0x90,                                     /* 1012 nop */
	0x49, 0x63, 0x14, 0x93,                   /* 1013 movslq (%r11,%rdx,4),%rdx */
	0x49, 0x8d, 0x14, 0x13,                   /* 1017 lea (%r11,%rdx,1),%rdx */
	0xff, 0xe2,                               /* 101b jmp *%rdx */
	0xc3,                                     /* 101d ret */
	0xc3,                                     /* 101e ret */
	0xc3,                                     /* 101f ret */
	0xc3,                                     /* 1020 ret */
	0xeb, 0x00,                               /* 1021 jmp 1023 */
	0x48, 0x89, 0xd1,                         /* 1023 mov %rdx,%rcx */
	0xf3, 0xa4,                               /* 1026 rep movsb %ds:(%rsi),%es:(%rdi) */
	0xc3,                                     /* 1028 ret */
};

/* glibc 2.31's memcpy-ssse3-back chooses among 144 sizes; what is added to may come second. */
static void test_jump_table_by_size(void **state)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(PLAN(table_by_size, 0, &plan, reason), 0);
	assert_int_equal(plan.returns.count, 5);
	for (uint64_t vaddr = 0x101d; vaddr <= 0x1020; vaddr++)
		assert_int_equal(return_of(&plan, vaddr)->most_bytes, 3);
	gate_plan_release(&plan);
}

static const uint8_t computed[] = {
	0x48, 0x83, 0xfa, 0x40,                   /* 1000 cmp $0x40,%rdx */
	0x76, 0x4d,                               /* 1004 jbe 1053 */
	0x48, 0x89, 0xf9,                         /* 1006 mov %rdi,%rcx */
	0x48, 0x29, 0xf1,                         /* 1009 sub %rsi,%rcx */
	0x83, 0xe1, 0x03,                         /* 100c and $0x3,%ecx */
	0xc1, 0xe1, 0x02,                         /* 100f shl $0x2,%ecx */
	0x44, 0x8d, 0x04, 0x49,                   /* 1012 lea (%rcx,%rcx,2),%r8d */
	0x4c, 0x8d, 0x0d, 0x06, 0x00, 0x00, 0x00, /* 1016 lea 0x6(%rip),%r9 */
	0x4d, 0x01, 0xc1,                         /* 101d add %r8,%r9 */
	0x41, 0xff, 0xe1,                         /* 1020 jmp *%r9 */
	0xb8, 0x11, 0x11, 0x11, 0x11,             /* 1023 mov $0x11111111,%eax */
	0xc7, 0x07, 0x00, 0x00, 0x00, 0x00,       /* 1028 movl $0x0,(%rdi) */
	0xc3,                                     /* 102e ret */
	0xb8, 0x22, 0x22, 0x22, 0x22,             /* 102f mov $0x22222222,%eax */
	0xc7, 0x07, 0x00, 0x00, 0x00, 0x00,       /* 1034 movl $0x0,(%rdi) */
	0xc3,                                     /* 103a ret */
	0xb8, 0x33, 0x33, 0x33, 0x33,             /* 103b mov $0x33333333,%eax */
	0xc7, 0x07, 0x00, 0x00, 0x00, 0x00,       /* 1040 movl $0x0,(%rdi) */
	0xc3,                                     /* 1046 ret */
	0xb8, 0x44, 0x44, 0x44, 0x44,             /* 1047 mov $0x44444444,%eax */
	0xc7, 0x07, 0x00, 0x00, 0x00, 0x00,       /* 104c movl $0x0,(%rdi) */
	0xc3,                                     /* 1052 ret */
	0xc3,                                     /* 1053 ret */
};

/* glibc 2.36's memmove-ssse3: (%rcx,%rcx,2) is three times the same. */
static void test_computed_jump(void **state)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(PLAN(computed, 0x41, &plan, reason), 0);
	assert_int_equal(plan.returns.count, 4);
	for (uint64_t vaddr = 0x102e; vaddr <= 0x1052; vaddr += 12)
		assert_non_null(return_of(&plan, vaddr));
	gate_plan_release(&plan);
}

static const uint8_t jump_out[] = {
	0x48, 0x83, 0xfa, 0x40,                   /* 1000 cmp $0x40,%rdx */
	0x76, 0x09,                               /* 1004 jbe 100f */
	0x48, 0x8d, 0x05, 0x03, 0x00, 0x00, 0x00, /* 1006 lea 0x3(%rip),%rax */
	0xff, 0xe0,                               /* 100d jmp *%rax */
	0xc3,                                     /* 100f ret */
	0x90,                                     /* 1010 nop */
	0xc3,                                     /* 1011 ret */
};

/* What it leads to may be another body's, with points of its own. */
static void test_jump_into_another_function(void **state)
{
	const struct code_range functions[] = {{ROUTINE, 0x10}, {0x1010, 2}, {0, 0}};
	const struct code_bytes bytes = {ROUTINE, jump_out, sizeof(jump_out), functions, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	expect_one(jump_out, sizeof(jump_out), 0, 0x1004, 0);
	assert_int_equal(plan_gate(&view, &gate_memory, false, &gate_door, 1, 0x41, &plan, reason),
			 -ENOTSUP);
	assert_string_equal(reason, "jmp %rax at 0x100d: this jump leaves its function");
}

static const uint8_t leaves_by_slot[] = {
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1000 cmp $0x80,%rdx */
	0x76, 0x06,                               /* 1007 jbe 100f */
	0xff, 0x25, 0xf1, 0x1f, 0x00, 0x00,       /* 1009 jmp *0x1ff1(%rip) */
	0xc3,                                     /* 100f ret */
};

/* The slot holds an address of the process, and bodies.c does not follow it. */
static void test_jump_by_slot(void **state)
{
	(void)state;
	expect_refusal(leaves_by_slot, sizeof(leaves_by_slot), 0x81,
		       "jmp *0x3000 at 0x1009: it leaves for another function");
}

static const uint8_t unknown_jump[] = {
	0x48, 0x83, 0xfa, 0x40, /* 1000 cmp $0x40,%rdx */
	0x73, 0x02,             /* 1004 jae 1008 */
	0xff, 0xe1,             /* 1006 jmp *%rcx */
	0x90,                   /* 1008 nop */
	0xc3,                   /* 1009 ret */
};

static void test_unknown_jump_is_refused(void **state)
{
	(void)state;
	expect_refusal(unknown_jump, sizeof(unknown_jump), 0x40,
		       "jmp %rcx at 0x1006: where this jump leads is not known");
}

static const uint8_t calls[] = {
	0x48, 0x83, 0xfa, 0x40,       /* 1000 cmp $0x40,%rdx */
	0x72, 0x05,                   /* 1004 jb 100b */
	0xe8, 0x01, 0x00, 0x00, 0x00, /* 1006 call 100c */
	0xc3,                         /* 100b ret */
	0xc3,                         /* 100c ret */
};

static void test_call_is_refused(void **state)
{
	(void)state;
	expect_refusal(calls, sizeof(calls), 0x40,
		       "call 0x100c at 0x1006: what it calls may copy by itself");
}

static const uint8_t aborts[] = {
	0x48, 0x83, 0xfa, 0x40,       /* 1000 cmp $0x40,%rdx */
	0x72, 0x05,                   /* 1004 jb 100b */
	0x48, 0x39, 0xd1,             /* 1006 cmp %rdx,%rcx */
	0x72, 0x01,                   /* 1009 jb 100c */
	0xc3,                         /* 100b ret */
	0xe8, 0x00, 0x00, 0x00, 0x00, /* 100c call 1011 */
	0x0f, 0x0b,                   /* 1011 ud2 */
};

static void test_call_that_never_comes_back(void **state)
{
	const struct code_range functions[] = {{ROUTINE, 0x11}, {0x1011, 2}, {0, 0}};
	const struct code_bytes bytes = {ROUTINE, aborts, sizeof(aborts), functions, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(plan_gate(&view, &gate_memory, false, &gate_door, 1, 0x40, &plan, reason),
			 0);
	assert_int_equal(plan.points.count, 1);
	assert_int_equal(plan.points.items[0].point.vaddr, 0x1009);
	assert_int_equal(plan.returns.count, 1);
	gate_plan_release(&plan);
}

static const uint8_t runs_on[] = {
	0x48, 0x83, 0xfa, 0x40, /* 1000 cmp $0x40,%rdx */
	0x73, 0x01,             /* 1004 jae 1007 */
	0xc3,                   /* 1006 ret */
	0x48, 0x39, 0xd1,       /* 1007 cmp %rdx,%rcx */
	0x90,                   /* 100a nop */
	0xc3,                   /* 100b ret */
};

/* A function without a return may still come back, by the one that lies behind it. */
static void test_function_that_runs_on_into_the_next(void **state)
{
	const struct code_range functions[] = {{ROUTINE, 7}, {0x1007, 3}, {0x100a, 2}, {0, 0}};
	const struct code_bytes bytes = {ROUTINE, runs_on, sizeof(runs_on), functions, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(plan_gate(&view, &gate_memory, false, &gate_door, 1, 0x40, &plan, reason),
			 0);
	assert_int_equal(plan.points.count, 1);
	assert_int_equal(plan.points.items[0].point.vaddr, 0x100a);
	assert_int_equal(plan.returns.count, 1);
	assert_int_equal(plan.returns.items[0].point.vaddr, 0x100b);
	gate_plan_release(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_emulated_before_stepped),
		cmocka_unit_test(test_repeated_and_refused_instructions),
		cmocka_unit_test(test_compare_moves_the_arguments),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_endless_loop),
		cmocka_unit_test(test_jump_into_the_middle),
		cmocka_unit_test(test_counting_loop),
		cmocka_unit_test(test_routine_that_writes_its_own_threshold),
		cmocka_unit_test(test_routine_that_writes_its_threshold_by_pointer),
		cmocka_unit_test(test_return_that_is_a_jump),
		cmocka_unit_test(test_return_from_a_frame),
		cmocka_unit_test(test_jump_table),
		cmocka_unit_test(test_jump_table_by_size),
		cmocka_unit_test(test_computed_jump),
		cmocka_unit_test(test_jump_into_another_function),
		cmocka_unit_test(test_jump_by_slot),
		cmocka_unit_test(test_unknown_jump_is_refused),
		cmocka_unit_test(test_call_is_refused),
		cmocka_unit_test(test_call_that_never_comes_back),
		cmocka_unit_test(test_function_that_runs_on_into_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
