// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any registers, stack bytes and file, and the path that is found with them: struct stack_layout,
 * the stack's bytes, the file's.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stack/stack.h"
#include "tests/fuzz/check.h"

#define PID       1
#define CODE_ADDR 0x400000
#define PAGE      4096

struct stack_layout {
	uint64_t registers[STACK_REGISTERS];
	uint64_t ip_addr;
	uint16_t stack_bytes;
	uint8_t is_cut;
	uint8_t unused[5];
};
_Static_assert(sizeof(struct stack_layout) == 144, "make_seeds.py packs it");

/* All of the file is code. */
static void map_file(struct stacks *stacks, int fd, size_t count)
{
	char path[32];
	struct stack_mapping mapping = {
		.start_addr = CODE_ADDR,
		.end_addr = CODE_ADDR + (count + PAGE) / PAGE * PAGE,
		.path = "/usr/lib/made.so",
		.open_path = path,
	};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(stacks_map(stacks, PID, &mapping, 1, NULL) == 0);
}

/* Reads all of it. */
static void check_text(const char *text)
{
	CHECK(!text || strlen(text) <= 16384);
}

static void check_path(const struct call_path *path, const struct stack_taken *taken, size_t count)
{
	size_t code_bytes = (count + PAGE) / PAGE * PAGE;
	const struct frame *frame, *before = NULL;

	CHECK(path->frames.count >= 1 && path->frames.count <= FRAMES_MOST);
	CHECK(path->end >= STACK_WHOLE && path->end <= STACK_TOO_DEEP);
	CHECK(path->frames.items[0].addr == taken->ip_addr);
	array_each (frame, &path->frames) {
		bool is_called = before && frame->addr != before->addr && !before->is_signal;

		CHECK(!is_called || frame->addr - CODE_ADDR - 1 < code_bytes);
		CHECK(!frame->module || frame->offset < code_bytes + 1);
		CHECK(!frame->is_inlined || (frame[1].addr == frame->addr));
		check_text(frame->name);
		check_text(frame->symbol);
		check_text(frame->module);
		check_text(frame->file);
		check_text(frame->language);
		before = frame;
	}
}

/* By addresses alone it is the same path. */
static void check_same(const struct call_path *named, const struct call_path *plain)
{
	const struct frame *frame, *same = plain->frames.items;

	/* What is inlined may have taken the room of others. */
	if (named->frames.count == FRAMES_MOST)
		return;
	array_each (frame, &named->frames) {
		if (frame->is_inlined)
			continue;
		CHECK(same < plain->frames.items + plain->frames.count);
		CHECK(same->addr == frame->addr && same->is_signal == frame->is_signal);
		same++;
	}
	CHECK(same == plain->frames.items + plain->frames.count);
	CHECK(named->end == plain->end);
}

static void check_walks(const struct stack_taken *taken, int fd, size_t count)
{
	struct call_path first = {0}, again = {0}, plain = {0};
	struct stacks *stacks = stacks_new(NULL);

	CHECK(stacks);
	map_file(stacks, fd, count);
	CHECK(stacks_walk(stacks, PID, taken, &first) == 0);
	check_path(&first, taken, count);
	/* From what is known by now. */
	CHECK(stacks_walk(stacks, PID, taken, &again) == 0);
	CHECK(again.frames.count == first.frames.count && again.end == first.end);
	CHECK(!memcmp(again.frames.items, first.frames.items,
		      first.frames.count * sizeof(*first.frames.items)));
	CHECK(stacks_walk_addresses(stacks, PID, taken, &plain) == 0);
	check_path(&plain, taken, count);
	check_same(&first, &plain);
	stacks_free(stacks);
	array_release(&first.frames);
	array_release(&again.frames);
	array_release(&plain.frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct stack_layout layout;
	struct stack_taken taken = {0};
	int fd;

	if (count < sizeof(layout))
		return 0;
	memcpy(&layout, bytes, sizeof(layout));
	bytes += sizeof(layout);
	count -= sizeof(layout);
	memcpy(taken.registers, layout.registers, sizeof(taken.registers));
	taken.ip_addr = layout.ip_addr;
	taken.is_cut = layout.is_cut & 1;
	taken.stack_bytes = layout.stack_bytes < count ? layout.stack_bytes : count;
	/* A copy of its own: ASan then sees what reads past it. */
	taken.stack = taken.stack_bytes
			      ? memcpy(malloc(taken.stack_bytes), bytes, taken.stack_bytes)
			      : NULL;
	bytes += taken.stack_bytes;
	count -= taken.stack_bytes;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	CHECK(fd >= 0 && write(fd, bytes, count) == (ssize_t)count);
	check_walks(&taken, fd, count);
	close(fd);
	free((void *)taken.stack);
	return 0;
}
