// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loops in assembly, as compilers make them, and all of libc's: which are copies. Those that
 * compilers made of a copy are executed, and most of what they execute must be known as one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include "loop_shapes.h"
#include "plan/inlined_copy.h"
#include "plan/walk.h"
#include "routine_file.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SHAPE_VADDR  0x1000

static struct inlined_copy inlined_at(const struct code_view *code, uint64_t vaddr)
{
	struct inlined_copy copy;

	assert_int_equal(plan_inlined_copy(code, vaddr, &copy), 0);
	assert_true(*copy.reason);
	if (copy.kind != INLINED_NONE)
		assert_true(copy.start_vaddr <= vaddr && vaddr < copy.end_vaddr);
	return copy;
}

/* ---- in assembly ---- */

static uint64_t vaddr_in(const struct loop_shape *shape, const uint8_t *at)
{
	return SHAPE_VADDR + (uint64_t)(at - shape->start);
}

static void check_copy(const struct loop_shape *shape, const struct code_view *code, uint64_t vaddr)
{
	struct inlined_copy copy = inlined_at(code, vaddr);

	if (copy.kind != INLINED_LOOP)
		fail_msg("%s, %#lx: %s", shape->name, vaddr, copy.reason);
	if (!strstr(copy.reason, shape->reason))
		fail_msg("%s is described as %s", shape->name, copy.reason);
	assert_int_equal(copy.start_vaddr, vaddr_in(shape, shape->loop));
	assert_int_equal(copy.end_vaddr, vaddr_in(shape, shape->done));
}

static void check_other(const struct loop_shape *shape, const struct code_view *code,
			uint64_t vaddr)
{
	struct inlined_copy copy = inlined_at(code, vaddr);

	if (copy.kind != INLINED_NONE)
		fail_msg("%s, %#lx: taken for %s", shape->name, vaddr, copy.reason);
	/* At the start of the loop, where no other is around it. */
	if (vaddr == vaddr_in(shape, shape->loop) && !strstr(copy.reason, shape->reason))
		fail_msg("%s, %#lx: %s", shape->name, vaddr, copy.reason);
}

/* What leads to a loop from before it is seen in a function alone. */
static bool needs_bounds(const struct loop_shape *shape)
{
	static const char *const names[] = {"entered_at_load", "entered_behind_load",
					    "detour_around"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (!strcmp(names[i], shape->name))
			return true;
	return false;
}

/* At each of its instructions; is_copy: that of the loop is one. */
static void check_shape(const struct loop_shape *shape, bool has_bounds, bool is_copy)
{
	const struct code_range functions[] = {
		{SHAPE_VADDR, (uint64_t)(shape->end - shape->start)},
		{0, 0},
	};
	const struct code_bytes bytes = {SHAPE_VADDR, shape->start,
					 (size_t)(shape->end - shape->start),
					 has_bounds ? functions : NULL, NULL};
	const struct code_view code = code_bytes_view(&bytes);
	struct code_sweep sweep;
	struct insn insn;
	int more;

	assert_int_equal(sweep_start(&sweep, &code, &functions[0]), 0);
	while ((more = sweep_next(&sweep, &insn)) > 0) {
		if (is_copy && insn.vaddr >= vaddr_in(shape, shape->loop) &&
		    insn.vaddr < vaddr_in(shape, shape->done))
			check_copy(shape, &code, insn.vaddr);
		else
			check_other(shape, &code, insn.vaddr);
	}
	assert_int_equal(more, 0);
}

static void loops_that_copy_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(copying_shapes); i++) {
		check_shape(&copying_shapes[i], true, true);
		if (!needs_bounds(&copying_shapes[i]))
			check_shape(&copying_shapes[i], false, true);
	}
}

static void other_loops_are_not_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(other_shapes); i++) {
		check_shape(&other_shapes[i], true, false);
		if (!needs_bounds(&other_shapes[i]))
			check_shape(&other_shapes[i], false, false);
	}
}

