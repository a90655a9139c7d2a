// SPDX-License-Identifier: GPL-2.0-only
/*
 * copies SIZE|mix|none|switch [large MS] [rate N] [for S]: copies by libc's memmove, all the time,
 * and says how fast (slices.h) until it is killed or S seconds are over. With "none" it computes
 * instead, with "switch" it gives way to another thread of its own and is waited for in turn. With
 * "large MS", a copy of 1 MiB each MS milliseconds besides, each with a line "large START_NS
 * END_NS"; with "rate N", N copies a second.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slices.h"

#define MIB         (1UL << 20)
#define MIX_COPIES  (1UL << 16)
#define BATCH_BYTES (2 * MIB)
/*
 * 12 us of small copies: looking at the clock, 40 ns, is nothing beside it. A batch of them that
 * are all single-stepped takes 50 ms.
 */
#define BATCH_MOST 4096
#define PACE_NS    500000
/* 1 ms of them, where each takes 2.5 us. */
#define BATCH_SWITCHES 200

struct settings {
	size_t bytes;  /* 0: the mix */
	bool computes; /* these two: and copies nothing */
	bool switches;
	size_t batch;
	uint64_t large_each_ns; /* 0: never */
	uint64_t copies_per_s;  /* 0: as fast as it goes */
	uint64_t end_ns;        /* 0: until it is killed */
};

static unsigned char *from, *into;
static uint32_t mix[MIX_COPIES];

/* What keeps gcc from seeing the sizes, and from merging copies. */
__attribute__((noipa)) static void copy_bytes(size_t bytes)
{
	memmove(into, from, bytes);
}

/*
 * Made up, after what programs are known to do: most copies are small (96 % of these are at most
 * 128 bytes, and the smallest are the most frequent), sizes spread evenly within each octave, a
 * tail goes to 16 KiB, and one copy in 65,536 is of 1 MiB: those are a tenth of the time.
 */
static void fill_mix(void)
{
	static const struct {
		unsigned per_mille, from_bytes, to_bytes;
	} classes[] = {
		{280, 1, 8},     {270, 9, 16},    {210, 17, 32},   {120, 33, 64},
		{80, 65, 128},   {15, 129, 256},  {10, 257, 512},  {5, 513, 1024},
		{5, 1025, 2048}, {3, 2049, 4096}, {1, 4097, 8192}, {1, 8193, 16384},
	};

	srandom(1);
	for (size_t i = 0; i < MIX_COPIES; i++) {
		unsigned at = random() % 1000, class = 0;

		while (at >= classes[class].per_mille)
			at -= classes[class ++].per_mille;
		mix[i] = classes[class].from_bytes +
			 random() % (classes[class].to_bytes - classes[class].from_bytes + 1);
	}
	mix[MIX_COPIES / 2] = MIB;
}

/* What a copy of 64 bytes takes. */
__attribute__((noipa)) static void compute(void)
{
	static uint64_t value = 1;

	for (int i = 0; i < 4; i++)
		value = value * 6364136223846793005u + 1;
}

static int there[2], back[2];

static void *wait_in_turn(void *unused)
{
	char token;

	while (read(there[0], &token, 1) == 1 && write(back[1], &token, 1) == 1)
		;
	return unused;
}

/* On one CPU: none waits for another one to wake up. */
static bool start_to_switch(void)
{
	pthread_t thread;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	return !sched_setaffinity(0, sizeof(one), &one) && !pipe(there) && !pipe(back) &&
	       !pthread_create(&thread, NULL, wait_in_turn, NULL);
}

static void switch_there_and_back(void)
{
	char token = 0;

	if (write(there[1], &token, 1) != 1 || read(back[0], &token, 1) != 1)
		exit(1);
}

static void copy_batch(const struct settings *settings)
{
	static size_t next;

	if (settings->computes) {
		for (size_t i = 0; i < settings->batch; i++)
			compute();
		return;
	}
	if (settings->switches) {
		for (size_t i = 0; i < settings->batch; i++)
			switch_there_and_back();
		return;
	}
	if (settings->bytes) {
		for (size_t i = 0; i < settings->batch; i++)
			copy_bytes(settings->bytes);
		return;
	}
	for (size_t i = 0; i < settings->batch; i++)
		copy_bytes(mix[next++ % MIX_COPIES]);
}

