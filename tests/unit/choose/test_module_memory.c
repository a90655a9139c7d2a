// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "choose/module_memory.h"

/* This program as a module of its own process. */
static uint64_t filled = UINT64_C(0x1122334455667788), empty;
static const uint64_t fixed = 42;
/* The loader writes it, then nobody can. */
static const void *const relocated = &filled;

struct own {
	struct module module;
	struct planning planning;
	gate_constants words;
	struct module_memory memory;
};

static uint64_t own_vaddr(const struct own *own, const void *place)
{
	return (uintptr_t)place - own->memory.bias_addr;
}

static int look_at_own(void **state)
{
	static struct own own;
	const struct target_mapping *mapping;
	uintptr_t code_addr = (uintptr_t)look_at_own;
	uint64_t code_vaddr;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int err = elf_image_open(fd, &own.module.image);

	close(fd);
	own.planning.pid = getpid();
	err = err ? err : target_maps_read(getpid(), &own.planning.maps);
	if (err)
		return err;
	mapping = target_maps_at(&own.planning.maps, code_addr);
	own.module.inode = mapping->inode;
	own.module.device = mapping->device;
	if (!elf_image_vaddr_of_off(own.module.image,
				    code_addr - mapping->start_addr + mapping->file_off,
				    &code_vaddr))
		return -ENOENT;
	own.memory = module_memory_of(&own.planning, &own.module, code_vaddr, &own.words);
	own.memory.is_settled = true;
	*state = &own;
	return 0;
}

static int leave_own(void **state)
{
	struct own *own = *state;

	array_release(&own->words);
	target_maps_release(&own->planning.maps);
	elf_image_free(own->module.image);
	return 0;
}

static void test_data_is_read_where_the_process_has_it(void **state)
{
	struct own *own = *state;
	struct memory_view view = module_memory_view(&own->memory);
	uint64_t value = 0;
	uint32_t half = 0;

	own->words.count = 0;
	assert_true(view.read(view.source, own_vaddr(own, &filled), &value, sizeof(value)));
	assert_int_equal(value, filled);
	assert_true(view.read(view.source, own_vaddr(own, &filled), &half, sizeof(half)));
	assert_int_equal(half, 0x55667788);
	assert_true(view.read(view.source, own_vaddr(own, &fixed), &value, sizeof(value)));
	assert_int_equal(value, 42);
	/* The file holds nothing of it. */
	empty = 7;
	assert_true(view.read(view.source, own_vaddr(own, &empty), &value, sizeof(value)));
	assert_int_equal(value, 7);
	assert_int_equal(own->words.count, 4);
}

static void test_code_and_what_is_not_the_modules_is_not_read(void **state)
{
	struct own *own = *state;
	struct memory_view view = module_memory_view(&own->memory);
	struct module_memory nowhere = own->memory;
	uint64_t value, on_stack = 1;

	assert_false(view.read(view.source, own_vaddr(own, look_at_own), &value, sizeof(value)));
	assert_false(view.read(view.source, own_vaddr(own, &on_stack), &value, sizeof(value)));
	assert_false(view.read(view.source, own_vaddr(own, stdout), &value, sizeof(value)));
	assert_false(view.read(view.source, own_vaddr(own, NULL) + 8, &value, sizeof(value)));
	nowhere.is_mapped = false;
	assert_int_equal(module_memory_addr(&nowhere, own_vaddr(own, &filled)), 0);
}

/* A flag of the program's own may change while it runs; what no mapping lets it write does not. */
static void test_a_programs_own_variable_is_not_trusted(void **state)
{
	struct own *own = *state;
	struct module_memory unsettled = own->memory;
	struct memory_view view = module_memory_view(&unsettled);
	uint64_t value = 0;

	own->words.count = 0;
	unsettled.is_settled = false;
	assert_false(view.read(view.source, own_vaddr(own, &filled), &value, sizeof(value)));
	assert_false(view.read(view.source, own_vaddr(own, &empty), &value, sizeof(value)));
	assert_int_equal(own->words.count, 0);
	assert_true(view.read(view.source, own_vaddr(own, &fixed), &value, sizeof(value)));
	assert_int_equal(value, 42);
	assert_true(view.read(view.source, own_vaddr(own, &relocated), &value, sizeof(value)));
	assert_int_equal(value, (uintptr_t)&filled);
}

static void test_changed_word_holds_no_more(void **state)
{
	struct own *own = *state;
	struct memory_view view = module_memory_view(&own->memory);
	struct gate_constant *word;
	uint64_t value;

	own->words.count = 0;
	assert_true(view.read(view.source, own_vaddr(own, &filled), &value, 2));
	assert_true(view.read(view.source, own_vaddr(own, &filled), &value, 2));
	assert_int_equal(own->words.count, 1);
	word = &own->words.items[0];
	assert_int_equal(word->value, 0x7788);
	assert_true(module_memory_holds(&own->memory, &own->words));
	filled ^= UINT64_C(1) << 16; /* beyond the two bytes */
	assert_true(module_memory_holds(&own->memory, &own->words));
	filled ^= 1;
	assert_false(module_memory_holds(&own->memory, &own->words));
	assert_int_equal(constant_holds(getpid(), (uintptr_t)&filled, word), 0);
	filled ^= 1;
	assert_int_equal(constant_holds(getpid(), (uintptr_t)&filled, word), 1);
	assert_true(constant_holds(getpid(), 8, word) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data_is_read_where_the_process_has_it),
		cmocka_unit_test(test_code_and_what_is_not_the_modules_is_not_read),
		cmocka_unit_test(test_a_programs_own_variable_is_not_trusted),
		cmocka_unit_test(test_changed_word_holds_no_more),
	};

	return cmocka_run_group_tests(tests, look_at_own, leave_own);
}
