// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "choose/tails.h"

/* ---- functions that leave by jumps; none is ever called ---- */

#define FUNCTION(name, body)                                                                       \
	__asm__(".pushsection .text\n.type " name ", @function\n" name ":\n" body "\n.size " name  \
		", . - " name "\n.popsection\n")

/* A chain over three, with ends on the way. */
FUNCTION("chain_first", "jmp chain_middle");
FUNCTION("chain_middle", "je chain_last\n chain_middle_end: ret");
FUNCTION("chain_last", "nop\n je 1f\n chain_last_end: ret\n 1: nop\n chain_last_end2: ret");
/* Two ways to one function. */
FUNCTION("fork_first", "je fork_left\n jmp fork_right");
FUNCTION("fork_left", "jmp fork_both");
FUNCTION("fork_right", "jmp fork_both");
FUNCTION("fork_both", "fork_both_end: ret");
/* They jump to each other, and the second to itself by its name. */
FUNCTION("circle_first", "jne circle_second\n circle_first_end: ret");
FUNCTION("circle_second", "je circle_second\n jmp circle_first");
/* They jump to each other in two ways, and on into the chain. */
FUNCTION("spin_first", "je spin_second\n jl spin_second\n jmp chain_first");
FUNCTION("spin_second", "je spin_first\n jl spin_first\n jmp chain_first");
/* What it leads to was moved away in part. */
FUNCTION("warm_first", "jmp warm");
FUNCTION("warm", "jne warm.cold\n warm_end: ret");
FUNCTION("warm.cold", "nop\n warm_cold_end: ret");
/* Through the loader's pointers: a stub of the PLT, and the pointer itself. */
FUNCTION("by_stub", "jmp getppid@PLT");
FUNCTION("by_pointer", "jmp *getppid@GOTPCREL(%rip)");
FUNCTION("by_chain", "jmp by_stub");
/* musl's, stripped: it leads to code whose bounds nobody states. */
FUNCTION("unbounded_first", "jmp unbounded");
__asm__(".pushsection .text\nunbounded: je 1f\n call fork_both\n"
	" unbounded_end: ret\n 1: jmp chain_last\n.popsection\n");
/* One leads to what is no code, and one to what is fine. */
FUNCTION("spoilt_first", "je spoilt\n jmp fork_both");
FUNCTION("spoilt", ".byte 0x06\n ret");
/* Through a virtual table, as clang 14 ends llvm::raw_ostream::flush_tied_then_write(). */
FUNCTION("virtual_first", "je chain_last\n jmp virtual_middle");
FUNCTION("virtual_middle", "jmp virtual_last");
FUNCTION("virtual_last", "mov 0x48(%rax), %rax\n virtual_jump: jmp *%rax");
/* A state machine: 40 functions, each with an end. */
__asm__(".pushsection .text\n"
	".altmacro\n"
	".macro one_state number, next\n"
	".type state\\number, @function\n"
	"state\\number: je state\\next\n ret\n"
	".size state\\number, . - state\\number\n"
	".endm\n"
	".set number, 0\n"
	".rept 40\n"
	" one_state %number, %(number + 1)\n"
	" .set number, number + 1\n"
	".endr\n"
	".type state40, @function\n"
	"state40: ret\n"
	".size state40, . - state40\n"
	".noaltmacro\n"
	".popsection\n");

/* ---- this program as a module ---- */

/*
 * modules_get() would open the file by /proc/PID/map_files, which is root's, so the module is put
 * together here.
 */
static int open_module(void **state)
{
	static struct module module = {.name = "own", .path = "/proc/self/exe"};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int err = elf_image_open(fd, &module.image);

	close(fd);
	module.code = module_code_of(module.image);
	*state = &module;
	return err;
}

static int close_module(void **state)
{
	struct module *module = *state;

	elf_image_free(module->image);
	return 0;
}

