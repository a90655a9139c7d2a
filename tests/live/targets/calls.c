// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that end in every way a call can end: calls MODE ROUNDS. Each watched function keeps its
 * own truth, which goes to stdout as JSON Lines: how often it was called and ended, and what the
 * ended ones copied.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COPY_MOST (4u << 20)
#define BIG_BYTES (2u << 20)
#define DEPTH     1000
#define STAY_1    5000
#define STAY_2    700
#define watched   __attribute__((noipa, used))
#define say(...)  dprintf(STDOUT_FILENO, __VA_ARGS__)

struct totals {
	unsigned long bytes, copies;
};

/* Of ended calls that are not inside another call of the same function. */
struct truth {
	const char *function;
	unsigned long calls, ended;
	struct totals copied;
};

static struct totals totals;
static char from[COPY_MOST], into[COPY_MOST];

__attribute__((noipa)) static void copy_bytes(size_t bytes)
{
	memcpy(into, from, bytes);
	totals.bytes += bytes;
	totals.copies++;
}

static void ended(struct truth *truth, struct totals before)
{
	truth->ended++;
	truth->copied.bytes += totals.bytes - before.bytes;
	truth->copied.copies += totals.copies - before.copies;
}

static void tell(const struct truth *truth)
{
	say("{\"function\":\"%s\",\"calls\":%lu,\"ended\":%lu,\"copied_bytes\":%lu,\"copies\":%lu}\n",
	    truth->function, truth->calls, truth->ended, truth->copied.bytes,
	    truth->copied.copies);
}

/* ---- recursion ---- */

static struct truth recurse_truth = {.function = "recurse"};

watched void recurse(unsigned depth)
{
	recurse_truth.calls++;
	if (depth > 1)
		recurse(depth - 1);
	copy_bytes(depth);
	recurse_truth.ended++;
}

static void run_recursion(unsigned rounds)
{
	struct totals before = totals;

	for (unsigned round = 0; round < rounds; round++)
		recurse(DEPTH);
	recurse_truth.copied = (struct totals){totals.bytes - before.bytes,
					       totals.copies - before.copies};
	tell(&recurse_truth);
	/* What each level copied, with all that it called. */
	for (unsigned depth = 1, bytes = 0; depth <= DEPTH; depth++) {
		bytes += depth;
		say("{\"level\":%u,\"copied_bytes\":%u}\n", depth, bytes);
	}
}

/* ---- one watched function inside another, and in its place ---- */

static struct truth outer_truth = {.function = "outer"}, inner_truth = {.function = "inner"};

watched void inner(size_t bytes)
{
	struct totals before = totals;

	inner_truth.calls++;
	copy_bytes(bytes);
	copy_bytes(bytes / 2);
	ended(&inner_truth, before);
}

watched void outer(size_t bytes)
{
	struct totals before = totals;

	outer_truth.calls++;
	copy_bytes(bytes);
	inner(bytes + 1);
	copy_bytes(bytes + 2);
	inner(bytes + 3);
	ended(&outer_truth, before);
}

static void run_nested(unsigned rounds)
{
	for (unsigned round = 0; round < rounds; round++)
		outer(1000 + round);
	tell(&outer_truth);
	tell(&inner_truth);
}

static struct truth jumper_truth = {.function = "jumper"};

/* Ends by a jump to inner. */
watched void jumper(size_t bytes)
{
	jumper_truth.calls++;
	copy_bytes(bytes);
	inner(bytes + 1);
}

static void run_tail(unsigned rounds)
{
	for (unsigned round = 0; round < rounds; round++) {
		struct totals before = totals;

		jumper(1000 + round);
		ended(&jumper_truth, before);
		inner(500);
	}
	tell(&jumper_truth);
	tell(&inner_truth);
}

static struct truth copier_truth = {.function = "copier"};

/* Ends by a jump to memcpy. */
watched void *copier(void *to, const void *source, size_t bytes)
{
	copier_truth.calls++;
	return memcpy(to, source, bytes);
}

static void run_tail_memcpy(unsigned rounds)
{
	for (unsigned round = 0; round < rounds; round++) {
		struct totals before = totals;

		copier(into, from, 3000 + round);
		totals.bytes += 3000 + round;
		totals.copies++;
		ended(&copier_truth, before);
		/* The same ret, but no end of copier. */
		copy_bytes(100);
	}
	tell(&copier_truth);
}

/* ---- several rets, a jump table, a cold part ---- */

static struct truth shaped_truth = {.function = "shaped"};

__attribute__((noipa, cold)) static long rare(size_t bytes)
{
	copy_bytes(bytes);
	return (long)bytes;
}

watched long shaped(unsigned kind, size_t bytes)
{
	shaped_truth.calls++;
	switch (kind) {
	case 0:
		return -1;
	case 1:
		copy_bytes(bytes);
		return 3;
	case 2:
		copy_bytes(bytes + 1);
		copy_bytes(bytes + 2);
		return (long)totals.copies;
	case 3:
		if (bytes > 2000)
			return 7;
		copy_bytes(bytes + 3);
		return getpid();
	case 4:
		rare(bytes);
		return 11;
	case 5:
		return rare(bytes + 1) + rare(bytes + 2) * 5;
	default:
		return (long)bytes;
	}
}

