// SPDX-License-Identifier: GPL-2.0-only
/* The machine's own libc: its doors, called under breakpoints on the points of its gates. */
#include <string.h>
#include <sys/uio.h>

#include "code_bytes.h"
#include "live_code.h"
#include "plan/gate.h"

static const char *const door_names[] = {"memmove",      "memcpy",        "mempcpy",
					 "__memcpy_chk", "__memmove_chk", "__mempcpy_chk"};
#define DOORS       COUNT(door_names)
#define CALLS_MOST  4096
#define LARGEST     (3 << 20)
#define BUFFER      (3 * (size_t)LARGEST)
#define LOWER_BYTES 2048

typedef void *(*copy_routine)(void *, const void *, size_t, size_t);

struct call {
	const char *dst, *src;
	size_t size;
	unsigned door, hits;
	bool is_wrong;
};

/* Written by the test, worked off by the child. */
struct calls {
	copy_routine routines[DOORS];
	char buffer[BUFFER];
	struct call calls[CALLS_MOST];
	size_t count;
	volatile size_t at;
};

static bool read_own_memory(const void *source, uint64_t vaddr, void *bytes, size_t count)
{
	struct iovec local = {bytes, count}, remote = {(void *)vaddr, count};

	(void)source;
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)count;
}

static const struct memory_view own_memory = {read_own_memory, NULL};

struct counting {
	struct calls *calls;
	const struct gate_plan *plan;
};

static void call_doors(void *context)
{
	struct calls *calls = ((struct counting *)context)->calls;

	for (calls->at = 0; calls->at < calls->count; calls->at++) {
		struct call *call = &calls->calls[calls->at];

		calls->routines[call->door]((void *)call->dst, call->src, call->size, LARGEST);
	}
}

static uint64_t register_of(const struct user_regs_struct *regs, uint8_t number)
{
	const uint64_t values[] = {regs->rax, regs->rcx, regs->rdx, regs->rbx, regs->rsp, regs->rbp,
				   regs->rsi, regs->rdi, regs->r8,  regs->r9,  regs->r10, regs->r11,
				   regs->r12, regs->r13, regs->r14, regs->r15};

	return values[number];
}

static void count_copy(void *context, uint64_t vaddr, const struct user_regs_struct *regs)
{
	struct counting *counting = context;
	struct call *call = &counting->calls->calls[counting->calls->at];
	const struct gate_point *point;

	call->hits++;
	array_each (point, &counting->plan->points) {
		if (point->point.vaddr != vaddr)
			continue;
		call->is_wrong |= register_of(regs, point->point.in.dst) != (uint64_t)call->dst ||
				  register_of(regs, point->point.in.src) != (uint64_t)call->src ||
				  register_of(regs, point->point.in.size) != call->size ||
				  call->size < point->least_bytes || call->size > point->most_bytes;
	}
}

static void add_call(struct calls *calls, size_t size)
{
	/* Apart, overlapping with the destination below and above, and onto itself. */
	static const size_t places[][2] = {
		{LARGEST + 4096 + 7, 5}, {40, 3}, {3, 40}, {64, 64}, {4096 * 2, 4096}};

	if (size > LARGEST)
		return;
	for (size_t i = 0; i < COUNT(places) && calls->count < CALLS_MOST; i++) {
		calls->calls[calls->count] = (struct call){
			.dst = calls->buffer + places[i][0],
			.src = calls->buffer + places[i][1],
			.size = size,
			.door = (unsigned)(calls->count % DOORS),
		};
		calls->count++;
	}
}

/* At, before and behind each size at which the routine parts the copies. */
static void add_calls(struct calls *calls, const gate_sizes *sizes)
{
	const uint64_t *size;

	calls->count = 0;
	for (size_t i = 0; i <= 16; i++)
		add_call(calls, i);
	array_each (size, sizes)
		for (uint64_t near = *size - 1; near <= *size + 1; near++)
			add_call(calls, near);
	for (size_t i = 17; i <= LARGEST; i = i * 5 / 4 + 3)
		add_call(calls, i);
}

