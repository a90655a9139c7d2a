// SPDX-License-Identifier: GPL-2.0-only
#include "attach/calibrate.h"

#include <bpf/bpf.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach/quiet_thread.h"
#include "base/clock.h"
#include "bpf/event.h"

#define CALIBRATE_ROUNDS   16
#define CALIBRATE_WARMING  3
#define CALIBRATE_CALLS    15
#define CALIBRATE_PAUSE_NS NS_PER_MS

/*
 * A nop is emulated by every kernel that has uprobes, a mov is single-stepped. calibrate_timed()
 * gives what lies at its return address's place while it runs.
 */
uint64_t calibrate_cheap(uint64_t dst, uint64_t src, uint64_t bytes);
uint64_t calibrate_stepped(uint64_t dst, uint64_t src, uint64_t bytes);
uint64_t calibrate_timed(uint64_t dst, uint64_t src, uint64_t bytes);
/* Calls calibrate_timed(): 1 where its return address was replaced. */
uint64_t calibrate_is_hijacked(uint64_t dst, uint64_t src, uint64_t bytes);
__asm__(".text\n"
	".p2align 4\n"
	".type calibrate_cheap, @function\n"
	"calibrate_cheap: nop\n"
	"ret\n"
	".size calibrate_cheap, . - calibrate_cheap\n"
	".p2align 4\n"
	".type calibrate_stepped, @function\n"
	"calibrate_stepped: mov %rdi, %rax\n"
	"ret\n"
	".size calibrate_stepped, . - calibrate_stepped\n"
	".p2align 4\n"
	".type calibrate_timed, @function\n"
	"calibrate_timed: nop\n"
	"mov (%rsp), %rax\n"
	"ret\n"
	".size calibrate_timed, . - calibrate_timed\n"
	".p2align 4\n"
	".type calibrate_is_hijacked, @function\n"
	"calibrate_is_hijacked: call calibrate_timed\n"
	"1: lea 1b(%rip), %rcx\n"
	"cmp %rcx, %rax\n"
	"setne %al\n"
	"movzbl %al, %eax\n"
	"ret\n"
	".size calibrate_is_hijacked, . - calibrate_is_hijacked\n");

typedef uint64_t (*own_routine)(uint64_t, uint64_t, uint64_t);

struct own_call {
	own_routine function;
	uint64_t bytes;
};
#define OWN_CALLS_MOST 4

struct file_off_search {
	uintptr_t addr;
	uint64_t file_off;
	bool found;
};

static int search_segment(struct dl_phdr_info *info, size_t size, void *data)
{
	struct file_off_search *search = data;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD || search->addr < start ||
		    search->addr - start >= segment->p_filesz)
			continue;
		search->file_off = search->addr - start + segment->p_offset;
		search->found = true;
		return 1;
	}
	return 0;
}

static uint64_t own_file_off(own_routine function)
{
	struct file_off_search search = {.addr = (uintptr_t)function};

	dl_iterate_phdr(search_segment, &search);
	return search.found ? search.file_off : 0;
}

struct calibration_counts {
	uint64_t hits;
	uint64_t timed;
};

static struct calibration_counts calibration_counts(int totals_map_fd)
{
	int cpus = libbpf_num_possible_cpus();
	struct mw_totals *totals = cpus > 0 ? calloc(cpus, sizeof(*totals)) : NULL;
	struct calibration_counts counts = {0};
	uint32_t key = MW_TOTALS_CALIBRATION;

	if (totals && !bpf_map_lookup_elem(totals_map_fd, &key, totals)) {
		for (int i = 0; i < cpus; i++) {
			counts.hits += totals[i].cheap_hits;
			counts.timed += totals[i].timed_copies;
		}
	}
	free(totals);
	return counts;
}

static void *hit_once(void *unused)
{
	calibrate_cheap(0, 0, 0);
	return unused;
}

static int see_second_thread(int totals_map_fd)
{
	uint64_t before = calibration_counts(totals_map_fd).hits;
	pthread_t thread;
	int err = quiet_thread_start(&thread, hit_once, NULL);

	if (err)
		return err;
	pthread_join(thread, NULL);
	return calibration_counts(totals_map_fd).hits == before + 1 ? 0 : -EOPNOTSUPP;
}

