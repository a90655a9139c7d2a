// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <unistd.h>

#include "code_bytes.h"

/* ---- hand-written ---- */

static void test_musl_memcpy(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x89, 0xf8,       /* 1000 mov %rdi,%rax */
		0x48, 0x83, 0xfa, 0x08, /* 1003 cmp $8,%rdx */
		0x72, 0x03,             /* 1007 jb 100c */
		0x48, 0xff, 0xca,       /* 1009 dec %rdx */
		0x48, 0x89, 0xd1,       /* 100c mov %rdx,%rcx */
		0xf3, 0xa4,             /* 100f rep movsb */
		0xc3,                   /* 1011 ret */
	};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door door = {"memcpy", 0x1000};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_int_equal(plan_copies(&view, &door, 1, &points, reason), 0);
	assert_int_equal(points.count, 1);
	assert_int_equal(points.items[0].vaddr, 0x1007);
	assert_int_equal(points.items[0].probe, PROBE_EMULATED);
	assert_int_equal(points.items[0].original, 0x72);
	assert_string_equal(points.items[0].reason, "jb 0x100c: memcpy passes; emulated");
	array_release(&points);
}

/* memmove's forward half is memcpy's, and memcpy's point sees it. */
static const uint8_t musl_memmove[] = {
	0x48, 0x89, 0xf8,             /* 1000 memmove: mov %rdi,%rax */
	0x48, 0x29, 0xf0,             /* 1003 sub %rsi,%rax */
	0x48, 0x39, 0xd0,             /* 1006 cmp %rdx,%rax */
	0x73, 0x0d,                   /* 1009 jae 1018 */
	0x48, 0x89, 0xd1,             /* 100b mov %rdx,%rcx */
	0x48, 0x8d, 0x7c, 0x17, 0xff, /* 100e lea -1(%rdi,%rdx),%rdi */
	0xfd,                         /* 1013 std */
	0xf3, 0xa4,                   /* 1014 rep movsb */
	0xfc,                         /* 1016 cld */
	0xc3,                         /* 1017 ret */
	0x48, 0x89, 0xf8,             /* 1018 memcpy: mov %rdi,%rax */
	0x48, 0x83, 0xfa, 0x08,       /* 101b cmp $8,%rdx */
	0x72, 0x00,                   /* 101f jb 1021 */
	0x48, 0x89, 0xd1,             /* 1021 mov %rdx,%rcx */
	0xf3, 0xa4,                   /* 1024 rep movsb */
	0xc3,                         /* 1026 ret */
};

static void test_musl_memmove_is_two_ways(void **state)
{
	const uint64_t names[] = {0x1000, 0x1018, 0};
	const struct code_bytes bytes = {0x1000, musl_memmove, sizeof(musl_memmove), NULL, names};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door doors[] = {{"memmove", 0x1000}, {"memcpy", 0x1018}};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_int_equal(plan_copies(&view, doors, 2, &points, reason), 0);
	assert_int_equal(points.count, 2);
	assert_int_equal(points.items[0].vaddr, 0x100b); /* backwards only */
	assert_int_equal(points.items[0].probe, PROBE_STEPPED);
	assert_int_equal(points.items[1].vaddr, 0x101f);
	assert_int_equal(points.items[1].probe, PROBE_EMULATED);
	array_release(&points);

	/* Without memcpy as a door, one point sees both of memmove's ways. */
	assert_int_equal(plan_copies(&view, doors, 1, &points, reason), 0);
	assert_int_equal(points.count, 1);
	assert_int_equal(points.items[0].vaddr, 0x1009);
	array_release(&points);
}

