// SPDX-License-Identifier: GPL-2.0-only
#include "attach/tracer.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/calibrate.h"
#include "attach/calibrate_clock.h"
#include "attach/link.h"
#include "attach/link_number.h"
#include "attach/quiet_thread.h"
#include "attach/retire.h"
#include "attach/sampler.h"
#include "attach/sessions.h"
#include "base/log.h"
#include "bpf/event.h"
#include "memwatch.skel.h"

/* What a hit costs in a VM, where it is dearest: until this machine's are known. */
static const struct tracer_costs typical_costs = {
	.cheap_ns = 750, .stepped_ns = 11000, .return_ns = 1500};

struct tracer {
	struct memwatch_bpf *skeleton;
	struct link_maker maker;
	struct session_holder holder, own_holder; /* of the targets' sessions, and memwatch's */
	struct link_numbers numbers;
	struct retire_queue *retiring;
	int thread_lines_link_fd;
	struct sampler *sampler; /* NULL: none is wanted */
	bool is_sampling;        /* one is wanted */

	/* The thread that measures what a hit costs, and its probes. */
	pthread_t meter;
	bool is_metering;
	struct probe_link *own_link, *own_session; /* own_session: NULL where there are none */
	struct tracer_costs measured;              /* read once is_measured is set */
	bool is_measured;
	uint64_t tick_ns; /* 0: not measured yet */
};

/* libbpf's own words only help when something is wrong with memwatch itself: -v shows them. */
static int log_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[1024];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	log_detail("%s", text);
	return 0;
}

static void set_kernel_costs(struct memwatch_bpf *skeleton, const struct tracer_costs *costs)
{
	__atomic_store_n(&skeleton->bss->cheap_ns, costs->cheap_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&skeleton->bss->stepped_ns, costs->stepped_ns, __ATOMIC_RELAXED);
}

static int load_programs(struct tracer *tracer, const struct tracer_settings *settings,
			 bool with_sessions)
{
	struct memwatch_bpf *skeleton = memwatch_bpf__open();
	int err;

	if (!skeleton)
		return -errno;
	skeleton->rodata->min_bytes = settings->min_bytes;
	skeleton->rodata->min_time_ns = settings->min_time_ns;
	skeleton->rodata->follow = settings->follow;
	skeleton->rodata->quiet_ns = settings->quiet_ns;
	skeleton->rodata->takes_stacks = settings->sample_period_ns != 0;
	set_kernel_costs(skeleton, &typical_costs);
	if (tracer->maker.kind == LINKS_MULTI)
		bpf_program__set_expected_attach_type(skeleton->progs.probe_point,
						      ATTACH_TYPE_UPROBE_MULTI);
	if (with_sessions) {
		bpf_program__set_autoload(skeleton->progs.probe_session, true);
		bpf_program__set_expected_attach_type(skeleton->progs.probe_session,
						      ATTACH_TYPE_UPROBE_SESSION);
	}
	err = memwatch_bpf__load(skeleton);
	if (err) {
		memwatch_bpf__destroy(skeleton);
		return err;
	}
	tracer->skeleton = skeleton;
	tracer->maker.programs[LINK_ENTRY] = skeleton->progs.probe_point;
	tracer->maker.programs[LINK_SESSION] = with_sessions ? skeleton->progs.probe_session : NULL;
	tracer->numbers.live = (uint64_t *)skeleton->bss->live_links;
	return 0;
}

/* Loads for one kind of link and tries it on memwatch itself. */
static int try_kind(struct tracer *tracer, const struct tracer_settings *settings,
		    enum link_kind kind)
{
	int err = -EOPNOTSUPP, totals_map_fd;
	struct link_maker own_maker;

	tracer->maker.kind = kind;
	/* Before 6.13 the kernel may refuse the program of sessions, which fails all of them. */
	if (kind == LINKS_MULTI && settings->time_copies)
		err = load_programs(tracer, settings, true);
	if (err)
		err = load_programs(tracer, settings, false);
	if (err)
		return err;
	totals_map_fd = bpf_map__fd(tracer->skeleton->maps.totals);
	own_maker = tracer->maker;
	own_maker.holder = &tracer->own_holder;
	err = calibrate_try_links(&own_maker, totals_map_fd, &tracer->own_link);
	if (err) {
		memwatch_bpf__destroy(tracer->skeleton);
		tracer->skeleton = NULL;
		return err;
	}
	if (calibrate_try_sessions(&own_maker, totals_map_fd, &tracer->own_session))
		tracer->maker.programs[LINK_SESSION] = NULL;
	return 0;
}