static void of_two_loops_the_inner_one_counts(void **state)
{
	const struct loop_shape shape = SHAPE(outer, "");
	const struct code_range functions[] = {
		{SHAPE_VADDR, (uint64_t)(shape.end - shape.start)},
		{0, 0},
	};
	const struct code_bytes bytes = {SHAPE_VADDR, shape.start,
					 (size_t)(shape.end - shape.start), functions, NULL};
	const struct code_view code = code_bytes_view(&bytes);
	struct inlined_copy copy = inlined_at(&code, SHAPE_VADDR);

	(void)state;
	assert_int_equal(copy.kind, INLINED_NONE);
	copy = inlined_at(&code, SHAPE_VADDR + 2);
	assert_int_equal(copy.kind, INLINED_LOOP);
	assert_int_equal(copy.start_vaddr, SHAPE_VADDR + 2);
	copy = inlined_at(&code, copy.end_vaddr);
	assert_int_equal(copy.kind, INLINED_NONE);
}

static void rep_movs_is_one_of_itself(void **state)
{
	static const uint8_t repeated[][4] = {
		{0xf3, 0xa4, 0xc3},       /* rep movsb */
		{0xf3, 0x66, 0xa5, 0xc3}, /* rep movsw */
		{0xf3, 0xa5, 0xc3},       /* rep movsl */
		{0xf3, 0x48, 0xa5, 0xc3}, /* rep movsq */
	};
	static const uint8_t others[][4] = {
		{0xa4, 0xc3},             /* movsb */
		{0xf3, 0xaa, 0xc3},       /* rep stosb */
		{0xf3, 0x48, 0xab, 0xc3}, /* rep stosq */
		{0xf3, 0xa6, 0xc3},       /* repe cmpsb */
		{0xf2, 0xae, 0xc3},       /* repne scasb */
		{0x06},                   /* none at all */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(repeated); i++) {
		const struct code_bytes bytes = {SHAPE_VADDR, repeated[i], 4, NULL, NULL};
		const struct code_view code = code_bytes_view(&bytes);
		struct inlined_copy copy = inlined_at(&code, SHAPE_VADDR);

		assert_int_equal(copy.kind, INLINED_REP_MOVS);
		assert_int_equal(copy.start_vaddr, SHAPE_VADDR);
		assert_int_equal(copy.end_vaddr, SHAPE_VADDR + 2 + i % 2);
		assert_non_null(strstr(copy.reason, "0x1000: rep movs"));
	}
	for (size_t i = 0; i < COUNT(others); i++) {
		const struct code_bytes bytes = {SHAPE_VADDR, others[i], 4, NULL, NULL};
		const struct code_view code = code_bytes_view(&bytes);

		assert_int_equal(inlined_at(&code, SHAPE_VADDR).kind, INLINED_NONE);
		assert_int_equal(inlined_at(&code, SHAPE_VADDR + 0x100).kind, INLINED_NONE);
	}
}

/* ---- as compilers make them ---- */

static const char *const builds[] = {"O1", "O2", "O3", "Os", "clang", "avx2", "avx512"};

/* Multiples of 192, as inlined_loops.c wants them; a step takes some 10 µs. */
#define AREA_BYTES   6144
#define SCALAR_BYTES 768
/* In percent: the rest is what is executed before and behind a loop, of so few bytes. */
#define LEAST_SHARE 50

