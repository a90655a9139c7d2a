// SPDX-License-Identifier: GPL-2.0-only
/* Go's table of functions, in its three layouts, and what a file may claim that is not so. */
#include "files.h"

#define TEXT_VADDR  0x401000
#define TABLE_VADDR 0x500000
#define TABLE_BYTES 256
#define NAMES_OFF   80
#define INDEX_OFF   128
#define DATA_OFF    192 /* of the functions' data, from the table's start */

/* An ELF file with one section, and nothing but headers beside it. */
struct made_go {
	Elf64_Ehdr elf;
	Elf64_Phdr segment;
	Elf64_Shdr sections[5];
	char section_names[64];
	Elf64_Rela relocation;
	uint8_t table[TABLE_BYTES];
};

static const char section_names[] = "\0.gopclntab\0.text\0.data.rel.ro.gopclntab";

static void put(struct made_go *made, size_t off, uint64_t value, size_t bytes)
{
	memcpy(made->table + off, &value, bytes);
}

static struct made_go made_go(uint32_t magic)
{
	struct made_go made = {
		.elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct made_go, segment),
			.e_shoff = offsetof(struct made_go, sections),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 5,
			.e_shstrndx = 2},
		.segment = {.p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_vaddr = 0x400000,
			    .p_filesz = sizeof(made),
			    .p_memsz = sizeof(made)},
		.sections = {[1] = {.sh_name = 1,
				    .sh_type = SHT_PROGBITS,
				    .sh_addr = TABLE_VADDR,
				    .sh_offset = offsetof(struct made_go, table),
				    .sh_size = TABLE_BYTES},
			     [2] = {.sh_type = SHT_STRTAB,
				    .sh_offset = offsetof(struct made_go, section_names),
				    .sh_size = sizeof(made.section_names)},
			     [3] = {.sh_name = 12,
				    .sh_type = SHT_PROGBITS,
				    .sh_addr = TEXT_VADDR,
				    .sh_size = sizeof(Elf64_Ehdr)},
			     [4] = {.sh_type = SHT_RELA,
				    .sh_flags = SHF_ALLOC,
				    .sh_offset = offsetof(struct made_go, relocation),
				    .sh_size = sizeof(Elf64_Rela),
				    .sh_entsize = sizeof(Elf64_Rela),
				    .sh_addralign = 8}},
	};
	bool is_new = magic == 0xfffffff0 || magic == 0xfffffff1;
	size_t word = is_new ? 4 : 8;
	uint64_t text = is_new ? 0 : TEXT_VADDR;
	/* What offsets are counted from: the table's start in the oldest layout. */
	size_t names = magic == 0xfffffffb ? 0 : NAMES_OFF;
	size_t index = magic == 0xfffffffb ? 16 : INDEX_OFF;
	size_t data = magic == 0xfffffffb ? 0 : INDEX_OFF;

	memcpy(made.section_names, section_names, sizeof(section_names));
	put(&made, 0, magic, 4);
	put(&made, 4, 0x08010000, 4);
	put(&made, 8, 2, 8); /* functions */
	if (is_new) {
		put(&made, 24, TEXT_VADDR, 8);
		put(&made, 32, NAMES_OFF, 8);
		put(&made, 64, INDEX_OFF, 8);
	} else if (magic == 0xfffffffa) {
		put(&made, 24, NAMES_OFF, 8);
		put(&made, 56, INDEX_OFF, 8);
	}
	strcpy((char *)made.table + NAMES_OFF + 1, "main.(*Buf).Flush");
	strcpy((char *)made.table + NAMES_OFF + 24, "runtime.memmove");
	put(&made, index, text + 0x40, word);
	put(&made, index + word, DATA_OFF - data, word);
	put(&made, index + 2 * word, text + 0x80, word);
	put(&made, index + 3 * word, DATA_OFF + 16 - data, word);
	put(&made, index + 4 * word, text + 0x100, word);
	put(&made, DATA_OFF + word, NAMES_OFF + 1 - names, 4);
	put(&made, DATA_OFF + 16 + word, NAMES_OFF + 24 - names, 4);
	return made;
}

static struct elf_image *open_made(const struct made_go *made)
{
	int fd = file_of(made, sizeof(*made));
	struct elf_image *image;

	assert_int_equal(elf_image_open(fd, &image), 0);
	close(fd);
	return image;
}

static size_t count_found(const struct elf_image *image, const char *pattern)
{
	elf_symbols found = {0};
	size_t count;

	assert_int_equal(elf_find_symbols(image, pattern, &found), 0);
	count = found.count;
	array_release(&found);
	return count;
}

