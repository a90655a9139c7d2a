// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "code_bytes.h"
#include "live_code.h"

#define VADDR 0x1000

/* Plans the ends of functions[0]. */
static int plan_first(const struct code_bytes *bytes, struct exit_plan *plan)
{
	const struct code_view view = code_bytes_view(bytes);
	code_ranges parts = {0};
	int err;

	assert_int_equal(array_push(&parts, bytes->functions[0]), 0);
	err = plan_exits(&view, &parts, plan);
	array_release(&parts);
	return err;
}

/* ---- hand-written ---- */

static void test_returns_tails_and_cold(void **state)
{
	static const uint8_t code[] = {
		0x74, 0x0e,                         /* 1000 je 1010 (cold) */
		0x75, 0x1c,                         /* 1002 jne 1020 (named) */
		0xeb, 0xfa,                         /* 1004 jmp 1000 */
		0xc3,                               /* 1006 ret */
		0xff, 0x25, 0xf3, 0x0f, 0x00, 0x00, /* 1007 jmp *0xff3(%rip) */
		0xf3, 0xc3,                         /* 100d rep ret */
		0x90,                               /* 100f nop */
		0xeb, 0xf4,                         /* 1010 cold: jmp 1006 */
		0xc2, 0x08, 0x00,                   /* 1012 ret $8 */
		0xe9, 0x0a, 0x00, 0x00, 0x00,       /* 1015 jmp 1024: in the named one */
		0xe8, 0x00, 0x00, 0x00, 0x00,       /* 101a call 101f */
		0xcc,                               /* 101f int3 */
		0xc3, 0xc3, 0xc3, 0xc3, 0xc3,       /* 1020 named: ret... */
	};
	const struct code_range functions[] = {{0x1000, 0x10}, {0x1010, 0x0f}, {0x1020, 5}, {0}};
	const uint64_t names[] = {0x1000, 0x1020, 0};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), functions, names};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(plan_first(&bytes, &plan), 0);
	assert_int_equal(plan.parts.count, 2);
	assert_int_equal(plan.parts.items[1].vaddr, 0x1010);
	assert_int_equal(plan.returns.count, 3);
	assert_int_equal(plan.returns.items[0].vaddr, 0x1006);
	assert_int_equal(plan.returns.items[0].original, 0xc3);
	assert_int_equal(plan.returns.items[1].vaddr, 0x100d);
	assert_int_equal(plan.returns.items[2].vaddr, 0x1012);
	/* The third stands in unnamed code: others may end there, too. */
	assert_int_equal(plan.own_returns, 2);
	assert_int_equal(plan.tails.count, 3);
	assert_int_equal(plan.tails.items[0].vaddr, 0x1002);
	assert_int_equal(plan.tails.items[0].target_vaddr, 0x1020);
	assert_int_equal(plan.tails.items[1].slot_vaddr, 0x2000);
	assert_int_equal(plan.tails.items[1].target_vaddr, 0);
	assert_int_equal(plan.tails.items[2].target_vaddr, 0x1024);
	assert_int_equal(plan.blind_vaddr, 0);
	assert_string_equal(plan.note, "");
	exit_plan_release(&plan);
}

/* Runs on into what follows, as glibc's __memcpy_chk into memmove. */
static void test_running_on_is_a_tail(void **state)
{
	static const uint8_t code[] = {
		0x48, 0x39, 0xd1, /* 1000 cmp %rdx,%rcx */
		0x72, 0x02,       /* 1003 jb 1007 */
		0x90,             /* 1005 nop */
		0xc3,             /* 1006 ret: the next function */
		0x0f, 0x0b,       /* 1007 ud2 */
	};
	const struct code_range functions[] = {{0x1000, 5}, {0}};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), functions, NULL};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(plan_first(&bytes, &plan), 0);
	assert_int_equal(plan.returns.count, 0);
	assert_int_equal(plan.tails.count, 2);
	assert_int_equal(plan.tails.items[0].target_vaddr, 0x1007);
	assert_int_equal(plan.tails.items[1].target_vaddr, 0x1005);
	exit_plan_release(&plan);
}

