// SPDX-License-Identifier: GPL-2.0-only
#include "plan/recognise.h"

#include <fcntl.h>
#include <unistd.h>

#include "code_bytes.h"
#include "live_code.h"
#include "choose/modules.h"

static const char *recognise(const uint8_t *code, size_t bytes)
{
	const struct code_bytes source = {0x1000, code, bytes, NULL, NULL};
	const struct code_view view = code_bytes_view(&source);

	return plan_recognise_copy(&view, 0x1000);
}

static struct elf_image *open_static_program(void)
{
	struct elf_image *image;
	int fd = open(VARIANTS "/lazywrite-static", O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(elf_image_open(fd, &image), 0);
	close(fd);
	return image;
}

/* __memcpy_chk_erms, __mempcpy_evex_unaligned, ...: what glibc has for each CPU. */
static bool has_copy_name(const char *name)
{
	return !strncmp(name, "__memcpy_", 9) || !strncmp(name, "__memmove_", 10) ||
	       !strncmp(name, "__mempcpy_", 10);
}

/* All of glibc's variants by their code alone, and of the other 1,100 functions not one. */
static void of_all_functions_of_glibc_only_copies_are_taken(void **state)
{
	struct elf_image *image = open_static_program();
	struct code_view view = module_code_of(image);
	const struct elf_symbol *symbol;
	elf_symbols symbols = {0};
	size_t copies = 0, others = 0;

	(void)state;
	assert_int_equal(elf_find_symbols(image, "*", &symbols), 0);
	array_each (symbol, &symbols) {
		const char *name = plan_recognise_copy(&view, symbol->vaddr);

		if (symbol->is_ifunc)
			continue;
		if (has_copy_name(symbol->name) != (name != NULL))
			fail_msg("%s is taken for %s", symbol->name, name ? name : "no copy");
		if (name && !strncmp(symbol->name, "__mempcpy_", 10))
			assert_string_equal(name, "mempcpy");
		else if (name)
			assert_string_equal(name, "memmove");
		copies += name != NULL;
		others += !name;
	}
	print_message("%zu copy routines, %zu other functions\n", copies, others);
	assert_true(copies >= 20 && others >= 1000);
	array_release(&symbols);
	elf_image_free(image);
}

/* In libc.so, whose implementations have no names: by the slots of this very process. */
static void what_the_slots_hold_is_told_apart(void **state)
{
	static const char *const names[] = {"memmove", "memcpy", "mempcpy"};
	static const char *const others[] = {"memset",  "strncpy", "stpncpy", "strcpy", "strcat",
					     "memcmp",  "memchr",  "strlen",  "strstr", "wmemset",
					     "memccpy", "strncat", "strcmp",  "wcscpy"};
	struct code_view view = live_view(NULL);
	void *handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		uint64_t vaddr = (uintptr_t)dlsym(handle, names[i]);

		assert_string_equal(plan_recognise_copy(&view, vaddr),
				    i == 2 ? names[i] : names[0]);
	}
	for (size_t i = 0; i < COUNT(others); i++) {
		uint64_t vaddr = (uintptr_t)dlsym(handle, others[i]);

		if (plan_recognise_copy(&view, vaddr))
			fail_msg("%s is taken for a copy routine", others[i]);
	}
	dlclose(handle);
}

/* mov %rdi,%rax; mov %rdx,%rcx; rep movsb; ret */
static const uint8_t rust_memcpy[] = {0x48, 0x89, 0xf8, 0x48, 0x89, 0xd1, 0xf3, 0xa4, 0xc3};

