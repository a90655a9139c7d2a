// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every copy routine of the machine's C libraries, Go's, and loops as compilers make them: planned
 * with several thresholds, and those that this CPU can execute called with thousands of copies,
 * which each plan must tell rightly.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <cpuid.h>
#include <dlfcn.h>
#include <link.h>

#include "copy_cases.h"
#include "gate_runner.h"
#include "routine_file.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DOORS_MOST   8
#define PLANS_MOST   64

struct routine {
	char name[64];
	struct copy_door doors[DOORS_MOST];
	size_t door_count;
	bool is_go;
	bool upwards_only; /* copies byte by byte: not for all overlapping areas */
	bool runs;         /* on this CPU */
};
typedef ARRAY(struct routine) routines;

/* What a file's data holds, by the variable's name. */
struct setting {
	const char *variable;
	uint64_t value;
	size_t bytes;
};

/* One routine under one set of thresholds: what is planned, and what came of it. */
struct trial {
	const struct routine *routine;
	struct routine_file *file;
	gate_sizes sizes;
	uint64_t asked[PLANS_MOST];
	struct gate_plan plans[PLANS_MOST];
	char reasons[PLANS_MOST][PLAN_REASON_BYTES];
	int errors[PLANS_MOST];
	struct gate_tally tallies[PLANS_MOST];
	size_t count;
};

static uint8_t *area, *pattern;
static const char *other_glibc; /* a static program with another glibc's routines; NULL: none */

/* ---- planning ---- */

static void plan_for(struct trial *trial, uint64_t from_bytes)
{
	const struct routine *routine = trial->routine;
	const struct code_view code = routine_file_view(trial->file);
	const struct memory_view memory = routine_file_memory(trial->file);
	size_t i = trial->count++;

	assert_true(i < PLANS_MOST);
	trial->asked[i] = from_bytes;
	trial->errors[i] =
		plan_gate(&code, &memory, routine->is_go, routine->doors, routine->door_count,
			  from_bytes, &trial->plans[i], trial->reasons[i]);
	assert_true(!trial->errors[i] || trial->errors[i] == -ENOTSUP);
	if (trial->errors[i]) {
		assert_true(*trial->reasons[i]);
		return;
	}
	assert_true(trial->plans[i].from_bytes <= from_bytes);
	assert_true(trial->plans[i].least_bytes <= trial->plans[i].from_bytes);
	assert_true(trial->plans[i].points.count > 0);
}

static void plan_trial(struct trial *trial)
{
	const struct routine *routine = trial->routine;
	const struct code_view code = routine_file_view(trial->file);
	const struct memory_view memory = routine_file_memory(trial->file);
	char reason[PLAN_REASON_BYTES] = "";
	uint64_t *size, last = 0;
	int err = plan_gate_sizes(&code, &memory, routine->is_go, routine->doors,
				  routine->door_count, &trial->sizes, reason);

	assert_true(!err || (err == -ENOTSUP && *reason));
	plan_for(trial, 0);
	array_each (size, &trial->sizes) {
		assert_true(*size > last);
		last = *size;
		plan_for(trial, *size);
		/* The routine's own size is offered: the plan for it lets no other pass. */
	}
	plan_for(trial, 2048);
	plan_for(trial, 1 << 20);
}

static void release_trial(struct trial *trial)
{
	for (size_t i = 0; i < trial->count; i++)
		if (!trial->errors[i])
			gate_plan_release(&trial->plans[i]);
	array_release(&trial->sizes);
}

/* ---- running ---- */

/* Not by memcpy(), which may be the routine under test. */
static void fill(uint8_t *to, const uint8_t *from, size_t bytes)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

