/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One ELF file (x86-64, little endian): its code bytes, its symbols and where its copy routines
 * are. Everything here is a file fact: addresses are *_vaddr (as linked) or *_off (in the file).
 * An image owns a private copy-on-write mapping of the file's bytes through libelf and does not
 * keep the descriptor. All pointers given out live as long as the image.
 * Errors: 0 or negative errno; -ENOEXEC: no ELF file of a kind we read.
 * An image is for one thread: tables are read from the file when they are first asked for.
 */
#ifndef ELF_IMAGE_H
#define ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"

struct elf_image;

struct elf_range {
	uint64_t vaddr;
	uint64_t bytes;
};

/* 24 bytes: a browser has 500,000 of them. */
struct elf_symbol {
	const char *name; /* without its version: "memcpy", not "memcpy@@GLIBC_2.14" */
	uint64_t vaddr;
	uint32_t bytes; /* 0 where the symbol states none; at most 4 GiB - 1 */
	bool is_ifunc;
	bool is_global;
	bool from_debug; /* only a debug file has the name */
};

/*
 * fd: an open regular file, not kept. -EISDIR, -EINVAL: it is a directory or no regular file. An
 * executable or shared object that is cut short opens too, and has what is left of it.
 */
int elf_image_open(int fd, struct elf_image **image);
/* Another holder: it is freed with the last. Gives the image. */
struct elf_image *elf_image_share(struct elf_image *image);
void elf_image_free(struct elf_image *image);

/* PT_LOAD arithmetic; false where no segment of the file covers it. */
bool elf_image_off_of_vaddr(const struct elf_image *image, uint64_t vaddr, uint64_t *off);
bool elf_image_vaddr_of_off(const struct elf_image *image, uint64_t off, uint64_t *vaddr);

/* Where the process, or its loader, begins to execute the file; 0: nowhere. */
uint64_t elf_image_entry_vaddr(const struct elf_image *image);

/* Whether the file offset lies behind all that is loaded of the file. */
bool elf_image_ends_before(const struct elf_image *image, uint64_t off);

/* The pointer-sized value that the file holds at vaddr; false where it holds none. */
bool elf_image_word(const struct elf_image *image, uint64_t vaddr, uint64_t *word);

/* The code bytes from vaddr to the end of its executable segment; NULL where there are none. */
const uint8_t *elf_image_code(const struct elf_image *image, uint64_t vaddr, size_t *bytes);

/* Where the executable segment that holds vaddr begins; vaddr itself where none does. */
uint64_t elf_image_code_start(const struct elf_image *image, uint64_t vaddr);

/*
 * ---- symbols (elf/symbols.c): .symtab, the debug file's where there is one (elf/debug_file.h),
 * else Go's .gopclntab, and .dynsym; functions only ----
 */

typedef ARRAY(struct elf_symbol) elf_symbols;

/*
 * Appends the defined functions (STT_FUNC, STT_GNU_IFUNC) whose name matches pattern: an exact
 * name (a version suffix as in "memcpy@GLIBC_2.14" is ignored on the symbol's side), or a glob
 * when it holds *, ? or [ and is no function's name as it stands. Each address once, under its best
 * name (global before local, fewer leading underscores). A glob passes over .cold parts: they are
 * no functions to be called.
 */
int elf_find_symbols(const struct elf_image *image, const char *pattern, elf_symbols *found);

/*
 * Appends what a person's name for a function names (elf/written_symbols.c): the symbol of that
 * name, or those that the glob matches, as elf_find_symbols(). Where there is none, the functions
 * of C++ and Rust that it names (elf/written_name.h), and what the compiler made of a function of
 * that name: "flush.constprop.0", but neither "flush.part.0" nor "flush.cold", which are pieces.
 */
int elf_find_written(const struct elf_image *image, const char *text, elf_symbols *found);

/* "flush.part.0", the piece of `name` that gcc split off; NULL where there is none. */
const struct elf_symbol *elf_find_split_part(const struct elf_image *image, const char *name);

/*
 * The function symbol that covers vaddr, the innermost where they nest, a global name preferred;
 * NULL where none does. One that states no size covers its first byte only.
 */
const struct elf_symbol *elf_symbol_at(const struct elf_image *image, uint64_t vaddr);

/* Whether a function of that name begins at vaddr, be it the best one of its names or not. */
bool elf_is_function_named(const struct elf_image *image, uint64_t vaddr, const char *name);

/*
 * The whole of the function that contains vaddr: by its symbol's size, else by its .eh_frame FDE
 * (so it works in stripped files). -ENOENT where neither covers it.
 */
int elf_function_bounds(const struct elf_image *image, uint64_t vaddr, struct elf_range *range);

