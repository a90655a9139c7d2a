// SPDX-License-Identifier: GPL-2.0-only
/*
 * This very program, its names taken away, and the debug files that give them back or are refused.
 */
#include <errno.h>
#include <lzma.h>
#include <zlib.h>

#include "elf/debug_file.h"
#include "elf/image_internal.h"
#include "files.h"

/* ---- what the debug file alone knows ---- */

static volatile int sink;

static inline __attribute__((always_inline)) void made_leaf(int value)
{
	sink += value * 7;
}

__attribute__((noinline, used)) static void known_to_debug(int value)
{
	made_leaf(value);
}

/* A copy routine that only this file knows, as ld.so has some. */
__attribute__((noinline, used)) static void *__memcpy(void *into, const void *from, size_t bytes)
{
	uint8_t *to = into;

	for (size_t i = 0; i < bytes; i++)
		to[i] = ((const volatile uint8_t *)from)[i];
	return to + bytes;
}

/* ---- files to be altered ---- */

struct made_file {
	uint8_t *content;
	size_t bytes;
};

/* This program as it is, with room for more at its end. */
static struct made_file whole_file(void)
{
	struct made_file file;

	file.content = read_whole("/proc/self/exe", &file.bytes);
	return file;
}

static ElfW(Shdr) * sections_of(const struct made_file *file)
{
	const ElfW(Ehdr) *header = (const void *)file->content;

	return (ElfW(Shdr) *)(file->content + header->e_shoff);
}

static char *name_of(const struct made_file *file, size_t index)
{
	const ElfW(Ehdr) *header = (const void *)file->content;
	const ElfW(Shdr) *sections = sections_of(file);

	return (char *)file->content + sections[header->e_shstrndx].sh_offset +
	       sections[index].sh_name;
}

static ElfW(Shdr) * section_of(const struct made_file *file, const char *name)
{
	const ElfW(Ehdr) *header = (const void *)file->content;

	for (size_t i = 0; i < header->e_shnum; i++) {
		if (!strcmp(name_of(file, i), name))
			return &sections_of(file)[i];
	}
	fail_msg("no section %s", name);
	return NULL;
}

/* Without .symtab and without DWARF. */
static struct made_file stripped_file(void)
{
	struct made_file file = whole_file();
	const ElfW(Ehdr) *header = (const void *)file.content;

	section_of(&file, ".symtab")->sh_type = SHT_PROGBITS;
	for (size_t i = 0; i < header->e_shnum; i++) {
		if (!strncmp(name_of(&file, i), ".debug", strlen(".debug")))
			sections_of(&file)[i].sh_name = 0;
	}
	return file;
}

static uint8_t *build_id_in(const struct made_file *file)
{
	return file->content + section_of(file, ".note.gnu.build-id")->sh_offset +
	       sizeof(Elf64_Nhdr) + sizeof("GNU");
}

/* The file loses its build id, and has a section of this name instead, at its end. */
static void replace_build_id(struct made_file *file, const char *name, const void *bytes,
			     size_t count)
{
	ElfW(Shdr) *section = section_of(file, ".note.gnu.build-id");

	strcpy(name_of(file, (size_t)(section - sections_of(file))), name);
	section->sh_type = SHT_PROGBITS;
	section->sh_offset = file->bytes;
	section->sh_size = count;
	section->sh_addralign = 1;
	memcpy(file->content + file->bytes, bytes, count);
	file->bytes += count;
}

/* As strip writes it: "x.debug", and from the next place that 4 divides, the CRC. */
static void link_to(struct made_file *file, uint32_t crc)
{
	uint8_t link[12] = "x.debug";

	memcpy(link + 8, &crc, sizeof(crc));
	replace_build_id(file, ".gnu_debuglink", link, sizeof(link));
}

static struct elf_image *image_of(const struct made_file *file)
{
	int fd = file_of(file->content, file->bytes);
	struct elf_image *image;

	assert_int_equal(elf_image_open(fd, &image), 0);
	close(fd);
	return image;
}

