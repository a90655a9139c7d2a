// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dynamic symbols and relocations as the loader finds them, by PT_DYNAMIC: what is left of a
 * file whose section headers were removed.
 */
#include <string.h>

#include "elf/image_internal.h"

/* What the entries of PT_DYNAMIC say; 0 where there is no such entry. */
struct dynamic {
	uint64_t symbols, names, name_bytes;
	uint64_t hash, gnu_hash;
	uint64_t rela, rela_bytes;
	uint64_t jmprel, jmprel_bytes, jmprel_kind;
	uint64_t flags_1;
};

static void take_entry(const Elf64_Dyn *entry, struct dynamic *dynamic)
{
	switch (entry->d_tag) {
	case DT_SYMTAB:
		dynamic->symbols = entry->d_un.d_ptr;
		break;
	case DT_STRTAB:
		dynamic->names = entry->d_un.d_ptr;
		break;
	case DT_STRSZ:
		dynamic->name_bytes = entry->d_un.d_val;
		break;
	case DT_HASH:
		dynamic->hash = entry->d_un.d_ptr;
		break;
	case DT_GNU_HASH:
		dynamic->gnu_hash = entry->d_un.d_ptr;
		break;
	case DT_RELA:
		dynamic->rela = entry->d_un.d_ptr;
		break;
	case DT_RELASZ:
		dynamic->rela_bytes = entry->d_un.d_val;
		break;
	case DT_JMPREL:
		dynamic->jmprel = entry->d_un.d_ptr;
		break;
	case DT_PLTRELSZ:
		dynamic->jmprel_bytes = entry->d_un.d_val;
		break;
	case DT_PLTREL:
		dynamic->jmprel_kind = entry->d_un.d_val;
		break;
	case DT_FLAGS_1:
		dynamic->flags_1 = entry->d_un.d_val;
		break;
	}
}

static bool read_dynamic(const struct elf_image *image, struct dynamic *dynamic)
{
	const uint8_t *bytes;
	GElf_Phdr header;
	Elf64_Dyn entry;
	size_t left;

	memset(dynamic, 0, sizeof(*dynamic));
	if (!elf_find_segment(image, PT_DYNAMIC, &header))
		return false;
	bytes = elf_bytes_at(image, header.p_vaddr, &left);
	if (left > header.p_filesz)
		left = header.p_filesz;
	for (; left >= sizeof(entry); bytes += sizeof(entry), left -= sizeof(entry)) {
		memcpy(&entry, bytes, sizeof(entry));
		if (entry.d_tag == DT_NULL)
			break;
		take_entry(&entry, dynamic);
	}
	return true;
}

bool elf_is_program(const struct elf_image *image)
{
	struct dynamic dynamic;
	GElf_Ehdr header;

	if (gelf_getehdr(image->elf, &header) && header.e_type == ET_EXEC)
		return true;
	/* PT_INTERP does not tell: libc.so.6 has one, static-pie programs have none. */
	return read_dynamic(image, &dynamic) && (dynamic.flags_1 & DF_1_PIE);
}

/* A 32-bit word of a hash table; 0, which ends every search, where there is none. */
static uint32_t word_at(const uint8_t *bytes, size_t left, uint64_t index)
{
	uint32_t word = 0;

	if (index < left / sizeof(word))
		memcpy(&word, bytes + index * sizeof(word), sizeof(word));
	return word;
}

/*
 * DT_GNU_HASH does not state how many symbols there are: the chain of the last bucket ends with
 * the last one. Header, bloom filter of 64-bit words, buckets, chains (glibc 2.36, dl-lookup.c).
 */
static size_t count_gnu_hash(const uint8_t *bytes, size_t left)
{
	uint64_t buckets = word_at(bytes, left, 0), first = word_at(bytes, left, 1);
	uint64_t bucket_at = 4 + 2 * (uint64_t)word_at(bytes, left, 2);
	uint64_t chain_at = bucket_at + buckets, last = 0, words = left / sizeof(uint32_t);

	if (chain_at > words)
		return 0;
	for (uint64_t i = 0; i < buckets; i++) {
		uint64_t bucket = word_at(bytes, left, bucket_at + i);

		last = bucket > last ? bucket : last;
	}
	/* No bucket has any: then all symbols stand before the first that is hashed. */
	if (last < first)
		return first;
	while (chain_at + (last - first) < words &&
	       !(word_at(bytes, left, chain_at + (last - first)) & 1))
		last++;
	return last + 1;
}

static size_t count_symbols(const struct elf_image *image, const struct dynamic *dynamic)
{
	const uint8_t *bytes;
	size_t left;

	bytes = elf_bytes_at(image, dynamic->gnu_hash, &left);
	if (dynamic->gnu_hash && bytes)
		return count_gnu_hash(bytes, left);
	bytes = elf_bytes_at(image, dynamic->hash, &left);
	return dynamic->hash && bytes ? word_at(bytes, left, 1) : 0;
}

bool elf_dynamic_symbols(const struct elf_image *image, struct elf_symbol_section *section)
{
	struct dynamic dynamic;
	const char *last;
	size_t left;

	if (!read_dynamic(image, &dynamic))
		return false;
	section->names = (const char *)elf_bytes_at(image, dynamic.names, &left);
	if (left > dynamic.name_bytes)
		left = dynamic.name_bytes;
	last = section->names ? memrchr(section->names, '\0', left) : NULL;
	section->symbols = elf_bytes_at(image, dynamic.symbols, &left);
	if (!last || !section->symbols)
		return false;
	section->name_bytes = (size_t)(last - section->names) + 1;
	section->count = count_symbols(image, &dynamic);
	if (section->count > left / sizeof(Elf64_Sym))
		section->count = left / sizeof(Elf64_Sym);
	return true;
}

static struct elf_relocations relocations_at(const struct elf_image *image, uint64_t vaddr,
					     uint64_t bytes)
{
	struct elf_relocations found;
	size_t left;

	found.bytes = elf_bytes_at(image, vaddr, &left);
	found.count = (left < bytes ? left : bytes) / sizeof(Elf64_Rela);
	return found;
}

void elf_dynamic_relocations(const struct elf_image *image, struct elf_relocations found[2])
{
	struct dynamic dynamic;

	memset(found, 0, 2 * sizeof(*found));
	if (!read_dynamic(image, &dynamic))
		return;
	found[0] = relocations_at(image, dynamic.rela, dynamic.rela_bytes);
	if (dynamic.jmprel_kind == DT_RELA)
		found[1] = relocations_at(image, dynamic.jmprel, dynamic.jmprel_bytes);
}
