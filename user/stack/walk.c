// SPDX-License-Identifier: GPL-2.0-only
#include "stack/known.h"

/* ---- places ---- */

static const struct code_mapping *mapping_at(const struct process *process, uint64_t addr)
{
	const struct code_mapping *items = process->mappings.items;
	size_t low = 0, high = process->mappings.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (items[middle].start_addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low && addr < items[low - 1].end_addr ? &items[low - 1] : NULL;
}

/*
 * What a caller called last may be the end of its function, and of its mapping: it is looked up by
 * the call's own last byte.
 */
void place_find(struct stacks *stacks, const struct process *process, uint64_t addr, bool is_caller,
		struct place *place)
{
	uint64_t code_addr = addr - is_caller;
	const struct elf_image *image = NULL;

	*place = (struct place){.addr = addr, .is_caller = is_caller};
	place->mapping = mapping_at(process, code_addr);
	if (place->mapping && place->mapping->file)
		image = code_file_image(place->mapping->file, process->pid, stacks->find_debug);
	if (image && elf_image_vaddr_of_off(image,
					    code_addr - place->mapping->start_addr +
						    place->mapping->file_off,
					    &place->vaddr))
		place->file = place->mapping->file;
}

/* ---- a path ---- */

/* Instructions' numbers of the first eight registers, by DWARF's. */
static const uint8_t instruction_numbers[] = {0, 2, 1, 3, 6, 7, 5, 4};

static void start_walk(struct walk *walk, struct stacks *stacks, const struct process *process,
		       const struct stack_taken *taken)
{
	*walk = (struct walk){.stacks = stacks, .process = process, .is_exact = true};
	for (unsigned reg = 0; reg < STACK_REGISTERS; reg++) {
		unsigned number = reg < DWARF_R8 ? instruction_numbers[reg] : reg;

		reg_set(&walk->registers, reg, taken->registers[number]);
	}
	reg_set(&walk->registers, DWARF_RIP, taken->ip_addr);
	walk->taken = (struct taken_bytes){
		.bytes = taken->stack,
		.start_addr = walk->registers.values[DWARF_RSP],
		.count = taken->stack_bytes,
		.is_cut = taken->is_cut,
	};
	place_find(stacks, process, taken->ip_addr, false, &walk->place);
}

/* FNV-1a's step, for words. */
static uint64_t hash_add(uint64_t hash, uint64_t word)
{
	return (hash ^ word) * 0x100000001b3;
}

/* After a step. A function gives its caller these registers back as they were. */
static uint64_t caller_state(const struct registers *caller)
{
	uint32_t kept = caller->known & (REGS_KEPT | 1u << DWARF_RSP);
	uint64_t hash = hash_add(0xcbf29ce484222325, kept);

	for (unsigned reg = 0; reg < DWARF_REGISTERS; reg++) {
		if (kept >> reg & 1)
			hash = hash_add(hash, caller->values[reg]);
	}
	return hash ? hash : 1;
}

static enum stack_end end_of(enum step step)
{
	switch (step) {
	case STEP_CALLER:
		return STACK_TOO_DEEP;
	case STEP_WHOLE:
		return STACK_WHOLE;
	case STEP_CUT:
		return STACK_CUT;
	case STEP_LOST:
		break;
	}
	return STACK_LOST;
}

static int walk_up(struct stacks *stacks, pid_t pid, const struct stack_taken *taken,
		   bool with_names, struct call_path *path)
{
	struct process *process = process_find(stacks, pid);
	size_t first = path->frames.count, before;
	enum step step = STEP_CALLER;
	struct walk walk;
	int status = 0;

	if (!process)
		return -ENOENT;
	start_walk(&walk, stacks, process, taken);
	while (step == STEP_CALLER && path->frames.count - first < FRAMES_MOST) {
		before = path->frames.count;
		status = with_names ? names_add(stacks, process, &walk.place, path)
				    : names_add_plain(&walk.place, path);
		if (status)
			return status;
		step = walk_step(&walk);
		for (size_t i = before; i < path->frames.count; i++) {
			path->frames.items[i].is_signal = walk.is_signal;
			if (step == STEP_CALLER)
				path->frames.items[i].caller_state = caller_state(&walk.registers);
		}
	}
	if (path->frames.count - first > FRAMES_MOST) {
		path->frames.count = first + FRAMES_MOST;
		step = STEP_CALLER;
	}
	path->end = end_of(step);
	return 0;
}

int stacks_walk(struct stacks *stacks, pid_t pid, const struct stack_taken *taken,
		struct call_path *path)
{
	return walk_up(stacks, pid, taken, true, path);
}

int stacks_walk_addresses(struct stacks *stacks, pid_t pid, const struct stack_taken *taken,
			  struct call_path *path)
{
	return walk_up(stacks, pid, taken, false, path);
}

int stacks_name(struct stacks *stacks, pid_t pid, uint64_t addr, bool is_caller,
		struct call_path *path)
{
	struct process *process = process_find(stacks, pid);
	struct place place;

	if (!process)
		return -ENOENT;
	place_find(stacks, process, addr, is_caller, &place);
	return names_add(stacks, process, &place, path);
}
