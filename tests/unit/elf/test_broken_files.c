// SPDX-License-Identifier: GPL-2.0-only
/* Files cut off or altered at places: whatever they then say, reading them harms nobody. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <zlib.h>

#include "elf/truncated.h"
#include "files.h"
#include "tests/fuzz/use_image.h"

static bool use_bytes(const uint8_t *content, size_t bytes, uint64_t vaddr)
{
	int fd = file_of(content, bytes);
	struct elf_image *image;
	volatile unsigned sum;

	elf_image_open(fd, &image);
	close(fd);
	if (!image)
		return false;
	sum = use_debug(image);
	sum += use_image(image, vaddr);
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

/* Cut off while it is read, at each page of its beginning and then further on. */
static void files_may_shrink_while_they_are_read(void **state)
{
	struct loaded_file self = loaded_file("");
	uint64_t vaddr = (uintptr_t)use_image - self.base;
	size_t bytes;
	uint8_t *content = read_whole(self.path, &bytes);

	(void)state;
	elf_survive_truncation();
	for (size_t left = 0; left < bytes; left += left < 16384 ? 4096 : 65536) {
		int fd = file_of(content, bytes);
		struct elf_image *image;
		volatile unsigned sum;

		assert_int_equal(elf_image_open(fd, &image), 0);
		/* Half of what can be asked was read before. */
		if (left % 8192)
			elf_symbol_at(image, vaddr);
		assert_int_equal(ftruncate(fd, (off_t)left), 0);
		sum = use_image(image, vaddr);
		(void)sum;
		elf_image_free(image);
		close(fd);
	}
	signal(SIGBUS, SIG_DFL);
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

/* ---- files made to take long, or much memory ---- */

/* A made file: sections and their bytes one behind the other, after the headers. */
struct made_file {
	uint8_t *bytes;
	size_t count;
};

static void file_append(struct made_file *file, const void *bytes, size_t count)
{
	file->bytes = realloc(file->bytes, file->count + count);
	assert_non_null(file->bytes);
	if (bytes)
		memcpy(file->bytes + file->count, bytes, count);
	else
		memset(file->bytes + file->count, 0, count);
	file->count += count;
}

/* Room for the headers; file_close() fills them in. */
static struct made_file file_start(void)
{
	struct made_file file = {0};

	file_append(&file, NULL, sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr));
	return file;
}

static void file_close(struct made_file *file, const Elf64_Shdr *sections, size_t count,
		       size_t names_index)
{
	Elf64_Ehdr elf = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_shoff = (file->count + 7) / 8 * 8,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = (Elf64_Half)count,
		.e_shstrndx = (Elf64_Half)names_index,
	};
	Elf64_Phdr segment = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X};

	file_append(file, NULL, elf.e_shoff - file->count);
	file_append(file, sections, count * sizeof(*sections));
	segment.p_filesz = segment.p_memsz = file->count;
	memcpy(file->bytes, &elf, sizeof(elf));
	memcpy(file->bytes + sizeof(elf), &segment, sizeof(segment));
}

static struct elf_image *file_open(struct made_file *file)
{
	struct elf_image *image;
	int fd = file_of(file->bytes, file->count);

	assert_int_equal(elf_image_open(fd, &image), 0);
	close(fd);
	free(file->bytes);
	return image;
}

/* What malloc() has given out, mapped chunks and all. */
static size_t allocated_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

#define SYMBOLS 20000

