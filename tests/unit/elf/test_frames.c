// SPDX-License-Identifier: GPL-2.0-only
/* .eh_frame_hdr against a reading of all of .eh_frame, and where the former is wrong. */
#include <errno.h>

#include "elf/image_internal.h"
#include "elf/unwind.h"
#include "files.h"

static struct elf_image *image_of(const void *content, size_t bytes)
{
	struct elf_image *image = NULL;
	int fd = file_of(content, bytes);

	assert_int_equal(elf_image_open(fd, &image), 0);
	close(fd);
	return image;
}

/* One that reads all frames. */
static void forbid_index(struct elf_image *image)
{
	image->tables->frames.index = (struct frame_index){.is_loaded = true};
}

static void compare_at(struct elf_image *indexed, struct elf_image *plain, uint64_t vaddr)
{
	struct elf_range found, expected;
	int status = elf_frame_bounds(plain, vaddr, &expected);

	assert_int_equal(elf_frame_bounds(indexed, vaddr, &found), status);
	if (!status)
		assert_memory_equal(&found, &expected, sizeof(found));
}

static void index_agrees_with_all_frames(void **state)
{
	struct loaded_file libc = loaded_file("libc.so.6");
	const char *const paths[] = {libc.path, "/usr/bin/python3.11", "/proc/self/exe"};

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct elf_image *indexed = open_image(paths[i]), *plain = open_image(paths[i]);
		const struct frame_entry *range;

		forbid_index(plain);
		compare_at(indexed, plain, 0);
		assert_true(indexed->tables->frames.index.count > 10);
		array_each (range, &plain->tables->frames.eh_frame.entries) {
			compare_at(indexed, plain, range->vaddr - 1);
			compare_at(indexed, plain, range->vaddr);
			compare_at(indexed, plain, range->vaddr + range->bytes - 1);
			compare_at(indexed, plain, range->vaddr + range->bytes);
		}
		print_message("%s: %zu frames\n", paths[i],
			      plain->tables->frames.eh_frame.entries.count);
		/* It was enough: nobody has read them all. */
		assert_false(indexed->tables->frames.eh_frame.is_loaded);
		elf_image_free(indexed);
		elf_image_free(plain);
	}
}

struct made_entry {
	int32_t start, fde;
};

struct made_index {
	uint8_t encodings[4];
	int32_t eh_frame;
	uint32_t count;
	struct made_entry entries[];
};

static struct made_index *index_in(uint8_t *content)
{
	const ElfW(Ehdr) *header = (const void *)content;
	const ElfW(Phdr) *segment = (const void *)(content + header->e_phoff);

	while (segment->p_type != PT_GNU_EH_FRAME)
		segment++;
	return (struct made_index *)(content + segment->p_offset);
}

enum damage { UNSORTED, STARTS_ELSEWHERE, LEADS_ELSEWHERE, TOO_MANY, OTHER_ENCODING, DAMAGES };

static void damage(struct made_index *index, enum damage kind)
{
	uint32_t middle = index->count / 2;
	struct made_entry entry = index->entries[middle];

	switch (kind) {
	case UNSORTED:
		/* Each says the truth, but a search goes past them. */
		index->entries[middle] = index->entries[0];
		index->entries[0] = entry;
		break;
	case STARTS_ELSEWHERE:
		for (uint32_t i = 0; i < index->count; i++)
			index->entries[i].start--;
		break;
	case LEADS_ELSEWHERE:
		for (uint32_t i = 0; i < index->count; i++)
			index->entries[i].fde = index->entries[(i + 1) % index->count].fde;
		break;
	case TOO_MANY:
		index->count = UINT32_MAX;
		break;
	case OTHER_ENCODING:
		index->encodings[3] = 0;
		break;
	case DAMAGES:
		break;
	}
}

static void damaged_index_is_not_believed(void **state)
{
	size_t bytes;
	uint8_t *content = read_whole("/proc/self/exe", &bytes), *damaged = malloc(bytes);
	struct elf_image *plain = image_of(content, bytes);

	(void)state;
	assert_non_null(damaged);
	forbid_index(plain);
	compare_at(plain, plain, 0);
	for (enum damage kind = 0; kind < DAMAGES; kind++) {
		const struct frame_entry *range;
		struct elf_image *image;

		memcpy(damaged, content, bytes);
		damage(index_in(damaged), kind);
		image = image_of(damaged, bytes);
		array_each (range, &plain->tables->frames.eh_frame.entries)
			compare_at(image, plain, range->vaddr + range->bytes / 2);
		assert_true(image->tables->frames.eh_frame.is_loaded);
		elf_image_free(image);
	}
	elf_image_free(plain);
	free(damaged);
	free(content);
}

/* ---- call frame instructions ---- */

/* All of them lie in the file, and are for the code that they were asked for. */
static void check_unwind(const struct elf_image *image, const struct frame_entry *frame)
{
	struct elf_unwind unwind;

	assert_int_equal(elf_unwind_at(image, frame->vaddr + frame->bytes / 2, &unwind), 0);
	assert_int_equal(unwind.range.vaddr, frame->vaddr);
	assert_int_equal(unwind.range.bytes, frame->bytes);
	assert_true(unwind.shared <= unwind.shared_end && unwind.own <= unwind.own_end);
	assert_int_equal(unwind.code_factor, 1);
	assert_true(unwind.data_factor == -8 || unwind.data_factor == -4);
	assert_int_equal(unwind.return_register, 16);
}

static bool is_in(const struct elf_image *image, const uint8_t *start, const uint8_t *end)
{
	return start >= image->bytes && end <= image->bytes + image->byte_count;
}

static void gives_the_instructions_of_each_frame(void **state)
{
	struct elf_image *image = open_image(loaded_file("libc.so.6").path);
	struct elf_image *plain = open_image(loaded_file("libc.so.6").path);
	const struct frame_entry *frame;
	struct elf_unwind unwind;
	unsigned signals = 0;

	(void)state;
	forbid_index(plain);
	compare_at(image, plain, 0);
	array_each (frame, &plain->tables->frames.eh_frame.entries) {
		check_unwind(image, frame);
		assert_int_equal(elf_unwind_at(image, frame->vaddr, &unwind), 0);
		assert_true(is_in(image, unwind.shared, unwind.shared_end));
		assert_true(is_in(image, unwind.own, unwind.own_end));
		signals += unwind.is_signal;
	}
	/* __restore_rt */
	assert_int_equal(signals, 1);
	assert_int_equal(elf_unwind_at(image, UINT64_MAX, &unwind), -ENOENT);
	elf_image_free(image);
	elf_image_free(plain);
}

/* Go writes no .eh_frame, and packs its .debug_frame. */
static void finds_the_older_section_of_go(void **state)
{
	struct elf_image *image = open_image(TARGETS "/lazygo");
	const struct frame_entry *frame;
	struct elf_unwind unwind;
	elf_symbols found = {0};

	(void)state;
	assert_int_equal(elf_find_symbols(image, "main.main", &found), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(elf_unwind_at(image, found.items[0].vaddr + 1, &unwind), 0);
	assert_int_equal(unwind.range.vaddr, found.items[0].vaddr);
	assert_true(image->tables->frames.debug_frame.entries.count > 1000);
	array_each (frame, &image->tables->frames.debug_frame.entries)
		check_unwind(image, frame);
	array_release(&found);
	elf_image_free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_instructions_of_each_frame),
		cmocka_unit_test(finds_the_older_section_of_go),
		cmocka_unit_test(index_agrees_with_all_frames),
		cmocka_unit_test(damaged_index_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