/* One FDE over several functions of an assembly file: the one that is jumped to has a name. */
static void test_named_within_unnamed_is_a_tail(void **state)
{
	static const uint8_t code[] = {
		0xeb, 0x01, /* 1000 jmp 1003 */
		0xc3, 0xc3, /* 1002 ret; 1003 named: ret */
	};
	const struct code_range functions[] = {{0x1000, 2}, {0x1002, 2}, {0}};
	const uint64_t names[] = {0x1003, 0};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), functions, names};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(plan_first(&bytes, &plan), 0);
	assert_int_equal(plan.parts.count, 1);
	assert_int_equal(plan.tails.count, 1);
	exit_plan_release(&plan);
}

/* Stripped: the whole PLT is one unnamed stretch, but a jump to a stub of it leaves (jmp free@plt).
 */
static void test_plt_is_no_cold_part(void **state)
{
	static const uint8_t code[] = {
		0xeb, 0x06,                         /* 1000 jmp 1008 */
		0xff, 0x25, 0xf8, 0x0f, 0x00, 0x00, /* 1002 plt: jmp *0xff8(%rip) */
		0xff, 0x25, 0xfa, 0x0f, 0x00, 0x00, /* 1008 jmp *0xffa(%rip) */
	};
	const struct code_range functions[] = {{0x1000, 2}, {0x1002, 12}, {0}};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), functions, NULL};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(plan_first(&bytes, &plan), 0);
	assert_int_equal(plan.parts.count, 1);
	assert_int_equal(plan.tails.count, 1);
	assert_int_equal(plan.tails.items[0].target_vaddr, 0x1008);
	exit_plan_release(&plan);
}

static void test_first_inlined_copy(void **state)
{
	static const uint8_t code[] = {
		0xf3, 0xaa,             /* 1000 rep stosb */
		0xf2, 0x0f, 0x10, 0xc1, /* 1002 movsd %xmm1,%xmm0 */
		0xa4,                   /* 1006 movsb */
		0xf3, 0x48, 0xa5,       /* 1007 rep movsq */
		0xf3, 0xa4,             /* 100a rep movsb */
		0xc3,                   /* 100c ret */
	};
	const struct code_range functions[] = {{VADDR, sizeof(code)}, {0}};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), functions, NULL};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(plan_first(&bytes, &plan), 0);
	assert_int_equal(plan.rep_movs_vaddr, 0x1007);
	exit_plan_release(&plan);
}

static void test_undecodable(void **state)
{
	static const uint8_t code[] = {
		0xc3, /* 1000 ret */
		0x06, /* 1001 (bad) */
	};
	const struct code_range functions[] = {{0x1000, 2}, {0}};
	const struct code_range too_long[] = {{0x1000, 3}, {0}};
	struct code_bytes bytes = {VADDR, code, sizeof(code), functions, NULL};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(plan_first(&bytes, &plan), -ENOTSUP);
	assert_non_null(strstr(plan.note, "0x1001"));
	exit_plan_release(&plan);
	bytes.functions = too_long;
	assert_int_equal(plan_first(&bytes, &plan), -ENOTSUP);
	assert_non_null(strstr(plan.note, "not all code"));
	exit_plan_release(&plan);
}

/* The address of the jump that hides an end, or 0. */
static uint64_t blind_jump(const char *code, size_t count)
{
	const struct code_range functions[] = {{VADDR, count}, {0}};
	const struct code_bytes bytes = {VADDR, (const uint8_t *)code, count, functions, NULL};
	struct exit_plan plan;
	uint64_t blind;

	assert_int_equal(plan_first(&bytes, &plan), 0);
	blind = plan.blind_vaddr;
	assert_int_equal(!blind, !*plan.note);
	exit_plan_release(&plan);
	return blind;
}

#define BLIND(code) blind_jump(code, sizeof(code) - 1)

