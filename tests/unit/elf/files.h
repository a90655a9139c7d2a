/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that the tests of user/elf/ read: those of this machine, and ones made for a case. */
#ifndef TESTS_ELF_FILES_H
#define TESTS_ELF_FILES_H

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf/image.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline struct elf_image *open_image(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_image *image;

	assert_true(fd >= 0);
	assert_int_equal(elf_image_open(fd, &image), 0);
	/* The image has no need of the descriptor. */
	close(fd);
	return image;
}

/* ---- what is loaded in this process ---- */

struct loaded_file {
	const char *part_of_name; /* "" is the program itself */
	char path[512];
	uint64_t base; /* runtime address - vaddr */
	const ElfW(Phdr) * segments;
	size_t segment_count;
};

static inline int match_loaded(struct dl_phdr_info *info, size_t bytes, void *wanted)
{
	struct loaded_file *file = wanted;
	bool is_program = !info->dlpi_name[0];

	(void)bytes;
	if (!file->part_of_name[0] != is_program ||
	    (!is_program && !strstr(info->dlpi_name, file->part_of_name)))
		return 0;
	snprintf(file->path, sizeof(file->path), "%s",
		 is_program ? "/proc/self/exe" : info->dlpi_name);
	file->base = info->dlpi_addr;
	file->segments = info->dlpi_phdr;
	file->segment_count = info->dlpi_phnum;
	return 1;
}

static inline struct loaded_file loaded_file(const char *part_of_name)
{
	struct loaded_file file = {.part_of_name = part_of_name};

	assert_int_equal(dl_iterate_phdr(match_loaded, &file), 1);
	return file;
}

/* ---- files made of bytes ---- */

static inline int file_of(const void *bytes, size_t count)
{
	int fd = memfd_create("made", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	return fd;
}

static inline int status_of_open(const void *bytes, size_t count)
{
	struct elf_image *image;
	int fd = file_of(bytes, count);
	int status = elf_image_open(fd, &image);

	/* Either an image or an error, never both or neither. */
	assert_true(!status == !!image);
	elf_image_free(image);
	close(fd);
	return status;
}

static inline uint8_t *read_whole(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "re");
	uint8_t *content = malloc(64 << 20);

	assert_non_null(file);
	assert_non_null(content);
	*bytes = fread(content, 1, 64 << 20, file);
	fclose(file);
	return content;
}

/* ---- a file made of symbols ---- */

struct made_symbol {
	const char *name;
	uint64_t vaddr;
	uint64_t bytes;
	unsigned char type; /* STT_* */
	unsigned char bind; /* STB_* */
	bool undefined;
};

#define MADE_VADDR 0x10000

struct made_header {
	Elf64_Ehdr elf;
	Elf64_Phdr segment;
	Elf64_Shdr sections[4];
};

static inline struct made_header made_header(size_t symbol_bytes, size_t name_bytes)
{
	size_t bytes = sizeof(struct made_header) + symbol_bytes + name_bytes;

	return (struct made_header){
		.elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct made_header, segment),
			.e_shoff = offsetof(struct made_header, sections),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 3,
			.e_shstrndx = 2},
		.segment = {.p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_vaddr = MADE_VADDR,
			    .p_filesz = bytes,
			    .p_memsz = bytes},
		.sections = {[1] = {.sh_type = SHT_SYMTAB,
				    .sh_link = 2,
				    .sh_offset = sizeof(struct made_header),
				    .sh_size = symbol_bytes,
				    .sh_entsize = sizeof(Elf64_Sym),
				    .sh_addralign = 8},
			     [2] = {.sh_type = SHT_STRTAB,
				    .sh_offset = sizeof(struct made_header) + symbol_bytes,
				    .sh_size = name_bytes}},
	};
}

/*
 * An ELF file with these in its .symtab, all of it one segment of code at MADE_VADDR.
 * names_overlap: each is called as the one before it, less its first letter.
 */
static inline struct elf_image *make_image_with(const struct made_symbol *symbols, size_t count,
						bool names_overlap)
{
	size_t symbol_bytes = (count + 1) * sizeof(Elf64_Sym), name_bytes = 1;
	struct made_header *header;
	struct elf_image *image;
	Elf64_Sym *entry;
	char *names, *name;
	int fd;

	for (size_t i = 0; i < count; i++)
		name_bytes += strlen(symbols[i].name) + 1;
	header = calloc(1, sizeof(*header) + symbol_bytes + name_bytes);
	assert_non_null(header);
	*header = made_header(symbol_bytes, name_bytes);
	entry = (Elf64_Sym *)(header + 1) + 1;
	names = (char *)(header + 1) + symbol_bytes;
	name = names + 1;
	for (size_t i = 0; i < count; i++, entry++) {
		entry->st_name = (Elf64_Word)(name - names);
		entry->st_value = symbols[i].vaddr;
		entry->st_size = symbols[i].bytes;
		entry->st_info = ELF64_ST_INFO(symbols[i].bind, symbols[i].type);
		entry->st_shndx = symbols[i].undefined ? SHN_UNDEF : 1;
		if (names_overlap && i)
			entry->st_name = entry[-1].st_name + 1;
		name = stpcpy(name, symbols[i].name) + 1;
	}
	fd = file_of(header, sizeof(*header) + symbol_bytes + name_bytes);
	assert_int_equal(elf_image_open(fd, &image), 0);
	close(fd);
	free(header);
	return image;
}

static inline struct elf_image *make_image(const struct made_symbol *symbols, size_t count)
{
	return make_image_with(symbols, count, false);
}

#endif