/* Gives the status of taking, and leaves nothing behind. */
static int status_of_take(const struct made_file *file, const struct made_file *debug_file)
{
	struct elf_image *image = image_of(file), *debug = image_of(debug_file);
	int status = elf_image_take_debug(image, debug);

	if (status)
		elf_image_free(debug);
	elf_image_free(image);
	return status;
}

static void assert_knows_names(const struct elf_image *image)
{
	elf_symbols found = {0};

	assert_int_equal(elf_find_symbols(image, "known_to_debug", &found), 0);
	assert_int_equal(found.count, 1);
	assert_true(found.items[0].from_debug);
	assert_int_equal(found.items[0].vaddr + loaded_file("").base, (uintptr_t)known_to_debug);
	assert_ptr_equal(elf_symbol_at(image, found.items[0].vaddr + 1)->name, found.items[0].name);
	array_release(&found);
}

/* ---- by build id ---- */

static void takes_the_names_of_its_own_build(void **state)
{
	struct made_file file = stripped_file(), debug_file = whole_file();
	struct elf_image *image = image_of(&file), *debug = image_of(&debug_file);
	elf_symbols found = {0};
	elf_hosts hosts = {0};

	(void)state;
	assert_true(elf_lacks_symbols(image));
	assert_true(elf_is_stripped(image));
	assert_false(elf_is_stripped(debug));
	assert_false(elf_lacks_symbols(debug));
	assert_int_equal(elf_find_symbols(image, "known_to_debug", &found), 0);
	assert_int_equal(elf_inlined_into(image, "made_leaf", &hosts), 0);
	assert_int_equal(found.count + hosts.count, 0);
	elf_image_free(image);

	image = image_of(&file);
	assert_int_equal(elf_image_take_debug(image, debug), 0);
	assert_false(elf_is_stripped(image));
	assert_knows_names(image);
	assert_int_equal(elf_inlined_into(image, "made_leaf", &hosts), 0);
	assert_int_equal(hosts.count, 1);
	assert_string_equal(hosts.items[0].name, "known_to_debug");
	array_release(&hosts);
	elf_image_free(image);
	free(file.content);
	free(debug_file.content);
}

/* What makes it a library, as far as the file says so. */
static void clear_program_flag(struct made_file *file)
{
	const ElfW(Shdr) *section = section_of(file, ".dynamic");
	ElfW(Dyn) *entry = (void *)(file->content + section->sh_offset);

	while (entry->d_tag != DT_FLAGS_1)
		entry++;
	assert_true(entry->d_un.d_val & DF_1_PIE);
	entry->d_un.d_val &= ~(uint64_t)DF_1_PIE;
}

static size_t count_doors(const struct made_file *file, const struct made_file *debug_file)
{
	struct elf_image *image = image_of(file), *debug = image_of(debug_file);
	const struct elf_copy_door *door;
	elf_copy_doors doors = {0};
	size_t found = 0;

	assert_int_equal(elf_image_take_debug(image, debug), 0);
	assert_int_equal(elf_find_copy_doors(image, &doors), 0);
	array_each (door, &doors)
		found += door->direct && !strcmp(door->name, "__memcpy") &&
			 door->vaddr + loaded_file("").base == (uintptr_t)__memcpy;
	array_release(&doors);
	elf_image_free(image);
	return found;
}

/* Or a package of debug files that is installed would change what is counted in ld.so. */
static void librarys_debug_names_are_no_doors(void **state)
{
	struct made_file file = stripped_file(), debug_file = whole_file();

	(void)state;
	assert_int_equal(count_doors(&file, &debug_file), 1);
	clear_program_flag(&file);
	assert_int_equal(count_doors(&file, &debug_file), 0);
	free(file.content);
	free(debug_file.content);
}

