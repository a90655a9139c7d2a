// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies at the end of a call path of 20 functions, and prints that path first:
 *	{"chain": ["the caller of memmove", ..., "main"]}
 *
 * chain [plain | signal | altstack | alloca | tail | library FILE]: what lies in its middle.
 * Functions of libc are not in the chain, nor is the kernel's call of a handler.
 */
#include <alloca.h>
#include <dlfcn.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COPY_BYTES (64ul << 20)
#define COPIES     50
#define DEPTH      20

/* A call in the last place would be a jump, and the caller not on the stack. */
#define NO_TAIL __asm__ volatile("" ::: "memory")
#define STEP    static __attribute__((noinline)) int

static const char *entered[DEPTH + 16];
static unsigned depth;
static const char *mode = "plain", *library;
static char *memory;
static unsigned left_for_handler;
static volatile int result_of_handler;

static void enter(const char *name)
{
	entered[depth++] = name;
}

static void print_chain(void)
{
	printf("{\"chain\": [");
	for (unsigned i = depth; i-- > 0;)
		printf("\"%s\"%s", entered[i], i ? ", " : "]}\n");
	fflush(stdout);
}

STEP copy(void)
{
	enter(__func__);
	print_chain();
	for (unsigned i = 0; i < COPIES; i++)
		memmove(memory + (i + 1) % 2 * 4096, memory + i % 2 * 4096, COPY_BYTES);
	return memory[0];
}

STEP odd(unsigned left);
STEP middle(unsigned left);

STEP even(unsigned left)
{
	int result;

	enter(__func__);
	result = left ? odd(left - 1) : copy();
	NO_TAIL;
	return result + 1;
}

STEP odd(unsigned left)
{
	int result;

	enter(__func__);
	if (left == DEPTH / 2 - 1)
		result = middle(left - 1);
	else
		result = left ? even(left - 1) : copy();
	NO_TAIL;
	return result + 1;
}

/* ---- what lies in the middle ---- */

static void on_signal(int number)
{
	(void)number;
	enter(__func__);
	result_of_handler = even(left_for_handler);
}

STEP through_signal(unsigned left)
{
	struct sigaction action = {.sa_handler = on_signal};
	stack_t stack = {.ss_size = 1 << 16};

	enter(__func__);
	if (!strcmp(mode, "altstack")) {
		stack.ss_sp = malloc(stack.ss_size);
		action.sa_flags = SA_ONSTACK;
		if (sigaltstack(&stack, NULL))
			err(1, "sigaltstack");
	}
	left_for_handler = left;
	sigaction(SIGUSR1, &action, NULL);
	kill(getpid(), SIGUSR1);
	NO_TAIL;
	return result_of_handler;
}

STEP through_alloca(unsigned left)
{
	char *room = alloca(left * 100);
	int result;

	enter(__func__);
	memset(room, (int)left, left * 100);
	result = even(left);
	NO_TAIL;
	return result + room[left];
}

/* Its own frame is gone by then, so that it is in no chain; without optimisation it is there. */
STEP through_tail_call(unsigned left)
{
#ifndef __OPTIMIZE__
	enter(__func__);
#endif
	return even(left);
}

STEP through_library(unsigned left)
{
	void *handle = dlopen(library, RTLD_NOW);
	int (*outer)(int (*)(unsigned), void (*)(const char *), unsigned);
	int result;

	if (!handle)
		errx(1, "%s", dlerror());
	*(void **)&outer = dlsym(handle, "chain_library_outer");
	enter(__func__);
	result = outer(even, enter, left);
	NO_TAIL;
	return result + 1;
}

STEP middle(unsigned left)
{
	int result;

	enter(__func__);
	if (!strcmp(mode, "signal") || !strcmp(mode, "altstack"))
		result = through_signal(left);
	else if (!strcmp(mode, "alloca"))
		result = through_alloca(left);
	else if (!strcmp(mode, "tail"))
		result = through_tail_call(left);
	else if (!strcmp(mode, "library"))
		result = through_library(left);
	else
		result = even(left);
	NO_TAIL;
	return result + 1;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		mode = argv[1];
	if (argc > 2)
		library = argv[2];
	memory = mmap(NULL, COPY_BYTES + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap");
	enter(__func__);
	return even(DEPTH - 2) == -1;
}
