// SPDX-License-Identifier: GPL-2.0-only
#include "elf/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "elf/image_internal.h"

/* ---- opening ---- */

static int check_regular(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	return S_ISREG(status.st_mode) ? 0 : -EINVAL;
}

static int check_kind(Elf *elf)
{
	GElf_Ehdr header;

	/* gelf_getehdr() reads any class and byte order; e_ident tells which it was. */
	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
		return -ENOEXEC;
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	if (header.e_machine != EM_X86_64 || (header.e_type != ET_EXEC && header.e_type != ET_DYN))
		return -ENOEXEC;
	return 0;
}

/* Keeps of a segment's claims what the file holds and what does not wrap around. */
static struct elf_segment segment_of(const struct elf_image *image, const GElf_Phdr *header)
{
	struct elf_segment segment = {
		.vaddr = header->p_vaddr,
		.off = header->p_offset,
		.bytes = header->p_filesz,
		.is_code = header->p_flags & PF_X,
	};
	uint64_t file_left = 0;

	if (segment.off < image->byte_count)
		file_left = image->byte_count - segment.off;
	if (segment.bytes > file_left)
		segment.bytes = file_left;
	if (segment.bytes > UINT64_MAX - segment.vaddr)
		segment.bytes = UINT64_MAX - segment.vaddr;
	return segment;
}

static int read_segments(struct elf_image *image)
{
	GElf_Phdr header;
	size_t count;

	if (elf_getphdrnum(image->elf, &count) < 0 || count > INT32_MAX)
		return -ENOEXEC;
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(image->elf, (int)i, &header))
			return -ENOEXEC;
		if (header.p_type != PT_LOAD)
			continue;
		if (array_push(&image->segments, segment_of(image, &header)))
			return -ENOMEM;
	}
	/* A detached head of a file, or a relocatable one that calls itself a library. */
	return image->segments.count ? 0 : -ENOEXEC;
}

static int read_image(struct elf_image *image, int fd)
{
	int status;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	/* Private: nothing that libelf or libdw does to the bytes reaches the file. */
	image->elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	if (!image->elf)
		return -ENOEXEC;
	status = check_kind(image->elf);
	if (status)
		return status;
	/* Where mmap failed, this reads the file into memory; either way it lets go of fd. */
	if (elf_cntl(image->elf, ELF_C_FDREAD) < 0)
		return -EIO;
	image->bytes = (const uint8_t *)elf_rawfile(image->elf, &image->byte_count);
	if (!image->bytes)
		return -EIO;
	return read_segments(image);
}

int elf_image_open(int fd, struct elf_image **image)
{
	struct elf_image *opened = NULL;
	int status = check_regular(fd);

	if (status)
		goto out;
	status = -ENOMEM;
	opened = calloc(1, sizeof(*opened));
	if (!opened)
		goto out;
	opened->tables = calloc(1, sizeof(*opened->tables));
	if (!opened->tables)
		goto out;
	status = read_image(opened, fd);
out:
	if (status) {
		elf_image_free(opened);
		opened = NULL;
	}
	*image = opened;
	return status;
}

struct elf_image *elf_image_share(struct elf_image *image)
{
	image->shares++;
	return image;
}

void elf_image_free(struct elf_image *image)
{
	if (!image || image->shares--)
		return;
	if (image->tables) {
		elf_release_symbols(&image->tables->symbols);
		array_release(&image->tables->go.functions);
		array_release(&image->tables->frames.eh_frame.entries);
		array_release(&image->tables->frames.debug_frame.entries);
		array_release(&image->tables->slots.slots);
		/* Before the Elf that it reads from, which may be the debug file's. */
		dwarf_end(image->tables->dwarf);
		free(image->tables);
	}
	array_release(&image->segments);
	elf_image_free(image->debug);
	elf_end(image->elf);
	free(image);
}

/* ---- addresses ---- */

bool elf_image_off_of_vaddr(const struct elf_image *image, uint64_t vaddr, uint64_t *off)
{
	const struct elf_segment *segment;

	array_each (segment, &image->segments) {
		if (!elf_covers(segment->vaddr, segment->bytes, vaddr))
			continue;
		*off = segment->off + (vaddr - segment->vaddr);
		return true;
	}
	return false;
}

bool elf_image_vaddr_of_off(const struct elf_image *image, uint64_t off, uint64_t *vaddr)
{
	const struct elf_segment *segment;

	array_each (segment, &image->segments) {
		if (!elf_covers(segment->off, segment->bytes, off))
			continue;
		*vaddr = segment->vaddr + (off - segment->off);
		return true;
	}
	return false;
}

uint64_t elf_image_entry_vaddr(const struct elf_image *image)
{
	GElf_Ehdr header;

	return gelf_getehdr(image->elf, &header) ? header.e_entry : 0;
}

bool elf_image_ends_before(const struct elf_image *image, uint64_t off)
{
	const struct elf_segment *segment;

	array_each (segment, &image->segments) {
		/* Sums would go past 64 bits in a broken file. */
		if (off < segment->off || off - segment->off < segment->bytes)
			return false;
	}
	return true;
}

bool elf_image_word(const struct elf_image *image, uint64_t vaddr, uint64_t *word)
{
	uint64_t off;

	/* The file ends no earlier than what it holds of a segment, but the segment may. */
	if (!elf_image_off_of_vaddr(image, vaddr, &off) || image->byte_count < sizeof(*word) ||
	    off > image->byte_count - sizeof(*word))
		return false;
	memcpy(word, image->bytes + off, sizeof(*word));
	return true;
}

