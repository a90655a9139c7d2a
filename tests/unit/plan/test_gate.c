// SPDX-License-Identifier: GPL-2.0-only
#include "gate_code.h"

/* ---- one routine of glibc's shape: a threshold, an overlap path, a loop ---- */

static const uint8_t glibc_like[] = {
	0x48, 0x89, 0xf8,                         /* 1000 mov %rdi,%rax */
	0x48, 0x83, 0xfa, 0x40,                   /* 1003 cmp $0x40,%rdx */
	0x72, 0x12,                               /* 1007 jb 101b */
	0x48, 0x3b, 0x15, 0xf0, 0x1f, 0x00, 0x00, /* 1009 cmp 0x1ff0(%rip),%rdx */
	0x77, 0x24,                               /* 1010 ja 1036 */
	0x48, 0x81, 0xfa, 0x00, 0x02, 0x00, 0x00, /* 1012 cmp $0x200,%rdx */
	0x77, 0x01,                               /* 1019 ja 101c */
	0xc3,                                     /* 101b ret */
	0x48, 0x89, 0xf9,                         /* 101c mov %rdi,%rcx */
	0x48, 0x29, 0xf1,                         /* 101f sub %rsi,%rcx */
	0x48, 0x39, 0xd1,                         /* 1022 cmp %rdx,%rcx */
	0x72, 0x29,                               /* 1025 jb 1050 */
	0x48, 0x83, 0xc6, 0x40,                   /* 1027 add $0x40,%rsi */
	0x48, 0x83, 0xc7, 0x40,                   /* 102b add $0x40,%rdi */
	0x48, 0x83, 0xea, 0x40,                   /* 102f sub $0x40,%rdx */
	0x77, 0xf2,                               /* 1033 ja 1027 */
	0xc3,                                     /* 1035 ret */
	0x48, 0x89, 0xf9,                         /* 1036 mov %rdi,%rcx */
	0x48, 0x29, 0xf1,                         /* 1039 sub %rsi,%rcx */
	0x48, 0x39, 0xd1,                         /* 103c cmp %rdx,%rcx */
	0x72, 0x0f,                               /* 103f jb 1050 */
	0x48, 0x81, 0xfa, 0x00, 0x00, 0x10, 0x00, /* 1041 cmp $0x100000,%rdx */
	0x73, 0x15,                               /* 1048 jae 105f */
	0x48, 0x89, 0xd1,                         /* 104a mov %rdx,%rcx */
	0xf3, 0xa4,                               /* 104d rep movsb %ds:(%rsi),%es:(%rdi) */
	0xc3,                                     /* 104f ret */
	0x48, 0x85, 0xc9,                         /* 1050 test %rcx,%rcx */
	0x74, 0xc6,                               /* 1053 je 101b */
	0x48, 0x01, 0xd6,                         /* 1055 add %rdx,%rsi */
	0x48, 0x83, 0xea, 0x40,                   /* 1058 sub $0x40,%rdx */
	0x77, 0xfa,                               /* 105c ja 1058 */
	0xc3,                                     /* 105e ret */
	0x48, 0x39, 0xfe,                         /* 105f cmp %rdi,%rsi */
	0x74, 0xb7,                               /* 1062 je 101b */
	0x48, 0x89, 0xd1,                         /* 1064 mov %rdx,%rcx */
	0xf3, 0xa4,                               /* 1067 rep movsb %ds:(%rsi),%es:(%rdi) */
	0xc3,                                     /* 1069 ret */
};

