// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "code_bytes.h"

#define VADDR 0x1000

static struct insn decoded(const char *code, size_t bytes)
{
	struct insn insn;

	assert_int_equal(insn_decode((const uint8_t *)code, bytes, VADDR, &insn), 0);
	assert_int_equal(insn.length, bytes);
	assert_int_equal(insn.vaddr, VADDR);
	return insn;
}

/* Counts the bytes of a string literal. */
#define DECODED(code) decoded(code, sizeof(code) - 1)

#define assert_probe(code, kind) assert_int_equal(DECODED(code).probe, kind)
#define assert_flow(code, kind)  assert_int_equal(DECODED(code).flow, kind)

static void test_emulated(void **state)
{
	(void)state;
	assert_probe("\x55", PROBE_EMULATED);                     /* push %rbp */
	assert_probe("\x54", PROBE_EMULATED);                     /* push %rsp */
	assert_probe("\x41\x57", PROBE_EMULATED);                 /* push %r15 */
	assert_probe("\x90", PROBE_EMULATED);                     /* nop */
	assert_probe("\x72\x10", PROBE_EMULATED);                 /* jb */
	assert_probe("\x0f\x82\x10\x00\x00\x00", PROBE_EMULATED); /* jb */
	assert_probe("\xeb\x10", PROBE_EMULATED);                 /* jmp */
	assert_probe("\xe9\x10\x00\x00\x00", PROBE_EMULATED);     /* jmp */
	assert_probe("\xf2\xe9\x10\x00\x00\x00", PROBE_EMULATED); /* bnd jmp */
	assert_probe("\xe8\x10\x00\x00\x00", PROBE_EMULATED);     /* call */
}

static void test_stepped(void **state)
{
	(void)state;
	assert_probe("\xf3\x0f\x1e\xfa", PROBE_STEPPED);         /* endbr64 */
	assert_probe("\x48\x89\xf8", PROBE_STEPPED);             /* mov %rdi,%rax */
	assert_probe("\x66\x90", PROBE_STEPPED);                 /* xchg %ax,%ax */
	assert_probe("\x0f\x1f\x40\x00", PROBE_STEPPED);         /* nopl 0x0(%rax) */
	assert_probe("\x66\x0f\x1f\x44\x00\x00", PROBE_STEPPED); /* nopw 0x0(%rax,%rax,1) */
	assert_probe("\x66\x50", PROBE_STEPPED);                 /* push %ax */
	assert_probe("\xff\x35\x00\x00\x00\x00", PROBE_STEPPED); /* push 0x0(%rip) */
	assert_probe("\x6a\x01", PROBE_STEPPED);                 /* push $1 */
	assert_probe("\x5d", PROBE_STEPPED);                     /* pop %rbp */
	assert_probe("\xc3", PROBE_STEPPED);                     /* ret */
	assert_probe("\xf3\xc3", PROBE_STEPPED);                 /* rep ret */
	assert_probe("\xf2\xc3", PROBE_STEPPED);                 /* bnd ret */
	assert_probe("\xa4", PROBE_STEPPED);                     /* movsb: once */
	assert_probe("\xff\xe0", PROBE_STEPPED);                 /* jmp *%rax */
	assert_probe("\xe3\x10", PROBE_STEPPED);                 /* jrcxz */
	assert_probe("\xf3\x0f\x10\x06", PROBE_STEPPED);         /* movss: f3 repeats nothing */
}

static void test_refused(void **state)
{
	(void)state;
	assert_probe("\xc5\xfe\x6f\x06", PROBE_REFUSED);         /* vmovdqu (%rsi),%ymm0 */
	assert_probe("\xc5\xf8\x77", PROBE_REFUSED);             /* vzeroupper */
	assert_probe("\x62\xe1\xfe\x48\x6f\x06", PROBE_REFUSED); /* vmovdqu64 (%rsi),%zmm16 */
	assert_probe("\x8f\xe9\x78\xe1\xc1", PROBE_REFUSED);     /* XOP: vphaddbw */
	assert_probe("\xcc", PROBE_REFUSED);                     /* int3 */
	assert_probe("\xcd\x80", PROBE_REFUSED);                 /* int $0x80 */
	assert_probe("\x48\xcf", PROBE_REFUSED);                 /* iretq */
	assert_probe("\xec", PROBE_REFUSED);                     /* in (%dx),%al */
	assert_probe("\xf4", PROBE_REFUSED);                     /* hlt */
	assert_probe("\xfa", PROBE_REFUSED);                     /* cli */
	assert_probe("\x0f\x05", PROBE_REFUSED);                 /* syscall */
	assert_probe("\x0f\x0b", PROBE_REFUSED);                 /* ud2 */
	assert_probe("\x8e\xd0", PROBE_REFUSED);                 /* mov %eax,%ss */
	assert_probe("\xf0\x48\x01\x07", PROBE_REFUSED);         /* lock add %rax,(%rdi) */
	assert_probe("\x3e\xff\xe0", PROBE_REFUSED);             /* notrack jmp *%rax */
	assert_probe("\x2e\x72\x10", PROBE_REFUSED);             /* jb,pn */
	assert_probe("\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00", PROBE_REFUSED); /* cs nopw */
	assert_probe("\x66\xe8\x10\x00\x00\x00", PROBE_REFUSED);                 /* callw */
}

