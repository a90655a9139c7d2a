// SPDX-License-Identifier: GPL-2.0-only
#include "elf/debug_file.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "elf/image_internal.h"

#define DEBUG_FOLDER "/usr/lib/debug"

/* ld writes 20 bytes (sha1), 16 (md5, uuid) or what --build-id=0x… was given. */
#define BUILD_ID_LEAST 2
#define BUILD_ID_MOST  64

struct build_id {
	const uint8_t *bytes; /* NULL: the file has none */
	size_t count;
};

/* The debug file's name and checksum, as strip --add-gnu-debuglink left them. */
struct debug_link {
	const char *name; /* without folders; NULL: the file has none */
	uint32_t crc;
};

/* ---- what the file says of its debug file ---- */

static size_t padded(size_t bytes)
{
	return (bytes + 3) & ~(size_t)3;
}

/* Notes: sizes of the name and of what it says, the type, then both, each padded to 4 bytes. */
static struct build_id id_among_notes(const uint8_t *notes, size_t left)
{
	Elf64_Nhdr note;

	while (left >= sizeof(note)) {
		size_t name_bytes, bytes;

		memcpy(&note, notes, sizeof(note));
		notes += sizeof(note);
		left -= sizeof(note);
		name_bytes = padded(note.n_namesz);
		bytes = padded(note.n_descsz);
		if (name_bytes > left || note.n_descsz > left - name_bytes)
			break;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
		    memcmp(notes, "GNU", sizeof("GNU")) == 0 && note.n_descsz >= BUILD_ID_LEAST &&
		    note.n_descsz <= BUILD_ID_MOST)
			return (struct build_id){notes + name_bytes, note.n_descsz};
		/* The last one need not be padded. */
		if (bytes > left - name_bytes)
			break;
		notes += name_bytes + bytes;
		left -= name_bytes + bytes;
	}
	return (struct build_id){0};
}

/* Notes that overlap, in a file made to do harm, must not be read again and again. */
static bool take_from_budget(size_t bytes, size_t *budget)
{
	if (bytes > *budget)
		return false;
	*budget -= bytes;
	return true;
}

static struct build_id id_in_segments(const struct elf_image *image)
{
	size_t budget = image->byte_count, at = 0, left;
	struct build_id id = {0};
	GElf_Phdr header;

	/* .note.gnu.property often has the first PT_NOTE to itself (binutils 2.40). */
	while (!id.bytes && elf_next_segment(image, PT_NOTE, &at, &header)) {
		if (header.p_offset >= image->byte_count)
			continue;
		left = image->byte_count - header.p_offset;
		if (left > header.p_filesz)
			left = header.p_filesz;
		if (take_from_budget(left, &budget))
			id = id_among_notes(image->bytes + header.p_offset, left);
	}
	return id;
}

/* By sections first: in a debug file, the segments' offsets are those of the whole file. */
static struct build_id build_id_of(const struct elf_image *image)
{
	size_t budget = image->byte_count;
	struct build_id id = {0};
	Elf_Scn *section = NULL;
	const Elf_Data *data;
	GElf_Shdr header;

	if (!elf_has_sections(image))
		return id_in_segments(image);
	while (!id.bytes && (section = elf_nextscn(image->elf, section))) {
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_NOTE)
			continue;
		data = elf_section_bytes(section);
		if (data && take_from_budget(data->d_size, &budget))
			id = id_among_notes(data->d_buf, data->d_size);
	}
	return id;
}

const uint8_t *elf_image_build_id(const struct elf_image *image, size_t *bytes)
{
	struct build_id id = build_id_of(image);

	*bytes = id.count;
	return id.bytes;
}

static struct debug_link debug_link_of(const struct elf_image *image)
{
	struct debug_link link = {0};
	GElf_Shdr header;
	const Elf_Data *data = elf_named_section(image, ".gnu_debuglink", &header);
	const char *name = data ? data->d_buf : NULL;
	size_t name_bytes = data ? strnlen(name, data->d_size) : 0;