static bool cpu_executes(const char *build)
{
	if (!strcmp(build, "avx2"))
		return __builtin_cpu_supports("avx2");
	return strcmp(build, "avx512") ||
	       (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"));
}

/* One routine while it is executed step by step. */
static struct {
	const uint8_t *base;
	uint64_t vaddr, end_vaddr;
	uint8_t *is_copy; /* for each byte from vaddr on where an instruction starts */
	unsigned long steps, copying;
} stepped;

static void count_step(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *at = context;
	uint64_t vaddr = (uint64_t)at->uc_mcontext.gregs[REG_RIP] - (uint64_t)stepped.base;

	(void)signal;
	(void)info;
	if (vaddr < stepped.vaddr || vaddr >= stepped.end_vaddr)
		return;
	stepped.steps++;
	stepped.copying += stepped.is_copy[vaddr - stepped.vaddr];
}

/* routine(dst, src, size), with a trap behind each instruction */
void inlined_step_through(uint64_t dst, uint64_t src, uint64_t size, uint64_t routine);
__asm__(".pushsection .text\n"
	"inlined_step_through:\n"
	"	push %rbx\n"
	"	pushfq\n"
	"	orq $0x100, (%rsp)\n"
	"	popfq\n"
	"	call *%rcx\n"
	"	pushfq\n"
	"	andq $~0x100, (%rsp)\n"
	"	popfq\n"
	"	pop %rbx\n"
	"	ret\n"
	".popsection\n");

/* The first page of the file's code. */
static uint64_t code_start(const struct code_view *code, const struct routine_file *file)
{
	uint64_t vaddr = file->start_vaddr;
	size_t bytes = 0;

	while (vaddr < file->end_vaddr && !code->read(code->source, vaddr, &bytes))
		vaddr += 4096;
	return vaddr;
}

static void mark_copies(const struct code_view *code)
{
	const struct code_range range = {stepped.vaddr, stepped.end_vaddr - stepped.vaddr};
	struct code_sweep sweep;
	struct insn insn;
	int more;

	assert_int_equal(sweep_start(&sweep, code, &range), 0);
	while ((more = sweep_next(&sweep, &insn)) > 0) {
		struct inlined_copy copy = inlined_at(code, insn.vaddr);

		stepped.is_copy[insn.vaddr - range.vaddr] = copy.kind != INLINED_NONE;
	}
	assert_int_equal(more, 0);
}

static uint8_t letter(size_t i)
{
	return (uint8_t)(0x40 + (i * 7 + i / 61) % 64);
}

/* What must stand in the area of dst afterwards. */
static void check_copied(const char *name, const uint8_t *dst, const uint8_t *src, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		uint8_t expected = src[i];

		if (!strcmp(name, "shift_down"))
			expected = letter(i + 24 < bytes ? i + 25 : i + 1);
		else if (!strcmp(name, "shift_up"))
			expected = letter(i < 20 ? i + 1 : i - 19);
		if (dst[i] != expected)
			fail_msg("%s: byte %zu is wrong", name, i);
	}
}

/* Made byte by byte, or element by element. */
static bool is_scalar(const char *name, const char *build)
{
	return !strcmp(build, "O1") || !strcmp(build, "O2") || !strcmp(build, "Os") ||
	       !strcmp(name, "copy_text") || !strcmp(name, "copy_of_objects") ||
	       !strcmp(name, "copy_volatile");
}

static void step_through(const struct routine_file *file, const struct elf_symbol *symbol,
			 const char *build)
{
	size_t bytes = is_scalar(symbol->name, build) ? SCALAR_BYTES : AREA_BYTES;
	uint8_t *dst = malloc(bytes), *src = malloc(bytes);

	assert_true(dst && src);
	for (size_t i = 0; i < bytes; i++) {
		src[i] = letter(i);
		dst[i] = letter(i + 1);
	}
	stepped.steps = stepped.copying = 0;
	inlined_step_through((uint64_t)dst, (uint64_t)src, bytes,
			     (uint64_t)file->base + symbol->vaddr);
	check_copied(symbol->name, dst, src, bytes);
	print_message("  %-8s %-22s %6lu steps, %3lu%% of them in copies\n", build, symbol->name,
		      stepped.steps, stepped.copying * 100 / stepped.steps);
	if (stepped.copying * 100 < stepped.steps * LEAST_SHARE)
		fail_msg("%s of %s copies unseen", symbol->name, build);
	free(dst);
	free(src);
}

static void step_through_build(const char *build)
{
	const struct elf_symbol *symbol;
	elf_symbols symbols = {0};
	struct routine_file file;
	struct code_view code;
	char path[256];
	size_t bytes = 0;

	snprintf(path, sizeof(path), TARGETS "/inlined-%s.so", build);
	assert_int_equal(routine_file_open(path, &file), 0);
	code = routine_file_view(&file);
	stepped.base = file.base;
	stepped.vaddr = code_start(&code, &file);
	assert_non_null(code.read(code.source, stepped.vaddr, &bytes));
	stepped.end_vaddr = stepped.vaddr + bytes;
	stepped.is_copy = calloc(1, bytes);
	assert_non_null(stepped.is_copy);
	mark_copies(&code);
	assert_int_equal(elf_find_symbols(file.image, "mem*_*", &symbols), 0);
	assert_int_equal(elf_find_symbols(file.image, "copy_*", &symbols), 0);
	assert_int_equal(elf_find_symbols(file.image, "shift_*", &symbols), 0);
	assert_true(symbols.count >= 22);
	array_each (symbol, &symbols)
		step_through(&file, symbol, build);
	array_release(&symbols);
	free(stepped.is_copy);
	routine_file_close(&file);
}