static struct truth chilly_truth = {.function = "chilly"};

/* Its cold part has a ret of its own, and a jump to another function. */
watched long chilly(unsigned kind, size_t bytes)
{
	chilly_truth.calls++;
	if (kind == 1) {
		rare(bytes);
		return 5;
	}
	if (kind == 2)
		return rare(bytes + 1);
	return (long)totals.bytes;
}

static void run_shapes(unsigned rounds)
{
	for (unsigned round = 0; round < rounds; round++) {
		struct totals before = totals;

		shaped(round % 7, 1000 + round);
		ended(&shaped_truth, before);
		before = totals;
		chilly(round % 3, 500 + round);
		ended(&chilly_truth, before);
	}
	tell(&shaped_truth);
	tell(&chilly_truth);
}

/* ---- longjmp ---- */

static struct truth leaver_truth = {.function = "leaver"};
static jmp_buf way_out;

watched void leaver(unsigned round, size_t bytes)
{
	struct totals before = totals;

	leaver_truth.calls++;
	copy_bytes(bytes);
	if (round % 3 == 2)
		longjmp(way_out, 1);
	ended(&leaver_truth, before);
}

/*
 * A big copy after each call that was left, which is inside no call: called from where leaver was
 * called from, or from deeper down.
 */
static void leave_and_copy(unsigned rounds, bool deep)
{
	static volatile unsigned round, big_copies;
	static volatile size_t big_bytes = BIG_BYTES;

	for (round = 0; round < rounds; round++) {
		if (!setjmp(way_out)) {
			leaver(round, 1000 + round);
			continue;
		}
		big_copies++;
		if (deep)
			copy_bytes(big_bytes);
		else
			memcpy(into, from, big_bytes);
	}
	tell(&leaver_truth);
	say("{\"big_copies\":%u,\"bytes\":%u}\n", big_copies, BIG_BYTES);
}

static void run_longjmp(unsigned rounds)
{
	leave_and_copy(rounds, false);
}

static void run_longjmp_deep(unsigned rounds)
{
	leave_and_copy(rounds, true);
}

/* ---- a call that is still open when its thread, its process or the watch ends ---- */

static struct truth stay_truth = {.function = "stay"};

static void leave(const char *how)
{
	if (!strcmp(how, "exit"))
		exit(0);
	if (!strcmp(how, "_exit"))
		_exit(0);
	if (!strcmp(how, "kill"))
		kill(getpid(), SIGKILL);
	if (!strcmp(how, "thread_exit"))
		pthread_exit(NULL);
	if (!strcmp(how, "raw_thread_exit"))
		syscall(SYS_exit, 0);
	for (;;)
		pause();
}

/* Tells by the bare system call that it is inside, as printf copies, too. */
watched void stay(const char *how)
{
	static const char inside[] = "{\"inside\":true}\n";
	struct totals before = totals;

	stay_truth.calls++;
	copy_bytes(STAY_1);
	copy_bytes(STAY_2);
	if (how && write(STDOUT_FILENO, inside, sizeof(inside) - 1) > 0)
		leave(how);
	ended(&stay_truth, before);
}

static void *stay_in_thread(void *how)
{
	stay(how);
	return NULL;
}

static void wait_for_go(void)
{
	sigset_t go;
	int signal;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigprocmask(SIG_BLOCK, &go, NULL);
	say("{\"ready\":%d}\n", getpid());
	sigwait(&go, &signal);
}

static void run_open(const char *how, unsigned rounds)
{
	pthread_t thread;

	if (!strcmp(how, "stay"))
		wait_for_go();
	for (unsigned round = 0; round < rounds; round++)
		stay(NULL);
	stay_truth.calls++; /* the one that stays open */
	tell(&stay_truth);
	stay_truth.calls--;
	say("{\"open_bytes\":%d,\"open_copies\":2}\n", STAY_1 + STAY_2);
	if (!strstr(how, "thread"))
		stay(how);
	if (pthread_create(&thread, NULL, stay_in_thread, (void *)how))
		abort();
	/* A thread that ends by the bare system call can be joined, too. */
	pthread_join(thread, NULL);
}

/* ---- */

static const struct {
	const char *name;
	void (*run)(unsigned rounds);
} modes[] = {
	{"recursion", run_recursion},
	{"nested", run_nested},
	{"tail", run_tail},
	{"tail_memcpy", run_tail_memcpy},
	{"shapes", run_shapes},
	{"longjmp", run_longjmp},
	{"longjmp_deep", run_longjmp_deep},
};

int main(int argc, char *argv[])
{
	unsigned rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;

	memset(from, 0x5a, sizeof(from));
	if (argc > 3 && !strcmp(argv[1], "open")) {
		run_open(argv[3], rounds);
		return 0;
	}
	for (unsigned i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (argc > 2 && !strcmp(argv[1], modes[i].name)) {
			modes[i].run(rounds);
			return memcmp(into, from, 100) ? 1 : 0;
		}
	}
	fprintf(stderr, "calls MODE ROUNDS\n");
	return 2;
}
