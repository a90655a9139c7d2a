/* SPDX-License-Identifier: GPL-2.0-only */
/* A file of code bytes alone, with a build id and nothing that tells of frames or names. */
#ifndef TESTS_STACK_MADE_CODE_H
#define TESTS_STACK_MADE_CODE_H

#include <elf.h>
#include <sys/mman.h>

#include "taken.h"

#define MADE_PID        1
#define MADE_ADDR       0x400000 /* where the file is mapped */
#define MADE_CODE_OFF   0x100
#define MADE_CODE_BYTES 0x100
#define MADE_STACK_ADDR 0x7ff000

struct made_code {
	Elf64_Ehdr elf;
	Elf64_Phdr segments[2];
	Elf64_Nhdr note;
	char note_name[4];
	uint8_t build_id[20];
	uint8_t unused[MADE_CODE_OFF - sizeof(Elf64_Ehdr) - 2 * sizeof(Elf64_Phdr) -
		       sizeof(Elf64_Nhdr) - 24];
	uint8_t code[MADE_CODE_BYTES];
};

static inline struct made_code made_code(void)
{
	struct made_code made = {
		.elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct made_code, segments),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2},
		.segments = {{.p_type = PT_LOAD,
			      .p_flags = PF_R | PF_X,
			      .p_filesz = sizeof(made),
			      .p_memsz = sizeof(made)},
			     {.p_type = PT_NOTE,
			      .p_offset = offsetof(struct made_code, note),
			      .p_filesz = sizeof(Elf64_Nhdr) + 24}},
		.note = {.n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID},
		.note_name = "GNU",
		.build_id = {1, 2, 3},
	};

	/* Nothing that looks like a call: int3. */
	memset(made.code, 0xcc, sizeof(made.code));
	return made;
}

/* Where the code that is put at that place is executed. */
static inline uint64_t made_addr(size_t at)
{
	return MADE_ADDR + MADE_CODE_OFF + at;
}

/* Ends before `at`: a call returns to there. */
static inline void made_call(struct made_code *made, size_t at)
{
	made->code[at - 5] = 0xe8;
}

static inline void made_bytes(struct made_code *made, size_t at, const void *bytes, size_t count)
{
	memcpy(made->code + at, bytes, count);
}

/* mov $__NR_rt_sigreturn,%rax; syscall */
static inline void made_sigreturn(struct made_code *made, size_t at)
{
	made_bytes(made, at, "\x48\xc7\xc0\x0f\0\0\0\x0f\x05", 9);
}

/* build_id: NULL: not known. The file is read when a path first leads to it. */
static inline int made_map(struct stacks *stacks, const struct made_code *made,
			   const uint8_t *build_id)
{
	int fd = memfd_create("made", MFD_CLOEXEC);
	char path[32];
	struct stack_mapping mapping = {
		.start_addr = MADE_ADDR,
		.end_addr = MADE_ADDR + 0x1000,
		.path = "/usr/lib/made.so",
		.open_path = path,
	};

	assert_int_equal(write(fd, made, sizeof(*made)), sizeof(*made));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (build_id)
		memcpy(mapping.build_id, build_id, 20);
	mapping.build_id_bytes = build_id ? 20 : 0;
	assert_int_equal(stacks_map(stacks, MADE_PID, &mapping, 1, NULL), 0);
	return fd;
}

/* With that many words on the stack; %rbp leads nowhere. */
static inline struct stack_taken made_stack(const uint64_t *words, size_t count, size_t at)
{
	struct stack_taken taken = {
		.ip_addr = made_addr(at),
		.stack = (const uint8_t *)words,
		.stack_bytes = count * sizeof(*words),
	};

	taken.registers[4] = MADE_STACK_ADDR;
	taken.registers[5] = 12345;
	return taken;
}

#endif