/* glibc 2.36: __mempcpy, __memmove_chk and __memmove, and __chk_fail at the end. */
static const uint8_t glibc[] = {
	0x48, 0x89, 0xf8,       /* 1000 mempcpy: mov %rdi,%rax */
	0x48, 0x01, 0xd0,       /* 1003 add %rdx,%rax */
	0xeb, 0x13,             /* 1006 jmp 101b */
	0x48, 0x39, 0xd1,       /* 1008 memmove_chk: cmp %rdx,%rcx */
	0x72, 0x1b,             /* 100b jb 1028 */
	0x66, 0x2e, 0x0f, 0x1f, /* 100d data16 cs nopw 0x0(%rax,%rax,1) */
	0x84, 0x00, 0x00, 0x00, /* ... */
	0x00, 0x00, 0x90,       /* ..., nop */
	0x48, 0x89, 0xf8,       /* 1018 memmove: mov %rdi,%rax */
	0x48, 0x83, 0xfa, 0x20, /* 101b cmp $0x20,%rdx */
	0x72, 0x04,             /* 101f jb 1025 */
	0xc5, 0xfe, 0x6f, 0x06, /* 1021 vmovdqu (%rsi),%ymm0 */
	0xc3, 0x90, 0x90,       /* 1025 ret */
	0x50,                   /* 1028 chk_fail: push %rax */
	0xe8, 0x00, 0x00, 0x00, /* 1029 call fortify_fail */
	0x00,
};

static void plan_glibc(const struct code_range *functions, size_t expected)
{
	const struct code_bytes bytes = {0x1000, glibc, sizeof(glibc), functions, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door doors[] = {{"mempcpy", 0x1000},
					  {"memmove", 0x1018},
					  {"memcpy", 0x1018},
					  {"__memmove_chk", 0x1008}};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	assert_int_equal(plan_copies(&view, doors, COUNT(doors), &points, reason), 0);
	assert_int_equal(points.count, expected);
	assert_int_equal(points.items[0].vaddr, 0x101f);
	array_release(&points);
}

static void test_glibc_doors_share_one_point(void **state)
{
	const struct code_range functions[] = {
		{0x1000, 8}, {0x1008, 5}, {0x1018, 0x0e}, {0x1028, 6}, {0, 0}};
	const struct code_range unknown_fail[] = {{0x1000, 8}, {0x1008, 5}, {0x1018, 0x0e}, {0, 0}};

	(void)state;
	plan_glibc(functions, 1);
	/* Nothing shows that the way taken copies nothing: it gets a point of its own. */
	plan_glibc(unknown_fail, 2);
}

/* A point that the routine's own loop passes again counts one copy many times. */
static void test_loop_spoils_points_behind_its_head(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x89, 0xf8, /* 1000 mov %rdi,%rax */
		0x48, 0x85, 0xd2, /* 1003 loop: test %rdx,%rdx */
		0x74, 0x0a,       /* 1006 je 1012 */
		0x8a, 0x0e,       /* 1008 mov (%rsi),%cl */
		0x88, 0x0f,       /* 100a mov %cl,(%rdi) */
		0x48, 0xff, 0xca, /* 100c dec %rdx */
		0xeb, 0xf2,       /* 100f jmp 1003 */
		0x90,             /* 1011 nop */
		0xc3,             /* 1012 ret */
	};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door door = {"memcpy", 0x1000}, loop = {"loop", 0x1003};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_int_equal(plan_copies(&view, &door, 1, &points, reason), 0);
	assert_int_equal(points.count, 1);
	assert_int_equal(points.items[0].vaddr, 0x1000);
	array_release(&points);
	assert_int_equal(plan_copies(&view, &loop, 1, &points, reason), -ENOTSUP);
	assert_non_null(strstr(reason, "loop at 0x1003"));
	assert_int_equal(points.count, 0);
}

/* bcopy's arguments are the other way round up to memmove, which sees them in place. */
static void test_bcopy_shares_the_point_behind_its_swap(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x87, 0xf7,       /* 1000 bcopy: xchg %rsi,%rdi */
		0xeb, 0x01,             /* 1003 jmp 1006 */
		0x90,                   /* 1005 nop */
		0x48, 0x89, 0xf8,       /* 1006 memmove: mov %rdi,%rax */
		0x48, 0x83, 0xfa, 0x08, /* 1009 cmp $8,%rdx */
		0x72, 0x00,             /* 100d jb 100f */
		0xc3,                   /* 100f ret */
	};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door doors[] = {{"bcopy", 0x1000}, {"memmove", 0x1006}};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_int_equal(plan_copies(&view, doors, 2, &points, reason), 0);
	assert_int_equal(points.count, 1);
	assert_int_equal(points.items[0].vaddr, 0x100d);
	array_release(&points);
}