static void small_routines_are_told_apart(void **state)
{
	/* mov %rdi,%rax; mov %rdx,%rcx; mov %esi,%eax; rep stosb; ret */
	static const uint8_t fills[] = {0x48, 0x89, 0xf8, 0x48, 0x89, 0xd1, 0xf3, 0xaa, 0xc3};
	/* ... test %rcx,%rcx; je ret; 1: mov (%rsi),%r8b; test %r8b,%r8b; mov %r8b,(%rdi); ... */
	static const uint8_t looks[] = {
		0x48, 0x89, 0xf8, 0x48, 0x89, 0xd1, 0x48, 0x85, 0xc9, 0x74, 0x0b, 0x44,
		0x8a, 0x06, 0x45, 0x84, 0xc0, 0x44, 0x88, 0x07, 0x74, 0x00, 0xc3,
	};
	/* The same without the test of the byte. */
	static const uint8_t copies[] = {
		0x48, 0x89, 0xf8, 0x48, 0x89, 0xd1, 0x48, 0x85, 0xc9,
		0x74, 0x06, 0x44, 0x8a, 0x06, 0x44, 0x88, 0x07, 0xc3,
	};
	/* mov %rsi,%rax; mov %rdx,%rcx; rep movsb; ret: gives the source back */
	static const uint8_t gives_source[] = {0x48, 0x89, 0xf0, 0x48, 0x89,
					       0xd1, 0xf3, 0xa4, 0xc3};
	/* mov %rdi,%rax; mov %rsi,(%rdi); ret */
	static const uint8_t sets[] = {0x48, 0x89, 0xf8, 0x48, 0x89, 0x37, 0xc3};

	(void)state;
	assert_string_equal(recognise(rust_memcpy, sizeof(rust_memcpy)), "memmove");
	assert_string_equal(recognise(copies, sizeof(copies)), "memmove");
	assert_null(recognise(looks, sizeof(looks)));
	assert_null(recognise(fills, sizeof(fills)));
	assert_null(recognise(gives_source, sizeof(gives_source)));
	assert_null(recognise(sets, sizeof(sets)));
	assert_null(recognise(rust_memcpy, sizeof(rust_memcpy) - 1));
}

static struct copy_nature nature_of(const uint8_t *code, size_t bytes)
{
	const struct code_bytes source = {0x1000, code, bytes, NULL, NULL};
	const struct code_view view = code_bytes_view(&source);
	struct copy_nature nature;

	assert_int_equal(copy_nature_of(&view, 0x1000, &nature), 0);
	return nature;
}

static void one_forward(struct copy_nature nature, uint64_t target_vaddr, uint64_t slot_vaddr)
{
	assert_int_equal(nature.forwards.count, 1);
	assert_int_equal(nature.forwards.items[0].target_vaddr, target_vaddr);
	assert_int_equal(nature.forwards.items[0].slot_vaddr, slot_vaddr);
	assert_false(nature.copies || nature.lost);
	copy_nature_release(&nature);
}

static void forwards_are_found(void **state)
{
	/* musl's mempcpy: push %rbx; mov %rdx,%rbx; call memcpy; add %rbx,%rax; pop %rbx; ret */
	static const uint8_t calls[] = {0x53, 0x48, 0x89, 0xd3, 0xe8, 0x00, 0x01,
					0x00, 0x00, 0x48, 0x01, 0xd8, 0x5b, 0xc3};
	/* jmp *0x200(%rip) */
	static const uint8_t jumps[] = {0xff, 0x25, 0x00, 0x02, 0x00, 0x00};
	/* mov 0x200(%rip),%rax; incq 0x300(%rip); jmp *%rax */
	static const uint8_t by_variable[] = {0x48, 0x8b, 0x05, 0x00, 0x02, 0x00, 0x00, 0x48,
					      0xff, 0x05, 0x00, 0x03, 0x00, 0x00, 0xff, 0xe0};
	/* unoptimised: push %rbp; mov %rsp,%rbp; the arguments to the stack and back; call */
	static const uint8_t spills[] = {
		0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0x48, 0x89, 0x7d, 0xe8, 0x48,
		0x89, 0x75, 0xf0, 0x48, 0x89, 0x55, 0xf8, 0x48, 0x8b, 0x55, 0xf8, 0x48, 0x8b,
		0x75, 0xf0, 0x48, 0x8b, 0x7d, 0xe8, 0xe8, 0x00, 0x01, 0x00, 0x00, 0xc9, 0xc3,
	};
	/* mov $-1,%rdi; mov 0x200(%rip),%rax; call *%rax; ret: these are not the arguments */
	static const uint8_t asks[] = {0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff, 0x48, 0x8b,
				       0x05, 0x00, 0x02, 0x00, 0x00, 0xff, 0xd0, 0xc3};
	struct copy_nature nature;

	(void)state;
	one_forward(nature_of(calls, sizeof(calls)), 0x1109, 0);
	one_forward(nature_of(jumps, sizeof(jumps)), 0, 0x1206);
	one_forward(nature_of(by_variable, sizeof(by_variable)), 0, 0x1207);
	one_forward(nature_of(spills, sizeof(spills)), 0x1125, 0);
	nature = nature_of(asks, sizeof(asks));
	assert_int_equal(nature.forwards.count, 0);
	nature = nature_of(rust_memcpy, sizeof(rust_memcpy));
	assert_true(nature.copies && !nature.forwards.count);
}

