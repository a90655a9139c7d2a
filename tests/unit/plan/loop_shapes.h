/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loops as compilers and people write them, in assembly: label 1 is the loop's first instruction,
 * label 2 stands behind its last.
 */
#ifndef TEST_LOOP_SHAPES_H
#define TEST_LOOP_SHAPES_H

#include "code_bytes.h"

struct loop_shape {
	const char *name;
	const uint8_t *start, *loop, *done, *end;
	const char *reason; /* a part of it */
};

#define SHAPE_CODE(name, code)                                                                     \
	extern const uint8_t shape_##name[], loop_##name[], done_##name[], end_##name[];           \
	__asm__(".pushsection .rodata\n"                                                           \
		"shape_" #name ":\n" code "\n"                                                     \
		"end_" #name ":\n"                                                                 \
		".set loop_" #name ", 1b\n"                                                        \
		".set done_" #name ", 2b\n"                                                        \
		".popsection\n")

#define SHAPE(name, reason)                                                                        \
	{                                                                                          \
#name, shape_##name, loop_##name, done_##name, end_##name, reason                  \
	}

/* ---- copies ---- */

SHAPE_CODE(indexed, "xor %eax, %eax; 1: movzbl (%rsi,%rax), %ecx; mov %cl, (%rdi,%rax);"
		    "inc %rax; cmp %rax, %rdx; jne 1b; 2: ret");
SHAPE_CODE(advancing, "add %rsi, %rdx; 1: mov (%rsi), %rax; add $8, %rsi; mov %rax, (%rdi);"
		      "add $8, %rdi; cmp %rdx, %rsi; jb 1b; 2: ret");
SHAPE_CODE(backwards, "1: mov -4(%rsi,%rdx,4), %eax; mov %eax, -4(%rdi,%rdx,4); dec %rdx; jnz 1b;"
		      "2: ret");
SHAPE_CODE(up_to_zero, "add %rdx, %rsi; add %rdx, %rdi; neg %rdx; 1: mov (%rsi,%rdx), %al;"
		       "mov %al, (%rdi,%rdx); inc %rdx; jne 1b; 2: ret");
SHAPE_CODE(shorts, "1: movzwl (%rsi,%rax,2), %ecx; mov %cx, (%rdi,%rax,2); add $1, %rax;"
		   "cmp %rax, %rdx; ja 1b; 2: ret");
SHAPE_CODE(signed_bytes, "1: movsbl (%rsi,%rax), %ecx; mov %cl, (%rdi,%rax); add $1, %rax;"
			 "cmp %rax, %rdx; ja 1b; 2: ret");
/* for (int i...) at -O1; and for (unsigned i...) */
SHAPE_CODE(int_index, "1: movslq %eax, %rcx; mov (%rsi,%rcx,8), %r8; mov %r8, (%rdi,%rcx,8);"
		      "add $1, %eax; cmp %edx, %eax; jl 1b; 2: ret");
SHAPE_CODE(unsigned_index, "1: mov %eax, %ecx; mov (%rsi,%rcx), %r8b; mov %r8b, (%rdi,%rcx);"
			   "lea 1(%rax), %eax; cmp %edx, %eax; jb 1b; 2: ret");
SHAPE_CODE(extended, "1: cltq; mov (%rsi,%rax,4), %ecx; mov %ecx, (%rdi,%rax,4);"
		     "inc %eax; cmp %edx, %eax; jl 1b; 2: ret");
/* The index is the other register's of the round before. */
SHAPE_CODE(lagging, "1: mov (%rsi,%rax), %r8b; mov %r8b, (%rdi,%rax); mov %rcx, %rax; inc %rcx;"
		    "cmp %rdx, %rcx; jne 1b; 2: ret");
SHAPE_CODE(vectors, "1: movdqu (%rsi,%rax), %xmm0; movups %xmm0, (%rdi,%rax); add $16, %rax;"
		    "cmp %rax, %rdx; jne 1b; 2: ret");