static void test_harmful(void **state)
{
	(void)state;
	assert_probe("\xf3\xa4", PROBE_HARMFUL);             /* rep movsb */
	assert_probe("\xf3\x48\xa5", PROBE_HARMFUL);         /* rep movsq */
	assert_probe("\xf3\x48\xab", PROBE_HARMFUL);         /* rep stosq */
	assert_probe("\xf2\xae", PROBE_HARMFUL);             /* repne scasb */
	assert_probe("\xf3\xa6", PROBE_HARMFUL);             /* repe cmpsb */
	assert_probe("\xf3\x90", PROBE_HARMFUL);             /* pause */
	assert_probe("\x41\x90", PROBE_HARMFUL);             /* xchg %eax,%r8d: no nop */
	assert_probe("\x0f\x1f\x44\x00\x00", PROBE_HARMFUL); /* nopl 0x0(%rax,%rax,1) */
}

static void test_flow(void **state)
{
	(void)state;
	assert_flow("\x48\x89\xf8", FLOW_NEXT);                          /* mov %rdi,%rax */
	assert_flow("\x0f\x05", FLOW_NEXT);                              /* syscall */
	assert_flow("\xff\xe0", FLOW_JUMP_INDIRECT);                     /* jmp *%rax */
	assert_flow("\x3e\xff\xe0", FLOW_JUMP_INDIRECT);                 /* notrack jmp *%rax */
	assert_flow("\xff\x24\xc5\x00\x10\x00\x00", FLOW_JUMP_INDIRECT); /* jmp *0x1000(,%rax,8) */
	assert_flow("\xff\x60\x08", FLOW_JUMP_INDIRECT);                 /* jmp *8(%rax) */
	assert_flow("\xff\xd0", FLOW_CALL);                              /* call *%rax */
	assert_flow("\xc2\x08\x00", FLOW_RETURN);                        /* ret $8 */
	assert_flow("\xf3\xc3", FLOW_RETURN);                            /* rep ret */
	assert_flow("\xf2\xc3", FLOW_RETURN);                            /* bnd ret */
	assert_flow("\xcb", FLOW_STOP);                                  /* lret */
	assert_flow("\x48\xcb", FLOW_STOP);                              /* rex.W lret */
	assert_flow("\x0f\x0b", FLOW_STOP);                              /* ud2 */
	assert_flow("\xcc", FLOW_STOP);                                  /* int3 */
	assert_flow("\xf4", FLOW_STOP);                                  /* hlt */
	assert_flow("\xe3\x10", FLOW_BRANCH);                            /* jrcxz */
}

static void test_targets(void **state)
{
	(void)state;
	assert_int_equal(DECODED("\x72\xfe").target_vaddr, VADDR);                     /* jb . */
	assert_int_equal(DECODED("\xe2\x10").target_vaddr, VADDR + 0x12);              /* loop */
	assert_int_equal(DECODED("\xe9\x00\x01\x00\x00").target_vaddr, VADDR + 0x105); /* jmp */
	assert_int_equal(DECODED("\xe8\xfb\xef\xff\xff").target_vaddr, 0);             /* call 0 */
	assert_int_equal(DECODED("\xc2\x08\x00").target_vaddr, 0);                     /* ret $8 */
	assert_int_equal(DECODED("\xff\x15\x10\x00\x00\x00").target_vaddr,
			 0); /* call *0x10(%rip) */
}

/* bnd jmp *0x2fe5(%rip), as in .plt.sec */
static void test_slot(void **state)
{
	struct insn insn = DECODED("\xf2\xff\x25\xe5\x2f\x00\x00");

	(void)state;
	assert_int_equal(insn.flow, FLOW_JUMP_SLOT);
	assert_int_equal(insn.slot_vaddr, VADDR + 7 + 0x2fe5);
	assert_int_equal(insn.target_vaddr, 0);
}