/* Where the shared stretch bears no probe, each way to it has its own. */
static void test_points_before_an_unprobeable_stretch(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x89, 0xf8,       /* 1000 a: mov %rdi,%rax */
		0xeb, 0x03,             /* 1003 jmp 1008 */
		0x48, 0x89, 0xf9,       /* 1005 b: mov %rdi,%rcx */
		0xc5, 0xfe, 0x6f, 0x06, /* 1008 vmovdqu (%rsi),%ymm0 */
		0x48, 0x89, 0xf7,       /* 100c mov %rsi,%rdi: the last with %rdi */
		0xc3,                   /* 100f ret */
	};
	static uint8_t hidden[sizeof(code)];
	struct code_bytes bytes = {0x1000, code, sizeof(code), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door doors[] = {{"a", 0x1000}, {"b", 0x1005}, {"c", 0x1008}};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_int_equal(plan_copies(&view, doors, 2, &points, reason), 0);
	assert_int_equal(points.count, 1);
	assert_int_equal(points.items[0].vaddr, 0x100c);
	array_release(&points);

	/* 100c: vmovdqu again, cut to 3 bytes: vzeroupper, c5 f8 77 */
	memcpy(hidden, code, sizeof(code));
	memcpy(hidden + 12, "\xc5\xf8\x77\xf4", 4); /* and hlt */
	bytes.bytes = hidden;
	assert_int_equal(plan_copies(&view, doors, 2, &points, reason), 0);
	assert_int_equal(points.count, 2);
	assert_int_equal(points.items[0].vaddr, 0x1003);
	assert_int_equal(points.items[1].vaddr, 0x1005);
	array_release(&points);
	assert_int_equal(plan_copies(&view, doors, 3, &points, reason), -ENOTSUP);
	assert_non_null(strstr(reason, "c at 0x1008"));
}

/* The vaddr of the one point of the one door at 0x1000. */
static uint64_t only_point(const uint8_t *code, size_t count)
{
	const struct code_bytes bytes = {0x1000, code, count, NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door door = {"memcpy", 0x1000};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};
	uint64_t vaddr;

	assert_int_equal(plan_copies(&view, &door, 1, &points, reason), 0);
	assert_int_equal(points.count, 1);
	vaddr = points.items[0].vaddr;
	array_release(&points);
	return vaddr;
}

static void test_arguments_are_in_place(void **state)
{
	static const uint8_t size_cut[] = {
		0x89, 0xd1, /* 1000 mov %edx,%ecx */
		0x31, 0xd2, /* 1002 xor %edx,%edx */
		0x72, 0x00, /* 1004 jb 1006 */
		0xc3,       /* 1006 ret */
	};
	static const uint8_t stack_moved[] = {
		0x48, 0x83, 0xec, 0x08, /* 1000 sub $8,%rsp */
		0x72, 0x00,             /* 1004 jb 1006 */
		0xc3,                   /* 1006 ret */
	};

	(void)state;
	assert_int_equal(only_point(size_cut, sizeof(size_cut)), 0x1000);
	assert_int_equal(only_point(stack_moved, sizeof(stack_moved)), 0x1000);
}

static void test_arguments_are_followed(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x89, 0xd1, /* 1000 mov %rdx,%rcx */
		0x48, 0x89, 0xf8, /* 1003 mov %rdi,%rax */
		0x48, 0x87, 0xf3, /* 1006 xchg %rsi,%rbx */
		0x31, 0xd2,       /* 1009 xor %edx,%edx */
		0x72, 0x00,       /* 100b jb 100d */
		0xc3,             /* 100d ret */
	};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door door = {"memcpy", 0x1000};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_int_equal(plan_copies(&view, &door, 1, &points, reason), 0);
	assert_int_equal(points.count, 1);
	assert_int_equal(points.items[0].vaddr, 0x100b);
	assert_int_equal(points.items[0].in.dst, CPU_RDI);
	assert_int_equal(points.items[0].in.src, CPU_RBX);
	assert_int_equal(points.items[0].in.size, CPU_RCX);
	array_release(&points);
}

/* ---- Go ---- */