#define OFFSETS         "\x48\x63\x04\x82\x48\x01\xd0" /* movslq (%rdx,%rax,4),%rax; add %rdx,%rax */
#define JUMP_RAX        "\xff\xe0"                     /* jmp *%rax */
#define JUMP_POINTERS   "\xff\x24\xc2"                 /* jmp *(%rdx,%rax,8) */
#define LOAD_POINTER    "\x48\x8b\x04\xc2"             /* mov (%rdx,%rax,8),%rax */
#define PUSH_RBX        "\x53"
#define POP_RBX         "\x5b"
#define CALL            "\xe8\x00\x00\x00\x00"
#define ADD_16_TO_RSP   "\x48\x83\xc4\x10"
#define GROW_RSP_BY_128 "\x48\x83\xc4\x80" /* add $-128,%rsp */

static void test_jump_tables(void **state)
{
	(void)state;
	assert_int_equal(BLIND(OFFSETS JUMP_RAX), 0);
	/* unoptimised: mov (%rdx,%rax,1),%eax; cltq; add %rdx,%rax */
	assert_int_equal(BLIND("\x8b\x04\x02\x48\x98\x48\x01\xd0" JUMP_RAX), 0);
	assert_int_equal(BLIND("\x3e\xff\xe0"), 0); /* notrack jmp *%rax */
	assert_int_equal(BLIND(PUSH_RBX "\x74\x00" JUMP_POINTERS), 0);
	assert_int_equal(BLIND(PUSH_RBX "\x74\x00" LOAD_POINTER JUMP_RAX), 0);
	/* drops the call's arguments, not the frame */
	assert_int_equal(BLIND(CALL ADD_16_TO_RSP OFFSETS JUMP_RAX), 0);
	assert_int_equal(BLIND(GROW_RSP_BY_128 OFFSETS JUMP_RAX), 0);
}

static void test_tail_calls_through_pointers(void **state)
{
	(void)state;
	assert_int_equal(BLIND(JUMP_RAX), VADDR);
	assert_int_equal(BLIND("\xff\x60\x10"), VADDR); /* jmp *0x10(%rax) */
	assert_int_equal(BLIND(PUSH_RBX POP_RBX JUMP_RAX), VADDR + 2);
	assert_int_equal(BLIND(PUSH_RBX LOAD_POINTER POP_RBX JUMP_RAX), VADDR + 6);
	assert_int_equal(BLIND("\xc9" JUMP_POINTERS), VADDR + 1); /* leave */
	/* return handlers[i](x), without a frame */
	assert_int_equal(BLIND(JUMP_POINTERS), VADDR);
	/* the offset is overwritten: mov %rcx,%rax */
	assert_int_equal(BLIND(OFFSETS "\x48\x89\xc8" JUMP_RAX), VADDR + 10);
}

static void test_stub_slot(void **state)
{
	static const uint8_t code[] = {
		0xf3, 0x0f, 0x1e, 0xfa,                   /* 1000 endbr64 */
		0xf2, 0xff, 0x25, 0xf5, 0x0f, 0x00, 0x00, /* 1004 bnd jmp *0xff5(%rip) */
		0xc3,                                     /* 100b ret */
	};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), NULL, NULL};
	const struct code_view view = code_bytes_view(&bytes);
	uint64_t slot = 0;

	(void)state;
	assert_int_equal(plan_stub_slot(&view, 0x1000, &slot), 0);
	assert_int_equal(slot, 0x2000);
	assert_int_equal(plan_stub_slot(&view, 0x1004, &slot), 0);
	assert_int_equal(plan_stub_slot(&view, 0x100b, &slot), -ENOENT);
	assert_int_equal(plan_stub_slot(&view, 0x5000, &slot), -ENOENT);
}

/* ---- compiled, and run ---- */

/* Behind a barrier, so that nothing is known of it. */
static volatile int sink;

__attribute__((noinline, noclone, cold)) static void rare(int x)
{
	sink += x;
}

__attribute__((noinline, noclone)) static int tail_target(int x)
{
	if (x & 1)
		return sink + 1;
	sink = x;
	return x;
}

__attribute__((noinline, noclone)) static int several_returns(int x)
{
	if (x < 3)
		return sink;
	if (x > 8)
		return tail_target(x) + tail_target(x + 1);
	sink = x;
	return x * sink;
}