static void refuses_what_is_not_its_own(void **state)
{
	struct made_file file = stripped_file(), debug_file = whole_file(), other = whole_file();
	struct elf_image *image;
	ElfW(Phdr) * segment;

	(void)state;
	assert_int_equal(status_of_take(&file, &debug_file), 0);
	assert_int_equal(status_of_take(&file, &file), -ENODATA);
	build_id_in(&other)[3] ^= 1;
	assert_int_equal(status_of_take(&file, &other), -ESTALE);
	build_id_in(&other)[3] ^= 1;
	segment = (void *)(other.content + ((ElfW(Ehdr) *)other.content)->e_phoff);
	while (segment->p_type != PT_LOAD)
		segment++;
	segment->p_memsz++;
	assert_int_equal(status_of_take(&file, &other), -EINVAL);
	segment->p_memsz--;
	segment->p_type = PT_NULL;
	assert_int_equal(status_of_take(&file, &other), -EINVAL);
	/* It is as it was before. */
	image = image_of(&file);
	assert_null(elf_symbol_at(image, (uintptr_t)known_to_debug - loaded_file("").base));
	elf_image_free(image);
	free(file.content);
	free(debug_file.content);
	free(other.content);
}

/* ---- by link ---- */

static void takes_what_its_link_has_the_crc_of(void **state)
{
	struct made_file file = stripped_file(), debug_file = whole_file();

	(void)state;
	link_to(&file, (uint32_t)crc32(0, debug_file.content, (uInt)debug_file.bytes));
	assert_int_equal(status_of_take(&file, &debug_file), 0);
	debug_file.content[debug_file.bytes++] = 'x';
	assert_int_equal(status_of_take(&file, &debug_file), -ESTALE);
	free(file.content);
	free(debug_file.content);
}

static void assert_paths(const struct made_file *file, const char *path,
			 const char *const *expected, size_t count)
{
	struct elf_image *image = image_of(file);
	elf_debug_paths paths = {0};

	assert_int_equal(elf_debug_paths_add(image, path, &paths), 0);
	assert_int_equal(paths.count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(paths.items[i], expected[i]);
	elf_debug_paths_release(&paths);
	elf_image_free(image);
}

static void names_the_usual_places(void **state)
{
	static const char *const by_link[] = {"/opt/app/x.debug", "/opt/app/.debug/x.debug",
					      "/usr/lib/debug/opt/app/x.debug"};
	static const char *const at_root[] = {"/x.debug", "/.debug/x.debug",
					      "/usr/lib/debug/x.debug"};
	static const char *const by_id[] = {
		"/usr/lib/debug/.build-id/0a/ff0203a4050607080910111213141516171819.debug"};
	static const uint8_t id[] = {0x0a, 0xff, 0x02, 0x03, 0xa4, 0x05, 0x06, 0x07, 0x08, 0x09,
				     0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19};
	struct made_file file = stripped_file();

	(void)state;
	memcpy(build_id_in(&file), id, sizeof(id));
	assert_paths(&file, "/opt/app/program", by_id, 1);
	free(file.content);
	file = stripped_file();
	link_to(&file, 0);
	assert_paths(&file, "/opt/app/program", by_link, COUNT(by_link));
	assert_paths(&file, "/program", at_root, COUNT(at_root));
	/* A mapping that is no file of a path. */
	assert_paths(&file, "memfd:program", NULL, 0);
	free(file.content);
}

static void reads_the_build_id_without_sections(void **state)
{
	struct made_file file = stripped_file();
	struct elf_image *image = image_of(&file);
	elf_debug_paths expected = {0}, found = {0};
	ElfW(Ehdr) *header = (void *)file.content;

	(void)state;
	assert_int_equal(elf_debug_paths_add(image, "/x", &expected), 0);
	elf_image_free(image);
	header->e_shnum = header->e_shstrndx = 0;
	header->e_shoff = 0;
	image = image_of(&file);
	assert_int_equal(elf_debug_paths_add(image, "/x", &found), 0);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.items[0], expected.items[0]);
	elf_debug_paths_release(&expected);
	elf_debug_paths_release(&found);
	elf_image_free(image);
	free(file.content);
}

/* Names that lead to another folder, and links that end before their CRC. */
static void odd_links_name_nothing(void **state)
{
	static const struct {
		const char *bytes;
		size_t count;
	} links[] = {
		{"../x.debug\0\0CRC!", 16}, {"/etc/passw\0\0CRC!", 16}, {"..\0\0CRC!", 8},
		{"\0\0\0\0CRC!", 8},        {"x.debug\0CRC", 11},       {"x.debug", 7},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(links); i++) {
		struct made_file file = stripped_file();

		replace_build_id(&file, ".gnu_debuglink", links[i].bytes, links[i].count);
		assert_paths(&file, "/opt/app/program", NULL, 0);
		free(file.content);
	}
}