/*
 * musl 1.2.3, as the linker puts the two into a program, with other code around: 1000 another
 * function, 1004 memcpy, 1036 memmove, 105b call memcpy; ret, 1061 what begins as memmove does and
 * is something else: cmp (%rsi),%al.
 */
static const uint8_t musl[] = {
	0x48, 0x89, 0xf8, 0xc3, 0x48, 0x89, 0xf8, 0x48, 0x83, 0xfa, 0x08, 0x72, 0x14, 0xf7,
	0xc7, 0x07, 0x00, 0x00, 0x00, 0x74, 0x0c, 0xa4, 0x48, 0xff, 0xca, 0xf7, 0xc7, 0x07,
	0x00, 0x00, 0x00, 0x75, 0xf4, 0x48, 0x89, 0xd1, 0x48, 0xc1, 0xe9, 0x03, 0xf3, 0x48,
	0xa5, 0x83, 0xe2, 0x07, 0x74, 0x05, 0xa4, 0xff, 0xca, 0x75, 0xfb, 0xc3, 0x48, 0x89,
	0xf8, 0x48, 0x29, 0xf0, 0x48, 0x39, 0xd0, 0x0f, 0x83, 0xbf, 0xff, 0xff, 0xff, 0x48,
	0x89, 0xd1, 0x48, 0x8d, 0x7c, 0x17, 0xff, 0x48, 0x8d, 0x74, 0x16, 0xff, 0xfd, 0xf3,
	0xa4, 0xfc, 0x48, 0x8d, 0x47, 0x01, 0xc3, 0xe8, 0xa5, 0xff, 0xff, 0xff, 0xc3, 0x48,
	0x89, 0xf8, 0x48, 0x29, 0xf0, 0x48, 0x39, 0xd0, 0x3a, 0x06, 0xc3,
};

static void musl_is_found_without_a_name(void **state)
{
	const struct code_bytes source = {0x1000, musl, sizeof(musl), NULL, NULL};
	const struct code_view view = code_bytes_view(&source);
	char reason[PLAN_REASON_BYTES];
	probe_points points = {0};
	copy_doors doors = {0};

	(void)state;
	assert_int_equal(plan_find_musl_copies(&view, 0x1000, &doors), 0);
	assert_int_equal(doors.count, 2);
	assert_string_equal(doors.items[0].name, "memcpy");
	assert_int_equal(doors.items[0].vaddr, 0x1004);
	assert_string_equal(doors.items[1].name, "memmove");
	assert_int_equal(doors.items[1].vaddr, 0x1036);
	/* Who calls memcpy behind its end does not come back to its beginning. */
	assert_int_equal(plan_copies(&view, doors.items, 2, &points, reason), 0);
	assert_int_equal(points.count, 2);
	array_release(&points);
	array_release(&doors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_all_functions_of_glibc_only_copies_are_taken),
		cmocka_unit_test(what_the_slots_hold_is_told_apart),
		cmocka_unit_test(small_routines_are_told_apart),
		cmocka_unit_test(forwards_are_found),
		cmocka_unit_test(musl_is_found_without_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