static void test_sizes_of_the_routines_own_choices(void **state)
{
	const struct code_bytes bytes = {ROUTINE, glibc_like, sizeof(glibc_like), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	static const uint64_t expected[] = {0x40, 0x201, 2113, 0x100000};
	char reason[PLAN_REASON_BYTES];
	gate_sizes sizes = {0};

	(void)state;
	assert_int_equal(plan_gate_sizes(&view, &gate_memory, false, &gate_door, 1, &sizes, reason),
			 0);
	assert_int_equal(sizes.count, COUNT(expected));
	assert_memory_equal(sizes.items, expected, sizeof(expected));
	array_release(&sizes);
}

static void test_every_copy(void **state)
{
	(void)state;
	expect_one(glibc_like, sizeof(glibc_like), 0, 0x1007, 0);
}

static void test_threshold_in_memory(void **state)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;
	const struct gate_point *point;

	(void)state;
	expect_one(glibc_like, sizeof(glibc_like), 2113, 0x103f, 2113);
	assert_int_equal(PLAN(glibc_like, 2113, &plan, reason), 0);
	point = point_of(&plan, 0x103f);
	assert_int_equal(point->point.probe, PROBE_EMULATED);
	assert_int_equal(point->point.original, 0x72);
	assert_int_equal(point->point.in.dst, CPU_RDI);
	assert_int_equal(point->point.in.src, CPU_RSI);
	assert_int_equal(point->point.in.size, CPU_RDX);
	assert_int_equal(point->most_bytes, COPY_BYTES_MOST);
	assert_string_equal(point->point.reason,
			    "jb 0x1050: only copies of more than 2,112 bytes pass (threshold at "
			    "0x3000); emulated");
	assert_string_equal(point->neighbours,
			    "cmp %rdx, %rcx before it is single-stepped; ja 0x1036 passes from "
			    "64 bytes on");
	assert_int_equal(plan.constants.count, 1);
	assert_int_equal(plan.constants.items[0].vaddr, THRESHOLD);
	assert_int_equal(plan.constants.items[0].value, 2112);
	assert_int_equal(plan.constants.items[0].bytes, 8);
	gate_plan_release(&plan);
}

/* Of a threshold that may change at any time nothing is proven. */
static void test_unknown_threshold(void **state)
{
	const struct code_bytes bytes = {ROUTINE, glibc_like, sizeof(glibc_like), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(plan_gate(&view, NULL, false, &gate_door, 1, 2113, &plan, reason), 0);
	assert_int_equal(plan.points.count, 1);
	assert_int_equal(plan.points.items[0].point.vaddr, 0x1010);
	assert_int_equal(plan.least_bytes, 0x40);
	assert_int_equal(plan.constants.count, 0);
	gate_plan_release(&plan);
}

/* Large copies go two ways, each from its own bound on. */
static void test_ways_of_medium_copies(void **state)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(PLAN(glibc_like, 0x201, &plan, reason), 0);
	assert_int_equal(plan.points.count, 2);
	assert_int_equal(point_of(&plan, 0x1025)->least_bytes, 0x201);
	assert_int_equal(point_of(&plan, 0x1025)->most_bytes, 2112);
	assert_int_equal(point_of(&plan, 0x103f)->least_bytes, 2113);
	assert_int_equal(plan.least_bytes, 0x201);
	gate_plan_release(&plan);
}

/* Those that overlap leave before the size is compared: they have a point of their own. */
static void test_overlapping_copies_have_their_own_point(void **state)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(PLAN(glibc_like, 0x100000, &plan, reason), 0);
	assert_int_equal(plan.points.count, 2);
	assert_int_equal(point_of(&plan, 0x1062)->least_bytes, 0x100000);
	assert_int_equal(point_of(&plan, 0x1053)->least_bytes, 0x201);
	assert_string_equal(point_of(&plan, 0x1053)->point.reason,
			    "je 0x101b: overlapping copies of more than 512 bytes pass; emulated");
	gate_plan_release(&plan);
}

static void test_returns_of_gated_copies(void **state)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(PLAN(glibc_like, 2113, &plan, reason), 0);
	assert_null(return_of(&plan, 0x1035)); /* copies of up to 2,112 bytes end there */
	assert_non_null(return_of(&plan, 0x104f));
	assert_int_equal(return_of(&plan, 0x104f)->least_bytes, 2113);
	assert_int_equal(return_of(&plan, 0x104f)->most_bytes, 0xfffff);
	assert_int_equal(return_of(&plan, 0x1069)->least_bytes, 0x100000);
	/* A copy onto itself ends where small ones do. */
	assert_int_equal(return_of(&plan, 0x101b)->least_bytes, 0);
	assert_int_equal(return_of(&plan, 0x101b)->point.original, 0xc3);
	gate_plan_release(&plan);
}

static const uint8_t hidden_return[] = {
	0x48, 0x89, 0xd1,                         /* 1000 mov %rdx,%rcx */
	0x48, 0x81, 0xfa, 0x00, 0x10, 0x00, 0x00, /* 1003 cmp $0x1000,%rdx */
	0x73, 0x03,                               /* 100a jae 100f */
	0xf3, 0xa4,                               /* 100c rep movsb */
	0xc3,                                     /* 100e ret */
	0x73, 0x00,                               /* 100f jae 1011 */
	0xf3, 0xa4,                               /* 1011 rep movsb */
	0x36, 0xc3,                               /* 1013 ss ret: the kernel refuses the prefix */
};

