// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a function to its caller. What its file says of its frame comes first; then what any code
 * without such a table does: a return address on top of the stack, or a chain of frame pointers.
 */
#include "stack/calls.h"

/* ---- what call frame information says ---- */

/* The row for the place, without a CFA where it has none; NULL: no file, or no memory. */
static struct row *row_at(struct walk *walk)
{
	const struct place *place = &walk->place;
	struct place_cache *rows = &walk->stacks->rows;
	struct elf_unwind unwind;
	struct row *row;

	if (!place->file)
		return NULL;
	row = place_cache_find(rows, place->file->id, place->vaddr);
	if (!row) {
		row = calloc(1, sizeof(*row));
		if (!row)
			return NULL;
		if (elf_unwind_at(place->file->image, place->vaddr, &unwind) ||
		    !row_read(&unwind, place->vaddr, row))
			row->cfa.kind = RULE_NONE;
		if (place_cache_add(rows, place->file->id, place->vaddr, row)) {
			free(row);
			return NULL;
		}
	}
	return row;
}

/* Goes on there, if code is mapped there. */
static bool go_to(struct walk *walk, const struct registers *caller, bool is_exact)
{
	uint64_t addr = caller->values[DWARF_RIP];
	struct place place;

	place_find(walk->stacks, walk->process, addr, !is_exact, &place);
	/* A signal may have come because there is none. */
	if (!place.mapping && !is_exact)
		return false;
	walk->registers = *caller;
	walk->is_exact = is_exact;
	walk->place = place;
	return true;
}

static enum step step_by_row(struct walk *walk, const struct row *row)
{
	uint64_t stack_addr = walk->registers.values[DWARF_RSP];
	struct registers caller;

	switch (row_apply(row, &walk->registers, &walk->taken, &caller)) {
	case ROW_END:
		return STEP_WHOLE;
	case ROW_FAILED:
		return walk->taken.ran_out ? STEP_CUT : STEP_LOST;
	case ROW_CALLER:
		break;
	}
	/* Coroutines end, as threads did, where somebody pushed a 0 in place of a caller. */
	if (!caller.values[DWARF_RIP])
		return STEP_WHOLE;
	/* A handler may have a stack of its own (sigaltstack). */
	if (!row->is_signal && caller.values[DWARF_RSP] <= stack_addr)
		return STEP_LOST;
	return go_to(walk, &caller, row->is_signal) ? STEP_CALLER : STEP_LOST;
}

/* ---- signals, where nothing is said of the kernel's frame (musl, Go) ---- */

/* From uc_mcontext, struct sigcontext of the kernel's asm/sigcontext.h, its first 17 words. */
static const uint8_t context_registers[] = {
	DWARF_R8,      DWARF_R8 + 1,  DWARF_R8 + 2, DWARF_R8 + 3, DWARF_R12, DWARF_R12 + 1,
	DWARF_R12 + 2, DWARF_R12 + 3, DWARF_RDI,    DWARF_RSI,    DWARF_RBP, DWARF_RBX,
	DWARF_RDX,     DWARF_RAX,     DWARF_RCX,    DWARF_RSP,    DWARF_RIP,
};

/* In a struct ucontext, which begins where the return from the handler leaves the stack pointer. */
#define CONTEXT_REGISTERS_OFF 40

static enum step step_from_signal(struct walk *walk)
{
	uint64_t addr = walk->registers.values[DWARF_RSP] + CONTEXT_REGISTERS_OFF, word;
	struct registers caller = {0};

	for (size_t i = 0; i < sizeof(context_registers); i++, addr += sizeof(word)) {
		if (!taken_word(&walk->taken, addr, &word))
			return walk->taken.ran_out ? STEP_CUT : STEP_LOST;
		reg_set(&caller, context_registers[i], word);
	}
	return go_to(walk, &caller, true) ? STEP_CALLER : STEP_LOST;
}

/* ---- without call frame information ---- */

static bool may_return_to(struct walk *walk, uint64_t addr)
{
	struct place place;

	place_find(walk->stacks, walk->process, addr, true, &place);
	return place_is_return(&place);
}

static bool return_from(struct walk *walk, uint64_t addr, uint32_t kept)
{
	struct registers caller = walk->registers;
	uint64_t word;

	if (!taken_word(&walk->taken, addr, &word) || !may_return_to(walk, word))
		return false;
	caller.known &= kept;
	reg_set(&caller, DWARF_RIP, word);
	reg_set(&caller, DWARF_RSP, addr + sizeof(word));
	return go_to(walk, &caller, false);
}

/*
 * A function that has not made its frame yet, or makes none:
 *	push %rbp	; here the return address is on top of the stack
 *	mov %rsp,%rbp	; and here it is below %rbp
 */
static bool step_from_leaf(struct walk *walk)
{
	uint64_t stack_addr = walk->registers.values[DWARF_RSP];
	struct place pushed = walk->place;
	const uint8_t *code;
	size_t bytes;

	pushed.vaddr--;
	code = place_code(&pushed, &bytes);
	if (code && *code == 0x55 && return_from(walk, stack_addr + 8, REGS_KEPT))
		return true;
	return return_from(walk, stack_addr, REGS_KEPT);
}

static bool step_by_pointer(struct walk *walk)
{
	uint64_t frame_addr = walk->registers.values[DWARF_RBP], outer_addr;

	if (!reg_is_known(&walk->registers, DWARF_RBP) || frame_addr % sizeof(outer_addr) ||
	    frame_addr < walk->registers.values[DWARF_RSP] ||
	    !taken_word(&walk->taken, frame_addr, &outer_addr) ||
	    !return_from(walk, frame_addr + sizeof(outer_addr), 0))
		return false;
	reg_set(&walk->registers, DWARF_RBP, outer_addr);
	return true;
}