static void make_copy(struct trial *trial, const struct copy_door *door, uint64_t dst, uint64_t src,
		      uint64_t size)
{
	uint8_t *base = trial->file->base, *to = area + dst, *from = area + src;
	struct routine_call call = {
		.address = (uint64_t)base + door->vaddr,
		.rdi = (uint64_t)to,
		.rsi = (uint64_t)from,
		.rdx = size,
		.rcx = COPY_AREA_BYTES, /* the destination's size, for __memcpy_chk */
	};
	const uint8_t *expected = pattern + (size & 0x3f);
	struct copy_made made = {.dst = (uint64_t)to, .src = (uint64_t)from, .size = size};
	uint64_t end = strstr(door->name, "mempcpy") ? size : 0, returned;

	if (trial->routine->is_go) {
		call.rax = call.rdi;
		call.rbx = call.rsi;
		call.rcx = size;
	}
	fill(from, expected, size);
	returned = runner_call(&call);
	made.rsp = call.rsp - sizeof(uint64_t);
	made.return_address = (uint64_t)routine_call_return;
	if (memcmp(to, expected, size) ||
	    (!trial->routine->is_go && returned != (uint64_t)to + end))
		fail_msg("%s copied %#lx bytes to %#lx from %#lx wrongly", door->name, size, dst,
			 src);
	for (size_t i = 0; i < trial->count; i++)
		if (!trial->errors[i])
			gate_check(&trial->plans[i], &made, base, &trial->tallies[i]);
}

/* Of the large ones, which take their time, some; of the small ones that nothing names, too. */
static bool is_tried(uint64_t size, uint64_t *random)
{
	if (size < 300 && size % 16 > 1 && size % 16 < 15)
		return !case_below(random, 5);
	return size < 256 << 10 || case_below(random, size >> 16) <= size >> 21;
}

static void run_trial(struct trial *trial, const case_sizes *sizes, uint64_t random)
{
	const struct routine *routine = trial->routine;
	const uint64_t *size;
	unsigned calls = 0;

	for (size_t i = 0; i < trial->count; i++)
		assert_true(trial->errors[i] || gate_add(&trial->plans[i], trial->file->base));
	runner_start();
	array_each (size, sizes)
		for (enum placement placement = 0; placement < PLACEMENTS; placement++) {
			const struct copy_door *door =
				&routine->doors[calls++ % routine->door_count];
			uint64_t dst, src;

			if (!is_tried(*size, &random))
				continue;
			placement_choose(placement, *size, &random, &dst, &src);
			if (!routine->upwards_only || placement_goes_upwards(dst, src, *size))
				make_copy(trial, door, dst, src, *size);
		}
	runner_end();
}

static void collect_sizes(const struct trial *trial, case_sizes *sizes, uint64_t *random)
{
	const struct gate_constant *constant;
	const uint64_t *bytes;

	array_each (bytes, &trial->sizes)
		assert_true(case_add_around(sizes, *bytes));
	for (size_t i = 0; i < trial->count; i++) {
		if (trial->errors[i])
			continue;
		assert_true(case_add_around(sizes, trial->plans[i].from_bytes));
		assert_true(case_add_around(sizes, trial->plans[i].least_bytes));
		array_each (constant, &trial->plans[i].constants)
			assert_true(case_add_around(sizes, constant->value) &&
				    case_add_around(sizes, constant->value << 4));
	}
	assert_true(case_sizes_finish(sizes, random));
}

/* ---- what came of it ---- */

static void print_plan(const struct trial *trial, size_t i)
{
	const struct gate_plan *plan = &trial->plans[i];
	const struct gate_tally *tally = &trial->tallies[i];
	const struct gate_point *at;

	if (trial->errors[i]) {
		print_message("  %-28s %8lu  none: %s\n", trial->routine->name, trial->asked[i],
			      trial->reasons[i]);
		return;
	}
	print_message("  %-28s %8lu %8lu %8lu %7lu %6lu/%lu ", trial->routine->name,
		      trial->asked[i], plan->from_bytes, plan->least_bytes, tally->calls_from,
		      tally->hits_below, tally->calls_below);
	array_each (at, &plan->points)
		print_message(" +%#lx%s", at->point.vaddr - trial->routine->doors[0].vaddr,
			      at->point.probe == PROBE_STEPPED ? " stepped" : "");
	print_message("\n");
}