static void what_compiled_copies_execute_is_known(void **state)
{
	const struct sigaction action = {.sa_sigaction = count_step, .sa_flags = SA_SIGINFO};
	struct sigaction before;

	(void)state;
	assert_int_equal(sigaction(SIGTRAP, &action, &before), 0);
	for (size_t i = 0; i < COUNT(builds); i++)
		if (cpu_executes(builds[i]))
			step_through_build(builds[i]);
	sigaction(SIGTRAP, &before, NULL);
}

/* ---- whole files ---- */

/* Of a file's code; what is taken is counted by its instructions. */
struct survey {
	size_t insns, loops, taken;
};

static void survey_function(const struct code_view *code, const struct code_range *function,
			    struct survey *survey)
{
	struct code_sweep sweep;
	struct insn insn;

	if (sweep_start(&sweep, code, function))
		return;
	while (sweep_next(&sweep, &insn) > 0) {
		struct inlined_copy copy = inlined_at(code, insn.vaddr);

		survey->insns++;
		survey->taken += copy.kind != INLINED_NONE;
		if (copy.kind != INLINED_NONE)
			print_message("  in 0x%lx: %s\n", function->vaddr, copy.reason);
	}
}

static void none_of_the_other_compiled_loops_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(builds); i++) {
		const struct elf_symbol *symbol;
		struct survey survey = {0};
		elf_symbols symbols = {0};
		struct routine_file file;
		struct code_view code;
		char path[256];

		snprintf(path, sizeof(path), TARGETS "/others-%s.so", builds[i]);
		assert_int_equal(routine_file_open(path, &file), 0);
		code = routine_file_view(&file);
		assert_int_equal(elf_find_symbols(file.image, "other_*", &symbols), 0);
		assert_true(symbols.count >= 55);
		array_each (symbol, &symbols) {
			struct code_range function;

			assert_true(function_at(&code, symbol->vaddr, &function));
			survey_function(&code, &function, &survey);
		}
		print_message("%s: %zu functions, %zu instructions\n", path, symbols.count,
			      survey.insns);
		assert_int_equal(survey.taken, 0);
		array_release(&symbols);
		routine_file_close(&file);
	}
}

/* Asks at the ends of loops alone: in libc.so.6, all of its instructions take a minute. */
static void survey_loops(const struct code_view *code, uint64_t vaddr, uint64_t end_vaddr,
			 struct survey *survey)
{
	while (vaddr < end_vaddr) {
		struct inlined_copy copy = {.kind = INLINED_NONE};
		struct insn insn;

		if (code_decode(code, vaddr, &insn)) {
			vaddr++;
			continue;
		}
		survey->insns++;
		if (insn.repeats_movs ||
		    (insn_leads_elsewhere(&insn) && vaddr - insn.target_vaddr < 512)) {
			survey->loops++;
			copy = inlined_at(code, vaddr);
		}
		if (copy.kind != INLINED_NONE) {
			survey->taken++;
			print_message("  %s\n", copy.reason);
		}
		vaddr += insn.length;
	}
}

/* By the looks of them, all are: its memcpys', strcpys' and what was inlined. */
static void copies_of_libc_are_found(void **state)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	struct survey survey = {0};
	struct routine_file file;
	struct code_view code;
	struct link_map *map;
	size_t bytes = 0;
	uint64_t vaddr;

	(void)state;
	assert_non_null(libc);
	assert_int_equal(dlinfo(libc, RTLD_DI_LINKMAP, &map), 0);
	assert_int_equal(routine_file_open(map->l_name, &file), 0);
	code = routine_file_view(&file);
	vaddr = code_start(&code, &file);
	assert_non_null(code.read(code.source, vaddr, &bytes));
	survey_loops(&code, vaddr, vaddr + bytes, &survey);
	print_message("%s: %zu instructions, %zu loops and string moves, %zu copies\n", map->l_name,
		      survey.insns, survey.loops, survey.taken);
	assert_true(survey.taken > 100 && survey.taken < survey.loops / 5);
	routine_file_close(&file);
	dlclose(libc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loops_that_copy_are_taken),
		cmocka_unit_test(other_loops_are_not_taken),
		cmocka_unit_test(of_two_loops_the_inner_one_counts),
		cmocka_unit_test(rep_movs_is_one_of_itself),
		cmocka_unit_test(what_compiled_copies_execute_is_known),
		cmocka_unit_test(none_of_the_other_compiled_loops_is_taken),
		cmocka_unit_test(copies_of_libc_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