/* runtime.memmove of Go 1.19, as far as its shape goes: `tail` is where it comes back to. */
static uint8_t go_memmove[] = {
	0x48, 0x89, 0xc7, /* 1000 mov %rax,%rdi */
	0x48, 0x89, 0xde, /* 1003 mov %rbx,%rsi */
	0x48, 0x89, 0xcb, /* 1006 mov %rcx,%rbx */
	0x48, 0x85, 0xdb, /* 1009 tail: test %rbx,%rbx */
	0x74, 0x0f,       /* 100c je 101d */
	0x48, 0x89, 0xd9, /* 100e mov %rbx,%rcx */
	0x83, 0xe3, 0x07, /* 1011 and $7,%ebx */
	0xf3, 0x48, 0xa5, /* 1014 rep movsq */
	0xeb, 0xf0,       /* 1017 jmp 1009 */
	0x90, 0x90, 0x90, /* 1019 */
	0x90, 0xc3,       /* 101d ret */
};

static void plan_go(uint64_t vaddr, enum probe_kind probe)
{
	const struct code_range functions[] = {{0x1000, sizeof(go_memmove)}, {0, 0}};
	const struct code_bytes bytes = {0x1000, go_memmove, sizeof(go_memmove), functions, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door door = {"runtime.memmove", 0x1000};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	assert_int_equal(plan_go_copies(&view, &door, 1, &points, reason), 0);
	assert_int_equal(points.count, 1);
	assert_int_equal(points.items[0].vaddr, vaddr);
	assert_int_equal(points.items[0].probe, probe);
	assert_int_equal(points.items[0].in.dst, CPU_RAX);
	assert_int_equal(points.items[0].in.src, vaddr == 0x1000 ? CPU_RBX : CPU_RSI);
	assert_int_equal(points.items[0].in.size, CPU_RCX);
	array_release(&points);
}

/* A copy of more than 256 bytes may pass the je again for what is left of it. */
static void test_go_memmove_comes_back_to_its_je(void **state)
{
	(void)state;
	plan_go(0x1000, PROBE_STEPPED);
	go_memmove[0x18] = 0x04; /* jmp 101d */
	plan_go(0x100c, PROBE_EMULATED);
	go_memmove[0x18] = 0xf0;
}

/* The wrapper for assembly, and all of Go before 1.17. */
static void test_go_with_arguments_on_the_stack(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x83, 0xec, 0x20,       /* 1000 sub $0x20,%rsp */
		0x48, 0x8b, 0x44, 0x24, 0x28, /* 1004 mov 0x28(%rsp),%rax */
		0xe8, 0x00, 0x00, 0x00, 0x00, /* 1009 call 100e */
		0x48, 0x83, 0xc4, 0x20,       /* 100e add $0x20,%rsp */
		0xc3,                         /* 1012 ret */
	};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door door = {"runtime.memmove", 0x1000};
	const struct code_bytes registers = {0x1000, go_memmove, sizeof(go_memmove), NULL, NULL};
	const struct code_view register_view = code_bytes_view(&registers);
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_true(plan_reads_stack_arguments(&view, 0x1000));
	assert_false(plan_reads_stack_arguments(&view, 0x1009));
	assert_false(plan_reads_stack_arguments(&register_view, 0x1000));
	assert_int_equal(plan_go_copies(&view, &door, 1, &points, reason), -ENOTSUP);
	assert_non_null(strstr(reason, "before 1.17"));
	assert_int_equal(points.count, 0);
	/* In C it would be a local variable. */
	assert_int_equal(plan_copies(&view, &door, 1, &points, reason), 0);
	array_release(&points);
}

/* The door is reached again from the loop above it, without a jump. */
static void test_loop_that_falls_into_the_door(void **state)
{
	static const uint8_t code[] = {
		0x48, 0xff, 0xca, /* 1000 dec %rdx */
		0x48, 0x89, 0xf8, /* 1003 memcpy: mov %rdi,%rax */
		0x72, 0x02,       /* 1006 jb 100a */
		0xeb, 0xf6,       /* 1008 jmp 1000 */
		0xc3,             /* 100a ret */
	};
	const struct code_range functions[] = {{0x1000, sizeof(code)}, {0, 0}};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), functions, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door door = {"memcpy", 0x1003};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_int_equal(plan_copies(&view, &door, 1, &points, reason), -ENOTSUP);
}