static void judge_trial(const struct trial *trial)
{
	for (size_t i = 0; i < trial->count; i++) {
		const struct gate_tally *tally = &trial->tallies[i];

		if (trial->errors[i] || !trial->routine->runs)
			continue;
		assert_true(tally->calls_from || trial->asked[i] > COPY_CASE_MOST);
		if (*tally->failure)
			fail_msg("%s, gate for %lu: %s", trial->routine->name, trial->asked[i],
				 tally->failure);
	}
}

static void try_routine(struct routine_file *file, const struct routine *routine, bool printed)
{
	static struct trial trial;
	uint64_t random = 0x9e3779b97f4a7c15;
	case_sizes sizes = {0};

	trial = (struct trial){.routine = routine, .file = file};
	plan_trial(&trial);
	collect_sizes(&trial, &sizes, &random);
	if (routine->runs)
		run_trial(&trial, &sizes, random);
	array_release(&sizes);
	for (size_t i = 0; printed && i < trial.count; i++)
		print_plan(&trial, i);
	judge_trial(&trial);
	release_trial(&trial);
}

static void print_head(const char *title)
{
	print_message("%s\n  %-28s %8s %8s %8s %7s %s\n", title, "routine", "asked", "from",
		      "least", "copies", "smaller that hit, points from the first door");
}

static void put(const char *path, const struct routine_file *file, const struct setting *setting)
{
	uint8_t *at = routine_file_variable(path, file, setting->variable);

	/* glibc before 2.32 has rep movsb's threshold in the code, and no stop threshold. */
	assert_true(at || other_glibc);
	for (size_t i = 0; at && i < setting->bytes; i++)
		at[i] = setting->bytes > sizeof(setting->value) ? setting->value
								: setting->value >> 8 * i;
}

/* ---- glibc ---- */

static bool cpu_executes(const char *variant)
{
	unsigned a, b = 0, c, d;

	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	if (strstr(variant, "rtm") && !(b & bit_RTM))
		return false;
	if (strstr(variant, "avx512") || strstr(variant, "evex"))
		return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
	if (strstr(variant, "avx"))
		return __builtin_cpu_supports("avx2");
	return !strstr(variant, "ssse3") || __builtin_cpu_supports("ssse3");
}

/* "__mempcpy_chk_avx_unaligned": avx_unaligned; NULL: no implementation of a copy routine. */
static const char *variant_of(const char *name)
{
	static const char *const prefixes[] = {"__memmove_", "__memcpy_", "__mempcpy_"};

	for (size_t i = 0; i < COUNT(prefixes); i++) {
		const char *variant = name + strlen(prefixes[i]);

		if (strncmp(name, prefixes[i], strlen(prefixes[i])))
			continue;
		if (!strncmp(variant, "chk_", 4))
			variant += 4;
		return !strcmp(variant, "chk") || strstr(variant, "ifunc") ? NULL : variant;
	}
	return NULL;
}

static struct routine *routine_named(routines *found, const char *name)
{
	struct routine *routine;
	struct routine added = {.runs = cpu_executes(name)};

	array_each (routine, found)
		if (!strcmp(routine->name, name))
			return routine;
	snprintf(added.name, sizeof(added.name), "%s", name);
	assert_int_equal(array_push(found, added), 0);
	return &found->items[found->count - 1];
}

static void find_variants(const struct routine_file *file, routines *found)
{
	const struct elf_symbol *symbol;
	elf_symbols symbols = {0};

	assert_int_equal(elf_find_symbols(file->image, "__mem*_*", &symbols), 0);
	array_each (symbol, &symbols) {
		const char *variant = variant_of(symbol->name);
		struct routine *routine;

		if (!variant)
			continue;
		routine = routine_named(found, variant);
		assert_true(routine->door_count < DOORS_MOST);
		routine->doors[routine->door_count++] =
			(struct copy_door){symbol->name, symbol->vaddr};
	}
	array_release(&symbols);
}

/*
 * As the C library sets them here, as small as tunables can make them (0x4040 is the least that
 * glibc takes for the non-temporal threshold), in between, and as large.
 */
