// SPDX-License-Identifier: GPL-2.0-only
/* Files whose section headers were removed say the same as before, as far as they are loaded. */
#include <errno.h>

#include "elf/image_internal.h"
#include "files.h"

static struct elf_image *image_of(const void *content, size_t bytes)
{
	struct elf_image *image = NULL;
	int fd = file_of(content, bytes);

	assert_int_equal(elf_image_open(fd, &image), 0);
	close(fd);
	return image;
}

/* As sstrip does it. */
static void remove_sections(uint8_t *content)
{
	ElfW(Ehdr) *header = (void *)content;

	header->e_shoff = 0;
	header->e_shnum = 0;
	header->e_shstrndx = SHN_UNDEF;
}

static struct elf_image *without_sections(const char *path)
{
	size_t bytes;
	uint8_t *content = read_whole(path, &bytes);
	struct elf_image *image;

	remove_sections(content);
	image = image_of(content, bytes);
	assert_false(elf_has_sections(image));
	free(content);
	return image;
}

static void finds_the_same_symbols(void **state)
{
	struct loaded_file libc = loaded_file("libc.so.6");
	struct elf_image *whole = open_image(libc.path), *bare = without_sections(libc.path);
	const elf_symbols *expected = &whole->tables->symbols.symbols;
	const elf_symbols *found = &bare->tables->symbols.symbols;

	(void)state;
	assert_int_equal(elf_load_symbols(whole), 0);
	assert_int_equal(elf_load_symbols(bare), 0);
	/* This libc has no .symtab: both have read .dynsym. */
	assert_true(elf_has_sections(whole));
	assert_true(expected->count > 2000);
	assert_int_equal(found->count, expected->count);
	for (size_t i = 0; i < found->count; i++) {
		assert_string_equal(found->items[i].name, expected->items[i].name);
		assert_int_equal(found->items[i].vaddr, expected->items[i].vaddr);
		assert_int_equal(found->items[i].bytes, expected->items[i].bytes);
	}
	elf_image_free(whole);
	elf_image_free(bare);
}

static void finds_the_same_slots_and_doors(void **state)
{
	struct loaded_file libc = loaded_file("libc.so.6");
	struct elf_image *whole = open_image(libc.path), *bare = without_sections(libc.path);
	elf_copy_doors expected = {0}, found = {0};
	const struct elf_slot *slots, *bare_slots;

	(void)state;
	assert_int_equal(elf_find_copy_doors(whole, &expected), 0);
	assert_int_equal(elf_find_copy_doors(bare, &found), 0);
	assert_true(expected.count >= 3);
	assert_int_equal(found.count, expected.count);
	for (size_t i = 0; i < found.count; i++) {
		assert_string_equal(found.items[i].name, expected.items[i].name);
		assert_int_equal(found.items[i].vaddr, expected.items[i].vaddr);
		assert_int_equal(found.items[i].direct, expected.items[i].direct);
	}
	slots = whole->tables->slots.slots.items;
	bare_slots = bare->tables->slots.slots.items;
	assert_int_equal(whole->tables->slots.slots.count, bare->tables->slots.slots.count);
	for (size_t i = 0; i < whole->tables->slots.slots.count; i++) {
		assert_int_equal(bare_slots[i].vaddr, slots[i].vaddr);
		assert_int_equal(bare_slots[i].resolver_vaddr, slots[i].resolver_vaddr);
		assert_int_equal(!bare_slots[i].symbol, !slots[i].symbol);
		if (slots[i].symbol)
			assert_string_equal(bare_slots[i].symbol, slots[i].symbol);
	}
	array_release(&expected);
	array_release(&found);
	elf_image_free(whole);
	elf_image_free(bare);
}

static void finds_the_same_bounds(void **state)
{
	struct elf_image *whole = open_image("/usr/bin/python3.11");
	struct elf_image *bare = without_sections("/usr/bin/python3.11");
	struct elf_range expected, found;
	elf_symbols symbols = {0};
	const struct elf_symbol *symbol;

	(void)state;
	assert_int_equal(elf_find_symbols(whole, "Py*", &symbols), 0);
	assert_true(symbols.count > 500);
	array_each (symbol, &symbols) {
		uint64_t behind = symbol->vaddr + symbol->bytes + 32;
		int status = elf_frame_bounds(whole, behind, &expected);

		assert_int_equal(elf_frame_bounds(bare, behind, &found), status);
		if (!status)
			assert_memory_equal(&found, &expected, sizeof(found));
	}
	array_release(&symbols);
	elf_image_free(whole);
	elf_image_free(bare);
}

static void tells_programs_from_libraries(void **state)
{
	struct loaded_file libc = loaded_file("libc.so.6"), loader = loaded_file("ld-linux");
	struct elf_image *self = open_image("/proc/self/exe"), *image = open_image(libc.path);

	(void)state;
	assert_true(elf_is_program(self));
	assert_false(elf_is_program(image));
	elf_image_free(image);
	image = open_image(loader.path);
	assert_false(elf_is_program(image));
	elf_image_free(image);
	elf_image_free(self);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

static size_t place_of(const uint8_t *content, unsigned type, size_t *bytes)
{
	const ElfW(Ehdr) *header = (const void *)content;
	const ElfW(Phdr) *segment = (const void *)(content + header->e_phoff);

	while (segment->p_type != type)
		segment++;
	*bytes = segment->p_filesz;
	return segment->p_offset;
}

/* Whatever PT_DYNAMIC, its tables and .eh_frame_hdr then say, reading them harms nobody. */
static void altered_tables_are_safe(void **state)
{
	struct loaded_file libc = loaded_file("libc.so.6");
	size_t bytes, dynamic_bytes, index_bytes;
	uint8_t *content = read_whole(libc.path, &bytes), *altered = malloc(bytes);
	size_t dynamic = place_of(content, PT_DYNAMIC, &dynamic_bytes);
	size_t index = place_of(content, PT_GNU_EH_FRAME, &index_bytes);
	uint64_t seed = 20240608;

	(void)state;
	assert_non_null(altered);
	for (size_t round = 0; round < 300; round++) {
		elf_copy_doors doors = {0};
		struct elf_range range;
		struct elf_image *image;

		memcpy(altered, content, bytes);
		remove_sections(altered);
		for (unsigned i = 0; i < 4; i++) {
			altered[dynamic + next_random(&seed) % dynamic_bytes] =
				(uint8_t)next_random(&seed);
			altered[index + next_random(&seed) % (round % 2 ? 12 : index_bytes)] =
				(uint8_t)next_random(&seed);
			/* The hash table, the symbols and the strings are in the first 128 KiB. */
			if (round % 3 == 0)
				memset(altered + 1024 + next_random(&seed) % 130000, 0xff, 8);
		}
		image = image_of(altered, bytes);
		elf_find_copy_doors(image, &doors);
		for (uint64_t at = 0x28000; at < 0x170000; at += 4099)
			elf_function_bounds(image, at, &range);
		elf_slot_symbol(image, 0);
		array_release(&doors);
		elf_image_free(image);
	}
	free(altered);
	free(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_same_symbols),
		cmocka_unit_test(finds_the_same_slots_and_doors),
		cmocka_unit_test(finds_the_same_bounds),
		cmocka_unit_test(tells_programs_from_libraries),
		cmocka_unit_test(altered_tables_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