static void check_both_functions(const struct made_go *made)
{
	struct elf_image *image = open_made(made);
	elf_copy_doors doors = {0};
	elf_symbols found = {0};
	struct elf_range range;

	assert_int_equal(elf_find_symbols(image, "main.(*Buf).Flush", &found), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.items[0].vaddr, TEXT_VADDR + 0x40);
	assert_int_equal(found.items[0].bytes, 0x40);
	assert_int_equal(elf_function_bounds(image, TEXT_VADDR + 0x90, &range), 0);
	assert_int_equal(range.vaddr, TEXT_VADDR + 0x80);
	assert_int_equal(range.bytes, 0x80);
	assert_true(elf_is_go_function(image, TEXT_VADDR + 0x80));
	assert_false(elf_is_go_function(image, TEXT_VADDR + 0x84));
	assert_false(elf_is_go_function(image, TEXT_VADDR + 0x100));
	assert_false(elf_is_stripped(image));
	assert_int_equal(elf_find_copy_doors(image, &doors), 0);
	assert_int_equal(doors.count, 1);
	assert_true(doors.items[0].direct && doors.items[0].is_go);
	assert_int_equal(doors.items[0].vaddr, TEXT_VADDR + 0x80);
	array_release(&doors);
	array_release(&found);
	elf_image_free(image);
}

static const uint32_t magics[] = {0xfffffffb, 0xfffffffa, 0xfffffff0, 0xfffffff1};

static void all_layouts_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(magics); i++) {
		struct made_go made = made_go(magics[i]);

		check_both_functions(&made);
	}
}

static void the_text_may_be_stated_elsewhere(void **state)
{
	struct made_go made = made_go(0xfffffff1);

	(void)state;
	made.sections[1].sh_name = 18; /* .data.rel.ro.gopclntab */
	put(&made, 24, 0, 8);
	check_both_functions(&made);
	made.sections[3].sh_addr = 0x400800; /* C's code comes first */
	made.relocation = (Elf64_Rela){.r_offset = TABLE_VADDR + 24,
				       .r_info = ELF64_R_INFO(0, R_X86_64_RELATIVE),
				       .r_addend = TEXT_VADDR};
	check_both_functions(&made);
}

/* How many functions a file has that is wrong in one place. */
static size_t functions_with(uint32_t magic, size_t off, uint64_t value, size_t bytes)
{
	struct made_go made = made_go(magic);
	struct elf_image *image;
	size_t count;

	put(&made, off, value, bytes);
	image = open_made(&made);
	count = count_found(image, "*");
	elf_image_free(image);
	return count;
}

static void broken_tables_give_what_holds(void **state)
{
	(void)state;
	assert_int_equal(functions_with(0xfffffff0, 0, 0xfffffff5, 4), 0);      /* no such magic */
	assert_int_equal(functions_with(0xfffffff0, 4, 0x04010000, 4), 0);      /* 32 bits */
	assert_int_equal(functions_with(0xfffffff0, 8, UINT64_MAX, 8), 2);      /* functions */
	assert_int_equal(functions_with(0xfffffff0, 24, UINT64_MAX, 8), 0);     /* text */
	assert_int_equal(functions_with(0xfffffff0, 32, TABLE_BYTES, 8), 0);    /* names */
	assert_int_equal(functions_with(0xfffffff0, 32, UINT64_MAX - 8, 8), 0); /* wraps round */
	assert_int_equal(functions_with(0xfffffff0, 64, TABLE_BYTES - 4, 8), 0);
	assert_int_equal(functions_with(0xfffffff0, 64, UINT64_MAX - 3, 8), 0);
	assert_int_equal(functions_with(0xfffffff0, INDEX_OFF + 4, UINT32_MAX, 4), 1);
	assert_int_equal(functions_with(0xfffffff0, INDEX_OFF + 8, 0x20, 4), 0); /* goes back */
	assert_int_equal(functions_with(0xfffffff0, DATA_OFF + 4, UINT32_MAX, 4), 1);
	assert_int_equal(functions_with(0xfffffffa, INDEX_OFF + 8, UINT64_MAX, 8), 1);
	assert_int_equal(functions_with(0xfffffffb, 24, UINT64_MAX, 8), 1);
}

static void tables_cut_short_are_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(magics); i++) {
		for (size_t bytes = 0; bytes < TABLE_BYTES; bytes++) {
			struct made_go made = made_go(magics[i]);
			struct elf_image *image;

			made.sections[1].sh_size = bytes;
			image = open_made(&made);
			assert_true(count_found(image, "*") <= 2);
			elf_image_free(image);
		}
	}
}

/* The last name has no end in the table. */
static void names_without_an_end_are_left_out(void **state)
{
	struct made_go made = made_go(0xfffffff1);
	struct elf_image *image;

	(void)state;
	put(&made, DATA_OFF + 4, TABLE_BYTES - 8 - NAMES_OFF, 4);
	memset(made.table + TABLE_BYTES - 8, 'x', 8);
	image = open_made(&made);
	assert_int_equal(count_found(image, "*"), 1);
	elf_image_free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_layouts_are_read),
		cmocka_unit_test(the_text_may_be_stated_elsewhere),
		cmocka_unit_test(broken_tables_give_what_holds),
		cmocka_unit_test(tables_cut_short_are_safe),
		cmocka_unit_test(names_without_an_end_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