static const struct setting glibc_settings[][7] = {
	{
		{"__x86_rep_movsb_threshold", 2112, 8},
		{"__x86_rep_movsb_stop_threshold", 1 << 20, 8},
		{"__x86_shared_non_temporal_threshold", 0x1e0000, 8},
		{"__x86_shared_cache_size", 1 << 20, 8},
		{"__x86_shared_cache_size_half", 1 << 19, 8},
		{"__x86_string_control", 0, 4},
	},
	{
		{"__x86_rep_movsb_threshold", 512, 8},
		{"__x86_rep_movsb_stop_threshold", 0x4040, 8},
		{"__x86_shared_non_temporal_threshold", 0x4040, 8},
		{"__x86_shared_cache_size", 0x4000, 8},
		{"__x86_shared_cache_size_half", 0x2000, 8},
		{"__x86_string_control", 1, 4},
	},
	{
		{"__x86_rep_movsb_threshold", 0x10000, 8},
		{"__x86_rep_movsb_stop_threshold", 0x40000, 8},
		{"__x86_shared_non_temporal_threshold", 0x20000, 8},
		{"__x86_shared_cache_size", 0x60000, 8},
		{"__x86_shared_cache_size_half", 0x30000, 8},
		{"__x86_string_control", 0, 4},
	},
	{
		{"__x86_rep_movsb_threshold", UINT64_MAX, 8},
		{"__x86_rep_movsb_stop_threshold", UINT64_MAX >> 4, 8},
		{"__x86_shared_non_temporal_threshold", UINT64_MAX >> 4, 8},
		{"__x86_shared_cache_size", UINT64_MAX >> 4, 8},
		{"__x86_shared_cache_size_half", UINT64_MAX >> 5, 8},
		{"__x86_string_control", 0, 4},
	},
};

static void test_each_variant_of_glibc(void **state)
{
	const char *path = other_glibc ? other_glibc : VARIANTS "/lazywrite-static";
	struct routine_file file;
	routines found = {0};
	const struct routine *routine;

	(void)state;
	assert_int_equal(routine_file_open(path, &file), 0);
	find_variants(&file, &found);
	assert_true(found.count >= 8);
	print_head("glibc");
	for (size_t i = 0; i < COUNT(glibc_settings); i++) {
		for (size_t j = 0; glibc_settings[i][j].variable; j++)
			put(path, &file, &glibc_settings[i][j]);
		array_each (routine, &found)
			try_routine(&file, routine, !i);
	}
	array_release(&found);
	routine_file_close(&file);
}

/* What the loader bound here, all of its doors, with the thresholds that it runs with. */
static void test_libc_as_bound(void **state)
{
	static const char *const names[] = {"memmove",      "memcpy",        "mempcpy",
					    "__memcpy_chk", "__memmove_chk", "__mempcpy_chk"};
	struct routine routine = {.name = "libc.so.6", .runs = true};
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	struct routine_file file;
	struct link_map *map;

	(void)state;
	assert_non_null(libc);
	assert_int_equal(dlinfo(libc, RTLD_DI_LINKMAP, &map), 0);
	assert_int_equal(routine_file_open(map->l_name, &file), 0);
	fill(file.base + file.data_vaddr, (const uint8_t *)map->l_addr + file.data_vaddr,
	     file.end_vaddr - file.data_vaddr);
	for (size_t i = 0; i < COUNT(names); i++)
		routine.doors[routine.door_count++] =
			(struct copy_door){names[i], (uint64_t)dlsym(libc, names[i]) - map->l_addr};
	print_head("the libc of the test itself");
	try_routine(&file, &routine, true);
	routine_file_close(&file);
	dlclose(libc);
}

/* ---- others ---- */

static void add_door(const struct routine_file *file, const char *name, struct routine *routine)
{
	elf_symbols symbols = {0};

	assert_int_equal(elf_find_symbols(file->image, name, &symbols), 0);
	assert_int_equal(symbols.count, 1);
	routine->doors[routine->door_count++] =
		(struct copy_door){symbols.items[0].name, symbols.items[0].vaddr};
	array_release(&symbols);
}

