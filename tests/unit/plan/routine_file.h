/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program or library of the machine, loaded so that its copy routines can be called without
 * starting it: glibc's variants for other CPUs, which nothing binds here, musl's and Go's. They are
 * leaves that need nothing but their own code and the thresholds in the file's data.
 */
#ifndef TEST_ROUTINE_FILE_H
#define TEST_ROUTINE_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf/image.h"
#include "plan/gate.h"

struct routine_file {
	struct elf_image *image;
	uint8_t *base;                   /* runtime address of vaddr 0 */
	uint64_t start_vaddr, end_vaddr; /* what is loaded */
	uint64_t data_vaddr;             /* from there on it is data */
};

static inline const uint8_t *routine_file_code(const void *source, uint64_t vaddr, size_t *bytes)
{
	return elf_image_code(((const struct routine_file *)source)->image, vaddr, bytes);
}

static inline bool routine_file_bounds(const void *source, uint64_t vaddr, uint64_t *start,
				       uint64_t *bytes)
{
	struct elf_range range;

	if (elf_function_bounds(((const struct routine_file *)source)->image, vaddr, &range))
		return false;
	*start = range.vaddr;
	*bytes = range.bytes;
	return true;
}

static inline bool routine_file_names(const void *source, uint64_t vaddr)
{
	const struct elf_symbol *symbol =
		elf_symbol_at(((const struct routine_file *)source)->image, vaddr);

	return symbol && symbol->vaddr == vaddr && !elf_is_cold_part(symbol->name);
}

static inline bool routine_file_read(const void *source, uint64_t vaddr, void *bytes, size_t count)
{
	const struct routine_file *file = source;

	if (vaddr < file->data_vaddr || vaddr >= file->end_vaddr || file->end_vaddr - vaddr < count)
		return false;
	memcpy(bytes, file->base + vaddr, count);
	return true;
}

static inline struct code_view routine_file_view(const struct routine_file *file)
{
	return (struct code_view){routine_file_code, routine_file_bounds, routine_file_names, file};
}

static inline struct memory_view routine_file_memory(const struct routine_file *file)
{
	return (struct memory_view){routine_file_read, file};
}

/* Finds what is to be loaded; false: no segments. */
static inline bool routine_file_extent(Elf *elf, struct routine_file *file)
{
	size_t count = 0;
	GElf_Phdr phdr;

	file->start_vaddr = file->data_vaddr = UINT64_MAX;
	elf_getphdrnum(elf, &count);
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, i, &phdr) || phdr.p_type != PT_LOAD)
			continue;
		if (phdr.p_vaddr < file->start_vaddr)
			file->start_vaddr = phdr.p_vaddr & ~0xfffUL;
		if (phdr.p_vaddr + phdr.p_memsz > file->end_vaddr)
			file->end_vaddr = phdr.p_vaddr + phdr.p_memsz;
		if (phdr.p_flags & PF_W && phdr.p_vaddr < file->data_vaddr)
			file->data_vaddr = phdr.p_vaddr;
	}
	return file->start_vaddr < file->end_vaddr;
}

static inline int routine_file_load(int fd, Elf *elf, struct routine_file *file)
{
	size_t count = 0, bytes;
	GElf_Phdr phdr;
	uint8_t *memory;

	if (!routine_file_extent(elf, file))
		return -ENOEXEC;
	bytes = file->end_vaddr - file->start_vaddr;
	/* Where it was linked to, if it can be: a program that is no PIE may hold addresses. */
	memory = mmap((void *)file->start_vaddr, bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	file->base = memory - file->start_vaddr;
	elf_getphdrnum(elf, &count);
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, i, &phdr) || phdr.p_type != PT_LOAD)
			continue;
		if (pread(fd, file->base + phdr.p_vaddr, phdr.p_filesz, phdr.p_offset) !=
		    (ssize_t)phdr.p_filesz)
			return -EIO;
	}
	return 0;
}

static inline void routine_file_close(struct routine_file *file)
{
	if (file->base)
		munmap(file->base + file->start_vaddr, file->end_vaddr - file->start_vaddr);
	elf_image_free(file->image);
	*file = (struct routine_file){0};
}

/* 0 or negative errno; routine_file_close() frees what it holds, also after an error. */
static inline int routine_file_open(const char *path, struct routine_file *file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	Elf *elf = NULL;

	*file = (struct routine_file){0};
	if (fd < 0)
		return -errno;
	err = elf_image_open(fd, &file->image);
	elf_version(EV_CURRENT);
	if (!err)
		elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!err)
		err = elf ? routine_file_load(fd, elf, file) : -ENOEXEC;
	elf_end(elf);
	close(fd);
	return err;
}

/* A variable of the file that is loaded, by its name in .symtab; NULL: it has none. */
static inline uint8_t *routine_file_variable(const char *path, const struct routine_file *file,
					     const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	Elf_Scn *section = NULL;
	uint8_t *found = NULL;
	GElf_Shdr shdr;
	GElf_Sym symbol;

	while (!found && (section = elf_nextscn(elf, section))) {
		Elf_Data *data;

		if (!gelf_getshdr(section, &shdr) || shdr.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(section, NULL);
		for (int i = 0; !found && gelf_getsym(data, i, &symbol); i++) {
			const char *known = elf_strptr(elf, shdr.sh_link, symbol.st_name);

			if (known && !strcmp(known, name))
				found = file->base + symbol.st_value;
		}
	}
	elf_end(elf);
	close(fd);
	return found;
}

#endif
