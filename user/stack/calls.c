// SPDX-License-Identifier: GPL-2.0-only
#include "stack/calls.h"

const uint8_t *place_code(const struct place *place, size_t *bytes)
{
	*bytes = 0;
	return place->file
		       ? elf_image_code(place->file->image, place->vaddr + place->is_caller, bytes)
		       : NULL;
}

bool place_is_sigreturn(const struct place *place)
{
	static const uint8_t sigreturn[] = {
		0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, /* mov $__NR_rt_sigreturn,%rax */
		0x0f, 0x05,                               /* syscall */
	};
	size_t bytes;
	const uint8_t *code = place_code(place, &bytes);

	return code && bytes >= sizeof(sigreturn) && !memcmp(code, sigreturn, sizeof(sigreturn));
}

/*
 * The second byte of runtime.goexit:
 *	nop
 *	call runtime.goexit1
 */
bool place_is_goexit(const struct place *place)
{
	return place->is_caller && place->file &&
	       elf_is_go_function(place->file->image, place->vaddr);
}

/* ---- the call before a place ---- */

#define CALL_BYTES_MOST 7

/* The last bytes before the place; NULL: none that can be looked at. */
static const uint8_t *code_before(const struct place *place, size_t *bytes)
{
	const uint8_t *code = NULL;

	for (size_t before = CALL_BYTES_MOST; !code && before; before--) {
		code = elf_image_code(place->file->image, place->vaddr + 1 - before, bytes);
		if (*bytes > before)
			*bytes = before;
	}
	return code;
}

/* call rel32, and call through a register or memory (ff /2), which take 2 to 7 bytes. */
static bool ends_with_call(const uint8_t *code, size_t bytes)
{
	static const uint8_t lengths[] = {2, 3, 4, 6, 7};

	if (bytes >= 5 && code[bytes - 5] == 0xe8)
		return true;
	for (size_t i = 0; i < sizeof(lengths) && lengths[i] <= bytes; i++) {
		const uint8_t *call = code + bytes - lengths[i];

		if (call[0] == 0xff && (call[1] >> 3 & 7) == 2)
			return true;
	}
	return false;
}

bool place_is_return(const struct place *place)
{
	const uint8_t *code;
	size_t bytes;

	if (!place->mapping || !place->file)
		return place->mapping;
	code = code_before(place, &bytes);
	return (code && ends_with_call(code, bytes)) || place_is_sigreturn(place) ||
	       place_is_goexit(place);
}

/* ---- whom it called ---- */

/* What the 4 bytes before next_vaddr are a distance to. */
static uint64_t target_of(const uint8_t *code, uint64_t next_vaddr)
{
	int32_t distance;

	memcpy(&distance, code, sizeof(distance));
	return next_vaddr + (uint64_t)(int64_t)distance;
}

static bool slot_leads_to(const struct elf_image *image, uint64_t slot_vaddr,
			  const struct elf_image *callee, uint64_t start_vaddr)
{
	const char *name = elf_slot_symbol(image, slot_vaddr);

	return name && elf_is_function_named(callee, start_vaddr, name);
}

/*
 * An entry of a PLT, with CET or without:
 *	f3 0f 1e fa		endbr64
 *	[f2] ff 25 rel32	jmp *slot(%rip)
 */
static bool plt_leads_to(const struct elf_image *image, uint64_t vaddr,
			 const struct elf_image *callee, uint64_t start_vaddr)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	size_t bytes, at = 0;
	const uint8_t *code = elf_image_code(image, vaddr, &bytes);

	if (!code || bytes < 16)
		return false;
	if (!memcmp(code, endbr64, sizeof(endbr64)))
		at += sizeof(endbr64);
	at += code[at] == 0xf2;
	return code[at] == 0xff && code[at + 1] == 0x25 &&
	       slot_leads_to(image, target_of(code + at + 2, vaddr + at + 6), callee, start_vaddr);
}

bool place_called(const struct place *place, const struct elf_image *callee, uint64_t start_vaddr)
{
	const struct elf_image *image = place->file ? place->file->image : NULL;
	uint64_t next_vaddr = place->vaddr + 1, target;
	const uint8_t *code;
	size_t bytes;

	code = image ? code_before(place, &bytes) : NULL;
	if (!code || bytes < 6)
		return false;
	target = target_of(code + bytes - 4, next_vaddr);
	/* call *slot(%rip), as -fno-plt has it */
	if (code[bytes - 6] == 0xff && code[bytes - 5] == 0x15)
		return slot_leads_to(image, target, callee, start_vaddr);
	if (code[bytes - 5] != 0xe8)
		return false;
	return (image == callee && target == start_vaddr) ||
	       plt_leads_to(image, target, callee, start_vaddr);
}