	if (!name_bytes || padded(name_bytes + 1) + sizeof(link.crc) > data->d_size)
		return link;
	/* A name that leads elsewhere is none that strip wrote. */
	if (name_bytes > NAME_MAX || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return link;
	memcpy(&link.crc, name + padded(name_bytes + 1), sizeof(link.crc));
	link.name = name;
	return link;
}

bool elf_lacks_symbols(const struct elf_image *image)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(image->elf, section))) {
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB)
			return false;
	}
	return true;
}

/* ---- where it may be ---- */

__attribute__((format(printf, 2, 3))) static int add_path(elf_debug_paths *paths,
							  const char *format, ...)
{
	va_list arguments;
	char *path;
	int count;

	va_start(arguments, format);
	count = vasprintf(&path, format, arguments);
	va_end(arguments);
	if (count < 0)
		return -ENOMEM;
	if (!array_push(paths, path))
		return 0;
	free(path);
	return -ENOMEM;
}

static int add_path_by_id(const struct build_id *id, elf_debug_paths *paths)
{
	char text[2 * BUILD_ID_MOST + 1];

	for (size_t i = 0; i < id->count; i++)
		snprintf(text + 2 * i, 3, "%02x", id->bytes[i]);
	return add_path(paths, DEBUG_FOLDER "/.build-id/%.2s/%s.debug", text, text + 2);
}

int elf_debug_paths_add(const struct elf_image *image, const char *path, elf_debug_paths *paths)
{
	struct build_id id = build_id_of(image);
	struct debug_link link = debug_link_of(image);
	const char *slash = strrchr(path, '/');
	int folder_bytes = slash ? (int)(slash - path) : 0, status = 0;

	if (id.bytes)
		status = add_path_by_id(&id, paths);
	if (status || !link.name || path[0] != '/')
		return status;
	status = add_path(paths, "%.*s/%s", folder_bytes, path, link.name);
	if (!status)
		status = add_path(paths, "%.*s/.debug/%s", folder_bytes, path, link.name);
	if (!status)
		status = add_path(paths, DEBUG_FOLDER "%.*s/%s", folder_bytes, path, link.name);
	return status;
}

void elf_debug_paths_release(elf_debug_paths *paths)
{
	char **path;

	array_each (path, paths)
		free(*path);
	array_release(paths);
}

/* ---- whether it is the right one ---- */

static bool is_same_build(const struct elf_image *image, const struct elf_image *debug)
{
	struct build_id id = build_id_of(image), debug_id = build_id_of(debug);
	struct debug_link link;

	if (id.bytes && debug_id.bytes)
		return id.count == debug_id.count && !memcmp(id.bytes, debug_id.bytes, id.count);
	link = debug_link_of(image);
	return link.name && crc32_z(0, debug->bytes, debug->byte_count) == link.crc;
}

/* A debug file has its program's segments without their bytes. Of prelink, the addresses moved. */
static bool has_same_segments(const struct elf_image *image, const struct elf_image *debug)
{
	size_t at = 0, debug_at = 0;
	GElf_Phdr load, debug_load;

	while (elf_next_segment(image, PT_LOAD, &at, &load)) {
		if (!elf_next_segment(debug, PT_LOAD, &debug_at, &debug_load) ||
		    load.p_vaddr != debug_load.p_vaddr || load.p_memsz != debug_load.p_memsz)
			return false;
	}
	return !elf_next_segment(debug, PT_LOAD, &debug_at, &debug_load);
}

int elf_join_debug(struct elf_image *image, struct elf_image *debug)
{
	if (elf_lacks_symbols(debug))
		return -ENODATA;
	if (!has_same_segments(image, debug))
		return -EINVAL;
	image->debug = debug;
	return 0;
}

int elf_image_take_debug(struct elf_image *image, struct elf_image *debug)
{
	return is_same_build(image, debug) ? elf_join_debug(image, debug) : -ESTALE;
}

const char *elf_debug_refusal(int status)
{
	switch (status) {
	case -ESTALE:
		return "it belongs to another build";
	case -ENODATA:
		return "it has no symbols";
	case -EINVAL:
		return "its segments lie at other addresses";
	case -EBADMSG:
		return "it can't be unpacked";
	case -EFBIG:
		return "it is too large when unpacked";
	case -ENOEXEC:
		return "it is no ELF file of this kind";
	}
	return strerror(-status);
}
