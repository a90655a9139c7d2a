// SPDX-License-Identifier: GPL-2.0-only
#include <dlfcn.h>

#include "elf/image_internal.h"
#include "files.h"

/* The truth test: what the slot holds in this very process is what the dynamic linker resolves. */
static void slots_hold_what_dlsym_gives(void **state)
{
	static const char *const wanted[] = {"memmove", "memcpy", "mempcpy"};
	struct loaded_file libc = loaded_file("libc.so.6");
	struct elf_image *image = open_image(libc.path);
	/* By handle: the sanitizers put routines of their own before libc's. */
	void *handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	const struct elf_copy_door *door;
	elf_copy_doors doors = {0};
	size_t bytes;

	(void)state;
	assert_int_equal(elf_find_copy_doors(image, &doors), 0);
	for (size_t i = 0; i < COUNT(wanted); i++) {
		size_t slots = 0;

		array_each (door, &doors) {
			uint64_t address;

			if (strcmp(door->name, wanted[i]) != 0 || door->direct)
				continue;
			slots++;
			memcpy(&address, (void *)(libc.base + door->vaddr), sizeof(address));
			assert_int_equal(address, (uintptr_t)dlsym(handle, wanted[i]));
			assert_non_null(elf_image_code(image, address - libc.base, &bytes));
			assert_null(elf_image_code(image, door->vaddr, &bytes));
		}
		assert_int_equal(slots, 1);
	}
	array_each (door, &doors) {
		print_message("%s %#lx%s\n", door->name, door->vaddr,
			      door->direct ? "" : " (slot)");
		if (door->direct)
			assert_non_null(elf_image_code(image, door->vaddr, &bytes));
		for (const struct elf_copy_door *other = doors.items; other < door; other++)
			assert_true(other->vaddr != door->vaddr);
	}
	array_release(&doors);
	dlclose(handle);
	elf_image_free(image);
}

static void plain_functions_are_direct_doors(void **state)
{
	static const struct made_symbol symbols[] = {
		{"memcpy", 0x100, 8, STT_FUNC, STB_WEAK, false},
		{"__memcpy", 0x100, 8, STT_FUNC, STB_GLOBAL, false},
		{"__mempcpy", 0x200, 8, STT_FUNC, STB_GLOBAL, false},
		/* A resolver whose result no slot holds. */
		{"memmove", 0x300, 8, STT_GNU_IFUNC, STB_GLOBAL, false},
		{"mempcpy", 0, 0, STT_FUNC, STB_GLOBAL, true},
		{"memcpy_not", 0x400, 8, STT_FUNC, STB_GLOBAL, false},
		{"bcopy", 0x500, 8, STT_FUNC, STB_GLOBAL, false},
	};
	struct elf_image *image = make_image(symbols, COUNT(symbols));
	/* Another file's door at the same address. */
	struct elf_copy_door before = {.name = "memcpy", .vaddr = 0x100, .direct = true};
	elf_copy_doors doors = {0};

	(void)state;
	assert_int_equal(array_push(&doors, before), 0);
	assert_int_equal(elf_find_copy_doors(image, &doors), 0);
	assert_int_equal(doors.count, 3);
	assert_string_equal(doors.items[1].name, "memcpy");
	assert_int_equal(doors.items[1].vaddr, 0x100);
	assert_true(doors.items[1].direct);
	assert_string_equal(doors.items[2].name, "__mempcpy");
	assert_int_equal(doors.items[2].vaddr, 0x200);
	array_release(&doors);
	elf_image_free(image);
}

/* Or a file made for it would have each of its symbols looked for among all of its slots. */
static void doors_are_limited(void **state)
{
	static struct made_symbol symbols[1000];
	elf_copy_doors doors = {0};
	struct elf_image *image;

	(void)state;
	for (size_t i = 0; i < COUNT(symbols); i++)
		symbols[i] = (struct made_symbol){"memcpy", 0x100 + 16 * i, 8,
						  STT_FUNC, STB_LOCAL,      false};
	image = make_image(symbols, COUNT(symbols));
	assert_int_equal(elf_find_copy_doors(image, &doors), 0);
	assert_int_equal(doors.count, 64);
	array_release(&doors);
	elf_image_free(image);
}

/* They hold code of libc in this very process; the doors' slots are among them. */
static void slots_of_ifuncs_need_no_names(void **state)
{
	struct loaded_file libc = loaded_file("libc.so.6");
	struct elf_image *image = open_image(libc.path);
	elf_addresses slots = {0};
	elf_copy_doors doors = {0};
	const struct elf_copy_door *door;
	const uint64_t *slot;
	size_t bytes, in_libc = 0;

	(void)state;
	assert_int_equal(elf_find_ifunc_slots(image, &slots), 0);
	assert_int_equal(elf_find_copy_doors(image, &doors), 0);
	array_each (slot, &slots) {
		uint64_t address;

		memcpy(&address, (void *)(libc.base + *slot), sizeof(address));
		/* time() and gettimeofday() come from the vDSO. */
		if (!elf_image_code(image, address - libc.base, &bytes))
			continue;
		in_libc++;
		assert_true(elf_image_code_start(image, address - libc.base) < address - libc.base);
	}
	assert_true(in_libc > 10);
	array_each (door, &doors) {
		bool found = door->direct;

		array_each (slot, &slots)
			found |= *slot == door->vaddr;
		assert_true(found);
	}
	assert_int_equal(elf_image_code_start(image, 1), 1);
	array_release(&slots);
	array_release(&doors);
	elf_image_free(image);
}

static void programs_without_copies_have_no_doors(void **state)
{
	struct elf_image *image = open_image("/usr/bin/python3.11");
	elf_copy_doors doors = {0};

	(void)state;
	assert_int_equal(elf_find_copy_doors(image, &doors), 0);
	assert_int_equal(doors.count, 0);
	elf_image_free(image);
}

/* Every slot by which this program reaches libc holds the address of the symbol that it names. */
static void slots_name_what_they_lead_to(void **state)
{
	struct loaded_file self = loaded_file("");
	struct elf_image *image = open_image(self.path);
	void *handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	pid_t (*volatile by_pointer)(void) = getppid;
	const struct elf_slot *slot;
	size_t found = 0;

	(void)state;
	/* A lazily bound slot is filled at the first call. */
	getpid();
	by_pointer();
	assert_null(elf_slot_symbol(image, 1));
	array_each (slot, &image->tables->slots.slots) {
		const char *name = elf_slot_symbol(image, slot->vaddr);
		uint64_t address;

		assert_null(elf_slot_symbol(image, slot->vaddr + 1));
		if (!name || (strcmp(name, "getpid") && strcmp(name, "getppid")))
			continue;
		found++;
		memcpy(&address, (void *)(self.base + slot->vaddr), sizeof(address));
		assert_int_equal(address, (uintptr_t)dlsym(handle, name));
	}
	assert_true(found >= 2);
	dlclose(handle);
	elf_image_free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_hold_what_dlsym_gives),
		cmocka_unit_test(plain_functions_are_direct_doors),
		cmocka_unit_test(doors_are_limited),
		cmocka_unit_test(slots_of_ifuncs_need_no_names),
		cmocka_unit_test(programs_without_copies_have_no_doors),
		cmocka_unit_test(slots_name_what_they_lead_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
