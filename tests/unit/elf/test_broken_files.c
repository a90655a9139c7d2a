// SPDX-License-Identifier: GPL-2.0-only
/* Files cut off or altered at places: whatever they then say, reading them harms nobody. */
#include "files.h"

/* Asks everything of the file that the interface offers, and looks at every byte it is given. */
static unsigned use_image(const struct elf_image *image, uint64_t vaddr)
{
	uint64_t place = vaddr, word;
	const char *text;
	unsigned sum = 0;
	elf_near_names nearest = {0};
	const struct elf_symbol *symbol;
	elf_copy_doors doors = {0};
	elf_symbols found = {0};
	elf_ranges parts = {0};
	elf_hosts hosts = {0};
	struct elf_range range;
	const uint8_t *code;
	size_t bytes;

	if (elf_image_off_of_vaddr(image, place, &place))
		elf_image_vaddr_of_off(image, place, &place);
	code = elf_image_code(image, place, &bytes);
	for (size_t i = 0; i < bytes; i += 64)
		sum += code[i];
	elf_find_symbols(image, "*mem*", &found);
	elf_find_written(image, "*::*flush*", &found);
	array_each (symbol, &found)
		sum += (unsigned)strlen(symbol->name);
	symbol = elf_symbol_at(image, vaddr);
	sum += symbol ? (unsigned)strlen(symbol->name) : 0;
	for (uint64_t at = vaddr; at < vaddr + 4096; at += 256) {
		sum += (unsigned)elf_function_bounds(image, at, &range);
		sum += elf_image_word(image, at, &word) ? (unsigned)word : 0;
	}
	elf_cold_parts(image, "main", &parts);
	elf_nearest_names(image, "memmoev", 3, &nearest);
	elf_find_copy_doors(image, &doors);
	text = elf_slot_symbol(image, vaddr);
	sum += text ? (unsigned)strlen(text) : 0;
	elf_inlined_into(image, "use_image", &hosts);
	array_release(&hosts);
	array_release(&doors);
	elf_near_names_release(&nearest);
	array_release(&parts);
	array_release(&found);
	return sum;
}

static bool use_bytes(const uint8_t *content, size_t bytes, uint64_t vaddr)
{
	int fd = file_of(content, bytes);
	struct elf_image *image;
	volatile unsigned sum;

	elf_image_open(fd, &image);
	close(fd);
	if (!image)
		return false;
	sum = use_image(image, vaddr);
	(void)sum;
	elf_image_free(image);
	return true;
}

static void cut_off_files_are_safe(void **state)
{
	struct loaded_file libc = loaded_file("libc.so.6");
	size_t bytes, opened = 0, count = 0;
	uint8_t *content = read_whole(libc.path, &bytes);

	(void)state;
	for (size_t length = 0; length < 1200; length += 13, count++)
		opened += use_bytes(content, length, 0x9c590);
	for (size_t length = 1200; length < bytes; length += 65521, count++)
		opened += use_bytes(content, length, 0x9c590);
	print_message("%zu of %zu could be opened\n", opened, count);
	assert_true(opened > 0 && opened < count);
	free(content);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

/* Alters single bytes where it hurts: in the headers, and in what the sections hold. */
static void altered_files_are_safe(void **state)
{
	struct loaded_file self = loaded_file("");
	size_t bytes, opened = 0, rounds = 400;
	uint8_t *content = read_whole(self.path, &bytes), *altered = malloc(bytes);
	uint64_t seed = 20240607, vaddr = (uintptr_t)use_image - self.base;
	const ElfW(Ehdr) *header = (const void *)content;

	(void)state;
	assert_non_null(altered);
	for (size_t i = 0; i < rounds; i++) {
		memcpy(altered, content, bytes);
		for (unsigned flips = 1 + i % 8; flips; flips--) {
			size_t at = next_random(&seed) % bytes;

			if (i % 4 == 0)
				at = next_random(&seed) % 1024;
			if (i % 4 == 1)
				at = header->e_shoff + at % (bytes - header->e_shoff);
			altered[at] = (uint8_t)next_random(&seed);
			if (i % 4 == 2)
				memset(altered + at, 0xff, bytes - at < 8 ? bytes - at : 8);
		}
		opened += use_bytes(altered, bytes, vaddr);
	}
	print_message("%zu of %zu could be opened\n", opened, rounds);
	assert_true(opened > rounds / 2);
	free(altered);
	free(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_off_files_are_safe),
		cmocka_unit_test(altered_files_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