static int choose_kind(struct tracer *tracer, const struct tracer_settings *settings)
{
	int err = -EOPNOTSUPP;

	if (settings->links != LINKS_PLAIN)
		err = try_kind(tracer, settings, LINKS_MULTI);
	if (err && err != -EPERM && settings->links == LINKS_MULTI)
		log_error("this kernel has no uprobe_multi links (Linux 6.6 and later do): %s; "
			  "use --links auto",
			  strerror(-err));
	if (err && settings->links != LINKS_MULTI)
		err = try_kind(tracer, settings, LINKS_PLAIN);
	return err;
}

static void explain_failure(int err)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		log_error("this kernel describes itself in no BTF (/sys/kernel/btf/vmlinux is "
			  "missing); it must be built with CONFIG_DEBUG_INFO_BTF=y, as the "
			  "kernels of distributions are");
	else if (err == -EPERM || err == -EACCES)
		log_error("the kernel forbids uprobes or BPF here: %s. Run as root, outside "
			  "containers that drop capabilities; kernel lockdown forbids it, too "
			  "(see /sys/kernel/security/lockdown)",
			  strerror(-err));
	else if (access("/sys/bus/event_source/devices/uprobe/type", R_OK))
		log_error("this kernel has no uprobes (CONFIG_UPROBE_EVENTS=y is needed): %s",
			  strerror(-err));
	else
		log_error("the BPF programs could not be loaded or attached: %s; -v shows more",
			  strerror(-err));
}

/* What harms a target is not set because it was asked for. */
static int check_sessions(const struct tracer *tracer)
{
	if (!tracer_has_sessions(tracer))
		log_error("--time-copies needs return probes in uprobe_multi links, as Linux has "
			  "them from 6.13 on: there are none here; leave it out");
	else if (sessions_need_no_seccomp_here())
		log_error("--time-copies: Linux 6.13 and 6.14 may kill a program that is under a "
			  "seccomp filter at a return probe; leave it out");
	else
		return 0;
	return -EOPNOTSUPP;
}

static int attach_life_events(struct tracer *tracer)
{
	struct memwatch_bpf *skeleton = tracer->skeleton;
	struct bpf_link *iterator;

	skeleton->links.process_forked = bpf_program__attach(skeleton->progs.process_forked);
	skeleton->links.process_execed = bpf_program__attach(skeleton->progs.process_execed);
	skeleton->links.process_exited = bpf_program__attach(skeleton->progs.process_exited);
	if (!skeleton->links.process_forked || !skeleton->links.process_execed ||
	    !skeleton->links.process_exited)
		return -errno;
	iterator = bpf_program__attach_iter(skeleton->progs.thread_lines, NULL);
	skeleton->links.thread_lines = iterator;
	tracer->thread_lines_link_fd = iterator ? bpf_link__fd(iterator) : -1;
	return 0;
}

static uint64_t measure_tick_ns(struct tracer *tracer)
{
	const struct memwatch_bpf *skeleton = tracer->skeleton;
	uint64_t tick_ns = tracer->is_sampling
				   ? calibrate_clock_ns(skeleton->progs.clock_ticked,
							bpf_map__fd(skeleton->maps.copy_code))
				   : 0;

	return tick_ns ? tick_ns : sampler_tick_typical_ns();
}

static void *measure_costs(void *data)
{
	struct tracer *tracer = data;

	tracer->measured = calibrate_measure(tracer->own_session);
	set_kernel_costs(tracer->skeleton, &tracer->measured);
	__atomic_store_n(&tracer->is_measured, true, __ATOMIC_RELEASE);
	/* Last: it takes longest, and nothing is chosen by it. */
	__atomic_store_n(&tracer->tick_ns, measure_tick_ns(tracer), __ATOMIC_RELEASE);
	retire_queue_add(tracer->retiring, tracer->own_link);
	if (tracer->own_session)
		retire_queue_add(tracer->retiring, tracer->own_session);
	return NULL;
}

/* Beside the attach, which is not to wait for it. */
static void start_to_measure(struct tracer *tracer)
{
	tracer->is_metering = !quiet_thread_start(&tracer->meter, measure_costs, tracer);
	if (!tracer->is_metering)
		measure_costs(tracer);
}

void tracer_await_costs(struct tracer *tracer)
{
	if (tracer->is_metering)
		pthread_join(tracer->meter, NULL);
	tracer->is_metering = false;
}

static int start_telling_sleeps(struct tracer *tracer)
{
	struct memwatch_bpf *skeleton = tracer->skeleton;

	skeleton->links.switched = bpf_program__attach(skeleton->progs.switched);
	if (!skeleton->links.switched)
		return -errno;
	skeleton->bss->sleeps_are_told = 1;
	return 0;
}

static void stop_telling_sleeps(struct tracer *tracer)
{
	tracer->skeleton->bss->sleeps_are_told = 0;
	bpf_link__destroy(tracer->skeleton->links.switched);
	tracer->skeleton->links.switched = NULL;
}