SHAPE_CODE(four_vectors,
	   "1: movups (%rsi), %xmm0; movups 16(%rsi), %xmm1; movups 32(%rsi), %xmm2;"
	   "movups 48(%rsi), %xmm3; sub $-64, %rsi; movaps %xmm0, (%rdi); movaps %xmm1, 16(%rdi);"
	   "movaps %xmm2, 32(%rdi); movaps %xmm3, 48(%rdi); sub $-64, %rdi; cmp %rdi, %rdx; ja 1b;"
	   "2: ret");
SHAPE_CODE(avx, "1: vmovdqu (%rsi,%rax), %ymm0; vmovdqu %ymm0, (%rdi,%rax); add $32, %rax;"
		"cmp %rax, %rdx; jne 1b; 2: vzeroupper; ret");
/* gcc -mavx for CPUs that load 32 bytes slowly where they may cross a line */
SHAPE_CODE(avx_halves,
	   "1: vmovdqu (%rsi,%rax), %xmm1; vinserti128 $1, 16(%rsi,%rax), %ymm1, %ymm0;"
	   "vmovdqu %xmm0, (%rdi,%rax); vextracti128 $1, %ymm0, 16(%rdi,%rax); add $32, %rax;"
	   "cmp %rax, %rdx; jne 1b; 2: ret");
SHAPE_CODE(avx512, "1: vmovdqu64 (%rsi,%rax), %zmm17; vmovdqu64 64(%rsi,%rax), %zmm3;"
		   "vmovdqu64 %zmm17, (%rdi,%rax); vmovdqu64 %zmm3, 64(%rdi,%rax);"
		   "add $128, %rax; cmp %rax, %rdx; jne 1b; 2: ret");
SHAPE_CODE(sixteen_times, "1: .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15;"
			  "vmovups 64*\\i(%rsi), %zmm0; vmovups %zmm0, 64*\\i(%rdi); .endr;"
			  "add $1024, %rsi; add $1024, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(halves, "1: movq (%rsi), %xmm0; movhps 8(%rsi), %xmm0; movups %xmm0, (%rdi);"
		   "add $16, %rsi; add $16, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(halves_stored, "1: movdqu (%rsi), %xmm0; movlps %xmm0, (%rdi); movhps %xmm0, 8(%rdi);"
			  "add $16, %rsi; add $16, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(mmx, "1: movq (%rsi), %mm0; movntq %mm0, (%rdi); add $8, %rsi; add $8, %rdi;"
		"dec %rdx; jne 1b; 2: emms; ret");
SHAPE_CODE(streaming, "1: prefetchnta 512(%rsi); movdqa (%rsi), %xmm5; movntdq %xmm5, (%rdi);"
		      "add $16, %rdi; nopw 0(%rax,%rax); add $16, %rsi; sub $16, %rdx; ja 1b;"
		      "2: sfence; ret");
SHAPE_CODE(doubles, "1: movsd (%rsi,%rax,8), %xmm0; movsd %xmm0, (%rdi,%rax,8); inc %rax;"
		    "cmp %rax, %rdx; jne 1b; 2: ret");
/* -Os: asked before each round */
SHAPE_CODE(asked_first, "xor %eax, %eax; 1: cmp %rdx, %rax; je 2f; mov (%rsi,%rax), %cl;"
			"mov %cl, (%rdi,%rax); inc %rax; jmp 1b; 2: ret");
SHAPE_CODE(entered_at_end, "xor %eax, %eax; jmp 3f; 1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax);"
			   "inc %rax; 3: cmp %rdx, %rax; jb 1b; 2: ret");
/* while (*from != '\\n') ...: it is entered where it asks, and what it loads there it stores next.
 */
SHAPE_CODE(entered_at_load,
	   "jmp 3f; nopw 0(%rax,%rax); 1: inc %rsi; inc %rdi; mov %al, -1(%rdi);"
	   "cmp %rsi, %rdx; je 2f; 3: mov (%rsi), %al; cmp $10, %al; jne 1b; 2: ret");
SHAPE_CODE(counted, "mov %rdx, %rcx; 1: mov -1(%rsi,%rcx), %al; mov %al, -1(%rdi,%rcx); loop 1b;"
		    "2: ret");