static void test_returns_are_told_all_or_none(void **state)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(PLAN(hidden_return, 0x1000, &plan, reason), 0);
	assert_int_equal(plan.points.items[0].point.vaddr, 0x100f);
	assert_int_equal(plan.returns.count, 0);
	gate_plan_release(&plan);
}

/* ---- ways and arguments ---- */

static const uint8_t go_like[] = {
	0x48, 0x89, 0xc7,                         /* 1000 mov %rax,%rdi */
	0x48, 0x89, 0xde,                         /* 1003 mov %rbx,%rsi */
	0x48, 0x89, 0xcb,                         /* 1006 mov %rcx,%rbx */
	0x48, 0x83, 0xfb, 0x10,                   /* 1009 cmp $0x10,%rbx */
	0x76, 0x42,                               /* 100d jbe 1051 */
	0x48, 0x81, 0xfb, 0x00, 0x01, 0x00, 0x00, /* 100f cmp $0x100,%rbx */
	0x76, 0x39,                               /* 1016 jbe 1051 */
	0xf6, 0x05, 0xf1, 0x1f, 0x00, 0x00, 0x01, /* 1018 testb $0x1,0x1ff1(%rip) */
	0x75, 0x10,                               /* 101f jne 1031 */
	0x48, 0x89, 0xd9,                         /* 1021 mov %rbx,%rcx */
	0x48, 0xc1, 0xe9, 0x03,                   /* 1024 shr $0x3,%rcx */
	0x48, 0x83, 0xe3, 0x07,                   /* 1028 and $0x7,%rbx */
	0xf3, 0x48, 0xa5,                         /* 102c rep movsq %ds:(%rsi),%es:(%rdi) */
	0xeb, 0xd8,                               /* 102f jmp 1009 */
	0x48, 0x81, 0xeb, 0x00, 0x01, 0x00, 0x00, /* 1031 sub $0x100,%rbx */
	0x48, 0x81, 0xc7, 0x00, 0x01, 0x00, 0x00, /* 1038 add $0x100,%rdi */
	0x48, 0x81, 0xc6, 0x00, 0x01, 0x00, 0x00, /* 103f add $0x100,%rsi */
	0x48, 0x81, 0xfb, 0x00, 0x01, 0x00, 0x00, /* 1046 cmp $0x100,%rbx */
	0x73, 0xe2,                               /* 104d jae 1031 */
	0xeb, 0xb8,                               /* 104f jmp 1009 */
	0xc3,                                     /* 1051 ret */
};

/* It begins anew with what a loop has left over, which is never more than 255 bytes. */
static void test_go_comes_back_with_the_rest(void **state)
{
	const struct copy_door door = {"runtime.memmove", ROUTINE};
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(plan_bytes(go_like, sizeof(go_like), &door, 1, true, 257, &plan, reason),
			 0);
	assert_int_equal(plan.points.count, 1);
	assert_int_equal(plan.points.items[0].point.vaddr, 0x101f);
	assert_int_equal(plan.points.items[0].least_bytes, 257);
	assert_int_equal(plan.points.items[0].point.in.dst, CPU_RAX);
	assert_int_equal(plan.points.items[0].point.in.src, CPU_RSI);
	assert_int_equal(plan.points.items[0].point.in.size, CPU_RCX);
	gate_plan_release(&plan);

	/* The branches before are passed again by the rest of large copies. */
	assert_int_equal(plan_bytes(go_like, sizeof(go_like), &door, 1, true, 17, &plan, reason),
			 0);
	assert_int_equal(plan.points.count, 1);
	assert_int_equal(plan.points.items[0].point.vaddr, 0x1000);
	gate_plan_release(&plan);
}

static void test_go_before_registers(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x8b, 0x5c, 0x24, 0x18, /* 1000 mov 0x18(%rsp),%rbx */
		0x48, 0x85, 0xdb,             /* 1005 test %rbx,%rbx */
		0x74, 0x00,                   /* 1008 je 100a */
		0xc3,                         /* 100a ret */
	};
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(plan_bytes(code, sizeof(code), &gate_door, 1, true, 1, &plan, reason),
			 -ENOTSUP);
	assert_string_equal(reason,
			    "memmove takes its arguments from the stack, as in Go before 1.17");
}

