// SPDX-License-Identifier: GPL-2.0-only
#include "attach/calibrate.h"

#include <bpf/bpf.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bpf/event.h"

#define CALIBRATE_ROUNDS 5
#define CALIBRATE_CALLS  30

/* A nop is emulated by every kernel that has uprobes, a mov is single-stepped. */
void calibrate_cheap(uint64_t dst, uint64_t src, uint64_t bytes);
void calibrate_stepped(uint64_t dst, uint64_t src, uint64_t bytes);
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
	".size calibrate_stepped, . - calibrate_stepped\n");

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

static uint64_t own_file_off(void (*function)(uint64_t, uint64_t, uint64_t))
{
	struct file_off_search search = {.addr = (uintptr_t)function};

	dl_iterate_phdr(search_segment, &search);
	return search.found ? search.file_off : 0;
}

static uint64_t calibration_hits(int totals_map_fd)
{
	int cpus = libbpf_num_possible_cpus();
	struct mw_totals *totals = cpus > 0 ? calloc(cpus, sizeof(*totals)) : NULL;
	uint32_t key = MW_TOTALS_CALIBRATION;
	uint64_t hits = 0;

	if (totals && !bpf_map_lookup_elem(totals_map_fd, &key, totals)) {
		for (int i = 0; i < cpus; i++)
			hits += totals[i].cheap_hits;
	}
	free(totals);
	return hits;
}

static void *hit_once(void *unused)
{
	calibrate_cheap(0, 0, 0);
	return unused;
}

static int see_second_thread(int totals_map_fd)
{
	uint64_t before = calibration_hits(totals_map_fd);
	pthread_t thread;
	int err = -pthread_create(&thread, NULL, hit_once, NULL);

	if (err)
		return err;
	pthread_join(thread, NULL);
	return calibration_hits(totals_map_fd) == before + 1 ? 0 : -EOPNOTSUPP;
}

static uint64_t time_calls_ns(void (*function)(uint64_t, uint64_t, uint64_t))
{
	uint64_t start_ns = clock_monotonic_ns();

	for (int i = 0; i < CALIBRATE_CALLS; i++)
		function(0, 0, 0);
	return (clock_monotonic_ns() - start_ns) / CALIBRATE_CALLS;
}

static int compare_ns(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* The call itself takes 1 to 2 ns, lost in a trap's microsecond. */
static uint64_t median_call_ns(void (*function)(uint64_t, uint64_t, uint64_t))
{
	uint64_t rounds[CALIBRATE_ROUNDS];

	for (int i = 0; i < CALIBRATE_ROUNDS; i++)
		rounds[i] = time_calls_ns(function);
	qsort(rounds, CALIBRATE_ROUNDS, sizeof(*rounds), compare_ns);
	return rounds[CALIBRATE_ROUNDS / 2];
}

int calibrate(struct bpf_program *program, enum link_kind kind, int totals_map_fd,
	      struct tracer_costs *costs, struct probe_link **link)
{
	struct link_point points[] = {
		{own_file_off(calibrate_cheap), MW_COOKIE(MW_POINT_CALIBRATE, 0, 0)},
		{own_file_off(calibrate_stepped),
		 MW_COOKIE(MW_POINT_CALIBRATE, MW_POINT_STEPPED, 0)},
	};
	const struct link_maker maker = {.program = program, .kind = kind};
	int err;

	*link = NULL;
	err = link_create(&maker, "/proc/self/exe", getpid(), points, 2, link);
	if (!err)
		err = see_second_thread(totals_map_fd);
	if (err) {
		link_destroy(*link);
		*link = NULL;
		return err;
	}
	costs->cheap_ns = median_call_ns(calibrate_cheap);
	costs->stepped_ns = median_call_ns(calibrate_stepped);
	return 0;
}