static int start_sampler(struct tracer *tracer, const struct tracer_settings *settings)
{
	struct sampler_settings sampler = {
		.program = tracer->skeleton->progs.clock_ticked,
		.period_ns = settings->sample_period_ns,
		.follows = settings->follow,
	};
	if (!settings->sample_period_ns)
		return 0;
	tracer->sampler = sampler_new(&sampler);
	return tracer->sampler ? start_telling_sleeps(tracer) : -ENOMEM;
}

static struct tracer *tracer_new(void)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));

	if (!tracer)
		return NULL;
	libbpf_set_print(log_libbpf);
	tracer->maker.holder = &tracer->holder;
	tracer->retiring = retire_queue_new();
	if (tracer->retiring)
		return tracer;
	free(tracer);
	return NULL;
}

int tracer_open(const struct tracer_settings *settings, struct tracer **opened)
{
	struct tracer *tracer = tracer_new();
	int err;

	if (!tracer)
		return -ENOMEM;
	tracer->is_sampling = settings->sample_period_ns != 0;
	err = choose_kind(tracer, settings);
	if (!err) {
		start_to_measure(tracer);
		err = attach_life_events(tracer);
	}
	if (!err)
		err = start_sampler(tracer, settings);
	if (err) {
		if (settings->links != LINKS_MULTI || err == -EPERM)
			explain_failure(err);
		goto out;
	}
	if (settings->time_copies)
		err = check_sessions(tracer);
	if (!err)
		*opened = tracer;
out:
	if (err)
		tracer_close(tracer);
	return err;
}

void tracer_close(struct tracer *tracer)
{
	if (!tracer)
		return;
	tracer_await_costs(tracer);
	sampler_free(tracer->sampler);
	retire_queue_free(tracer->retiring);
	memwatch_bpf__destroy(tracer->skeleton);
	free(tracer);
}

enum link_kind tracer_link_kind(const struct tracer *tracer)
{
	return tracer->maker.kind;
}

struct tracer_outlets tracer_outlets(const struct tracer *tracer)
{
	const struct memwatch_bpf *skeleton = tracer->skeleton;

	return (struct tracer_outlets){
		.ring_map_fd = bpf_map__fd(skeleton->maps.ring),
		.reader = &skeleton->bss->reader,
		.life_ring_map_fd = bpf_map__fd(skeleton->maps.life_ring),
		.functions_map_fd = bpf_map__fd(skeleton->maps.functions),
		.totals_map_fd = bpf_map__fd(skeleton->maps.totals),
		.open_spans_map_fd = bpf_map__fd(skeleton->maps.open_spans),
		.goroutines_map_fd = bpf_map__fd(skeleton->maps.goroutines),
		.thread_lines_link_fd = tracer->thread_lines_link_fd,
	};
}

int tracer_follow_process(struct tracer *tracer, pid_t pid)
{
	struct mw_watched no_probes = {.gate_bytes = MW_NO_GATE};
	uint32_t key = pid;

	return bpf_map_update_elem(bpf_map__fd(tracer->skeleton->maps.watched), &key, &no_probes,
				   BPF_ANY);
}

void tracer_stop_counting(struct tracer *tracer)
{
	tracer_await_costs(tracer);
	__atomic_store_n(&tracer->skeleton->bss->stopped, 1, __ATOMIC_SEQ_CST);
}

int tracer_measure(enum link_kind links, struct tracer_costs *costs)
{
	/* That links which were asked for do not exist is told by who sets some. */
	const struct tracer_settings settings = {
		.links = links == LINKS_MULTI ? LINKS_AUTO : links,
	};
	struct tracer *tracer = tracer_new();
	int err = tracer ? choose_kind(tracer, &settings) : -ENOMEM;

	*costs = (struct tracer_costs){0};
	if (!err) {
		measure_costs(tracer);
		*costs = tracer->measured;
	}
	tracer_close(tracer);
	return err;
}

struct tracer_costs tracer_costs(const struct tracer *tracer)
{
	struct tracer_costs costs = __atomic_load_n(&tracer->is_measured, __ATOMIC_ACQUIRE)
					    ? tracer->measured
					    : typical_costs;
	uint64_t tick_ns = __atomic_load_n(&tracer->tick_ns, __ATOMIC_ACQUIRE);

	costs.tick_ns = tick_ns ? tick_ns : sampler_tick_typical_ns();
	costs.switch_ns = sampler_switch_typical_ns();
	return costs;
}

int tracer_set_gate(struct tracer *tracer, pid_t pid, uint64_t gate_bytes, bool is_raised)
{
	int map_fd = bpf_map__fd(tracer->skeleton->maps.watched);
	struct mw_watched process;
	uint32_t key = pid;

	if (bpf_map_lookup_elem(map_fd, &key, &process))
		return -ESRCH;
	if (process.gate_bytes == gate_bytes && process.is_raised == is_raised)
		return 0;
	process.gate_bytes = gate_bytes;
	process.is_raised = is_raised;
	process.gate_step++;
	/* An ended process's entry is gone, and must not come back. */
	if (!bpf_map_update_elem(map_fd, &key, &process, BPF_EXIST))
		return 0;
	return errno == ENOENT ? -ESRCH : -errno;
}