/* 20,000 symbols that share one name of 60,000 bytes, which has a version to be cut off. */
static void long_names_are_not_multiplied(void **state)
{
	static const Elf64_Sym symbol = {
		.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = 1};
	enum { NAME_BYTES = 60000 };
	struct made_file file = file_start();
	Elf64_Shdr sections[3] = {0};
	size_t before = allocated_bytes();
	char *name = malloc(NAME_BYTES);
	struct elf_image *image;
	elf_symbols found = {0};

	(void)state;
	assert_non_null(name);
	sections[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
				   .sh_link = 2,
				   .sh_offset = file.count,
				   .sh_size = SYMBOLS * sizeof(symbol),
				   .sh_entsize = sizeof(symbol)};
	for (size_t i = 0; i < SYMBOLS; i++)
		file_append(&file, &symbol, sizeof(symbol));
	memset(name, 'a', NAME_BYTES);
	memcpy(name + NAME_BYTES - 4, "@V1", 4);
	sections[2] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB, .sh_offset = file.count, .sh_size = NAME_BYTES + 1};
	file_append(&file, "", 1);
	file_append(&file, name, NAME_BYTES);
	free(name);
	file_close(&file, sections, COUNT(sections), 0);
	image = file_open(&file);
	alarm(20);
	assert_int_equal(elf_find_symbols(image, "a*", &found), 0);
	alarm(0);
	assert_int_equal(found.count, 1);
	assert_int_equal(strlen(found.items[0].name), NAME_BYTES - 4);
	assert_true(allocated_bytes() - before < 64 << 20);
	array_release(&found);
	elf_image_free(image);
}

/* A thousand sections of relocations over the same megabytes, at an odd place. */
static void overlapping_relocations_are_not_copied(void **state)
{
	enum { SECTIONS = 1000, BYTES = 3 << 20 };
	struct made_file file = file_start();
	Elf64_Shdr *sections = calloc(SECTIONS, sizeof(*sections));
	size_t before = allocated_bytes();
	elf_copy_doors doors = {0};
	struct elf_image *image;

	(void)state;
	assert_non_null(sections);
	for (size_t i = 1; i < SECTIONS; i++)
		sections[i] = (Elf64_Shdr){.sh_type = SHT_RELA,
					   .sh_flags = SHF_ALLOC,
					   .sh_offset = file.count + 1,
					   .sh_size = BYTES / 24 * 24,
					   .sh_entsize = sizeof(Elf64_Rela)};
	file_append(&file, NULL, BYTES + 1);
	file_close(&file, sections, SECTIONS, 0);
	free(sections);
	image = file_open(&file);
	assert_int_equal(elf_find_copy_doors(image, &doors), 0);
	assert_true(allocated_bytes() - before < 64 << 20);
	array_release(&doors);
	elf_image_free(image);
}

/* A place that no memory has, and a size that leads round to the beginning. */
static void symbols_do_not_wrap(void **state)
{
	static const struct made_symbol symbols[] = {
		{"last", UINT64_MAX, 0, STT_FUNC, STB_GLOBAL, false},
		{"wraps", 0x20000, UINT64_MAX - 0x100, STT_FUNC, STB_GLOBAL, false},
		{"sound", 0x30000, 16, STT_FUNC, STB_GLOBAL, false},
	};
	struct elf_image *image = make_image(symbols, COUNT(symbols));
	struct elf_range range;
	elf_symbols found = {0};

	(void)state;
	assert_int_equal(elf_find_symbols(image, "*", &found), 0);
	assert_int_equal(found.count, 2);
	assert_int_equal(elf_function_bounds(image, UINT64_MAX, &range), -ENOENT);
	assert_int_equal(elf_function_bounds(image, 0x20010, &range), 0);
	assert_true(range.bytes <= UINT64_MAX - range.vaddr);
	assert_int_equal(elf_function_bounds(image, 0x30008, &range), 0);
	array_release(&found);
	elf_image_free(image);
}