/*
 * A way into the middle of an instruction: a breakpoint there would change what that instruction
 * does for those who come to it in order.
 */
static void test_no_point_within_an_instruction(void **state)
{
	static const uint8_t code[] = {
		0x2e, 0xeb, 0x01, /* 1000 cs jmp 1004: bears no probe */
		0xb8,             /* 1003 mov $0x90c35850,%eax */
		0x50,             /* 1004 push %rax */
		0x58,             /* 1005 pop %rax */
		0xc3,             /* 1006 ret */
		0x90, 0xc3,       /* 1008 ret */
	};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door door = {"memcpy", 0x1000};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_int_equal(plan_copies(&view, &door, 1, &points, reason), -ENOTSUP);
	assert_non_null(strstr(reason, "memcpy at 0x1000: no instruction that each call passes"));
	assert_int_equal(points.count, 0);
}

/*
 * memmove's way and memcpy's go on over the same branch, since a side of it is found to be a way
 * of mempcpy's late: no place sees each of memcpy's calls once, and none is taken twice.
 */
static void test_ways_that_part_and_meet(void **state)
{
	static const uint8_t code[0x9c] = {
		0x90,          0x90, 0x90, 0x90, 0x90, 0x90, 0x90, /* 1000 nop... */
		0x00,          0x00,                               /* 1007 memcpy: add %al,(%rax) */
		0x74,          0x0b,                               /* 1009 je 1016 */
		0x83,          0x58,                               /* 100b sbbl $0x40,-13(%rax) */
		0xf3,          0x40, 0x10, 0x04, 0xfd, 0xff, 0x00, 0x00, /* 100d mempcpy: adc */
		0x00,                                                    /* ... %al,0xff(,%rdi,8) */
		0x7e,          0x7e,                                     /* 1016 jle 1096 */
		0x7e,          0x7e,             /* 1018 memmove: jle 1098 */
		0x7e,          0x7e, 0xf4,       /* 101a jle 109a, hlt */
		[0x96] = 0x1c, 0xe1,             /* 1096 sbb $0xe1,%al */
		0xe1,          0x00, 0x90, 0xc3, /* 1098 loope 109a; nop; ret */
	};
	const uint64_t names[] = {0x1007, 0x100d, 0x1018, 0};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), NULL, names};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door doors[] = {
		{"memmove", 0x1018}, {"memcpy", 0x1007}, {"mempcpy", 0x100d}};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_int_equal(plan_copies(&view, doors, COUNT(doors), &points, reason), -ENOTSUP);
	assert_non_null(strstr(reason, "memcpy at 0x1007: no instruction that each call passes"));
}

/*
 * When a's branch is looked at, what it falls into is nobody's way yet; it becomes b's once b is
 * found to part, since one side of it runs into c. A point before a's branch and one behind it
 * would count a's copies twice.
 */
static void test_way_that_another_joins_later(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x39, 0xd1,       /* 1000 a: cmp %rdx,%rcx */
		0x72, 0x0b,             /* 1003 jb 1010 */
		0x48, 0x83, 0xfa, 0x08, /* 1005 cmp $8,%rdx */
		0x72, 0x00,             /* 1009 jb 100b */
		0xc3,                   /* 100b ret */
		0x90, 0x90, 0x90, 0x90, /* 100c nop... */
		0x48, 0x89, 0xf8,       /* 1010 mov %rdi,%rax */
		0xc3,                   /* 1013 ret */
		0x48, 0x39, 0xf7,       /* 1014 b: cmp %rsi,%rdi */
		0x73, 0x02,             /* 1017 jae 101b */
		0xeb, 0xea,             /* 1019 jmp 1005 */
		0x48, 0x89, 0xf8,       /* 101b c: mov %rdi,%rax */
		0x48, 0x83, 0xfa, 0x10, /* 101e cmp $16,%rdx */
		0x72, 0x00,             /* 1022 jb 1024 */
		0xc3,                   /* 1024 ret */
	};
	const uint64_t names[] = {0x1000, 0x1014, 0x101b, 0};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), NULL, names};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door doors[] = {{"a", 0x1000}, {"b", 0x1014}, {"c", 0x101b}};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	assert_int_equal(plan_copies(&view, doors, COUNT(doors), &points, reason), 0);
	assert_int_equal(points.count, 3);
	assert_int_equal(points.items[0].vaddr, 0x1009); /* a that falls, b that falls */
	assert_int_equal(points.items[1].vaddr, 0x1022); /* b that jumps, c */
	assert_int_equal(points.items[2].vaddr, 0x1010); /* a that jumps */
	array_release(&points);
}

