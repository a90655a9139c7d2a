// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies that are called through code which is made while it runs, as a JIT does: jitted ROUNDS.
 * Named in /tmp/perf-PID.map, as JITs do if they are asked to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BYTES    (64u << 20)
#define PAUSE_NS 100000000

/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret */
static const unsigned char made[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};

typedef void (*callback)(void);
typedef void (*calling)(callback);

static char from[BYTES], into[BYTES];

__attribute__((noipa)) static void copy_much(void)
{
	for (int i = 0; i < 4; i++) {
		memcpy(into, from, BYTES);
		from[i] = into[BYTES - 1 - i] + 1;
	}
}

static calling make_code(void)
{
	void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (code == MAP_FAILED)
		exit(1);
	memcpy(code, made, sizeof(made));
	if (mprotect(code, 4096, PROT_READ | PROT_EXEC))
		exit(1);
	return (calling)code;
}

static void name_code(const char *path, calling code)
{
	FILE *file = fopen(path, "w");

	if (!file)
		exit(1);
	fprintf(file, "%lx %zx made_function\n", (unsigned long)code, sizeof(made));
	fclose(file);
}

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	char path[64];
	calling code;

	/* memwatch has long looked at what is mapped by now. */
	nanosleep(&pause, NULL);
	code = make_code();
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	name_code(path, code);
	memset(from, 1, BYTES);
	for (int rounds = argc > 1 ? atoi(argv[1]) : 1; rounds > 0; rounds--) {
		code(copy_much);
		nanosleep(&pause, NULL);
	}
	unlink(path);
	return 0;
}