/* A call of 0 bytes is a hit; one of 1 byte another, and a third at its return. */
static int see_session(int totals_map_fd)
{
	struct calibration_counts before = calibration_counts(totals_map_fd), after;

	if (calibrate_is_hijacked(0, 0, 0) || !calibrate_is_hijacked(0, 0, 1))
		return -EOPNOTSUPP;
	after = calibration_counts(totals_map_fd);
	return after.hits == before.hits + 3 && after.timed == before.timed + 1 ? 0 : -EOPNOTSUPP;
}

/* Of CPU time: what else runs on the machine costs the target nothing. */
static uint64_t thread_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static uint64_t time_calls_ns(const struct own_call *call)
{
	uint64_t start_ns;

	/* What the pause before has cooled down. */
	for (int i = 0; i < CALIBRATE_WARMING; i++)
		call->function(0, 0, call->bytes);
	start_ns = thread_cpu_ns();
	for (int i = 0; i < CALIBRATE_CALLS; i++)
		call->function(0, 0, call->bytes);
	return (thread_cpu_ns() - start_ns) / CALIBRATE_CALLS;
}

static int compare_ns(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/*
 * What each call takes; the call itself, 1 to 2 ns, is lost in a trap's microsecond. A virtual
 * machine's host makes everything up to five times slower for some milliseconds, and so does the
 * attaching that goes on beside this (it interrupts all CPUs): so the rounds lie apart, and the
 * lower quartile of them is taken.
 */
static void measure_calls(const struct own_call *calls, size_t count, uint64_t *call_ns)
{
	static const struct timespec pause = {.tv_nsec = CALIBRATE_PAUSE_NS};
	uint64_t rounds[OWN_CALLS_MOST][CALIBRATE_ROUNDS];

	for (int round = 0; round < CALIBRATE_ROUNDS; round++) {
		for (size_t i = 0; i < count; i++)
			rounds[i][round] = time_calls_ns(&calls[i]);
		nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < count; i++) {
		qsort(rounds[i], CALIBRATE_ROUNDS, sizeof(rounds[i][0]), compare_ns);
		call_ns[i] = rounds[i][CALIBRATE_ROUNDS / 4];
	}
}

/* Makes the link and tries it. */
static int try_points(const struct link_maker *maker, enum link_end end,
		      const struct link_point *points, size_t count, int (*see)(int totals_map_fd),
		      int totals_map_fd, struct probe_link **link)
{
	const struct link_settings settings = {
		.path = "/proc/self/exe",
		.pid = getpid(),
		.points = points,
		.count = count,
		.end = end,
	};
	int err;

	*link = NULL;
	err = link_create(maker, &settings, link);
	if (!err)
		err = see(totals_map_fd);
	if (err) {
		link_destroy(*link);
		*link = NULL;
	}
	return err;
}

int calibrate_try_links(const struct link_maker *maker, int totals_map_fd, struct probe_link **link)
{
	const struct link_point points[] = {
		{own_file_off(calibrate_cheap), MW_COOKIE(MW_POINT_CALIBRATE, 0, 0)},
		{own_file_off(calibrate_stepped),
		 MW_COOKIE(MW_POINT_CALIBRATE, MW_POINT_STEPPED, 0)},
	};

	return try_points(maker, LINK_ENTRY, points, 2, see_second_thread, totals_map_fd, link);
}

int calibrate_try_sessions(const struct link_maker *maker, int totals_map_fd,
			   struct probe_link **link)
{
	const struct link_point point = {own_file_off(calibrate_timed),
					 MW_COOKIE(MW_POINT_CALIBRATE, MW_POINT_TIMED, 0)};

	return try_points(maker, LINK_SESSION, &point, 1, see_session, totals_map_fd, link);
}

struct tracer_costs calibrate_measure(bool has_sessions)
{
	static const struct own_call calls[] = {
		{calibrate_cheap, 0},
		{calibrate_stepped, 0},
		{calibrate_timed, 0},
		{calibrate_timed, 1},
	};
	uint64_t call_ns[OWN_CALLS_MOST] = {0};
	struct tracer_costs costs;

	measure_calls(calls, has_sessions ? 4 : 2, call_ns);
	costs = (struct tracer_costs){.cheap_ns = call_ns[0], .stepped_ns = call_ns[1]};
	if (has_sessions)
		costs.return_ns = call_ns[3] > call_ns[2] ? call_ns[3] - call_ns[2] : 1;
	return costs;
}