static uint64_t vaddr_of(const struct module *module, const char *name)
{
	elf_symbols found = {0};
	uint64_t vaddr;

	assert_int_equal(elf_find_symbols(module->image, name, &found), 0);
	assert_int_equal(found.count, 1);
	vaddr = found.items[0].vaddr;
	array_release(&found);
	return vaddr;
}

/* ---- what the loader is said to have bound ---- */

struct binding {
	struct module *module; /* whose slot it must be */
	const struct tail_target *targets;
	size_t count;
	int err;
	unsigned calls;
};

static int bind_slot(void *context, const struct module *module, uint64_t slot_vaddr,
		     tail_targets *targets)
{
	struct binding *binding = context;
	const char *symbol = elf_slot_symbol(module->image, slot_vaddr);

	binding->calls++;
	assert_ptr_equal(module, binding->module);
	assert_non_null(symbol);
	assert_string_equal(symbol, "getppid");
	for (size_t i = 0; i < binding->count; i++)
		assert_int_equal(array_push(targets, binding->targets[i]), 0);
	return binding->err;
}

/* Follows the tails of a function of this program. */
static int follow_blind(struct module *module, const char *name, struct binding *binding,
			shared_ends *ends, struct blind_jump *blind)
{
	struct binding none = {.module = module};
	code_ranges parts = {0};
	struct exit_plan exits;
	int err;

	assert_int_equal(module_function_parts(module, vaddr_of(module, name), &parts), 0);
	assert_int_equal(plan_exits(&module->code, &parts, &exits), 0);
	assert_true(exits.tails.count > 0);
	err = tails_follow(module, &exits.tails, bind_slot, binding ? binding : &none, ends, blind);
	exit_plan_release(&exits);
	array_release(&parts);
	return err;
}

static int follow(struct module *module, const char *name, struct binding *binding,
		  shared_ends *ends)
{
	struct blind_jump blind;
	int err = follow_blind(module, name, binding, ends, &blind);

	assert_null(blind.module);
	return err;
}

/* The address of a label, which is no symbol of a function. */
#define LABEL_VADDR(label)                                                                         \
	({                                                                                         \
		uint64_t label_addr_;                                                              \
		__asm__("lea " label "(%%rip), %0" : "=r"(label_addr_));                           \
		label_addr_ - load_bias();                                                         \
	})

static int visit_program(struct dl_phdr_info *info, size_t bytes, void *bias)
{
	(void)bytes;
	*(uint64_t *)bias = info->dlpi_addr;
	return 1; /* the program itself comes first */
}

static uint64_t load_bias(void)
{
	uint64_t bias = 0;

	dl_iterate_phdr(visit_program, &bias);
	return bias;
}

static void assert_end(const shared_ends *ends, const struct module *module, uint64_t vaddr)
{
	const struct shared_end *end;
	unsigned found = 0;

	array_each (end, ends) {
		if (end->module != module || end->point.vaddr != vaddr)
			continue;
		found++;
		assert_int_equal(end->point.original, 0xc3);
		assert_int_equal(end->point.probe, PROBE_STEPPED);
		assert_true(*end->point.reason);
	}
	assert_int_equal(found, 1);
}

/* ---- tests ---- */

static void a_chain_ends_at_all_its_returns(void **state)
{
	struct module *module = *state;
	shared_ends ends = {0};

	assert_int_equal(follow(module, "chain_first", NULL, &ends), 0);
	assert_int_equal(ends.count, 3);
	assert_end(&ends, module, LABEL_VADDR("chain_middle_end"));
	assert_end(&ends, module, LABEL_VADDR("chain_last_end"));
	assert_end(&ends, module, LABEL_VADDR("chain_last_end2"));
	array_release(&ends);
}

static void two_ways_to_one_end(void **state)
{
	struct module *module = *state;
	shared_ends ends = {0};

	assert_int_equal(follow(module, "fork_first", NULL, &ends), 0);
	assert_int_equal(ends.count, 1);
	assert_end(&ends, module, LABEL_VADDR("fork_both_end"));
	/* Nor does another function's tail bring the end a second time. */
	assert_int_equal(follow(module, "fork_left", NULL, &ends), 0);
	assert_int_equal(ends.count, 1);
	assert_int_equal(follow(module, "chain_first", NULL, &ends), 0);
	assert_int_equal(ends.count, 4);
	array_release(&ends);
}

