// SPDX-License-Identifier: GPL-2.0-only
#include "attach/sampler.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"

/*
 * In a VM each timer interrupt leaves the guest, and what the host does then also costs the caches
 * and TLBs that a copying thread lives on: 13 us were measured beside computation, 15 to 24 beside
 * copies of 2 MiB, 35 beside 100,000 of 1 KiB. On metal it is some us.
 */
#define TICK_VM_NS    (28 * NS_PER_US)
#define TICK_METAL_NS (10 * NS_PER_US)

/*
 * Two timers are set, each of which leaves the guest: two threads that wake each other on one CPU
 * took 2.5 us for a switch, and 9 with a cpu-clock event each. Not measured on metal.
 */
#define SWITCH_VM_NS    (6500)
#define SWITCH_METAL_NS (500)

typedef ARRAY(int) event_list;

struct sampler {
	struct sampler_settings settings;
	event_list event_fds;
	bool is_wide; /* they are the CPUs' */
};

/* Where it can't be known, it may be one. */
static bool is_virtual(void)
{
#ifdef __x86_64__
	unsigned eax, ebx, ecx = 0, edx;

	/* Bit 31 of leaf 1's ECX is 0 on all processors, and hypervisors set it. */
	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		return ecx >> 31;
#endif
	return true;
}

uint64_t sampler_tick_typical_ns(void)
{
	return is_virtual() ? TICK_VM_NS : TICK_METAL_NS;
}

uint64_t sampler_switch_typical_ns(void)
{
	return is_virtual() ? SWITCH_VM_NS : SWITCH_METAL_NS;
}

struct sampler *sampler_new(const struct sampler_settings *settings)
{
	struct sampler *sampler = calloc(1, sizeof(*sampler));

	if (sampler)
		sampler->settings = *settings;
	return sampler;
}

/*
 * Of a thread (cpu < 0) or of a CPU (tid < 0). An inherited event has its parent's program from the
 * start (Linux 4.9). inherit_thread (5.13) leaves out processes.
 */
static int open_event(const struct sampler_settings *settings, pid_t tid, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = settings->period_ns,
		.inherit = cpu < 0,
		.inherit_thread = cpu < 0 && !settings->follows,
		.disabled = 1,
		.exclude_hv = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	if (!ioctl(fd, PERF_EVENT_IOC_SET_BPF, bpf_program__fd(settings->program)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int sampler_event_open(const struct sampler_settings *settings, pid_t tid)
{
	return open_event(settings, tid, -1);
}

int sampler_event_start(int fd)
{
	return ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) ? -errno : 0;
}

void sampler_event_stop(int fd)
{
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
}

static int add_thread(struct sampler *sampler, pid_t tid)
{
	int fd = sampler_event_open(&sampler->settings, tid), err;

	if (fd < 0)
		return fd == -ESRCH ? 0 : fd;
	err = sampler_event_start(fd);
	if (!err)
		err = array_push(&sampler->event_fds, fd);
	if (err)
		close(fd);
	return err;
}

/*
 * One look: of a thread that starts meanwhile nobody can say whether the one that started it had
 * the event already, and with two of them it would be sampled twice.
 */
int sampler_add(struct sampler *sampler, pid_t pid)
{
	char path[32];
	struct dirent *entry;
	DIR *tasks;
	int err = 0;

	if (sampler->is_wide)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && (entry = readdir(tasks))) {
		pid_t tid = atoi(entry->d_name);

		if (tid)
			err = add_thread(sampler, tid);
	}
	closedir(tasks);
	return err;
}

static void close_all(event_list *fds)
{
	int *fd;

	array_each (fd, fds)
		close(*fd);
	array_release(fds);
}

void sampler_narrow(struct sampler *sampler)
{
	close_all(&sampler->event_fds);
	sampler->is_wide = false;
}

/* Not started yet. One that is not there is no error. */
static int open_cpus(const struct sampler *sampler, event_list *fds)
{
	int cpus = libbpf_num_possible_cpus(), err = cpus < 0 ? cpus : 0;

	for (int cpu = 0; cpu < cpus && !err; cpu++) {
		int fd = open_event(&sampler->settings, -1, cpu);

		if (fd == -ENODEV)
			continue;
		err = fd < 0 ? fd : array_push(fds, fd);
		if (err && fd >= 0)
			close(fd);
	}
	return err;
}

/* For a moment nobody is looked at: twice would be worse. */
int sampler_widen(struct sampler *sampler)
{
	event_list fds = {0};
	int err = open_cpus(sampler, &fds), *fd;

	if (err) {
		close_all(&fds);
		return err;
	}
	sampler_narrow(sampler);
	sampler->event_fds = fds;
	sampler->is_wide = true;
	array_each (fd, &sampler->event_fds)
		sampler_event_start(*fd);
	return 0;
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	sampler_narrow(sampler);
	free(sampler);
}