static const uint8_t two_doors[] = {
	0x48, 0x89, 0xf8,                         /* 1000 mov %rdi,%rax */
	0x48, 0x01, 0xd0,                         /* 1003 add %rdx,%rax */
	0xeb, 0x08,                               /* 1006 jmp 1010 */
	0x48, 0x39, 0xd1,                         /* 1008 cmp %rdx,%rcx */
	0x72, 0x17,                               /* 100b jb 1024 */
	0x48, 0x89, 0xf8,                         /* 100d mov %rdi,%rax */
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1010 cmp $0x80,%rdx */
	0x76, 0x0a,                               /* 1017 jbe 1023 */
	0x48, 0x39, 0xf7,                         /* 1019 cmp %rsi,%rdi */
	0x74, 0x05,                               /* 101c je 1023 */
	0x48, 0x89, 0xd1,                         /* 101e mov %rdx,%rcx */
	0xf3, 0xa4,                               /* 1021 rep movsb %ds:(%rsi),%es:(%rdi) */
	0xc3,                                     /* 1023 ret */
	0x50,                                     /* 1024 push %rax */
	0x0f, 0x0b,                               /* 1025 ud2 */
};

/* mempcpy jumps into the body, __memmove_chk falls through into it or ends. */
static void test_two_doors_share_a_body(void **state)
{
	const struct copy_door doors[] = {
		{"mempcpy", 0x1000}, {"__memmove_chk", 0x1008}, {"memmove", 0x100d}};
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(plan_bytes(two_doors, sizeof(two_doors), doors, COUNT(doors), false, 0x81,
				    &plan, reason),
			 0);
	assert_int_equal(plan.points.count, 1);
	assert_int_equal(plan.points.items[0].point.vaddr, 0x101c);
	assert_int_equal(plan.least_bytes, 0x81);
	gate_plan_release(&plan);
}

static const uint8_t meeting[] = {
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1000 cmp $0x80,%rdx */
	0x76, 0x17,                               /* 1007 jbe 1020 */
	0x48, 0x39, 0xf7,                         /* 1009 cmp %rsi,%rdi */
	0x72, 0x09,                               /* 100c jb 1017 */
	0x48, 0x81, 0xfa, 0x00, 0x01, 0x00, 0x00, /* 100e cmp $0x100,%rdx */
	0x73, 0x0a,                               /* 1015 jae 1021 */
	0x48, 0x81, 0xfa, 0x00, 0x02, 0x00, 0x00, /* 1017 cmp $0x200,%rdx */
	0x73, 0x01,                               /* 101e jae 1021 */
	0xc3,                                     /* 1020 ret */
	0x48, 0x89, 0xd1,                         /* 1021 mov %rdx,%rcx */
	0xf3, 0xa4,                               /* 1024 rep movsb %ds:(%rsi),%es:(%rdi) */
	0xc3,                                     /* 1026 ret */
};

/* 0x1015 and 0x101e together would count the copies that pass both twice. */
static void test_no_copy_passes_two_points(void **state)
{
	(void)state;
	expect_one(meeting, sizeof(meeting), 0x200, 0x100c, 0x81);
}

static const uint8_t moved[] = {
	0x49, 0x89, 0xd0,                         /* 1000 mov %rdx,%r8 */
	0x49, 0x89, 0xf1,                         /* 1003 mov %rsi,%r9 */
	0x48, 0x89, 0xf8,                         /* 1006 mov %rdi,%rax */
	0x31, 0xd2,                               /* 1009 xor %edx,%edx */
	0x48, 0x89, 0xd6,                         /* 100b mov %rdx,%rsi */
	0x48, 0x89, 0xd7,                         /* 100e mov %rdx,%rdi */
	0x49, 0x81, 0xf8, 0x80, 0x00, 0x00, 0x00, /* 1011 cmp $0x80,%r8 */
	0x76, 0x01,                               /* 1018 jbe 101b */
	0x90,                                     /* 101a nop */
	0xc3,                                     /* 101b ret */
};

static void test_moved_arguments_are_found(void **state)
{
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	assert_int_equal(PLAN(moved, 0x81, &plan, reason), 0);
	assert_int_equal(plan.points.count, 1);
	assert_int_equal(plan.points.items[0].point.vaddr, 0x101a);
	assert_int_equal(plan.points.items[0].point.in.dst, CPU_RAX);
	assert_int_equal(plan.points.items[0].point.in.src, 9);
	assert_int_equal(plan.points.items[0].point.in.size, CPU_R8);
	gate_plan_release(&plan);
}

static const uint8_t gone[] = {
	0x48, 0x8b, 0x16,                         /* 1000 mov (%rsi),%rdx */
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1003 cmp $0x80,%rdx */
	0x76, 0x01,                               /* 100a jbe 100d */
	0x90,                                     /* 100c nop */
	0xc3,                                     /* 100d ret */
};