static void circles_come_to_an_end(void **state)
{
	struct module *module = *state;
	shared_ends ends = {0};

	assert_int_equal(follow(module, "circle_second", NULL, &ends), 0);
	assert_int_equal(ends.count, 1);
	assert_end(&ends, module, LABEL_VADDR("circle_first_end"));
	array_release(&ends);
	assert_int_equal(follow(module, "circle_first", NULL, &ends), 0);
	assert_int_equal(ends.count, 1);
	array_release(&ends);
	/* Nor do the rounds take the place of what is behind them. */
	assert_int_equal(follow(module, "spin_first", NULL, &ends), 0);
	assert_int_equal(ends.count, 3);
	assert_end(&ends, module, LABEL_VADDR("chain_last_end"));
	array_release(&ends);
}

static void state_machines_are_cut(void **state)
{
	struct module *module = *state;
	shared_ends ends = {0};

	assert_int_equal(follow(module, "state0", NULL, &ends), 0);
	assert_true(ends.count >= 8);
	assert_true(ends.count < 40);
	array_release(&ends);
}

static void cold_parts_have_ends_too(void **state)
{
	struct module *module = *state;
	shared_ends ends = {0};

	assert_int_equal(follow(module, "warm_first", NULL, &ends), 0);
	assert_int_equal(ends.count, 2);
	assert_end(&ends, module, LABEL_VADDR("warm_end"));
	assert_end(&ends, module, LABEL_VADDR("warm_cold_end"));
	array_release(&ends);
}

/* Into another module, by each way of jumping there. */
static void code_without_bounds_has_ends_too(void **state)
{
	struct module *module = *state;
	shared_ends ends = {0};

	assert_int_equal(follow(module, "unbounded_first", NULL, &ends), 0);
	assert_int_equal(ends.count, 3);
	assert_end(&ends, module, LABEL_VADDR("unbounded_end"));
	assert_end(&ends, module, LABEL_VADDR("chain_last_end"));
	assert_end(&ends, module, LABEL_VADDR("chain_last_end2"));
	array_release(&ends);
}

static void what_the_loader_bound_is_followed(void **state)
{
	static const char *const names[] = {"by_stub", "by_pointer", "by_chain"};
	struct module *module = *state, other = *module;
	const struct tail_target targets[] = {{&other, vaddr_of(module, "chain_last")},
					      {module, vaddr_of(module, "fork_left")},
					      {&other, vaddr_of(module, "chain_last")}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct binding binding = {.module = module, .targets = targets, .count = 3};
		shared_ends ends = {0};

		assert_int_equal(follow(module, names[i], &binding, &ends), 0);
		assert_int_equal(binding.calls, 1);
		assert_int_equal(ends.count, 3);
		assert_end(&ends, &other, LABEL_VADDR("chain_last_end"));
		assert_end(&ends, &other, LABEL_VADDR("chain_last_end2"));
		assert_end(&ends, module, LABEL_VADDR("fork_both_end"));
		array_release(&ends);
	}
}

/* The same place in two files is two places. */
static void modules_are_told_apart(void **state)
{
	struct module *module = *state, other = *module;
	const struct tail_target targets[] = {{&other, vaddr_of(module, "fork_both")},
					      {module, vaddr_of(module, "fork_both")}};
	struct binding binding = {.module = module, .targets = targets, .count = 2};
	shared_ends ends = {0};

	assert_int_equal(follow(module, "by_stub", &binding, &ends), 0);
	assert_int_equal(ends.count, 2);
	assert_end(&ends, module, LABEL_VADDR("fork_both_end"));
	assert_end(&ends, &other, LABEL_VADDR("fork_both_end"));
	array_release(&ends);
}

