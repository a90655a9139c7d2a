/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From registers and stack bytes to frames. Callers are found by call frame information
 * (.eh_frame, .debug_frame), which programs have without frame pointers; where there is none, by
 * the frame pointer, and at a function's very start by the return address at (%rsp). What a file
 * says is believed only where it leads up the stack and into code.
 */
#ifndef STACK_STACK_H
#define STACK_STACK_H

#include <sys/types.h>

#include "stack/frame.h"

/* Numbered as instructions do: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, ... */
#define STACK_REGISTERS 16

/* One thread at one moment. */
struct stack_taken {
	uint64_t registers[STACK_REGISTERS];
	uint64_t ip_addr;
	const uint8_t *stack; /* the bytes from %rsp on; may be anything the target wrote */
	size_t stack_bytes;
	bool is_cut; /* the thread's stack goes on behind them */
};

/* A file's mapping in a process, as it was when the stack was taken. */
struct stack_mapping {
	uint64_t start_addr, end_addr, file_off;
	const char *path;      /* as the target sees it: its last part names the module */
	const char *open_path; /* opens it; NULL: path does */
	/* What was read of it already, with its debug file, as it is opened else; or NULL. */
	struct elf_image *image;
	uint8_t build_id[20]; /* the file must have it; all 0: not known */
	size_t build_id_bytes;
};

/* All that is known of processes' code: files, once each, and the strings of frames. */
struct stacks;

/*
 * Lets an image take its debug file, if there is one, as that process and then memwatch would find
 * it (debug_files_find() of choose/debug_files.h). path: as the target sees the file.
 */
struct elf_image;
typedef int (*stack_debug_finder)(struct elf_image *image, pid_t pid, const char *path);

/* find_debug: NULL: names are those that the files have themselves. NULL where memory is out. */
struct stacks *stacks_new(stack_debug_finder find_debug);
void stacks_free(struct stacks *stacks);

/*
 * The process's executable mappings from now on, instead of those before; the array and its
 * strings are not kept. perf_map: a JIT's /tmp/perf-PID.map, or NULL; read when it is needed, and
 * again when an address is not in it. 0 or -ENOMEM: files that can't be opened, are no ELF or are
 * another build than build_id says give frames without names.
 */
int stacks_map(struct stacks *stacks, pid_t pid, const struct stack_mapping *mappings, size_t count,
	       const char *perf_map);

/* A function that a JIT made, as it says. */
struct jitted_code {
	uint64_t start_addr, bytes;
	uint64_t line; /* a later one of the map is of newer code */
	const char *name;
};

/* Is told of each, with its process, before the first frame that has its name. */
typedef void (*stack_jitted_fn)(void *context, pid_t pid, const struct jitted_code *code);
void stacks_tell_jitted(struct stacks *stacks, stack_jitted_fn on_jitted, void *context);
/* What the map of a process that is mapped says besides. 0 or -ENOMEM. */
int stacks_add_jitted(struct stacks *stacks, pid_t pid, const struct jitted_code *code);
void stacks_forget(struct stacks *stacks, pid_t pid);

/*
 * Appends to path->frames, which the caller releases; at least one frame, the innermost. 0,
 * -ENOENT (no mappings of that process are known) or -ENOMEM.
 */
int stacks_walk(struct stacks *stacks, pid_t pid, const struct stack_taken *taken,
		struct call_path *path);

/* As stacks_walk(), without names, lines and inlined frames: some µs once the file is known. */
int stacks_walk_addresses(struct stacks *stacks, pid_t pid, const struct stack_taken *taken,
			  struct call_path *path);

/* Names one address, as a frame of its own: the code of a function that a path led to. */
int stacks_name(struct stacks *stacks, pid_t pid, uint64_t addr, bool is_caller,
		struct call_path *path);

#endif