/* Of the registers that a copy's arguments are in, in C. */
static unsigned destroys(struct insn insn)
{
	return insn.destroys & (DESTROYS_RDI | DESTROYS_RSI | DESTROYS_RDX | DESTROYS_RSP);
}

static void test_moves(void **state)
{
	struct insn insn = DECODED("\x48\x89\xd8"); /* mov %rbx,%rax */

	(void)state;
	assert_int_equal(insn.moves_from, CPU_RBX);
	assert_int_equal(insn.moves_to, CPU_RAX);
	assert_false(insn.exchanges);
	assert_int_equal(insn.destroys, CPU_BIT(CPU_RAX));
	insn = DECODED("\x4c\x8b\xf1"); /* mov %rcx,%r14, the other encoding */
	assert_int_equal(insn.moves_from, CPU_RCX);
	assert_int_equal(insn.moves_to, CPU_R14);
	insn = DECODED("\x48\x87\xf7"); /* xchg %rsi,%rdi */
	assert_true(insn.exchanges);
	assert_int_equal(insn.moves_from + insn.moves_to, CPU_RSI + CPU_RDI);
	/* mov %ebx,%eax; mov %bl,%al; mov (%rbx),%rax; mov $1,%rax; lea (%rbx),%rax; mov %ds,%rax
	 */
	insn = DECODED("\x89\xd8");
	assert_int_equal(insn.moves_from, insn.moves_to);
	insn = DECODED("\x88\xd8");
	assert_int_equal(insn.moves_from, insn.moves_to);
	insn = DECODED("\x48\x8b\x03");
	assert_int_equal(insn.moves_from, insn.moves_to);
	insn = DECODED("\x48\xc7\xc0\x01\x00\x00\x00");
	assert_int_equal(insn.moves_from, insn.moves_to);
	insn = DECODED("\x48\x8d\x03");
	assert_int_equal(insn.moves_from, insn.moves_to);
	insn = DECODED("\x48\x8c\xd8");
	assert_int_equal(insn.moves_from, insn.moves_to);
}

static void test_reads_arguments(void **state)
{
	(void)state;
	assert_true(DECODED("\x48\x8b\x44\x24\x08").reads_arguments);  /* mov 0x8(%rsp),%rax */
	assert_false(DECODED("\x48\x8b\x04\x24").reads_arguments);     /* mov (%rsp),%rax */
	assert_false(DECODED("\x48\x89\x44\x24\x08").reads_arguments); /* mov %rax,0x8(%rsp) */
	assert_false(DECODED("\x48\x8d\x44\x24\x08").reads_arguments); /* lea 0x8(%rsp),%rax */
	assert_false(DECODED("\xc3").reads_arguments);                 /* ret */
}