/* A process's first instructions: ld.so's and musl's say nothing of their end. */
#define ENTRY_BYTES 128

static bool is_at_entry(const struct place *place)
{
	uint64_t entry_vaddr = place->file ? elf_image_entry_vaddr(place->file->image) : 0;

	return entry_vaddr && place->vaddr - entry_vaddr < ENTRY_BYTES;
}

/*
 * Whether nobody called this: where a file begins to execute, where goroutines end, musl's threads,
 * which begin behind clone()'s system call, and Go's threads, whose first function has no frame
 * before it.
 */
static bool is_outermost(const struct walk *walk)
{
	const struct place *place = &walk->place;
	const struct elf_symbol *symbol;

	if (!place->file || walk->is_exact)
		return false;
	if (is_at_entry(place) || place_is_goexit(place))
		return true;
	if (!reg_is_known(&walk->registers, DWARF_RBP) || walk->registers.values[DWARF_RBP])
		return false;
	symbol = elf_symbol_at(place->file->image, place->vaddr);
	return symbol && (!strcmp(symbol->name, "__clone") || !strcmp(symbol->name, "clone") ||
			  elf_is_go_function(place->file->image, symbol->vaddr));
}

/* What musl's start code, which has no frames at all, keeps below its own caller. */
#define START_WORDS 32

/* Where that is the process's entry, and nobody else may be between, the way is known after all. */
static bool step_to_entry(struct walk *walk)
{
	uint64_t addr = walk->registers.values[DWARF_RSP], word;
	struct place place;

	for (unsigned i = 0; i < START_WORDS; i++, addr += sizeof(word)) {
		if (!taken_word(&walk->taken, addr, &word))
			return false;
		place_find(walk->stacks, walk->process, word, true, &place);
		if (place_is_return(&place))
			return is_at_entry(&place) && return_from(walk, addr, 0);
	}
	return false;
}

/* As much as most functions of musl have for themselves, which has no call frame information. */
#define SEARCHED_WORDS 128

/* How far into a function what makes its frame may be: 110 bytes in V8's entry to bytecode. */
#define PROLOGUE_BYTES 512

/* Whether the function is one that leaves frame pointers: then they are the better witnesses. */
static bool keeps_pointer(const struct elf_image *image, const struct elf_range *function)
{
	static const uint8_t move[] = {0x48, 0x89, 0xe5}; /* mov %rsp,%rbp */
	size_t bytes;
	const uint8_t *code = elf_image_code(image, function->vaddr, &bytes);

	if (bytes > PROLOGUE_BYTES)
		bytes = PROLOGUE_BYTES;
	if (bytes > function->bytes)
		bytes = function->bytes;
	return !code || memmem(code, bytes, move, sizeof(move)) ||
	       elf_is_go_function(image, function->vaddr);
}

/* The address of the word that a call of that function left, the first on the stack; 0: none. */
static uint64_t search_call(struct walk *walk, uint64_t start_vaddr)
{
	uint64_t addr = walk->registers.values[DWARF_RSP], word;
	struct place place;

	for (unsigned i = 0; i < SEARCHED_WORDS; i++, addr += sizeof(word)) {
		if (!taken_word(&walk->taken, addr, &word))
			break;
		place_find(walk->stacks, walk->process, word, true, &place);
		if (place_called(&place, walk->place.file->image, start_vaddr))
			return addr;
	}
	return 0;
}

/*
 * A function whose frame is of unknown size: the first word that a call of this very function would
 * have left there. What else lies between is old, or of functions that it called before.
 */
static bool step_by_search(struct walk *walk, struct row *row)
{
	const struct elf_image *callee;
	struct elf_range function;
	uint64_t addr;

	if (!row || row->no_search)
		return false;
	callee = walk->place.file->image;
	row->no_search = elf_function_bounds(callee, walk->place.vaddr, &function) ||
			 keeps_pointer(callee, &function);
	addr = row->no_search ? 0 : search_call(walk, function.vaddr);
	return addr && return_from(walk, addr, 0);
}

/* Code of no file has frame pointers, if anything: a JIT's. */
static bool step_by_custom(struct walk *walk, struct row *row)
{
	if (!walk->is_exact)
		return step_by_search(walk, row) || step_by_pointer(walk) || step_to_entry(walk);
	if (walk->place.mapping && !walk->place.file)
		return step_by_pointer(walk) || step_from_leaf(walk);
	return step_from_leaf(walk) || step_by_search(walk, row) || step_by_pointer(walk);
}

/* Without call frame information. */
static enum step step_without_row(struct walk *walk, struct row *row)
{
	if (walk->is_signal)
		return step_from_signal(walk);
	if (is_outermost(walk))
		return STEP_WHOLE;
	return step_by_custom(walk, row) ? STEP_CALLER : STEP_LOST;
}

enum step walk_step(struct walk *walk)
{
	struct row *row = row_at(walk);
	bool has_row = row && row->cfa.kind != RULE_NONE;
	enum step step;

	walk->taken.ran_out = false;
	walk->is_signal = has_row ? row->is_signal : place_is_sigreturn(&walk->place);
	if (!reg_is_known(&walk->registers, DWARF_RSP))
		return STEP_LOST;
	step = has_row ? step_by_row(walk, row) : step_without_row(walk, row);
	/* What it says led nowhere. */
	if (step == STEP_LOST && has_row && !row->is_signal && step_by_pointer(walk))
		return STEP_CALLER;
	return step == STEP_LOST && walk->taken.ran_out ? STEP_CUT : step;
}