bool tracer_read_gate(const struct tracer *tracer, pid_t pid, struct mw_watched *gate)
{
	uint32_t key = pid;

	return !bpf_map_lookup_elem(bpf_map__fd(tracer->skeleton->maps.watched), &key, gate);
}

void tracer_time_copies_from(struct tracer *tracer, enum link_end end, uint64_t bytes)
{
	struct memwatch_bpf__bss *shared = tracer->skeleton->bss;

	__atomic_store_n(end == LINK_SESSION ? &shared->time_by_session_from
					     : &shared->time_by_returns_from,
			 bytes, __ATOMIC_RELAXED);
}

bool tracer_has_sessions(const struct tracer *tracer)
{
	return tracer->maker.programs[LINK_SESSION];
}

uint64_t tracer_function_spent_ns(const struct tracer *tracer, unsigned function)
{
	return __atomic_load_n(&tracer->skeleton->bss->function_spent_ns[function],
			       __ATOMIC_RELAXED);
}

uint64_t tracer_retired_spent_ns(const struct tracer *tracer)
{
	return __atomic_load_n(&tracer->skeleton->bss->retired_spent_ns, __ATOMIC_RELAXED);
}

void tracer_tell_next_hit(struct tracer *tracer)
{
	__atomic_store_n(&tracer->skeleton->bss->tell_next_hit, 1, __ATOMIC_SEQ_CST);
}

uint64_t probe_link_spent_ns(const struct tracer *tracer, const struct probe_link *link)
{
	return __atomic_load_n(&tracer->skeleton->bss->links[link_number(link)].spent_ns,
			       __ATOMIC_RELAXED);
}

int probe_link_prepare(struct tracer *tracer, const struct link_settings *settings,
		       struct probe_link **link)
{
	uint32_t number = link_numbers_next(&tracer->numbers);

	if (!number)
		return -ENOSPC;
	tracer->maker.number = number;
	tracer->skeleton->bss->links[number] = (struct mw_link){.gate_bytes = settings->gate_bytes};
	return link_create(&tracer->maker, settings, link);
}

void probe_link_swap(struct tracer *tracer, struct probe_link *old, struct probe_link *link)
{
	link_number_set_live(tracer->numbers.live, link_number(link), true);
	if (old)
		probe_link_retire(tracer, old);
}

bool probe_link_is_live(const struct tracer *tracer, uint32_t number)
{
	return link_number_is_live(tracer->numbers.live, number);
}

void probe_link_retire(struct tracer *tracer, struct probe_link *link)
{
	link_number_set_live(tracer->numbers.live, link_number(link), false);
	retire_queue_add(tracer->retiring, link);
}

size_t tracer_retiring(struct tracer *tracer, unsigned wait_ms)
{
	return retire_queue_wait(tracer->retiring, wait_ms);
}

int tracer_sample(struct tracer *tracer, pid_t pid)
{
	return tracer->sampler ? sampler_add(tracer->sampler, pid) : -ENOTSUP;
}

int tracer_sample_cpus(struct tracer *tracer)
{
	int err = tracer->sampler ? sampler_widen(tracer->sampler) : -ENOTSUP;

	if (!err)
		stop_telling_sleeps(tracer);
	return err;
}

void tracer_sample_threads(struct tracer *tracer)
{
	if (!tracer->sampler)
		return;
	sampler_narrow(tracer->sampler);
	/* Without it, the kernel's own count goes on serving. */
	start_telling_sleeps(tracer);
}

int tracer_set_code(struct tracer *tracer, pid_t pid, const struct mw_code_range *ranges,
		    size_t count)
{
	struct mw_code *code = calloc(1, sizeof(*code));
	uint32_t key = pid;
	int err;

	if (!code)
		return -ENOMEM;
	code->count = count < MW_CODE_RANGES ? count : MW_CODE_RANGES;
	if (code->count)
		memcpy(code->ranges, ranges, code->count * sizeof(*ranges));
	err = bpf_map_update_elem(bpf_map__fd(tracer->skeleton->maps.copy_code), &key, code,
				  BPF_ANY);
	free(code);
	return err ? -errno : 0;
}

uint64_t tracer_callers_spent_ns(const struct tracer *tracer)
{
	return __atomic_load_n(&tracer->skeleton->bss->callers_spent_ns, __ATOMIC_RELAXED);
}

void tracer_reset_hot(struct tracer *tracer)
{
	__atomic_store_n(&tracer->skeleton->bss->hot_callers, 0, __ATOMIC_RELAXED);
}