static void check_gate(struct calls *calls, const struct gate_plan *plan)
{
	struct counting counting = {calls, plan};
	const struct gate_point *point;
	probe_points points = {0};

	array_each (point, &plan->points)
		assert_int_equal(array_push(&points, point->point), 0);
	for (size_t i = 0; i < calls->count; i++)
		calls->calls[i].hits = 0;
	live_run(&points, call_doors, count_copy, &counting);
	for (size_t i = 0; i < calls->count; i++) {
		const struct call *call = &calls->calls[i];

		assert_false(call->is_wrong);
		if (call->size >= plan->from_bytes && call->hits != 1)
			fail_msg("%zu bytes by %s, from %lu: %u hits", call->size,
				 door_names[call->door], plan->from_bytes, call->hits);
		assert_true(call->hits <= 1);
		assert_true(call->size >= plan->least_bytes || !call->hits);
	}
	array_release(&points);
}

struct libc_doors {
	void *libc;
	struct copy_door doors[DOORS];
};

static struct libc_doors open_libc(void)
{
	struct libc_doors open = {.libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD)};

	assert_non_null(open.libc);
	for (size_t i = 0; i < DOORS; i++) {
		void *address = dlsym(open.libc, door_names[i]);

		assert_non_null(address);
		open.doors[i] = (struct copy_door){door_names[i], (uint64_t)address};
	}
	return open;
}

/* The gate of each of its sizes counts what it says. */
static void test_libc_gates(void **state)
{
	struct calls *calls = live_shared(sizeof(*calls));
	const struct code_view view = live_view(NULL);
	struct libc_doors libc = open_libc();
	char reason[PLAN_REASON_BYTES];
	gate_sizes sizes = {0};
	const uint64_t *size;

	(void)state;
	for (size_t i = 0; i < DOORS; i++)
		calls->routines[i] = (copy_routine)libc.doors[i].vaddr;
	assert_int_equal(
		plan_gate_sizes(&view, &own_memory, false, libc.doors, DOORS, &sizes, reason), 0);
	assert_true(sizes.count > 4);
	add_calls(calls, &sizes);
	array_each (size, &sizes) {
		struct gate_plan plan;

		if (plan_gate(&view, &own_memory, false, libc.doors, DOORS, *size, &plan, reason))
			fail_msg("%lu: %s", *size, reason);
		check_gate(calls, &plan);
		gate_plan_release(&plan);
	}
	array_release(&sizes);
	munmap(calls, sizeof(*calls));
	dlclose(libc.libc);
}

/*
 * The size from which all levels but the lowest count: 2 KiB or a little more. None of the points
 * is dearer than need be, and no copy of less than the gate's own bound passes.
 */
static void test_libc_has_a_gate_for_large_copies(void **state)
{
	const struct code_view view = live_view(NULL);
	struct libc_doors libc = open_libc();
	char reason[PLAN_REASON_BYTES];
	const struct gate_point *point;
	gate_sizes sizes = {0};
	struct gate_plan plan;
	size_t at = 0;

	(void)state;
	assert_int_equal(
		plan_gate_sizes(&view, &own_memory, false, libc.doors, DOORS, &sizes, reason), 0);
	while (at < sizes.count && sizes.items[at] < LOWER_BYTES)
		at++;
	assert_true(at < sizes.count);
	assert_int_equal(plan_gate(&view, &own_memory, false, libc.doors, DOORS, sizes.items[at],
				   &plan, reason),
			 0);
	array_each (point, &plan.points) {
		assert_int_equal(point->point.probe, PROBE_EMULATED);
		assert_int_equal(point->point.original, *(const uint8_t *)point->point.vaddr);
		assert_true(point->least_bytes >= 128);
	}
	assert_true(plan.returns.count > 0);
	gate_plan_release(&plan);
	array_release(&sizes);
	dlclose(libc.libc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libc_gates),
		cmocka_unit_test(test_libc_has_a_gate_for_large_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