/* Functions inside one another like dolls: what lies behind all but the outermost, asked often. */
static void nested_symbols_are_found_fast(void **state)
{
	enum { NESTED = 100000 };
	struct made_symbol *symbols = calloc(NESTED, sizeof(*symbols));
	struct elf_image *image;
	char *names = malloc(NESTED * 8);

	(void)state;
	assert_non_null(symbols);
	assert_non_null(names);
	for (size_t i = 0; i < NESTED; i++) {
		snprintf(names + i * 8, 8, "f%zu", i);
		symbols[i] = (struct made_symbol){names + i * 8, 0x10000 + i, 4 * NESTED - 2 * i,
						  STT_FUNC,      STB_LOCAL,   false};
	}
	image = make_image(symbols, NESTED);
	alarm(20);
	for (size_t i = 0; i < NESTED; i++)
		elf_symbol_at(image, 0x10000 + 4 * NESTED - 1);
	alarm(0);
	elf_image_free(image);
	free(names);
	free(symbols);
}

/* Names for one function, more than there are in any program, asked often. */
static void aliases_are_found_fast(void **state)
{
	enum { ALIASES = 300000 };
	struct made_symbol *symbols = calloc(ALIASES, sizeof(*symbols));
	char *names = malloc(ALIASES * 8);
	struct elf_image *image;

	(void)state;
	assert_non_null(symbols);
	assert_non_null(names);
	for (size_t i = 0; i < ALIASES; i++) {
		snprintf(names + i * 8, 8, "f%zu", i);
		symbols[i] = (struct made_symbol){names + i * 8, 0x10000,   1 + i,
						  STT_FUNC,      STB_LOCAL, false};
	}
	image = make_image(symbols, ALIASES);
	alarm(20);
	for (size_t i = 0; i < ALIASES; i++) {
		const struct elf_symbol *symbol = elf_symbol_at(image, 0x10000 + i);

		assert_true(symbol && symbol->bytes > i);
	}
	alarm(0);
	assert_string_equal(elf_symbol_at(image, 0x10000)->name, "f0");
	elf_image_free(image);
	free(names);
	free(symbols);
}

/*
 * DWARF in which the sibling of each scope is the first one inside it: reading both ways would
 * take 2^64 steps.
 */
static void scopes_that_multiply_end(void **state)
{
	enum { SCOPES = 64, SCOPE_BYTES = 5, HEADER_BYTES = 11 };
	static const uint8_t abbreviations[] = {
		1, 0x11, 1, 0,    0,          /* compile_unit, with children */
		2, 0x0b, 1, 0x01, 0x13, 0, 0, /* lexical_block with children and a sibling */
		0,
	};
	static const char names[] = "\0.debug_info\0.debug_abbrev\0.shstrtab";
	uint8_t info[HEADER_BYTES + 1 + SCOPES * SCOPE_BYTES + SCOPES + 2] = {[4] = 4, [10] = 8};
	uint32_t unit_bytes = sizeof(info) - 4;
	struct made_file file = file_start();
	Elf64_Shdr sections[4] = {0};
	struct elf_image *image;
	elf_hosts hosts = {0};

	(void)state;
	memcpy(info, &unit_bytes, sizeof(unit_bytes));
	info[HEADER_BYTES] = 1;
	for (uint32_t i = 0; i < SCOPES; i++) {
		uint32_t at = HEADER_BYTES + 1 + i * SCOPE_BYTES, sibling = at + SCOPE_BYTES;

		info[at] = 2;
		memcpy(info + at + 1, &sibling, sizeof(sibling));
	}
	sections[1] = (Elf64_Shdr){.sh_name = 1,
				   .sh_type = SHT_PROGBITS,
				   .sh_offset = file.count,
				   .sh_size = sizeof(info)};
	file_append(&file, info, sizeof(info));
	sections[2] = (Elf64_Shdr){.sh_name = 13,
				   .sh_type = SHT_PROGBITS,
				   .sh_offset = file.count,
				   .sh_size = sizeof(abbreviations)};
	file_append(&file, abbreviations, sizeof(abbreviations));
	sections[3] = (Elf64_Shdr){.sh_name = 27,
				   .sh_type = SHT_STRTAB,
				   .sh_offset = file.count,
				   .sh_size = sizeof(names)};
	file_append(&file, names, sizeof(names));
	file_close(&file, sections, COUNT(sections), 3);
	image = file_open(&file);
	alarm(10);
	assert_int_equal(elf_inlined_into(image, "main", &hosts), 0);
	alarm(0);
	array_release(&hosts);
	elf_image_free(image);
}

