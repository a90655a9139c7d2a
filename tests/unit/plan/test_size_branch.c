// SPDX-License-Identifier: GPL-2.0-only
/* What each form of compare and jump proves of the size. */
#include "gate_code.h"
#include "plan/size_graph.h"

/* The code ends with two rets: the second is jumped to, the first is come to otherwise. */
struct form {
	const char *text;
	uint8_t bytes[32];
	size_t count;
	struct size_span jumped, other;
};

static const struct form forms[] = {
	{"cmp $0x40,%rdx; jb",
	 {0x48, 0x83, 0xfa, 0x40, 0x72, 0x01, 0xc3, 0xc3},
	 8,
	 {0, 0x3f},
	 {0x40, COPY_BYTES_MOST}},
	{"cmp $0x40,%rdx; jae",
	 {0x48, 0x83, 0xfa, 0x40, 0x73, 0x01, 0xc3, 0xc3},
	 8,
	 {0x40, COPY_BYTES_MOST},
	 {0, 0x3f}},
	{"cmp $0x40,%rdx; ja",
	 {0x48, 0x83, 0xfa, 0x40, 0x77, 0x01, 0xc3, 0xc3},
	 8,
	 {0x41, COPY_BYTES_MOST},
	 {0, 0x40}},
	{"cmp $0x40,%rdx; jbe",
	 {0x48, 0x83, 0xfa, 0x40, 0x76, 0x01, 0xc3, 0xc3},
	 8,
	 {0, 0x40},
	 {0x41, COPY_BYTES_MOST}},
	{"test %rdx,%rdx; je",
	 {0x48, 0x85, 0xd2, 0x74, 0x01, 0xc3, 0xc3},
	 7,
	 {0, 0},
	 {1, COPY_BYTES_MOST}},
	{"test %rdx,%rdx; jne",
	 {0x48, 0x85, 0xd2, 0x75, 0x01, 0xc3, 0xc3},
	 7,
	 {1, COPY_BYTES_MOST},
	 {0, 0}},
	{"mov $0x40,%ecx; cmp %rdx,%rcx; ja",
	 {0xb9, 0x40, 0x00, 0x00, 0x00, 0x48, 0x39, 0xd1, 0x77, 0x01, 0xc3, 0xc3},
	 12,
	 {0, 0x3f},
	 {0x40, COPY_BYTES_MOST}},
	{"mov $0x40,%ecx; cmp %rdx,%rcx; jbe",
	 {0xb9, 0x40, 0x00, 0x00, 0x00, 0x48, 0x39, 0xd1, 0x76, 0x01, 0xc3, 0xc3},
	 12,
	 {0x40, COPY_BYTES_MOST},
	 {0, 0x3f}},
	{"sub $4,%rdx; jae",
	 {0x48, 0x83, 0xea, 0x04, 0x73, 0x01, 0xc3, 0xc3},
	 8,
	 {4, COPY_BYTES_MOST},
	 {0, 3}},
	{"lea -1(%rdx),%rcx; cmp $15,%rcx; jbe",
	 {0x48, 0x8d, 0x4a, 0xff, 0x48, 0x83, 0xf9, 0x0f, 0x76, 0x01, 0xc3, 0xc3},
	 12,
	 {1, 16},
	 {0, COPY_BYTES_MOST}},
	{"lea -1(%rdx),%rcx; cmp $15,%rcx; ja",
	 {0x48, 0x8d, 0x4a, 0xff, 0x48, 0x83, 0xf9, 0x0f, 0x77, 0x01, 0xc3, 0xc3},
	 12,
	 {0, COPY_BYTES_MOST},
	 {1, 16}},
	{"add $16,%rdx; cmp $32,%rdx; jb",
	 {0x48, 0x83, 0xc2, 0x10, 0x48, 0x83, 0xfa, 0x20, 0x72, 0x01, 0xc3, 0xc3},
	 12,
	 {0, 15},
	 {16, COPY_BYTES_MOST}},
	{"cmp $0x40,%rdx; jl",
	 {0x48, 0x83, 0xfa, 0x40, 0x7c, 0x01, 0xc3, 0xc3},
	 8,
	 {0, 0x3f},
	 {0x40, COPY_BYTES_MOST}},
	{"cmp $0x40,%rdx; jge",
	 {0x48, 0x83, 0xfa, 0x40, 0x7d, 0x01, 0xc3, 0xc3},
	 8,
	 {0x40, COPY_BYTES_MOST},
	 {0, 0x3f}},
	{"cmp $0x40,%rdx; jg",
	 {0x48, 0x83, 0xfa, 0x40, 0x7f, 0x01, 0xc3, 0xc3},
	 8,
	 {0x41, COPY_BYTES_MOST},
	 {0, 0x40}},
	{"cmp $0x40,%rdx; jle",
	 {0x48, 0x83, 0xfa, 0x40, 0x7e, 0x01, 0xc3, 0xc3},
	 8,
	 {0, 0x40},
	 {0x41, COPY_BYTES_MOST}},
	{"sub $0x40,%rdx; js",
	 {0x48, 0x83, 0xea, 0x40, 0x78, 0x01, 0xc3, 0xc3},
	 8,
	 {0, 0x3f},
	 {0x40, COPY_BYTES_MOST}},
	{"sub $0x40,%rdx; jns",
	 {0x48, 0x83, 0xea, 0x40, 0x79, 0x01, 0xc3, 0xc3},
	 8,
	 {0x40, COPY_BYTES_MOST},
	 {0, 0x3f}},
	{"mov %rdx,%rcx; shr $5,%rcx; je",
	 {0x48, 0x89, 0xd1, 0x48, 0xc1, 0xe9, 0x05, 0x74, 0x01, 0xc3, 0xc3},
	 11,
	 {0, 0x1f},
	 {0x20, COPY_BYTES_MOST}},
	{"mov %rdx,%rcx; shr $5,%rcx; cmp $2,%rcx; jb",
	 {0x48, 0x89, 0xd1, 0x48, 0xc1, 0xe9, 0x05, 0x48, 0x83, 0xf9, 0x02, 0x72, 0x01, 0xc3, 0xc3},
	 15,
	 {0, 0x3f},
	 {0x40, COPY_BYTES_MOST}},
	{"xchg %rdx,%rcx; cmp $9,%rcx; jb",
	 {0x48, 0x87, 0xd1, 0x48, 0x83, 0xf9, 0x09, 0x72, 0x01, 0xc3, 0xc3},
	 11,
	 {0, 8},
	 {9, COPY_BYTES_MOST}},
	{"inc %rdx; cmp $9,%rdx; jb",
	 {0x48, 0xff, 0xc2, 0x48, 0x83, 0xfa, 0x09, 0x72, 0x01, 0xc3, 0xc3},
	 11,
	 {0, 7},
	 {8, COPY_BYTES_MOST}},
	{"dec %rdx; je",
	 {0x48, 0xff, 0xca, 0x74, 0x01, 0xc3, 0xc3},
	 7,
	 {1, 1},
	 {0, COPY_BYTES_MOST}},
	{"mov %rdx,%rcx; neg %rcx; cmp $9,%rdx; jb",
	 {0x48, 0x89, 0xd1, 0x48, 0xf7, 0xd9, 0x48, 0x83, 0xfa, 0x09, 0x72, 0x01, 0xc3, 0xc3},
	 14,
	 {0, 8},
	 {9, COPY_BYTES_MOST}},
	{"mov $4,%ecx; shl $4,%rcx; cmp %rcx,%rdx; jae",
	 {0xb9, 0x04, 0x00, 0x00, 0x00, 0x48, 0xc1, 0xe1, 0x04, 0x48, 0x39, 0xca, 0x73, 0x01, 0xc3,
	  0xc3},
	 16,
	 {0x40, COPY_BYTES_MOST},
	 {0, 0x3f}},
	{"cmp thr(%rip),%rdx; ja",
	 {0x48, 0x3b, 0x15, 0xf9, 0x1f, 0x00, 0x00, 0x77, 0x01, 0xc3, 0xc3},
	 11,
	 {0x841, COPY_BYTES_MOST},
	 {0, 0x840}},
	{"mov thr(%rip),%r11; shl $4,%r11; cmp %r11,%rdx; jae",
	 {0x4c, 0x8b, 0x1d, 0xf9, 0x1f, 0x00, 0x00, 0x49, 0xc1, 0xe3, 0x04, 0x4c, 0x39, 0xda, 0x73,
	  0x01, 0xc3, 0xc3},
	 18,
	 {0x8400, COPY_BYTES_MOST},
	 {0, 0x83ff}},
	{"cmp %rdx,thr(%rip); jb",
	 {0x48, 0x39, 0x15, 0xf9, 0x1f, 0x00, 0x00, 0x72, 0x01, 0xc3, 0xc3},
	 11,
	 {0x841, COPY_BYTES_MOST},
	 {0, 0x840}},
	{"cmp other(%rip),%rdx; ja",
	 {0x48, 0x3b, 0x15, 0x09, 0x20, 0x00, 0x00, 0x77, 0x01, 0xc3, 0xc3},
	 11,
	 {1, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"cmp $0x10,%edx; jb",
	 {0x83, 0xfa, 0x10, 0x72, 0x01, 0xc3, 0xc3},
	 7,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"cmp $0x40,%dl; jb",
	 {0x80, 0xfa, 0x40, 0x72, 0x01, 0xc3, 0xc3},
	 7,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"mov %edx,%ecx; cmp $0x40,%rcx; jb",
	 {0x89, 0xd1, 0x48, 0x83, 0xf9, 0x40, 0x72, 0x01, 0xc3, 0xc3},
	 10,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"mov (%rsi),%rdx; cmp $0x40,%rdx; jb",
	 {0x48, 0x8b, 0x16, 0x48, 0x83, 0xfa, 0x40, 0x72, 0x01, 0xc3, 0xc3},
	 11,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"push %rdx; pop %rdx; cmp $0x40,%rdx; jb",
	 {0x52, 0x5a, 0x48, 0x83, 0xfa, 0x40, 0x72, 0x01, 0xc3, 0xc3},
	 10,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"add $-64,%rdx; jb",
	 {0x48, 0x83, 0xc2, 0xc0, 0x72, 0x01, 0xc3, 0xc3},
	 8,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"cmp $0x40,%rdx; mov (%rsi),%al; jb",
	 {0x48, 0x83, 0xfa, 0x40, 0x8a, 0x06, 0x72, 0x01, 0xc3, 0xc3},
	 10,
	 {0, 0x3f},
	 {0x40, COPY_BYTES_MOST}},
	{"cmp $0x40,%rdx; xor %eax,%eax; jb",
	 {0x48, 0x83, 0xfa, 0x40, 0x31, 0xc0, 0x72, 0x01, 0xc3, 0xc3},
	 10,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"cmp $0x40,%rdx; shl %cl,%rax; jb",
	 {0x48, 0x83, 0xfa, 0x40, 0x48, 0xd3, 0xe0, 0x72, 0x01, 0xc3, 0xc3},
	 11,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"mov $0x40,%ecx; cmove %rsi,%rcx; cmp %rcx,%rdx; jb",
	 {0xb9, 0x40, 0x00, 0x00, 0x00, 0x48, 0x0f, 0x44, 0xce, 0x48, 0x39, 0xca, 0x72, 0x01, 0xc3,
	  0xc3},
	 16,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"movzbl (%rsi),%ecx; test $8,%ecx; jne 2f; cmp %rcx,%rdx; jb",
	 {0x0f, 0xb6, 0x0e, 0xf7, 0xc1, 0x08, 0x00, 0x00, 0x00, 0x75, 0x05, 0x48, 0x39, 0xca, 0x72,
	  0x01, 0xc3, 0xc3},
	 18,
	 {0, 0xfe},
	 {0, COPY_BYTES_MOST}},
	{"mov (%rsi),%rcx; add $16,%rcx; cmp %rcx,%rdx; jb",
	 {0x48, 0x8b, 0x0e, 0x48, 0x83, 0xc1, 0x10, 0x48, 0x39, 0xca, 0x72, 0x01, 0xc3, 0xc3},
	 14,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
	{"movzbl (%rsi),%ecx; add $16,%rcx; cmp %rcx,%rdx; jae",
	 {0x0f, 0xb6, 0x0e, 0x48, 0x83, 0xc1, 0x10, 0x48, 0x39, 0xca, 0x73, 0x01, 0xc3, 0xc3},
	 14,
	 {0x10, COPY_BYTES_MOST},
	 {0, 0x10e}},
	{"cmp $0x40,%rdx; jp",
	 {0x48, 0x83, 0xfa, 0x40, 0x7a, 0x01, 0xc3, 0xc3},
	 8,
	 {0, COPY_BYTES_MOST},
	 {0, COPY_BYTES_MOST}},
};

static struct size_span span_at(const struct size_graph *graph, uint64_t vaddr)
{
	const struct size_node *node = size_graph_node(graph, vaddr, true);

	if (!node)
		node = size_graph_node(graph, vaddr, false);
	assert_non_null(node);
	return node->before.span;
}

static void check_form(const struct form *form)
{
	const struct code_bytes bytes = {ROUTINE, form->bytes, form->count, NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_registers in_c = COPY_IN_C;
	char reason[PLAN_REASON_BYTES];
	struct size_span jumped, other;
	gate_constants constants = {0};
	struct size_graph graph;

	assert_int_equal(size_graph_build(&graph, &view, &gate_memory, &in_c, &gate_door, 1,
					  (struct size_span){0, COPY_BYTES_MOST}, &constants,
					  reason),
			 0);
	jumped = span_at(&graph, ROUTINE + form->count - 1);
	other = span_at(&graph, ROUTINE + form->count - 2);
	if (jumped.least != form->jumped.least || jumped.most != form->jumped.most ||
	    other.least != form->other.least || other.most != form->other.most)
		fail_msg("%s: %#lx...%#lx, else %#lx...%#lx", form->text, jumped.least, jumped.most,
			 other.least, other.most);
	size_graph_release(&graph);
	array_release(&constants);
}

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++)
		check_form(&forms[i]);
}

/* Within copies of less than 2^32 and of less than 256 bytes the low halves say as much. */
static void test_narrow_compares_within_bounds(void **state)
{
	static const uint8_t low_half[] = {
		0x48, 0x81, 0xfa, 0x80, 0x00, 0x00, 0x00, /* 1000 cmp $0x80,%rdx */
		0x73, 0x16,                               /* 1007 jae 101f */
		0x83, 0xfa, 0x20,                         /* 1009 cmp $0x20,%edx */
		0x73, 0x10,                               /* 100c jae 101e */
		0x80, 0xfa, 0x10,                         /* 100e cmp $0x10,%dl */
		0x73, 0x0b,                               /* 1011 jae 101e */
		0x48, 0x83, 0xea, 0x04,                   /* 1013 sub $0x4,%rdx */
		0x83, 0xfa, 0xfe,                         /* 1017 cmp $0xfffffffe,%edx */
		0x7c, 0x01,                               /* 101a jl 101d */
		0xc3,                                     /* 101c ret */
		0xc3,                                     /* 101d ret */
		0xc3,                                     /* 101e ret */
		0x81, 0xfa, 0x00, 0x01, 0x00, 0x00,       /* 101f cmp $0x100,%edx */
		0x73, 0xf7,                               /* 1025 jae 101e */
		0x90,                                     /* 1027 nop */
		0xc3,                                     /* 1028 ret */
	};
	const struct code_bytes bytes = {ROUTINE, low_half, sizeof(low_half), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_registers in_c = COPY_IN_C;
	char reason[PLAN_REASON_BYTES];
	gate_constants constants = {0};
	struct size_graph graph;

	(void)state;
	assert_int_equal(size_graph_build(&graph, &view, &gate_memory, &in_c, &gate_door, 1,
					  (struct size_span){0, COPY_BYTES_MOST}, &constants,
					  reason),
			 0);
	assert_int_equal(span_at(&graph, 0x100e).most, 0x1f); /* cmp $0x10,%dl */
	assert_int_equal(span_at(&graph, 0x1013).most, 0xf);  /* sub $4,%rdx */
	/* Less than 2 leaves less than -2, in 32 bits as well. */
	assert_int_equal(span_at(&graph, 0x101c).least, 2);
	assert_int_equal(span_at(&graph, 0x101d).most, 1);
	/* Of copies of 4 GiB and more the low half may hold anything. */
	assert_int_equal(span_at(&graph, 0x1027).most, COPY_BYTES_MOST);
	size_graph_release(&graph);
	array_release(&constants);
}

/* A span that lies on one side of a compare has no way to the other. */
static void test_ways_that_no_copy_takes(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x83, 0xfa, 0x40, /* 1000 cmp $0x40,%rdx */
		0x72, 0x01,             /* 1004 jb 1007 */
		0xc3,                   /* 1006 ret */
		0x06,                   /* 1007 (bad) */
	};
	const struct code_bytes bytes = {ROUTINE, code, sizeof(code), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	const struct copy_registers in_c = COPY_IN_C;
	char reason[PLAN_REASON_BYTES];
	gate_constants constants = {0};
	struct size_graph graph;

	(void)state;
	assert_int_equal(size_graph_build(&graph, &view, &gate_memory, &in_c, &gate_door, 1,
					  (struct size_span){0x40, COPY_BYTES_MOST}, &constants,
					  reason),
			 0);
	size_graph_release(&graph);
	assert_int_equal(size_graph_build(&graph, &view, &gate_memory, &in_c, &gate_door, 1,
					  (struct size_span){0x3f, COPY_BYTES_MOST}, &constants,
					  reason),
			 -ENOTSUP);
	assert_string_equal(reason, "(bad) at 0x1007: what the code runs into is no instruction");
	size_graph_release(&graph);
	array_release(&constants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_narrow_compares_within_bounds),
		cmocka_unit_test(test_ways_that_no_copy_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