static void what_leads_nowhere_is_left_out(void **state)
{
	struct module *module = *state;
	const struct tail_target nowhere[] = {{module, 1},
					      {module, UINT64_MAX},
					      {module, vaddr_of(module, "spoilt")},
					      {module, vaddr_of(module, "fork_both")}};
	struct binding binding = {.module = module};
	struct blind_jump blind;
	shared_ends ends = {0};

	/* The loader's pointer is not known to lead anywhere. */
	assert_int_equal(follow(module, "by_stub", &binding, &ends), 0);
	assert_int_equal(binding.calls, 1);
	assert_int_equal(ends.count, 0);
	/* It leads to what is no function, or none that can be read; the others count. */
	binding = (struct binding){.module = module, .targets = nowhere, .count = 4};
	assert_int_equal(follow_blind(module, "by_pointer", &binding, &ends, &blind), 0);
	assert_ptr_equal(blind.module, module);
	assert_int_equal(blind.function_vaddr, 1);
	assert_int_equal(blind.vaddr, 0);
	assert_true(*blind.why);
	assert_int_equal(ends.count, 1);
	assert_end(&ends, module, LABEL_VADDR("fork_both_end"));
	array_release(&ends);
	assert_int_equal(follow_blind(module, "spoilt_first", NULL, &ends, &blind), 0);
	assert_int_equal(blind.function_vaddr, vaddr_of(module, "spoilt"));
	assert_int_equal(ends.count, 1);
	assert_end(&ends, module, LABEL_VADDR("fork_both_end"));
	array_release(&ends);
}

static void an_end_that_is_not_seen_is_told(void **state)
{
	struct module *module = *state;
	struct blind_jump blind;
	shared_ends ends = {0};

	assert_int_equal(follow_blind(module, "virtual_first", NULL, &ends, &blind), 0);
	assert_ptr_equal(blind.module, module);
	assert_int_equal(blind.function_vaddr, vaddr_of(module, "virtual_last"));
	assert_int_equal(blind.vaddr, LABEL_VADDR("virtual_jump"));
	/* The ends that are seen count. */
	assert_int_equal(ends.count, 2);
	assert_end(&ends, module, LABEL_VADDR("chain_last_end"));
	assert_end(&ends, module, LABEL_VADDR("chain_last_end2"));
	array_release(&ends);
}

static void no_tails_no_ends(void **state)
{
	struct module *module = *state;
	struct binding binding = {.module = module};
	const tail_jumps none = {0};
	struct blind_jump blind;
	shared_ends ends = {0};

	assert_int_equal(tails_follow(module, &none, bind_slot, &binding, &ends, &blind), 0);
	assert_null(blind.module);
	assert_int_equal(ends.count, 0);
	assert_int_equal(binding.calls, 0);
}

static void memory_that_is_out_is_told(void **state)
{
	struct module *module = *state;
	const struct tail_target target = {module, vaddr_of(module, "fork_both")};
	struct binding binding = {.module = module, .targets = &target, .count = 1, .err = -ENOMEM};
	shared_ends ends = {0};

	assert_int_equal(follow(module, "by_stub", &binding, &ends), -ENOMEM);
	assert_int_equal(follow(module, "by_chain", &binding, &ends), -ENOMEM);
	array_release(&ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_ends_at_all_its_returns),
		cmocka_unit_test(two_ways_to_one_end),
		cmocka_unit_test(circles_come_to_an_end),
		cmocka_unit_test(state_machines_are_cut),
		cmocka_unit_test(cold_parts_have_ends_too),
		cmocka_unit_test(code_without_bounds_has_ends_too),
		cmocka_unit_test(what_the_loader_bound_is_followed),
		cmocka_unit_test(modules_are_told_apart),
		cmocka_unit_test(what_leads_nowhere_is_left_out),
		cmocka_unit_test(an_end_that_is_not_seen_is_told),
		cmocka_unit_test(no_tails_no_ends),
		cmocka_unit_test(memory_that_is_out_is_told),
	};

	return cmocka_run_group_tests(tests, open_module, close_module);
}