/* ---- within the file ---- */

static uint8_t *pack(const void *bytes, size_t count, size_t *packed_bytes)
{
	size_t room = lzma_stream_buffer_bound(count);
	uint8_t *packed = malloc(room);

	*packed_bytes = 0;
	assert_non_null(packed);
	assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, bytes, count, packed,
						 packed_bytes, room),
			 LZMA_OK);
	return packed;
}

static int status_of_mini(const uint8_t *packed, size_t bytes, bool look)
{
	struct made_file file = stripped_file();
	struct elf_image *image;
	int status;

	replace_build_id(&file, ".gnu_debugdata", packed, bytes);
	image = image_of(&file);
	status = elf_image_take_mini_debug(image);
	if (look)
		assert_knows_names(image);
	elf_image_free(image);
	free(file.content);
	return status;
}

static void takes_the_names_within(void **state)
{
	struct made_file debug_file = whole_file(), file = stripped_file();
	struct elf_image *image = image_of(&file);
	size_t bytes;
	uint8_t *packed = pack(debug_file.content, debug_file.bytes, &bytes);

	(void)state;
	assert_int_equal(elf_image_take_mini_debug(image), -ENOENT);
	assert_int_equal(status_of_mini(packed, bytes, true), 0);
	assert_int_equal(status_of_mini(packed, bytes / 2, false), -EBADMSG);
	assert_int_equal(status_of_mini(packed, 5, false), -EBADMSG);
	assert_int_equal(status_of_mini(debug_file.content, 4096, false), -EBADMSG);
	packed[bytes / 2] ^= 0xff;
	assert_int_equal(status_of_mini(packed, bytes, false), -EBADMSG);
	free(packed);
	packed = pack("text", 4, &bytes);
	assert_int_equal(status_of_mini(packed, bytes, false), -ENOEXEC);
	free(packed);
	packed = pack(file.content, file.bytes, &bytes);
	assert_int_equal(status_of_mini(packed, bytes, false), -ENODATA);
	free(packed);
	elf_image_free(image);
	free(debug_file.content);
	free(file.content);
}

/* In the first block's header: LZMA2 (0x21), 1 byte of properties: 40 is a dictionary of 4 GiB. */
static void ask_for_memory(uint8_t *packed)
{
	uint8_t *header = packed + LZMA_STREAM_HEADER_SIZE;
	size_t bytes = (header[0] + 1u) * 4;
	uint8_t *filter = memmem(header, bytes, "\x21\x01", 2);
	uint32_t crc;

	assert_non_null(filter);
	filter[2] = 40;
	crc = lzma_crc32(header, bytes - sizeof(crc), 0);
	memcpy(header + bytes - sizeof(crc), &crc, sizeof(crc));
}

static void refuses_bombs(void **state)
{
	size_t zeros_bytes = 100 << 20, bytes;
	uint8_t *zeros = calloc(1, zeros_bytes), *packed;

	(void)state;
	assert_non_null(zeros);
	packed = pack(zeros, zeros_bytes, &bytes);
	print_message("%zu bytes become %zu\n", bytes, zeros_bytes);
	assert_int_equal(status_of_mini(packed, bytes, false), -EFBIG);
	free(packed);
	packed = pack(zeros, 1000, &bytes);
	assert_int_equal(status_of_mini(packed, bytes, false), -ENOEXEC);
	ask_for_memory(packed);
	assert_int_equal(status_of_mini(packed, bytes, false), -EFBIG);
	free(packed);
	free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_names_of_its_own_build),
		cmocka_unit_test(librarys_debug_names_are_no_doors),
		cmocka_unit_test(refuses_what_is_not_its_own),
		cmocka_unit_test(takes_what_its_link_has_the_crc_of),
		cmocka_unit_test(names_the_usual_places),
		cmocka_unit_test(reads_the_build_id_without_sections),
		cmocka_unit_test(odd_links_name_nothing),
		cmocka_unit_test(takes_the_names_within),
		cmocka_unit_test(refuses_bombs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