static void test_destroys(void **state)
{
	(void)state;
	assert_int_equal(destroys(DECODED("\x48\x89\xf8")), 0);            /* mov %rdi,%rax */
	assert_int_equal(destroys(DECODED("\x48\x83\xfa\x08")), 0);        /* cmp $8,%rdx */
	assert_int_equal(destroys(DECODED("\x48\x89\x17")), 0);            /* mov %rdx,(%rdi) */
	assert_int_equal(destroys(DECODED("\x83\xe2\x07")), DESTROYS_RDX); /* and $7,%edx */
	assert_int_equal(destroys(DECODED("\xb2\x01")), DESTROYS_RDX);     /* mov $1,%dl */
	assert_int_equal(destroys(DECODED("\xb6\x01")), DESTROYS_RDX);     /* mov $1,%dh */
	assert_int_equal(destroys(DECODED("\x40\xb7\x01")), DESTROYS_RDI); /* mov $1,%dil */
	assert_int_equal(destroys(DECODED("\x48\xf7\xe1")), DESTROYS_RDX); /* mul %rcx */
	assert_int_equal(destroys(DECODED("\x48\xf7\xf9")), DESTROYS_RDX); /* idiv %rcx */
	assert_int_equal(destroys(DECODED("\x48\x99")), DESTROYS_RDX);     /* cqo */
	assert_int_equal(destroys(DECODED("\x99")), DESTROYS_RDX);         /* cltd */
	assert_int_equal(destroys(DECODED("\x0f\xa2")), DESTROYS_RDX);     /* cpuid */
	assert_int_equal(destroys(DECODED("\x0f\x31")), DESTROYS_RDX);     /* rdtsc */
	assert_int_equal(destroys(DECODED("\xa4")), DESTROYS_RDI | DESTROYS_RSI); /* movsb */
	assert_int_equal(destroys(DECODED("\xf3\x48\xa5")), DESTROYS_RDI | DESTROYS_RSI);
	assert_int_equal(destroys(DECODED("\xaa")), DESTROYS_RDI); /* stosb */
	assert_int_equal(destroys(DECODED("\xac")), DESTROYS_RSI); /* lodsb */
	assert_int_equal(destroys(DECODED("\x48\x87\xf7")), DESTROYS_RDI | DESTROYS_RSI); /* xchg */
	assert_int_equal(destroys(DECODED("\x48\x0f\x42\xd0")), DESTROYS_RDX); /* cmovb %rax,%rdx */
	assert_int_equal(destroys(DECODED("\x55")), DESTROYS_RSP);             /* push %rbp */
	assert_int_equal(destroys(DECODED("\x5f")), DESTROYS_RDI | DESTROYS_RSP); /* pop %rdi */
	assert_int_equal(destroys(DECODED("\xc9")), DESTROYS_RSP);                /* leave */
	assert_int_equal(destroys(DECODED("\xc3")), DESTROYS_RSP);                /* ret */
	assert_int_equal(destroys(DECODED("\x48\x83\xec\x08")), DESTROYS_RSP);    /* sub $8,%rsp */
	assert_true(destroys(DECODED("\xe8\x00\x00\x00\x00")) & DESTROYS_RSP);    /* call */
	assert_true(destroys(DECODED("\xe8\x00\x00\x00\x00")) & DESTROYS_RDX);    /* its callee's */
	/* Zydis 4.0 does not say it of these. */
	assert_int_equal(destroys(DECODED("\xf3\xa6")),
			 DESTROYS_RDI | DESTROYS_RSI);                     /* repe cmpsb */
	assert_int_equal(destroys(DECODED("\xf2\x48\xaf")), DESTROYS_RDI); /* repne scasq */
	assert_int_equal(destroys(DECODED("\x6c")), DESTROYS_RDI);         /* insb */
	assert_int_equal(destroys(DECODED("\x6e")), DESTROYS_RSI);         /* outsb */
}

static void test_no_instruction(void **state)
{
	struct insn insn;
	char text[INSN_TEXT_BYTES];

	(void)state;
	/* cut short: cmp $..., %rdx; 06 was push %es */
	assert_int_equal(insn_decode((const uint8_t *)"\x48\x83\xfa", 3, 0, &insn), -EILSEQ);
	assert_int_equal(insn_decode((const uint8_t *)"\x06", 1, 0, &insn), -EILSEQ);
	assert_int_equal(insn_decode((const uint8_t *)"", 0, 0, &insn), -EILSEQ);
	assert_string_equal(insn_text(text, (const uint8_t *)"\x06", 1, 0), "(bad)");
}

static void test_text(void **state)
{
	char text[INSN_TEXT_BYTES];

	(void)state;
	assert_string_equal(insn_text(text, (const uint8_t *)"\x72\x10", 2, VADDR), "jb 0x1012");
	assert_string_equal(insn_text(text, (const uint8_t *)"\x48\x89\xf8", 3, VADDR),
			    "mov %rdi, %rax");
}

static void test_branches_are_named_as_objdump_does(void **state)
{
	static const char *const names[] = {"jo", "jno", "jb", "jae", "je", "jne", "jbe", "ja",
					    "js", "jns", "jp", "jnp", "jl", "jge", "jle", "jg"};

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		const uint8_t near_by[] = {(uint8_t)(0x70 + i), 0x10};
		const uint8_t far[] = {0x0f, (uint8_t)(0x80 + i), 0x10, 0, 0, 0};
		char text[INSN_TEXT_BYTES], expected[INSN_TEXT_BYTES];

		snprintf(expected, sizeof(expected), "%s 0x1012", names[i]);
		assert_string_equal(insn_text(text, near_by, sizeof(near_by), VADDR), expected);
		snprintf(expected, sizeof(expected), "%s 0x1016", names[i]);
		assert_string_equal(insn_text(text, far, sizeof(far), VADDR), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_emulated),
		cmocka_unit_test(test_stepped),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_harmful),
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_slot),
		cmocka_unit_test(test_destroys),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_reads_arguments),
		cmocka_unit_test(test_no_instruction),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_branches_are_named_as_objdump_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