SHAPE_CODE(string_moves, "1: movsb; dec %edx; jne 1b; 2: ret");
SHAPE_CODE(two_string_moves, "1: movsq; movsl; sub $12, %rdx; ja 1b; 2: ret");
SHAPE_CODE(string_text, "1: lodsb; stosb; test %al, %al; jne 1b; 2: ret");
SHAPE_CODE(text, "1: movzbl (%rsi), %eax; inc %rsi; mov %al, (%rdi); inc %rdi; test %al, %al;"
		 "jne 1b; 2: ret");
/* Go: each index is checked, and what is done where one is wrong stands behind the function. */
SHAPE_CODE(checked, "1: cmp %rax, %rbx; jbe 3f; movzbl (%rcx,%rax), %r8d; cmp %rdx, %rax; jae 3f;"
		    "mov %r8b, (%rdi,%rax); inc %rax; cmp %rdx, %rax; jl 1b; 2: ret; 3: call 3b;"
		    "ud2");
SHAPE_CODE(object, "1: mov (%rsi), %rcx; movzbl (%rcx,%rax), %ecx; mov (%rdi), %r8;"
		   "mov %cl, (%r8,%rax); inc %rax; cmp %rax, 8(%rsi); ja 1b; 2: ret");
SHAPE_CODE(object_in_object,
	   "1: mov (%rsi), %rcx; mov 8(%rcx), %rcx; movzbl (%rcx,%rax), %ecx; mov (%rdi), %r8;"
	   "mov %cl, (%r8,%rax); inc %rax; cmp %rax, 8(%rsi); ja 1b; 2: ret");
SHAPE_CODE(stack_bound, "1: mov (%rsi,%rax), %rcx; mov %rcx, (%rdi,%rax); add $8, %rax;"
			"cmp 8(%rsp), %rax; jb 1b; 2: ret");
SHAPE_CODE(over_stack, "1: mov (%rsi), %rax; mov %rax, -16(%rsp); mov 8(%rsi), %rax;"
		       "mov %rax, -8(%rsp); movdqu -16(%rsp), %xmm0; mov -16(%rsp), %rcx;"
		       "mov -8(%rsp), %r8; mov %rcx, (%rdi); mov %r8, 8(%rdi); add $16, %rsi;"
		       "add $16, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(shift_down, "1: mov 8(%rdi,%rax,8), %rcx; mov %rcx, (%rdi,%rax,8); inc %rax;"
		       "cmp %rax, %rdx; jne 1b; 2: ret");
SHAPE_CODE(shift_up, "1: mov -24(%rdi), %rcx; sub $8, %rdi; mov %rcx, 8(%rdi);"
		     "cmp %rdi, %rdx; jne 1b; 2: ret");
SHAPE_CODE(twelve, "1: mov (%rsi), %rax; mov 8(%rsi), %ecx; mov %ecx, 8(%rdi); mov %rax, (%rdi);"
		   "add $12, %rsi; add $12, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(twenty, "1: movups (%rsi), %xmm0; movups 4(%rsi), %xmm1; movups %xmm0, (%rdi);"
		   "movups %xmm1, 4(%rdi); add $20, %rsi; add $20, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(two_pages, "1: movups (%rsi), %xmm0; movups 4096(%rsi), %xmm1; movups %xmm0, (%rdi);"
		      "movups %xmm1, 4096(%rdi); add $16, %rsi; add $16, %rdi; dec %rdx; jne 1b;"
		      "2: ret");
SHAPE_CODE(rows, "3: xor %eax, %eax; 1: mov (%rsi,%rax), %r8; mov %r8, (%rdi,%rax); add $8, %rax;"
		 "cmp %rax, %rdx; jne 1b; 2: add %r9, %rsi; add %r9, %rdi; dec %ecx; jne 3b; ret");
/* The way in stands behind it, as gcc has unlikely ones. */
SHAPE_CODE(entered_from_behind,
	   "test %rdx, %rdx; jne 3f; ret; 1: mov (%rsi,%rax), %r8b; mov %r8b, (%rdi,%rax);"
	   "inc %rax; cmp %rax, %rdx; jne 1b; 2: ret; 3: xor %eax, %eax; jmp 1b");

