// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <errno.h>
#include <sys/auxv.h>

#include "files.h"

/* ---- against what the loader made of the same file ---- */

static void check_segments(const char *part_of_name)
{
	struct loaded_file file = loaded_file(part_of_name);
	struct elf_image *image = open_image(file.path);

	for (size_t i = 0; i < file.segment_count; i++) {
		const ElfW(Phdr) *segment = &file.segments[i];
		uint64_t last = segment->p_vaddr + segment->p_filesz - 1, off, vaddr;
		const uint8_t *code;
		size_t bytes;

		if (segment->p_type != PT_LOAD)
			continue;
		assert_true(elf_image_off_of_vaddr(image, last, &off));
		assert_int_equal(off, segment->p_offset + segment->p_filesz - 1);
		assert_true(elf_image_vaddr_of_off(image, off, &vaddr));
		assert_int_equal(vaddr, last);
		code = elf_image_code(image, segment->p_vaddr + 1, &bytes);
		assert_true(!code == !(segment->p_flags & PF_X));
		if (!code)
			continue;
		assert_int_equal(bytes, segment->p_filesz - 1);
		assert_memory_equal(code, (void *)(file.base + segment->p_vaddr + 1), bytes);
		assert_null(elf_image_code(image, last + 1, &bytes));
		assert_int_equal(bytes, 0);
	}
	elf_image_free(image);
}

static void maps_addresses_as_the_loader_did(void **state)
{
	(void)state;
	check_segments("");
	check_segments("libc.so.6");
}

static void knows_what_no_segment_covers(void **state)
{
	struct elf_image *image = open_image("/proc/self/exe");
	uint64_t place;

	(void)state;
	assert_false(elf_image_off_of_vaddr(image, UINT64_MAX, &place));
	assert_false(elf_image_vaddr_of_off(image, UINT64_MAX, &place));
	assert_false(elf_image_off_of_vaddr(image, 1ull << 46, &place));
	elf_image_free(image);
}

static void gives_the_words_of_the_file(void **state)
{
	struct elf_image *image = make_image(NULL, 0);
	uint64_t end = MADE_VADDR, word, magic;

	(void)state;
	assert_true(elf_image_word(image, MADE_VADDR, &word));
	memcpy(&magic, "\177ELF\2\1\1", sizeof(magic));
	assert_int_equal(word, magic);
	assert_false(elf_image_word(image, MADE_VADDR - 1, &word));
	while (elf_image_word(image, end, &word))
		end++;
	/* The last one ends where the file does. */
	assert_true(elf_image_off_of_vaddr(image, end + sizeof(word) - 2, &word));
	assert_false(elf_image_off_of_vaddr(image, end + sizeof(word) - 1, &word));
	elf_image_free(image);
}

static void knows_where_execution_begins(void **state)
{
	struct loaded_file self = loaded_file("");
	struct elf_image *image = open_image(self.path);
	struct elf_image *made = make_image(NULL, 0);

	(void)state;
	assert_int_equal(elf_image_entry_vaddr(image), getauxval(AT_ENTRY) - self.base);
	assert_int_equal(elf_image_entry_vaddr(made), 0);
	elf_image_free(image);
	elf_image_free(made);
}

/* ---- what is no ELF file of our kind ---- */

