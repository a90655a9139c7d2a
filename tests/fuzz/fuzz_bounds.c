// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a stripped file's .eh_frame, and the bounds of functions that follow from it. */
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf/image.h"
#include "tests/fuzz/check.h"

/* The section's vaddr; the seeds describe code that stands below it. */
#define FRAMES_VADDR 0x2000

static const char section_names[] = "\0.eh_frame\0.shstrtab";

struct wrapped {
	Elf64_Ehdr elf;
	Elf64_Phdr segment;
	Elf64_Shdr sections[3];
	char names[sizeof(section_names)];
};

static struct wrapped wrap(size_t count)
{
	struct wrapped file = {
		.elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct wrapped, segment),
			.e_shoff = offsetof(struct wrapped, sections),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 3,
			.e_shstrndx = 2},
		.segment = {.p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_filesz = sizeof(file) + count,
			    .p_memsz = sizeof(file) + count},
		.sections = {[1] = {.sh_name = 1,
				    .sh_type = SHT_PROGBITS,
				    .sh_flags = SHF_ALLOC,
				    .sh_addr = FRAMES_VADDR,
				    .sh_offset = sizeof(file),
				    .sh_size = count},
			     [2] = {.sh_name = 11,
				    .sh_type = SHT_STRTAB,
				    .sh_offset = offsetof(struct wrapped, names),
				    .sh_size = sizeof(section_names)}},
	};

	memcpy(file.names, section_names, sizeof(section_names));
	return file;
}

static void check_bounds(const struct elf_image *image, uint64_t vaddr)
{
	struct elf_range range = {0}, again = {0}, first = {0};
	int status = elf_function_bounds(image, vaddr, &range);

	CHECK(status == 0 || status == -ENOENT);
	CHECK(elf_function_bounds(image, vaddr, &again) == status);
	if (status)
		return;
	CHECK(range.vaddr == again.vaddr && range.bytes == again.bytes);
	CHECK(vaddr >= range.vaddr && vaddr - range.vaddr < range.bytes);
	CHECK(range.bytes <= UINT64_MAX - range.vaddr);
	/* Its own first byte belongs to it, or to one that starts there, too. */
	CHECK(elf_function_bounds(image, range.vaddr, &first) == 0);
	CHECK(first.vaddr == range.vaddr);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static const uint64_t far[] = {0x7fffffff, 0x80000000,     UINT32_MAX,
				       INT64_MAX,  UINT64_MAX - 1, UINT64_MAX};
	struct wrapped file = wrap(count);
	struct elf_image *image = NULL;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	CHECK(fd >= 0 && write(fd, &file, sizeof(file)) == sizeof(file));
	CHECK(write(fd, bytes, count) == (ssize_t)count);
	CHECK(elf_image_open(fd, &image) == 0);
	close(fd);
	for (uint64_t vaddr = 0; vaddr < FRAMES_VADDR; vaddr += 16)
		check_bounds(image, vaddr);
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		check_bounds(image, far[i]);
	/* Addresses that the bytes themselves hold. */
	for (size_t i = 0; i + 8 <= count && i < 1024; i += 8) {
		uint64_t vaddr;

		memcpy(&vaddr, bytes + i, sizeof(vaddr));
		check_bounds(image, vaddr);
	}
	elf_image_free(image);
	return 0;
}