/* True where a function begins at vaddr that Go compiled or assembled, by its .gopclntab. */
bool elf_is_go_function(const struct elf_image *image, uint64_t vaddr);

/* True where only exported functions have names: no .symtab, no debug file's, no .gopclntab. */
bool elf_is_stripped(const struct elf_image *image);

/* Part of a function that gcc moved away, "name.cold": code, but nobody's to call. */
bool elf_is_cold_part(const char *name);

/*
 * The parts of function `symbol` that the compiler moved away: "name.cold" and "name.cold.N"
 * (gcc), in the same file. Appends; none is no error. Where several static functions have the
 * name, it gives the parts of them all.
 */
typedef ARRAY(struct elf_range) elf_ranges;
int elf_cold_parts(const struct elf_image *image, const char *symbol, elf_ranges *parts);

/* ---- "did you mean" (elf/nearest.c) ---- */

/* A function name near to wanted, with how far: letters put in, left out, changed or swapped. */
struct elf_near_name {
	char *name; /* as people write it, with arguments where wanted has some; owned */
	unsigned distance;
};
typedef ARRAY(struct elf_near_name) elf_near_names;

/*
 * Keeps in `nearest` the `most` closest names over this image and those that it held before, the
 * closest first; elf_near_names_release() frees them. Names over 255 bytes are passed over, and
 * those further than most_edits away: the fewer, the faster. Where a C++ or Rust name's last word
 * is near, all that is wrong before it counts as one change, or two where the class is wrong, too.
 * Where it is the very word, as "flush" is of ns::Grow::flush, and Go's "Buf.grow" of
 * bytes.(*Buf).grow, the name is never too far.
 */
int elf_nearest_names(const struct elf_image *image, const char *wanted, unsigned most_edits,
		      size_t most, elf_near_names *nearest);
void elf_near_names_release(elf_near_names *nearest);

/* ---- what the loader fills in (elf/slots.c) ---- */

/*
 * A way into a copy routine. `direct`: vaddr is the routine's own first instruction. Otherwise
 * vaddr is a pointer-sized slot in the file's data, which the loader fills with the runtime
 * address of the implementation it chose (R_X86_64_IRELATIVE, or R_X86_64_JUMP_SLOT/GLOB_DAT
 * against an IFUNC of this same file).
 */
struct elf_copy_door {
	const char *name; /* "memmove", "memcpy", "mempcpy", "__memcpy_chk", ... */
	uint64_t vaddr;
	bool direct;
	bool is_go; /* runtime.memmove: Go has a calling convention of its own */
};
typedef ARRAY(struct elf_copy_door) elf_copy_doors;

/*
 * Appends every door to memmove, memcpy, mempcpy (also __memmove_chk, __memcpy_chk,
 * __mempcpy_chk where they have a slot or a plain function symbol of their own, and `__memcpy` /
 * `__mempcpy` aliases at other addresses, and Go's runtime.memmove) that this file itself defines.
 * An IFUNC symbol's door is the slot of the IRELATIVE relocation whose addend is the symbol's
 * value, the resolver; a plain STT_FUNC is direct. A resolver without a slot gives no door. Each
 * vaddr once; at most 64. Names that only a debug file has count in programs alone, which may have
 * a libc linked into them: in a library, what is counted must not depend on which packages are
 * installed. Not bcopy: in glibc and musl it goes through memmove, its arguments the other way
 * round.
 */
int elf_find_copy_doors(const struct elf_image *image, elf_copy_doors *doors);

/*
 * Appends the slots whose contents a resolver chooses when the program starts (R_X86_64_IRELATIVE),
 * whatever routine they are for; at most 256, by address.
 */
typedef ARRAY(uint64_t) elf_addresses;
int elf_find_ifunc_slots(const struct elf_image *image, elf_addresses *slots);

/*
 * The symbol whose address the loader writes into the slot at slot_vaddr (from JUMP_SLOT and
 * GLOB_DAT relocations), for following a tail jump through the PLT; NULL where it is unknown.
 */
const char *elf_slot_symbol(const struct elf_image *image, uint64_t slot_vaddr);

/* ---- inlined functions (elf/inlined.c), from DWARF in the file or a program's debug file ---- */

/* A function into which the compiler inlined another. */
struct elf_host {
	const char *name; /* of the symbol to probe ("join.constprop.0") where there is one */
	uint64_t vaddr;
};
typedef ARRAY(struct elf_host) elf_hosts;

/*
 * Appends the functions into which the compiler inlined `name`, as people write it: each once, at
 * most 16, those that have code of their own. None, or no DWARF, or DWARF of more than 512 MiB
 * unpacked, is no error: `hosts` stays as it was. Names belong to the image.
 */
int elf_inlined_into(const struct elf_image *image, const char *name, elf_hosts *hosts);

#endif