static void refuses_what_is_no_regular_file(void **state)
{
	struct elf_image *image;
	int pipes[2];
	int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(elf_image_open(directory, &image), -EISDIR);
	assert_null(image);
	close(directory);
	assert_int_equal(elf_image_open(directory, &image), -EBADF);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(elf_image_open(pipes[0], &image), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	elf_image_free(NULL);
}

static void refuses_other_kinds_of_file(void **state)
{
	static const char text[] = "#!/bin/sh\nexec python3 \"$@\" # and a line long enough to "
				   "hold an ELF header, which it is not\n";
	struct made_header header = {0};
	struct elf_image *image = make_image(NULL, 0);
	size_t bytes;

	(void)state;
	/* make_image()'s own header, as a start that is known to be good. */
	memcpy(&header, elf_image_code(image, MADE_VADDR, &bytes), sizeof(header));
	elf_image_free(image);

	assert_int_equal(status_of_open("", 0), -ENOEXEC);
	assert_int_equal(status_of_open("\x7f", 1), -ENOEXEC);
	assert_int_equal(status_of_open("\x7f"
					"ELF",
					4),
			 -ENOEXEC);
	assert_int_equal(status_of_open(text, sizeof(text)), -ENOEXEC);
	assert_int_equal(status_of_open("!<arch>\n", 8), -ENOEXEC);
	assert_int_equal(status_of_open(&header, sizeof(header)), 0);

	header.elf.e_machine = EM_AARCH64;
	assert_int_equal(status_of_open(&header, sizeof(header)), -ENOEXEC);
	header.elf.e_machine = EM_X86_64;
	header.elf.e_type = ET_REL;
	assert_int_equal(status_of_open(&header, sizeof(header)), -ENOEXEC);
	header.elf.e_type = ET_DYN;
	header.segment.p_type = PT_NOTE;
	assert_int_equal(status_of_open(&header, sizeof(header)), -ENOEXEC);
}

/* An x32 program: x86-64 code, but a 32-bit file, and a sound one. */
static void refuses_a_32_bit_file(void **state)
{
	struct {
		Elf32_Ehdr elf;
		Elf32_Phdr segment;
	} file = {
		.elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(Elf32_Ehdr),
			.e_ehsize = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 1},
		.segment = {.p_type = PT_LOAD, .p_flags = PF_X, .p_filesz = 64, .p_memsz = 64},
	};

	(void)state;
	assert_int_equal(status_of_open(&file, sizeof(file)), -ENOEXEC);
}

static void refuses_a_big_endian_file(void **state)
{
	struct {
		Elf64_Ehdr elf;
		Elf64_Phdr segment;
	} file = {
		.elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2MSB, EV_CURRENT},
			.e_type = htobe16(ET_EXEC),
			.e_machine = htobe16(EM_X86_64),
			.e_version = htobe32(EV_CURRENT),
			.e_phoff = htobe64(sizeof(Elf64_Ehdr)),
			.e_ehsize = htobe16(sizeof(Elf64_Ehdr)),
			.e_phentsize = htobe16(sizeof(Elf64_Phdr)),
			.e_phnum = htobe16(1)},
		.segment = {.p_type = htobe32(PT_LOAD), .p_filesz = htobe64(64)},
	};

	(void)state;
	assert_int_equal(status_of_open(&file, sizeof(file)), -ENOEXEC);
}

static void bounds_claims_by_what_the_file_holds(void **state)
{
	static const struct {
		uint64_t off, filesz, vaddr, code_bytes;
	} cases[] = {
		{0, 1 << 20, 0x1000, sizeof(struct made_header)},
		{0, UINT64_MAX, 0x1000, sizeof(struct made_header)},
		{64, UINT64_MAX - 32, 0x1000, sizeof(struct made_header) - 64},
		{1 << 20, 4096, 0x1000, 0},
		{UINT64_MAX - 8, 4096, 0x1000, 0},
		{0, 64, UINT64_MAX - 15, 15},
	};
	struct made_header header = {0};
	struct elf_image *image = make_image(NULL, 0);
	size_t bytes;

	(void)state;
	memcpy(&header, elf_image_code(image, MADE_VADDR, &bytes), sizeof(header));
	elf_image_free(image);
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t place;
		int fd;

		header.segment.p_offset = cases[i].off;
		header.segment.p_filesz = cases[i].filesz;
		header.segment.p_vaddr = cases[i].vaddr;
		fd = file_of(&header, sizeof(header));
		assert_int_equal(elf_image_open(fd, &image), 0);
		close(fd);
		assert_true(!elf_image_code(image, cases[i].vaddr, &bytes) == !cases[i].code_bytes);
		assert_int_equal(bytes, cases[i].code_bytes);
		assert_false(elf_image_off_of_vaddr(image, cases[i].vaddr + bytes, &place));
		elf_image_free(image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_addresses_as_the_loader_did),
		cmocka_unit_test(knows_what_no_segment_covers),
		cmocka_unit_test(gives_the_words_of_the_file),
		cmocka_unit_test(knows_where_execution_begins),
		cmocka_unit_test(refuses_what_is_no_regular_file),
		cmocka_unit_test(refuses_other_kinds_of_file),
		cmocka_unit_test(refuses_a_32_bit_file),
		cmocka_unit_test(refuses_a_big_endian_file),
		cmocka_unit_test(bounds_claims_by_what_the_file_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