static void copy_large_if_due(const struct settings *settings, uint64_t at_ns)
{
	static uint64_t due_ns;

	if (!settings->large_each_ns || at_ns < due_ns)
		return;
	due_ns = at_ns + settings->large_each_ns;
	at_ns = now_ns();
	copy_bytes(MIB);
	printf("large %llu %llu\n", (unsigned long long)at_ns, (unsigned long long)now_ns());
}

static uint64_t run_slice(const struct settings *settings)
{
	struct slice slice = slice_begin();
	uint64_t at_ns = slice.start_ns, copies = 0;

	do {
		copy_batch(settings);
		copies += settings->batch;
		at_ns = now_ns();
		copy_large_if_due(settings, at_ns);
	} while (at_ns - slice.start_ns < SLICE_NS);
	slice_end(&slice, "copies", copies);
	return copies;
}

/* As many copies as are due by now, then a short sleep: their number is exact in the long run. */
static uint64_t run_paced_slice(const struct settings *settings)
{
	static uint64_t start_ns, done;
	struct slice slice = slice_begin();
	uint64_t at_ns = slice.start_ns, before = done;

	if (!start_ns)
		start_ns = at_ns;
	do {
		uint64_t due = (at_ns - start_ns) / 1000 * settings->copies_per_s / 1000000;

		for (; done < due; done++)
			copy_bytes(settings->bytes);
		usleep(PACE_NS / 1000);
		at_ns = now_ns();
	} while (at_ns - slice.start_ns < SLICE_NS);
	slice_end(&slice, "copies", done - before);
	return done - before;
}

static bool read_settings(struct settings *settings, int argc, char *argv[])
{
	if (argc < 2)
		return false;
	*settings = (struct settings){
		.bytes = strtoul(argv[1], NULL, 0),
		.computes = !strcmp(argv[1], "none"),
		.switches = !strcmp(argv[1], "switch"),
	};
	settings->batch = settings->bytes ? BATCH_BYTES / settings->bytes : BATCH_MOST;
	if (settings->batch < 1)
		settings->batch = 1;
	if (settings->switches)
		settings->batch = BATCH_SWITCHES;
	if (settings->batch > BATCH_MOST)
		settings->batch = BATCH_MOST;
	for (int i = 2; i + 1 < argc; i += 2) {
		uint64_t number = strtoul(argv[i + 1], NULL, 0);

		if (!strcmp(argv[i], "large"))
			settings->large_each_ns = number * 1000000;
		else if (!strcmp(argv[i], "rate"))
			settings->copies_per_s = number;
		else if (!strcmp(argv[i], "for"))
			settings->end_ns = now_ns() + number * 1000000000;
		else
			return false;
	}
	return argc % 2 == 0;
}

int main(int argc, char *argv[])
{
	struct settings settings;
	uint64_t copies = 0;
	size_t room;

	if (!read_settings(&settings, argc, argv)) {
		fputs("copies SIZE|mix|none|switch [large MS] [rate N] [for S]\n", stderr);
		return 2;
	}
	room = settings.bytes > MIB ? settings.bytes : MIB;
	from = malloc(room);
	into = malloc(room);
	if (!from || !into)
		return 1;
	/* Touched, so that no slice pays for first touch. */
	memset(from, 1, room);
	memset(into, 2, room);
	fill_mix();
	if (settings.switches && !start_to_switch())
		return 1;
	/* dlsym() asks the IFUNC's resolver, as the loader did for this program's own slot. */
	printf("ready\nmemmove %p\n", dlsym(RTLD_DEFAULT, "memmove"));
	fflush(stdout);
	/* One slice at least: valgrind may take longer than that to come here. */
	do {
		copies += settings.copies_per_s ? run_paced_slice(&settings) : run_slice(&settings);
	} while (!settings.end_ns || now_ns() < settings.end_ns);
	printf("copies %llu\n", (unsigned long long)copies);
	return 0;
}