static void test_lost_arguments(void **state)
{
	(void)state;
	/* Only the first instruction has the size. */
	expect_one(gone, sizeof(gone), 0x81, 0x1000, 0);
}

static const uint8_t stack_moved[] = {
	0x53,                                     /* 1000 push %rbx */
	0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1001 cmp $0x80,%rdx */
	0x76, 0x02,                               /* 1008 jbe 100c */
	0x90,                                     /* 100a nop */
	0x90,                                     /* 100b nop */
	0x5b,                                     /* 100c pop %rbx */
	0xc3,                                     /* 100d ret */
};

/* A point with a return address that is not at (%rsp) is none: the push is. */
static void test_moved_stack(void **state)
{
	(void)state;
	expect_one(stack_moved, sizeof(stack_moved), 0x81, 0x1000, 0);
}

static const uint8_t musl_like[] = {
	0x48, 0x89, 0xf8,                   /* 1000 mov %rdi,%rax */
	0x48, 0x83, 0xfa, 0x08,             /* 1003 cmp $0x8,%rdx */
	0x72, 0x14,                         /* 1007 jb 101d */
	0xf7, 0xc7, 0x07, 0x00, 0x00, 0x00, /* 1009 test $0x7,%edi */
	0x74, 0x0c,                         /* 100f je 101d */
	0xa4,                               /* 1011 movsb %ds:(%rsi),%es:(%rdi) */
	0x48, 0xff, 0xca,                   /* 1012 dec %rdx */
	0xf7, 0xc7, 0x07, 0x00, 0x00, 0x00, /* 1015 test $0x7,%edi */
	0x75, 0xf4,                         /* 101b jne 1011 */
	0x48, 0x89, 0xd1,                   /* 101d mov %rdx,%rcx */
	0x48, 0xc1, 0xe9, 0x03,             /* 1020 shr $0x3,%rcx */
	0xf3, 0x48, 0xa5,                   /* 1024 rep movsq %ds:(%rsi),%es:(%rdi) */
	0x83, 0xe2, 0x07,                   /* 1027 and $0x7,%edx */
	0x74, 0x05,                         /* 102a je 1031 */
	0xa4,                               /* 102c movsb %ds:(%rsi),%es:(%rdi) */
	0xff, 0xca,                         /* 102d dec %edx */
	0x75, 0xfb,                         /* 102f jne 102c */
	0xc3,                               /* 1031 ret */
};

static void test_musl_tells_eight_bytes_from_more(void **state)
{
	(void)state;
	expect_one(musl_like, sizeof(musl_like), 8, 0x100f, 8);
	expect_one(musl_like, sizeof(musl_like), 1 << 20, 0x100f, 8);
}

/* A file that holds nothing but jumps ends nowhere, and in time. */
static void test_too_much_code(void **state)
{
	static uint8_t code[1 << 16];
	char reason[PLAN_REASON_BYTES];
	struct gate_plan plan;

	(void)state;
	memset(code, 0x90, sizeof(code));
	assert_int_equal(PLAN(code, 0, &plan, reason), -ENOTSUP);
	assert_string_equal(reason, "nop at 0x3000: too much code for a copy routine");
}

static void test_size_that_no_copy_has(void **state)
{
	(void)state;
	expect_refusal(glibc_like, sizeof(glibc_like), COPY_BYTES_MOST + 1,
		       "no copy has 140737488355329 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_of_the_routines_own_choices),
		cmocka_unit_test(test_every_copy),
		cmocka_unit_test(test_threshold_in_memory),
		cmocka_unit_test(test_unknown_threshold),
		cmocka_unit_test(test_ways_of_medium_copies),
		cmocka_unit_test(test_overlapping_copies_have_their_own_point),
		cmocka_unit_test(test_returns_of_gated_copies),
		cmocka_unit_test(test_returns_are_told_all_or_none),
		cmocka_unit_test(test_go_comes_back_with_the_rest),
		cmocka_unit_test(test_go_before_registers),
		cmocka_unit_test(test_two_doors_share_a_body),
		cmocka_unit_test(test_no_copy_passes_two_points),
		cmocka_unit_test(test_moved_arguments_are_found),
		cmocka_unit_test(test_lost_arguments),
		cmocka_unit_test(test_moved_stack),
		cmocka_unit_test(test_musl_tells_eight_bytes_from_more),
		cmocka_unit_test(test_too_much_code),
		cmocka_unit_test(test_size_that_no_copy_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