static void test_musl(void **state)
{
	struct routine both = {.name = "memmove, memcpy", .runs = true};
	struct routine memcpy_alone = {.name = "memcpy", .runs = true, .upwards_only = true};
	struct routine_file file;

	(void)state;
	assert_int_equal(routine_file_open(TARGETS "/doors-musl-static", &file), 0);
	add_door(&file, "memmove", &both);
	add_door(&file, "memcpy", &both);
	add_door(&file, "memcpy", &memcpy_alone);
	both.upwards_only = true;
	print_head("musl");
	try_routine(&file, &both, true);
	both.door_count = 1;
	both.upwards_only = false;
	snprintf(both.name, sizeof(both.name), "memmove");
	try_routine(&file, &both, true);
	try_routine(&file, &memcpy_alone, true);
	routine_file_close(&file);
}

static void test_go(void **state)
{
	static const struct setting settings[][2] = {
		{{"runtime.useAVXmemmove", 0, 1}, {"internal/cpu.X86", 0, 0x90}},
		{{"runtime.useAVXmemmove", 0, 1}, {"internal/cpu.X86", 1, 0x90}},
		{{"runtime.useAVXmemmove", 1, 1}, {"internal/cpu.X86", 1, 0x90}},
	};
	const char *path = TARGETS "/lazygo";
	struct routine routine = {.name = "runtime.memmove", .runs = true, .is_go = true};
	struct routine_file file;

	(void)state;
	assert_int_equal(routine_file_open(path, &file), 0);
	add_door(&file, "runtime.memmove", &routine);
	print_head("Go, with %xmm, with rep movsq and with %ymm");
	for (size_t i = 0; i < COUNT(settings); i++) {
		for (size_t j = 0; j < COUNT(settings[i]); j++)
			put(path, &file, &settings[i][j]);
		routine.runs = i < 2 || __builtin_cpu_supports("avx2");
		try_routine(&file, &routine, true);
	}
	routine_file_close(&file);
}

static void try_loops(const char *path, const char *title)
{
	const struct elf_symbol *symbol;
	elf_symbols symbols = {0};
	struct routine_file file;

	assert_int_equal(routine_file_open(path, &file), 0);
	assert_int_equal(elf_find_symbols(file.image, "mem*_*", &symbols), 0);
	assert_true(symbols.count >= 7);
	print_head(title);
	array_each (symbol, &symbols) {
		struct routine routine = {.runs = true, .door_count = 1};

		snprintf(routine.name, sizeof(routine.name), "%s", symbol->name);
		routine.upwards_only = !strstr(symbol->name, "memmove");
		routine.doors[0] = (struct copy_door){symbol->name, symbol->vaddr};
		try_routine(&file, &routine, true);
	}
	array_release(&symbols);
	routine_file_close(&file);
}

static void test_compiled_loops(void **state)
{
	(void)state;
	try_loops(TARGETS "/loops-O1.so", "loops, gcc -O1");
	try_loops(TARGETS "/loops-O2.so", "loops, gcc -O2");
	try_loops(TARGETS "/loops-O3.so", "loops, gcc -O3");
	try_loops(TARGETS "/loops-Os.so", "loops, gcc -Os");
	try_loops(TARGETS "/loops-clang.so", "loops, clang -O2");
}

static void *new_memory(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

static int make_areas(void **state)
{
	uint64_t random = 88172645463325252;

	(void)state;
	area = new_memory(COPY_AREA_BYTES + 8192);
	pattern = new_memory(COPY_CASE_MOST + 64);
	for (size_t i = 0; i < COPY_CASE_MOST / sizeof(uint64_t); i++)
		((uint64_t *)pattern)[i] = case_random(&random);
	return 0;
}

/* With a program as its argument, of the glibc in that alone. */
int main(int argc, char *argv[])
{
	const struct CMUnitTest other[] = {cmocka_unit_test(test_each_variant_of_glibc)};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_variant_of_glibc),
		cmocka_unit_test(test_libc_as_bound),
		cmocka_unit_test(test_musl),
		cmocka_unit_test(test_go),
		cmocka_unit_test(test_compiled_loops),
	};

	other_glibc = argc > 1 ? argv[1] : NULL;
	if (other_glibc)
		return cmocka_run_group_tests(other, make_areas, NULL);
	return cmocka_run_group_tests(tests, make_areas, NULL);
}
