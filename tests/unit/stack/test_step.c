// SPDX-License-Identifier: GPL-2.0-only
/* Code of which no table tells anything, and stacks that are made for it. */
#include "made_code.h"

#define WORD_ADDR(at) (MADE_STACK_ADDR + 8 * (uint64_t)(at))
#define RBP           5

struct walked {
	struct stacks *stacks;
	struct call_path path;
	int fd;
};

static void setup(struct walked *walked, const struct made_code *made,
		  const struct stack_taken *taken)
{
	*walked = (struct walked){.stacks = stacks_new(NULL)};
	assert_non_null(walked->stacks);
	walked->fd = made_map(walked->stacks, made, NULL);
	assert_int_equal(stacks_walk(walked->stacks, MADE_PID, taken, &walked->path), 0);
}

static void teardown(struct walked *walked)
{
	array_release(&walked->path.frames);
	stacks_free(walked->stacks);
	close(walked->fd);
}

/* The offsets of the frames in the code, from the innermost on. */
static void check_walk(const struct made_code *made, const struct stack_taken *taken,
		       const size_t *places, size_t count, enum stack_end end)
{
	struct walked walked;

	setup(&walked, made, taken);
	if (walked.path.frames.count != count || walked.path.end != end)
		print_path(&walked.path);
	assert_int_equal(walked.path.frames.count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(walked.path.frames.items[i].addr, made_addr(places[i]));
	assert_int_equal(walked.path.end, end);
	teardown(&walked);
}

#define CHECK_WALK(made, taken, end, ...)                                                          \
	check_walk((made), (taken), (const size_t[]){__VA_ARGS__},                                 \
		   COUNT(((const size_t[]){__VA_ARGS__})), (end))

static void a_leaf_returns_by_the_top_of_the_stack(void **state)
{
	struct made_code made = made_code();
	uint64_t words[] = {made_addr(0x40)};
	struct stack_taken taken = made_stack(words, COUNT(words), 0x10);

	(void)state;
	made_call(&made, 0x40);
	CHECK_WALK(&made, &taken, STACK_LOST, 0x10, 0x40);
	/* A word that is after no call, and one that is not in the code. */
	words[0] = made_addr(0x48);
	CHECK_WALK(&made, &taken, STACK_LOST, 0x10);
	words[0] = MADE_ADDR - 1;
	CHECK_WALK(&made, &taken, STACK_LOST, 0x10);
}

static void knows_calls_of_every_length(void **state)
{
	static const struct {
		const char *bytes;
		size_t count;
		bool is_call;
	} cases[] = {
		{"\xff\xd0", 2, true},               /* call *%rax */
		{"\x41\xff\xd3", 3, true},           /* call *%r11 */
		{"\xff\x50\x08", 3, true},           /* call *8(%rax) */
		{"\xff\x54\x24\x08", 4, true},       /* call *8(%rsp) */
		{"\xff\x15\0\0\0\0", 6, true},       /* call *0(%rip) */
		{"\xff\x94\x24\0\x01\0\0", 7, true}, /* call *256(%rsp) */
		{"\xff\xe0", 2, false},              /* jmp *%rax */
		{"\x90\x90\x90\x90\x90\x90\x90", 7, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made_code made = made_code();
		uint64_t words[] = {made_addr(0x40)};
		struct stack_taken taken = made_stack(words, COUNT(words), 0x10);

		made_bytes(&made, 0x40 - cases[i].count, cases[i].bytes, cases[i].count);
		if (cases[i].is_call)
			CHECK_WALK(&made, &taken, STACK_LOST, 0x10, 0x40);
		else
			CHECK_WALK(&made, &taken, STACK_LOST, 0x10);
	}
}

/* push %rbp was executed, mov %rsp,%rbp was not. */
static void finds_the_caller_behind_a_pushed_frame_pointer(void **state)
{
	struct made_code made = made_code();
	uint64_t words[] = {WORD_ADDR(2), made_addr(0x40), WORD_ADDR(4), made_addr(0x60)};
	struct stack_taken taken = made_stack(words, COUNT(words), 0x11);

	(void)state;
	made_call(&made, 0x40);
	made_call(&made, 0x60);
	made.code[0x10] = 0x55;
	taken.registers[RBP] = WORD_ADDR(2);
	CHECK_WALK(&made, &taken, STACK_LOST, 0x11, 0x40, 0x60);
}

static void follows_frame_pointers_upwards_only(void **state)
{
	struct made_code made = made_code();
	uint64_t words[] = {0,
			    WORD_ADDR(3),
			    made_addr(0x40),
			    WORD_ADDR(5),
			    made_addr(0x60),
			    WORD_ADDR(3),
			    made_addr(0x80),
			    0};
	struct stack_taken taken = made_stack(words, COUNT(words), 0x10);

	(void)state;
	made_call(&made, 0x40);
	made_call(&made, 0x60);
	made_call(&made, 0x80);
	taken.registers[RBP] = WORD_ADDR(1);
	/* The third one leads back to the second. */
	CHECK_WALK(&made, &taken, STACK_LOST, 0x10, 0x40, 0x60, 0x80);
	taken.registers[RBP] = WORD_ADDR(1) + 4;
	CHECK_WALK(&made, &taken, STACK_LOST, 0x10);
	taken.registers[RBP] = WORD_ADDR(-2);
	CHECK_WALK(&made, &taken, STACK_LOST, 0x10);
	/* Behind what was taken, and so far behind that it was no frame pointer. */
	taken.is_cut = true;
	taken.registers[RBP] = WORD_ADDR(100);
	CHECK_WALK(&made, &taken, STACK_CUT, 0x10);
	taken.registers[RBP] = WORD_ADDR(1ull << 40);
	CHECK_WALK(&made, &taken, STACK_LOST, 0x10);
}

/* rt_sigframe: the return address was taken, the context begins at the stack pointer. */
static void knows_a_signal_by_the_system_call(void **state)
{
	struct made_code made = made_code();
	uint64_t words[64] = {made_addr(0x40)};
	uint64_t *context = &words[1 + 5];
	struct stack_taken taken = made_stack(words, COUNT(words), 0x10);
	struct walked walked;

	(void)state;
	made_sigreturn(&made, 0x40);
	made_call(&made, 0x80);
	context[10] = WORD_ADDR(50); /* rbp */
	context[15] = WORD_ADDR(40); /* rsp */
	context[16] = made_addr(0x70);
	words[50] = 0;
	words[51] = made_addr(0x80);
	CHECK_WALK(&made, &taken, STACK_LOST, 0x10, 0x40, 0x70, 0x80);
	setup(&walked, &made, &taken);
	assert_true(walked.path.frames.items[1].is_signal);
	assert_false(walked.path.frames.items[0].is_signal);
	assert_false(walked.path.frames.items[2].is_signal);
	teardown(&walked);
	/* It came because there was no code: that frame is there, too. */
	context[16] = 0;
	setup(&walked, &made, &taken);
	assert_int_equal(walked.path.frames.count, 4);
	assert_int_equal(walked.path.frames.items[2].addr, 0);
	assert_null(walked.path.frames.items[2].module);
	teardown(&walked);
	/* Each of its words, as far as it is there. */
	taken.is_cut = true;
	taken.stack_bytes = (1 + 5 + 16) * 8;
	CHECK_WALK(&made, &taken, STACK_CUT, 0x10, 0x40);
}

/* A signal that interrupts its own return, for ever. */
static void circles_come_to_an_end(void **state)
{
	struct made_code made = made_code();
	uint64_t words[64] = {made_addr(0x40)};
	uint64_t *context = &words[1 + 5];
	struct stack_taken taken = made_stack(words, COUNT(words), 0x10);
	struct walked walked;

	(void)state;
	made_sigreturn(&made, 0x40);
	context[15] = WORD_ADDR(1);
	context[16] = made_addr(0x40);
	setup(&walked, &made, &taken);
	assert_int_equal(walked.path.frames.count, FRAMES_MOST);
	assert_int_equal(walked.path.end, STACK_TOO_DEEP);
	teardown(&walked);
}

static void ends_where_the_file_begins_to_execute(void **state)
{
	struct made_code made = made_code();
	uint64_t words[] = {made_addr(0x40), 1, 2, made_addr(0x60), 3};
	struct stack_taken taken = made_stack(words, COUNT(words), 0x10);

	(void)state;
	made_call(&made, 0x40);
	made_call(&made, 0x60);
	/* Without a frame of the function in between, as in musl. */
	made.elf.e_entry = MADE_CODE_OFF + 0x50;
	CHECK_WALK(&made, &taken, STACK_WHOLE, 0x10, 0x40, 0x60);
	/* Such words as lie about are not followed to any other place. */
	made.elf.e_entry = MADE_CODE_OFF + 0x90;
	CHECK_WALK(&made, &taken, STACK_LOST, 0x10, 0x40);
}

/* Called through a null pointer: what called it is known. */
static void finds_who_called_no_code(void **state)
{
	struct made_code made = made_code();
	uint64_t words[] = {made_addr(0x40)};
	struct stack_taken taken = made_stack(words, COUNT(words), 0x10);
	struct walked walked;

	(void)state;
	made_call(&made, 0x40);
	taken.ip_addr = 0;
	setup(&walked, &made, &taken);
	assert_int_equal(walked.path.frames.count, 2);
	assert_int_equal(walked.path.frames.items[1].addr, made_addr(0x40));
	teardown(&walked);
}

/* The last instruction of the last function: what is behind it is nobody's. */
static void looks_callers_up_by_their_calls(void **state)
{
	struct made_code made = made_code();
	uint64_t words[] = {MADE_ADDR + 0x1000};
	struct stack_taken taken = made_stack(words, COUNT(words), 0x10);
	struct walked walked;

	(void)state;
	made_call(&made, MADE_CODE_BYTES);
	words[0] = made_addr(MADE_CODE_BYTES);
	setup(&walked, &made, &taken);
	assert_int_equal(walked.path.frames.count, 2);
	assert_string_equal(walked.path.frames.items[1].module, "made.so");
	assert_int_equal(walked.path.frames.items[1].offset, MADE_CODE_OFF + MADE_CODE_BYTES);
	teardown(&walked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_returns_by_the_top_of_the_stack),
		cmocka_unit_test(knows_calls_of_every_length),
		cmocka_unit_test(finds_the_caller_behind_a_pushed_frame_pointer),
		cmocka_unit_test(follows_frame_pointers_upwards_only),
		cmocka_unit_test(knows_a_signal_by_the_system_call),
		cmocka_unit_test(circles_come_to_an_end),
		cmocka_unit_test(ends_where_the_file_begins_to_execute),
		cmocka_unit_test(finds_who_called_no_code),
		cmocka_unit_test(looks_callers_up_by_their_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