static const uint8_t *segment_bytes(const struct elf_image *image, uint64_t vaddr, bool only_code,
				    size_t *bytes)
{
	const struct elf_segment *segment;

	array_each (segment, &image->segments) {
		if ((only_code && !segment->is_code) ||
		    !elf_covers(segment->vaddr, segment->bytes, vaddr))
			continue;
		*bytes = segment->bytes - (vaddr - segment->vaddr);
		return image->bytes + segment->off + (vaddr - segment->vaddr);
	}
	*bytes = 0;
	return NULL;
}

const uint8_t *elf_image_code(const struct elf_image *image, uint64_t vaddr, size_t *bytes)
{
	return segment_bytes(image, vaddr, true, bytes);
}

const uint8_t *elf_bytes_at(const struct elf_image *image, uint64_t vaddr, size_t *bytes)
{
	return segment_bytes(image, vaddr, false, bytes);
}

bool elf_next_segment(const struct elf_image *image, GElf_Word type, size_t *at, GElf_Phdr *header)
{
	size_t count;

	if (elf_getphdrnum(image->elf, &count) < 0)
		return false;
	while (*at < count && *at <= INT32_MAX) {
		if (gelf_getphdr(image->elf, (int)(*at)++, header) && header->p_type == type)
			return true;
	}
	return false;
}

bool elf_find_segment(const struct elf_image *image, GElf_Word type, GElf_Phdr *header)
{
	size_t at = 0;

	return elf_next_segment(image, type, &at, header);
}

uint64_t elf_image_code_start(const struct elf_image *image, uint64_t vaddr)
{
	const struct elf_segment *segment;

	array_each (segment, &image->segments) {
		if (segment->is_code && elf_covers(segment->vaddr, segment->bytes, vaddr))
			return segment->vaddr;
	}
	return vaddr;
}

/* ---- tables by address ---- */

int elf_compare_vaddrs(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

size_t elf_count_upto(const void *items, size_t count, size_t item_bytes, size_t vaddr_at,
		      uint64_t vaddr)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const uint8_t *item = (const uint8_t *)items + middle * item_bytes;

		if (*(const uint64_t *)(item + vaddr_at) <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- sections ---- */

Elf_Data *elf_section_bytes(Elf_Scn *section)
{
	/* libelf refuses a section that does not lie inside the file. */
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

	/* The .dynsym of a detached debug file is SHT_NOBITS: a size without bytes. */
	return data && data->d_buf && data->d_size ? data : NULL;
}

bool elf_has_sections(const struct elf_image *image)
{
	size_t count;

	return elf_getshdrnum(image->elf, &count) == 0 && count > 0;
}

const uint8_t *elf_section_view(const struct elf_image *image, const GElf_Shdr *header,
				size_t *bytes)
{
	if (header->sh_type == SHT_NOBITS || !header->sh_size ||
	    header->sh_offset > image->byte_count ||
	    header->sh_size > image->byte_count - header->sh_offset)
		return NULL;
	*bytes = header->sh_size;
	return image->bytes + header->sh_offset;
}

/* The section's strings; bytes: up to and with the last NUL. NULL where there are none. */
static const char *section_strings(const struct elf_image *image, size_t index, size_t *bytes)
{
	Elf_Scn *section = elf_getscn(image->elf, index);
	const uint8_t *strings = NULL, *last;
	GElf_Shdr header;

	if (section && gelf_getshdr(section, &header))
		strings = elf_section_view(image, &header, bytes);
	last = strings ? memrchr(strings, '\0', *bytes) : NULL;
	if (!last)
		return NULL;
	*bytes = (size_t)(last - strings) + 1;
	return (const char *)strings;
}

Elf_Data *elf_named_section(const struct elf_image *image, const char *name, GElf_Shdr *header)
{
	/* Not by elf_strptr(), which looks for the end of the strings at each call. */
	Elf_Scn *section = NULL;
	size_t index, bytes;
	const char *names;

	if (elf_getshdrstrndx(image->elf, &index) < 0)
		return NULL;
	names = section_strings(image, index, &bytes);
	while (names && (section = elf_nextscn(image->elf, section))) {
		if (gelf_getshdr(section, header) && header->sh_name < bytes &&
		    strcmp(names + header->sh_name, name) == 0)
			return elf_section_bytes(section);
	}
	return NULL;
}

bool elf_symbol_section(const struct elf_image *image, size_t index,
			struct elf_symbol_section *section)
{
	Elf_Scn *scn = elf_getscn(image->elf, index);
	size_t bytes = 0;
	GElf_Shdr header;

	if (!scn || !gelf_getshdr(scn, &header))
		return false;
	if (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM)
		return false;
	section->symbols = elf_section_view(image, &header, &bytes);
	section->names = section_strings(image, header.sh_link, &section->name_bytes);
	if (!section->symbols || !section->names)
		return false;
	section->count = bytes / sizeof(Elf64_Sym);
	return true;
}

bool elf_section_symbol(const struct elf_symbol_section *section, size_t index, GElf_Sym *symbol,
			const char **name)
{
	if (index >= section->count)
		return false;
	memcpy(symbol, section->symbols + index * sizeof(*symbol), sizeof(*symbol));
	if (symbol->st_name >= section->name_bytes)
		return false;
	*name = section->names + symbol->st_name;
	return true;
}
