// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as an ELF file, and everything that can be asked of it. */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/use_image.h"

/* How many of a file's symbols are looked at one by one. */
#define SYMBOLS_MOST 32

static void check_symbols(const struct elf_image *image)
{
	const struct elf_symbol *symbol, *around;
	elf_symbols found = {0};

	CHECK(elf_find_symbols(image, "*", &found) == 0);
	if (found.count > SYMBOLS_MOST)
		found.count = SYMBOLS_MOST;
	array_each (symbol, &found) {
		around = elf_symbol_at(image, symbol->vaddr);
		CHECK(around &&
		      symbol->vaddr - around->vaddr < (around->bytes ? around->bytes : 1));
		use_place(image, symbol->vaddr);
	}
	array_release(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct elf_image *image = NULL;
	uint64_t vaddr = 0;
	int status;

	CHECK(fd >= 0 && write(fd, bytes, count) == (ssize_t)count);
	status = elf_image_open(fd, &image);
	close(fd);
	CHECK(!status == !!image && status <= 0);
	if (!image)
		return 0;
	/* e_entry, wherever that leads */
	memcpy(&vaddr, bytes + 24, sizeof(vaddr));
	use_debug(image);
	use_image(image, vaddr);
	use_image(image, 0x1000);
	check_symbols(image);
	elf_image_free(image);
	return 0;
}