static const struct loop_shape copying_shapes[] = {
	SHAPE(indexed, "%ecx; mov %cl, (%rdi,%rax,1); 1 bytes a round"),
	SHAPE(advancing, "mov (%rsi), %rax; mov %rax, (%rdi); 8 bytes a round"),
	SHAPE(backwards, "4 bytes a round"),
	SHAPE(up_to_zero, "1 bytes a round"),
	SHAPE(shorts, "2 bytes a round"),
	SHAPE(signed_bytes, "1 bytes a round"),
	SHAPE(int_index, "8 bytes a round"),
	SHAPE(unsigned_index, "1 bytes a round"),
	SHAPE(extended, "4 bytes a round"),
	SHAPE(lagging, "1 bytes a round"),
	SHAPE(vectors, "movdqu (%rsi,%rax,1), %xmm0; movups %xmm0, (%rdi,%rax,1); 16 bytes"),
	SHAPE(four_vectors, "64 bytes a round"),
	SHAPE(avx, "32 bytes a round"),
	SHAPE(avx_halves, "32 bytes a round"),
	SHAPE(avx512, "128 bytes a round"),
	SHAPE(sixteen_times, "1024 bytes a round"),
	SHAPE(halves, "16 bytes a round"),
	SHAPE(halves_stored, "16 bytes a round"),
	SHAPE(mmx, "8 bytes a round"),
	SHAPE(streaming, "movdqa (%rsi), %xmm5; movntdq %xmm5, (%rdi); 16 bytes a round"),
	SHAPE(doubles, "8 bytes a round"),
	SHAPE(asked_first, "1 bytes a round"),
	SHAPE(entered_at_end, "1 bytes a round"),
	SHAPE(entered_at_load, "mov (%rsi), %al; mov %al, -0x1(%rdi); 1 bytes a round"),
	SHAPE(counted, "1 bytes a round"),
	SHAPE(string_moves, "1 bytes a round"),
	SHAPE(two_string_moves, "12 bytes a round"),
	SHAPE(string_text, "1 bytes a round"),
	SHAPE(text, "1 bytes a round"),
	SHAPE(checked, "1 bytes a round"),
	SHAPE(object, "1 bytes a round"),
	SHAPE(object_in_object, "1 bytes a round"),
	SHAPE(stack_bound, "8 bytes a round"),
	SHAPE(over_stack, "16 bytes a round"),
	SHAPE(shift_down, "8 bytes a round"),
	SHAPE(shift_up, "8 bytes a round"),
	SHAPE(twelve, "12 bytes a round"),
	SHAPE(twenty, "20 bytes a round"),
	SHAPE(two_pages, "32 bytes a round"),
	SHAPE(rows, "8 bytes a round"),
	SHAPE(entered_from_behind, "1 bytes a round"),
};

/* ---- no copies ---- */

#define AND_ON "inc %rax; cmp %rax, %rdx; jne 1b; 2: ret"