/* 600 MiB of zeroes, packed as a section of DWARF; is_old: of .zdebug_info. */
static void append_packed_zeroes(struct made_file *file, bool is_old)
{
	enum { CHUNK_BYTES = 1 << 20, CHUNKS = 600 };
	static uint8_t zeroes[CHUNK_BYTES], packed[CHUNK_BYTES];
	Elf64_Chdr header = {.ch_type = ELFCOMPRESS_ZLIB,
			     .ch_size = (uint64_t)CHUNKS * CHUNK_BYTES,
			     .ch_addralign = 1};
	uint64_t old_header[] = {0, htobe64(header.ch_size)};
	z_stream stream = {0};

	memcpy((char *)old_header + 4, "ZLIB", 4);
	if (is_old)
		file_append(file, (char *)old_header + 4, 12);
	else
		file_append(file, &header, sizeof(header));
	assert_int_equal(deflateInit(&stream, Z_BEST_COMPRESSION), Z_OK);
	for (int i = 1; i <= CHUNKS; i++) {
		stream.next_in = zeroes;
		stream.avail_in = sizeof(zeroes);
		stream.next_out = packed;
		stream.avail_out = sizeof(packed);
		deflate(&stream, i < CHUNKS ? Z_NO_FLUSH : Z_FINISH);
		assert_int_equal(stream.avail_in, 0);
		file_append(file, packed, sizeof(packed) - stream.avail_out);
	}
	deflateEnd(&stream);
}

static size_t peak_bytes(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return (size_t)usage.ru_maxrss << 10;
}

static void check_not_unpacked(bool is_old)
{
	static const char names[] = "\0.debug_info\0.shstrtab\0.zdebug_info";
	struct made_file file = file_start();
	Elf64_Shdr sections[3] = {0};
	struct elf_image *image;
	elf_hosts hosts = {0};
	size_t before;

	sections[1] = (Elf64_Shdr){.sh_name = is_old ? 23 : 1,
				   .sh_type = SHT_PROGBITS,
				   .sh_flags = is_old ? 0 : SHF_COMPRESSED,
				   .sh_offset = file.count,
				   .sh_addralign = 1};
	append_packed_zeroes(&file, is_old);
	sections[1].sh_size = file.count - sections[1].sh_offset;
	sections[2] = (Elf64_Shdr){.sh_name = 13,
				   .sh_type = SHT_STRTAB,
				   .sh_offset = file.count,
				   .sh_size = sizeof(names)};
	file_append(&file, names, sizeof(names));
	file_close(&file, sections, COUNT(sections), 2);
	image = file_open(&file);
	before = peak_bytes();
	assert_int_equal(elf_inlined_into(image, "main", &hosts), 0);
	assert_true(peak_bytes() - before < 64 << 20);
	array_release(&hosts);
	elf_image_free(image);
}

static void huge_dwarf_is_not_unpacked(void **state)
{
	(void)state;
	check_not_unpacked(false);
	check_not_unpacked(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_off_files_are_safe),
		cmocka_unit_test(altered_files_are_safe),
		cmocka_unit_test(files_may_shrink_while_they_are_read),
		cmocka_unit_test(symbols_do_not_wrap),
		cmocka_unit_test(long_names_are_not_multiplied),
		cmocka_unit_test(overlapping_relocations_are_not_copied),
		cmocka_unit_test(nested_symbols_are_found_fast),
		cmocka_unit_test(aliases_are_found_fast),
		cmocka_unit_test(scopes_that_multiply_end),
		cmocka_unit_test(huge_dwarf_is_not_unpacked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