/* A file that calls all of its megabytes memcpy must not keep memwatch busy. */
static void test_no_routine_is_that_large(void **state)
{
	static uint8_t code[1 << 20];
	const struct code_range functions[] = {{0x1000, sizeof(code)}, {0}};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), functions, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door door = {"memcpy", 0x1000};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	memset(code, 0x90, sizeof(code));
	code[2] = 0xc3;
	assert_int_equal(plan_copies(&view, &door, 1, &points, reason), -ENOTSUP);
	assert_string_equal(reason, "memcpy at 0x1000: 1048576 bytes are no copy routine");
	assert_int_equal(points.count, 0);
}

/*
 * Functions that jump to one another over and over: to see whether the first comes back, each
 * would be read a thousand million times.
 */
static void test_jumps_that_multiply(void **state)
{
	enum { CHAIN = 4, JUMPS = 1000, BODY = JUMPS * 6 };
	static uint8_t code[16 + CHAIN * BODY];
	struct code_range functions[CHAIN + 3] = {{0x1000, 10}, {0x100a, 6}};
	const struct code_bytes bytes = {0x1000, code, sizeof(code), functions, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_door doors[] = {{"__memcpy_chk", 0x1000}, {"memcpy", 0x100a}};
	static const uint8_t start[16] = {
		0x48, 0x39, 0xd1,                   /* 1000 __memcpy_chk: cmp %rdx,%rcx */
		0x0f, 0x82, 0x07, 0x00, 0x00, 0x00, /* 1003 jb 1010 */
		0x90,                               /* 1009 nop */
		0x48, 0x39, 0xd1,                   /* 100a memcpy: cmp %rdx,%rcx */
		0x72, 0x00,                         /* 100d jb 100f */
		0xc3,                               /* 100f ret */
	};
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};

	(void)state;
	memset(code, 0x90, sizeof(code));
	memcpy(code, start, sizeof(start));
	for (size_t i = 0; i < CHAIN; i++)
		functions[2 + i] = (struct code_range){0x1010 + i * BODY, BODY};
	for (size_t jump = 0; jump < (CHAIN - 1) * JUMPS; jump++) {
		uint8_t *at = code + 16 + jump * 6;
		/* jne to the next function; the last has no way back */
		int32_t distance = (int32_t)(BODY - (jump % JUMPS + 1) * 6);

		at[0] = 0x0f;
		at[1] = 0x85;
		memcpy(at + 2, &distance, sizeof(distance));
	}
	alarm(20);
	assert_int_equal(plan_copies(&view, doors, 2, &points, reason), 0);
	alarm(0);
	array_release(&points);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_musl_memcpy),
		cmocka_unit_test(test_musl_memmove_is_two_ways),
		cmocka_unit_test(test_glibc_doors_share_one_point),
		cmocka_unit_test(test_loop_spoils_points_behind_its_head),
		cmocka_unit_test(test_bcopy_shares_the_point_behind_its_swap),
		cmocka_unit_test(test_points_before_an_unprobeable_stretch),
		cmocka_unit_test(test_arguments_are_in_place),
		cmocka_unit_test(test_arguments_are_followed),
		cmocka_unit_test(test_go_memmove_comes_back_to_its_je),
		cmocka_unit_test(test_go_with_arguments_on_the_stack),
		cmocka_unit_test(test_loop_that_falls_into_the_door),
		cmocka_unit_test(test_no_point_within_an_instruction),
		cmocka_unit_test(test_ways_that_part_and_meet),
		cmocka_unit_test(test_way_that_another_joins_later),
		cmocka_unit_test(test_no_routine_is_that_large),
		cmocka_unit_test(test_jumps_that_multiply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