SHAPE_CODE(fills, "1: mov %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(fills_constant, "1: movb $0, (%rdi,%rax);" AND_ON);
SHAPE_CODE(fills_loaded, "1: mov (%rsi), %cl; mov %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(only_loads, "1: mov (%rsi,%rax), %cl;" AND_ON);
SHAPE_CODE(xors, "1: mov (%rsi,%rax), %cl; xor $1, %cl; mov %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(adds, "1: mov (%rsi,%rax), %cl; add %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(sums, "1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); add %rcx, %r8;" AND_ON);
SHAPE_CODE(sums_memory,
	   "1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); add (%rsi,%rax), %r8b;" AND_ON);
SHAPE_CODE(sums_through_stack,
	   "1: mov (%rsi,%rax,8), %rcx; mov %rcx, -8(%rsp); mov %rcx, (%rdi,%rax,8);"
	   "add -8(%rsp), %r8;" AND_ON);
SHAPE_CODE(keeps_most, "1: mov (%rsi,%rax,4), %ecx; mov %ecx, (%rdi,%rax,4); cmp %ecx, %r8d;"
		       "cmovb %ecx, %r8d;" AND_ON);
SHAPE_CODE(notes_place, "1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); cmp %cl, %r8b;"
			"cmovb %rax, %r9;" AND_ON);
SHAPE_CODE(counts_carries, "1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); cmp %cl, %r8b;"
			   "adc $0, %r9;" AND_ON);
SHAPE_CODE(swaps_bytes, "1: mov (%rsi,%rax,4), %ecx; bswap %ecx; mov %ecx, (%rdi,%rax,4);" AND_ON);
SHAPE_CODE(swaps_while_loading, "1: movbe (%rsi,%rax,4), %ecx; mov %ecx, (%rdi,%rax,4);" AND_ON);
SHAPE_CODE(widens, "1: movzbl (%rsi,%rax), %ecx; mov %ecx, (%rdi,%rax,4);" AND_ON);
SHAPE_CODE(narrows, "1: mov (%rsi,%rax,4), %ecx; mov %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(converts, "1: cvtss2sd (%rsi,%rax,4), %xmm0; movsd %xmm0, (%rdi,%rax,8);" AND_ON);
SHAPE_CODE(shuffles, "1: movdqu (%rsi), %xmm0; pshufb %xmm1, %xmm0; movdqu %xmm0, (%rdi);"
		     "add $16, %rsi; add $16, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(doubles_half, "1: movddup (%rsi), %xmm0; movups %xmm0, (%rdi); add $16, %rsi;"
			 "add $16, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(wrong_halves, "1: movq 8(%rsi), %xmm0; movhps (%rsi), %xmm0; movups %xmm0, (%rdi);"
			 "add $16, %rsi; add $16, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(masked, "1: vmovdqu8 (%rsi), %zmm0{%k1}{z}; vmovdqu8 %zmm0, (%rdi){%k1};"
		   "add $64, %rsi; add $64, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(gathers,
	   "1: mov (%rsi,%rax,8), %rcx; mov (%r8,%rcx,8), %rcx; mov %rcx, (%rdi,%rax,8);" AND_ON);
SHAPE_CODE(scatters,
	   "1: mov (%rsi,%rax,8), %rcx; mov (%r8,%rax,8), %r9; mov %rcx, (%rdi,%r9,8);" AND_ON);
SHAPE_CODE(chases, "1: mov 8(%rsi), %rcx; mov (%rsi), %rsi; mov %rcx, (%rdi); add $8, %rdi;"
		   "test %rsi, %rsi; jne 1b; 2: ret");
SHAPE_CODE(reverses, "1: mov (%rsi), %cl; mov %cl, (%rdi); dec %rsi;"
		     "inc %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(skips, "1: mov (%rsi,%rax,8), %ecx; mov %ecx, (%rdi,%rax,8);" AND_ON);
SHAPE_CODE(packs, "1: mov (%rsi,%rax,8), %ecx; mov %ecx, (%rdi,%rax,4);" AND_ON);
SHAPE_CODE(repeats, "1: mov (%rsi,%rax,4), %rcx; mov %rcx, (%rdi,%rax,4);" AND_ON);
SHAPE_CODE(wide_step, "1: mov (%rsi), %ecx; mov %ecx, (%rdi); add %r8, %rsi; add %r8, %rdi;"
		      "dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(crosses, "1: mov (%rsi), %eax; mov 4(%rsi), %ecx; mov %ecx, (%rdi); mov %eax, 4(%rdi);"
		    "add $8, %rsi; add $8, %rdi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(exchanges, "1: mov (%rsi,%rax), %cl; mov (%rdi,%rax), %r8b; mov %cl, (%rdi,%rax);"
		      "mov %r8b, (%rsi,%rax);" AND_ON);
SHAPE_CODE(touches, "1: mov (%rdi,%rax), %cl; mov %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(counts_in_memory, "1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); incq (%r8);" AND_ON);
SHAPE_CODE(counts_on_stack,
	   "1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); mov %rax, -8(%rsp);" AND_ON);
SHAPE_CODE(exchanges_locked, "1: mov (%rsi,%rax), %cl; xchg %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(calls, "1: mov (%rsi,%rax), %cl; call 2f; mov %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(asks_kernel, "1: mov (%rsi,%rbx), %cl; syscall; mov %cl, (%rdi,%rbx);" AND_ON);
SHAPE_CODE(branches, "1: mov (%rsi,%rax), %cl; test %r8, %r8; je 3f; mov %cl, (%rdi,%rax);"
		     "3: " AND_ON);
SHAPE_CODE(jumps, "1: mov (%rsi,%rax), %cl; jmp 3f; 3: mov %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(dispatches, "1: mov (%rsi), %rax; add $8, %rsi; mov %rax, (%rdi); add $8, %rdi;"
		       "jmp *(%r8,%rax,8); jmp 1b; 2: ret");
SHAPE_CODE(never_ends, "1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); inc %rax; jmp 1b; 2: ret");
/* Who falls into it has loaded the first by himself. */
SHAPE_CODE(round_late, "1: mov %cl, (%rdi,%rax); mov (%rsi,%rax), %cl;" AND_ON);
SHAPE_CODE(repeats_fill, "1: mov $3, %ecx; rep stosb; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(high_byte, "1: mov (%rsi,%rax), %cx; mov %ch, (%rdi,%rax);" AND_ON);
SHAPE_CODE(segment, "1: mov %fs:(%rsi,%rax), %cl; mov %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(half_address, "1: mov (%esi,%eax), %cl; mov %cl, (%edi,%eax);" AND_ON);
/* The carry is still that of what was loaded. */
SHAPE_CODE(other_flags, "1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); cmp $97, %cl; inc %rax;"
			"sbb $0, %r9; cmp %rax, %rdx; jne 1b; 2: ret");
/* toupper(): what is done seldom stands behind the function, and comes back. */
SHAPE_CODE(detour,
	   "1: mov (%rsi,%rax), %cl; cmp $97, %cl; jae 4f; 3: mov %cl, (%rdi,%rax); inc %rax;"
	   "cmp %rax, %rdx; jne 1b; 2: ret; 4: sub $32, %cl; jmp 3b");
SHAPE_CODE(detour_with_store,
	   "1: mov (%rsi,%rax), %cl; test %r8, %r8; jne 4f; mov %cl, (%rdi,%rax); 3: inc %rax;"
	   "cmp %rax, %rdx; jne 1b; 2: ret; 4: xor %r8b, %cl; mov %cl, (%rdi,%rax); jmp 3b");
SHAPE_CODE(detour_around, "5: cmp %rax, %rdx; je 2f; 1: mov (%rsi,%rax), %cl; cmp $97, %cl; jae 4f;"
			  "mov %cl, (%rdi,%rax); inc %rax; cmp %rax, %rdx; jne 1b; 2: ret;"
			  "4: sub $32, %cl; mov %cl, (%rdi,%rax); inc %rax; jmp 5b");
SHAPE_CODE(detour_by_table, "1: mov (%rsi,%rax), %cl; cmp $97, %cl; jae 4f; mov %cl, (%rdi,%rax);"
			    "inc %rax; cmp %rax, %rdx; jne 1b; 2: ret; 4: jmp *(%r8,%rcx,8)");
SHAPE_CODE(crossing, "5: mov %al, %cl; 1: mov (%rsi,%rax), %cl; inc %rax; cmp %rax, %r8; je 5b;"
		     "mov %cl, -1(%rdi,%rax); cmp %rax, %rdx; jne 1b; 2: ret");
SHAPE_CODE(entered_behind_load,
	   "jmp 3f; nopw 0(%rax,%rax); 1: mov (%rsi,%rax), %cl; 3: mov %cl, (%rdi,%rax);" AND_ON);
SHAPE_CODE(entered_by_nops,
	   "test %r8, %r8; jne 4f; jmp 3f; 4: nopw 0(%rax,%rax); 1: mov %cl, (%rdi,%rax);"
	   "inc %rax; cmp %rax, %rdx; je 2f; 3: mov (%rsi,%rax), %cl; jmp 1b; 2: ret");
SHAPE_CODE(two_ends, "1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); inc %rax; cmp %rax, %rdx;"
		     "jne 1b; 2: xor %cl, (%r8); inc %r9; jne 1b; ret");
SHAPE_CODE(outer, "1: xor %eax, %eax; 3: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); inc %rax;"
		  "cmp %rax, %r9; jne 3b; add $64, %rsi; dec %rdx; jne 1b; 2: ret");
SHAPE_CODE(too_long, "1: mov (%rsi,%rax), %cl; mov %cl, (%rdi,%rax); .rept 160; nopw 0(%rax);"
		     ".endr;" AND_ON);
SHAPE_CODE(no_loop, "1: mov (%rsi), %rax; mov %rax, (%rdi); 2: ret");

#define COMPUTES "computes with what is loaded"
#define NOT_THIS "stores what the loop has not loaded just before"
#define MORE     "does more than to move and to count"
#define STEPS    "do not advance by the same step"
#define UNKNOWN  "do not advance by a constant step"
#define ORDER    "not store all in the order"
#define GAPS     "leaves gaps, or stores some bytes in two rounds"
#define MIDDLE   "come back to in the middle of a copy"

/* `outer` is one but for the loop in it. */
static const struct loop_shape other_shapes[] = {
	SHAPE(fills, NOT_THIS),
	SHAPE(fills_constant, NOT_THIS),
	SHAPE(fills_loaded, STEPS),
	SHAPE(only_loads, "stores nothing"),
	SHAPE(xors, COMPUTES),
	SHAPE(adds, MORE),
	SHAPE(sums, COMPUTES),
	SHAPE(sums_memory, COMPUTES),
	SHAPE(sums_through_stack, COMPUTES),
	SHAPE(keeps_most, COMPUTES),
	SHAPE(notes_place, COMPUTES),
	SHAPE(counts_carries, COMPUTES),
	SHAPE(swaps_bytes, MORE),
	SHAPE(swaps_while_loading, MORE),
	SHAPE(widens, NOT_THIS),
	SHAPE(narrows, STEPS),
	SHAPE(converts, MORE),
	SHAPE(shuffles, MORE),
	SHAPE(doubles_half, MORE),
	SHAPE(wrong_halves, NOT_THIS),
	SHAPE(masked, MORE),
	SHAPE(gathers, NOT_THIS),
	SHAPE(scatters, "an address of which nothing is known"),
	SHAPE(chases, NOT_THIS),
	SHAPE(reverses, STEPS),
	SHAPE(skips, GAPS),
	SHAPE(packs, STEPS),
	SHAPE(repeats, GAPS),
	SHAPE(wide_step, UNKNOWN),
	SHAPE(crosses, ORDER),
	SHAPE(exchanges, ORDER),
	SHAPE(touches, "stores where it loaded"),
	SHAPE(counts_in_memory, MORE),
	SHAPE(counts_on_stack, NOT_THIS),
	SHAPE(exchanges_locked, MORE),
	SHAPE(calls, "calls, within the loop"),
	SHAPE(asks_kernel, MORE),
	SHAPE(branches, "branches within the loop"),
	SHAPE(jumps, "straight line"),
	SHAPE(dispatches, "straight line"),
	SHAPE(never_ends, "has no end"),
	SHAPE(round_late, NOT_THIS),
	SHAPE(repeats_fill, MORE),
	SHAPE(high_byte, MORE),
	SHAPE(segment, NOT_THIS),
	SHAPE(half_address, NOT_THIS),
	SHAPE(other_flags, COMPUTES),
	SHAPE(detour, NOT_THIS),
	SHAPE(detour_with_store, "code behind it leads back into it"),
	SHAPE(detour_around, MIDDLE),
	SHAPE(detour_by_table, MIDDLE),
	SHAPE(crossing, ""),
	SHAPE(entered_behind_load, NOT_THIS),
	SHAPE(entered_by_nops, NOT_THIS),
	SHAPE(two_ends, "code behind it leads back into it"),
	SHAPE(too_long, "stands in no loop"),
	SHAPE(no_loop, "stands in no loop"),
};

#endif