__attribute__((noinline, noclone)) static int with_switch(int x)
{
	int sum = tail_target(x);

	switch (x) {
	case 0:
		return sum + tail_target(5);
	case 1:
		return sum * sink;
	case 2:
		sink = 7;
		break;
	case 3:
		return tail_target(sum);
	case 4:
		rare(sum);
		return sum - 9;
	case 5:
		return sum ^ sink;
	case 6:
		sink += sum;
		return tail_target(sum + 2);
	}
	return sum;
}

__attribute__((noinline, noclone)) static int with_cold_part(int x)
{
	int sum = tail_target(x);

	if (__builtin_expect(x == 3, 0)) {
		rare(x);
		if (sink & 4)
			return tail_target(sum) + 5;
		rare(sum);
	}
	return sum + tail_target(sum);
}

static int (*const run_functions[])(int) = {several_returns, with_switch, with_cold_part};

#define ROUNDS 12

struct span_calls {
	int (*function)(int);
	uint64_t entry_vaddr;
	uint64_t rsp; /* of the call that is under way; 0: none */
	unsigned entries, ends, wrong;
};

static void call_function(void *context)
{
	struct span_calls *calls = context;

	for (int i = 0; i < ROUNDS; i++)
		calls->function(i);
}

static void count_span(void *context, uint64_t vaddr, const struct user_regs_struct *regs)
{
	struct span_calls *calls = context;

	if (vaddr == calls->entry_vaddr) {
		calls->wrong += calls->rsp != 0;
		calls->rsp = regs->rsp;
		calls->entries++;
	} else if (regs->rsp == calls->rsp) {
		calls->rsp = 0;
		calls->ends++;
	} /* else the end of a call further in: tail_target, as itself */
}

/* Adds the ends that plan's tail jumps lead to. */
static void follow_tails(const struct code_view *view, const struct exit_plan *plan,
			 probe_points *points)
{
	const struct tail_jump *tail;
	const struct probe_point *point, *known;

	array_each (tail, &plan->tails) {
		struct code_range range;
		code_ranges parts = {0};
		struct exit_plan next;

		assert_int_equal(tail->slot_vaddr, 0);
		assert_true(
			view->bounds(view->source, tail->target_vaddr, &range.vaddr, &range.bytes));
		assert_int_equal(array_push(&parts, range), 0);
		assert_int_equal(plan_exits(view, &parts, &next), 0);
		assert_int_equal(next.tails.count, 0);
		array_each (point, &next.returns) {
			array_each (known, points)
				if (known->vaddr == point->vaddr)
					break;
			if (known == points->items + points->count)
				assert_int_equal(array_push(points, *point), 0);
		}
		exit_plan_release(&next);
		array_release(&parts);
	}
}

static void run_and_count(int (*function)(int))
{
	struct span_calls *calls = live_shared(sizeof(*calls));
	const uint64_t names[] = {(uint64_t)function, (uint64_t)tail_target, (uint64_t)rare, 0};
	const struct code_view view = live_view(names);
	struct code_range range;
	code_ranges parts = {0};
	struct exit_plan plan;
	struct probe_point entry;
	probe_points points = {0};
	const struct probe_point *point;

	assert_true(view.bounds(NULL, (uint64_t)function, &range.vaddr, &range.bytes));
	assert_int_equal(range.vaddr, (uint64_t)function);
	assert_int_equal(plan_entry(&view, range, &entry), 0);
	assert_int_equal(array_push(&parts, range), 0);
	assert_int_equal(plan_exits(&view, &parts, &plan), 0);
	assert_int_equal(plan.blind_vaddr, 0);

	assert_int_equal(array_push(&points, entry), 0);
	array_each (point, &plan.returns)
		assert_int_equal(array_push(&points, *point), 0);
	follow_tails(&view, &plan, &points);
	calls->function = function;
	calls->entry_vaddr = entry.vaddr;
	live_run(&points, call_function, count_span, calls);
	assert_int_equal(calls->entries, ROUNDS);
	assert_int_equal(calls->ends, ROUNDS);
	assert_int_equal(calls->wrong, 0);

	exit_plan_release(&plan);
	array_release(&parts);
	array_release(&points);
	munmap(calls, sizeof(*calls));
}

static void test_compiled_functions_end_once_per_call(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(run_functions); i++)
		run_and_count(run_functions[i]);
}

/* All of libc, function by function, as a stripped file shows it: nothing that cannot be read. */
static void test_all_of_libc_is_planned(void **state)
{
	const struct code_view view = live_view(NULL);
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	struct live_module module = live_module_at((uint64_t)dlsym(libc, "qsort"));
	size_t functions = 0, with_ends = 0, points = 0;
	uint64_t vaddr = module.vaddr;

	(void)state;
	assert_true(module.found);
	while (vaddr < module.code_end) {
		struct code_range range;
		code_ranges parts = {0};
		struct probe_point entry;
		struct exit_plan plan;

		if (!view.bounds(NULL, vaddr, &range.vaddr, &range.bytes)) {
			vaddr++;
			continue;
		}
		assert_int_equal(array_push(&parts, range), 0);
		assert_int_equal(plan_exits(&view, &parts, &plan), 0);
		functions++;
		with_ends += plan.returns.count || plan.tails.count || plan.blind_vaddr;
		points += !plan_entry(&view, range, &entry);
		exit_plan_release(&plan);
		array_release(&parts);
		vaddr = range.vaddr + range.bytes;
	}
	assert_true(functions > 1000);
	assert_true(with_ends > functions * 9 / 10);
	assert_true(points > functions * 9 / 10);
	dlclose(libc);
}

/*
 * A symbol whose stated size ends within what .eh_frame takes for one function: both are scanned,
 * and two probes on one return would count an end twice.
 */
static void test_return_in_two_parts_is_one(void **state)
{
	static const uint8_t code[] = {
		0x74, 0x01,       /* 1000 je 1003 */
		0xc3,             /* 1002 ret */
		0x90, 0x90, 0xc3, /* 1003 nop, nop, ret */
	};
	const struct code_range functions[] = {{0x1000, 3}, {0x1000, 6}, {0}};
	const struct code_bytes bytes = {VADDR, code, sizeof(code), functions, NULL};
	struct exit_plan plan;

	(void)state;
	assert_int_equal(plan_first(&bytes, &plan), 0);
	assert_int_equal(plan.parts.count, 2);
	assert_int_equal(plan.returns.count, 2);
	assert_int_equal(plan.own_returns, 1);
	assert_int_equal(plan.returns.items[0].vaddr, 0x1002);
	assert_int_equal(plan.returns.items[1].vaddr, 0x1005);
	exit_plan_release(&plan);
}

/* A file that calls all of its megabytes one function must not keep memwatch busy, or full. */
static void test_no_function_is_that_large(void **state)
{
	static uint8_t code[8 << 20];
	const struct code_range large[] = {{VADDR, sizeof(code)}, {0}};
	const struct code_range returns[] = {{VADDR, 8192}, {0}};
	struct code_bytes bytes = {VADDR, code, sizeof(code), large, NULL};
	struct exit_plan plan;

	(void)state;
	memset(code, 0x90, sizeof(code));
	assert_int_equal(plan_first(&bytes, &plan), -ENOTSUP);
	assert_string_equal(plan.note,
			    "it states a size of 8388608 bytes: no function is that large");
	exit_plan_release(&plan);

	memset(code, 0xc3, sizeof(code));
	bytes.functions = returns;
	assert_int_equal(plan_first(&bytes, &plan), -ENOTSUP);
	assert_string_equal(plan.note, "it has more than 4096 returns");
	exit_plan_release(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_returns_tails_and_cold),
		cmocka_unit_test(test_running_on_is_a_tail),
		cmocka_unit_test(test_named_within_unnamed_is_a_tail),
		cmocka_unit_test(test_plt_is_no_cold_part),
		cmocka_unit_test(test_first_inlined_copy),
		cmocka_unit_test(test_undecodable),
		cmocka_unit_test(test_jump_tables),
		cmocka_unit_test(test_tail_calls_through_pointers),
		cmocka_unit_test(test_stub_slot),
		cmocka_unit_test(test_return_in_two_parts_is_one),
		cmocka_unit_test(test_no_function_is_that_large),
		cmocka_unit_test(test_compiled_functions_end_once_per_call),
		cmocka_unit_test(test_all_of_libc_is_planned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
