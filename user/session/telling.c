// SPDX-License-Identifier: GPL-2.0-only
#include "session/telling.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "choose/debug_files.h"

/* Samples may still come of processes that have ended: so many of them are kept. */
#define ENDED_KEPT 64

/* A thread that is preempted comes again within this; one that is not heard of longer sleeps. */
#define SILENCE_NS NS_PER_S

/* How often to look what else a process has mapped, where that shows something, and where not. */
#define RENEW_LEAST_NS (50 * NS_PER_MS)
#define RENEW_MOST_NS  (10 * NS_PER_S)

/* One tick of the clock in a copy may be chance, and says nothing of how long it took. */
#define SAMPLES_LEAST 2

struct mapped_process {
	pid_t pid;
	uint64_t since_ns; /* what was sampled before ran other code */
	uint64_t renew_at_ns, renew_pause_ns;
};

/* The stack of a call or copy that is told of next. */
struct pending_path {
	bool is_there;
	pid_t tid;
	uint64_t start_ns;
	struct call_path path;
};

struct telling {
	struct telling_settings settings;
	struct stacks *stacks;
	struct stalls *stalls;
	struct tally tally;
	ARRAY(struct mapped_process) mapped;
	pid_t ended[ENDED_KEPT]; /* a ring */
	size_t ended_count;
	struct pending_path pending;
	struct call_path path; /* of the sample that came last */
	struct sample sample;
	ARRAY(struct discovery) discoveries;
	ARRAY(struct frame *) frames; /* theirs */
	double budget_pct;            /* these two as in the header */
	bool gate_is_fixed;
	bool memory_said;
};

/* Once: what follows lacks something, but not everything. */
static void explain_memory(struct telling *telling, int err)
{
	if (err != -ENOMEM || telling->memory_said)
		return;
	telling->memory_said = true;
	log_warning("out of memory: the report lacks some samples or flushes");
}

static void on_stall(void *context, const struct stall *stall)
{
	outputs_stall(((struct telling *)context)->settings.outputs, stall);
}

/* The JIT's map is gone with it, or says other things later. */
static void on_jitted(void *context, pid_t pid, const struct jitted_code *code)
{
	recording_jitted(((struct telling *)context)->settings.recording, pid, code);
}

/* Whatever process has that id now. And nobody waits: there is time to ask elsewhere. */
static int fetch_debug(struct elf_image *image, pid_t pid, const char *path)
{
	(void)pid;
	return debug_files_fetch(image, path);
}

struct telling *telling_new(const struct telling_settings *settings)
{
	struct telling *telling = calloc(1, sizeof(*telling));
	struct stall_settings stalls = {
		.quiet_ns = settings->quiet_ns,
		.silence_ns = SILENCE_NS,
		.samples_least = SAMPLES_LEAST,
		.min_time_ns = settings->min_time_ns,
		.on_stall = on_stall,
		.context = telling,
	};

	if (!telling)
		return NULL;
	telling->settings = *settings;
	telling->stacks = stacks_new(settings->is_replayed ? fetch_debug : debug_files_find);
	telling->stalls = stalls_new(&stalls);
	if (!telling->stacks || !telling->stalls) {
		telling_free(telling);
		return NULL;
	}
	stacks_tell_jitted(telling->stacks, on_jitted, telling);
	return telling;
}

void telling_free(struct telling *telling)
{
	struct frame **frames;

	if (!telling)
		return;
	stalls_free(telling->stalls);
	stacks_free(telling->stacks);
	tally_release(&telling->tally);
	array_release(&telling->mapped);
	array_release(&telling->pending.path.frames);
	array_release(&telling->path.frames);
	array_each (frames, &telling->frames)
		free(*frames);
	array_release(&telling->frames);
	array_release(&telling->discoveries);
	free(telling);
}

void telling_header(struct telling *telling, const struct run_header *header)
{
	const struct watchlist *watchlist = telling->settings.watchlist;
	struct recorded_settings settings = {
		.sample_period_ns = telling->settings.sample_period_ns,
		.quiet_ns = telling->settings.quiet_ns,
		.writes_function = watchlist_writes_name(watchlist),
		.is_copies_only = !watchlist_has_role(watchlist, ROLE_FLUSH),
	};

	recording_header(telling->settings.recording, header, &settings);
	telling->budget_pct = header->budget_pct;
	telling->gate_is_fixed = header->gate_is_fixed;
	outputs_header(telling->settings.outputs, header);
}

void telling_child(struct telling *telling, const struct child_report *child)
{
	recording_child(telling->settings.recording, child);
	outputs_child(telling->settings.outputs, child);
}

void telling_budget(struct telling *telling, const struct budget_step *step)
{
	recording_budget(telling->settings.recording, step);
	outputs_budget(telling->settings.outputs, step);
}

/* Its frames are the caller's: the summary needs some of its own. */
static int keep_discovery(struct telling *telling, const struct discovery *discovery)
{
	struct frame *frames = calloc(DISCOVERY_FUNCTIONS + 1, sizeof(*frames));
	struct discovery kept = *discovery;
	int err = frames ? array_push(&telling->frames, frames) : -ENOMEM;

	if (err) {
		free(frames);
		return err;
	}
	frames[DISCOVERY_FUNCTIONS] = *discovery->culprit;
	kept.culprit = &frames[DISCOVERY_FUNCTIONS];
	for (size_t i = 0; i < discovery->function_count; i++) {
		const struct frame *frame = discovery->functions[i].frame;

		frames[i] = *frame;
		kept.functions[i].frame = &frames[i];
		if (discovery->flush == frame)
			kept.flush = &frames[i];
		if (discovery->caller == frame)
			kept.caller = &frames[i];
	}
	return array_push(&telling->discoveries, kept);
}

void telling_discovery(struct telling *telling, const struct discovery *discovery)
{
	recording_discovery(telling->settings.recording, discovery);
	explain_memory(telling, keep_discovery(telling, discovery));
	outputs_discovery(telling->settings.outputs, discovery);
}

/* ---- what processes run ---- */

static struct mapped_process *find_mapped(const struct telling *telling, pid_t pid)
{
	struct mapped_process *mapped;

	array_each (mapped, &telling->mapped) {
		if (mapped->pid == pid)
			return mapped;
	}
	return NULL;
}

/* A pid that one process had is another's now: that the first one ended is no end of this. */
static void unmark_ended(struct telling *telling, pid_t pid)
{
	for (size_t i = 0; i < ENDED_KEPT; i++) {
		if (telling->ended[i] == pid)
			telling->ended[i] = 0;
	}
}

void telling_code(struct telling *telling, pid_t pid, uint64_t since_ns,
		  const struct stack_mapping *mappings, size_t count)
{
	struct mapped_process *known = find_mapped(telling, pid);
	struct mapped_process mapped = {.pid = pid, .since_ns = since_ns};
	char perf_map[48];
	int err = 0;

	recording_code(telling->settings.recording, pid, since_ns, mappings, count);
	unmark_ended(telling, pid);
	if (known)
		known->since_ns = since_ns;
	else
		err = array_push(&telling->mapped, mapped);
	snprintf(perf_map, sizeof(perf_map), "/tmp/perf-%d.map", pid);
	if (!err)
		err = stacks_map(telling->stacks, pid, mappings, count,
				 telling->settings.is_replayed ? NULL : perf_map);
	explain_memory(telling, err);
}

void telling_jitted(struct telling *telling, pid_t pid, const struct jitted_code *code)
{
	explain_memory(telling, stacks_add_jitted(telling->stacks, pid, code));
}

static void forget(struct telling *telling, pid_t pid)
{
	struct mapped_process *mapped = find_mapped(telling, pid);

	stacks_forget(telling->stacks, pid);
	if (mapped)
		*mapped = telling->mapped.items[--telling->mapped.count];
}

void telling_process_end(struct telling *telling, pid_t pid, uint64_t now_ns)
{
	pid_t *slot = &telling->ended[telling->ended_count++ % ENDED_KEPT];

	recording_process_end(telling->settings.recording, pid, now_ns);
	stalls_drop_process(telling->stalls, pid, now_ns);
	if (*slot)
		forget(telling, *slot);
	*slot = pid;
}

/* ---- samples ---- */

static struct stack_taken taken_of(const struct mw_sample *record)
{
	struct stack_taken taken = {
		.ip_addr = record->ip_addr,
		.stack = (const uint8_t *)(record + 1),
		.stack_bytes = record->stack_bytes,
		.is_cut = record->flags & MW_SAMPLE_CUT,
	};

	_Static_assert(STACK_REGISTERS == MW_REGISTER_COUNT, "both number them alike");
	for (size_t i = 0; i < STACK_REGISTERS; i++)
		taken.registers[i] = record->registers[i];
	return taken;
}

/*
 * A way that is lost may lead through code that a JIT has made since the process was looked at.
 * False where it was looked at of late, or cannot be.
 */
static bool renew_code(struct telling *telling, struct mapped_process *mapped)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (!telling->settings.renew_code || now_ns < mapped->renew_at_ns)
		return false;
	mapped->renew_pause_ns =
		mapped->renew_pause_ns ? 2 * mapped->renew_pause_ns : RENEW_LEAST_NS;
	if (mapped->renew_pause_ns > RENEW_MOST_NS)
		mapped->renew_pause_ns = RENEW_MOST_NS;
	mapped->renew_at_ns = now_ns + mapped->renew_pause_ns;
	telling->settings.renew_code(telling->settings.context, mapped->pid);
	return true;
}

/* False where it has no stack that anybody can read. */
static bool walk(struct telling *telling, const struct mw_sample *record, struct call_path *path)
{
	struct mapped_process *mapped = find_mapped(telling, (pid_t)record->head.pid);
	struct stack_taken taken = taken_of(record);
	int err;

	path->frames.count = 0;
	if (!record->stack_bytes || !mapped || record->head.at_ns < mapped->since_ns)
		return false;
	err = stacks_walk(telling->stacks, mapped->pid, &taken, path);
	if (!err && path->end == STACK_LOST && renew_code(telling, mapped)) {
		path->frames.count = 0;
		err = stacks_walk(telling->stacks, mapped->pid, &taken, path);
		if (path->end != STACK_LOST)
			mapped->renew_pause_ns = 0;
	}
	explain_memory(telling, err);
	return !err && path->frames.count;
}

static struct sample sample_of(const struct mw_sample *record)
{
	struct sample sample = {
		.pid = (pid_t)record->head.pid,
		.tid = (pid_t)record->head.tid,
		.goroutine_addr = record->goroutine,
		.at_ns = record->head.at_ns,
		.weight_ns = record->weight_ns,
		.ticks = record->ticks,
		.sleeps = record->sleeps,
		.traps = record->traps,
		.has_left = record->kind == MW_SAMPLE_LEFT,
		.in_fault = record->kind == MW_SAMPLE_FAULT,
		.is_inlined = record->flags & MW_SAMPLE_INLINED,
		.in_span = record->flags & MW_SAMPLE_IN_SPAN,
		.copied_bytes = record->copied_bytes,
		.copies = record->copies,
		.prior_bytes = record->prior_bytes,
		.prior_copies = record->prior_copies,
		.gate_bytes = record->gate_bytes,
	};

	memcpy(sample.calls, record->calls, sizeof(sample.calls));
	memcpy(sample.comm, record->head.comm, sizeof(sample.comm));
	sample.comm[sizeof(sample.comm) - 1] = '\0';
	return sample;
}

static void keep_pending(struct telling *telling, const struct mw_sample *record, bool has_path)
{
	struct pending_path *pending = &telling->pending;

	pending->is_there = has_path;
	pending->tid = (pid_t)record->head.tid;
	pending->start_ns = record->start_ns;
}

/* The clock's samples in a watched call have no stacks of their own: its end brings one. */
static void add_span_path(struct telling *telling, const struct mw_sample *record)
{
	struct sample sample = sample_of(record);

	if (record->kind != MW_SAMPLE_SPAN || !telling->pending.is_there)
		return;
	sample.path = &telling->pending.path;
	explain_memory(telling, stalls_add(telling->stalls, &sample));
}

const struct sample *telling_sample(struct telling *telling, const struct mw_sample *record)
{
	bool is_tick = record->kind != MW_SAMPLE_SPAN && record->kind != MW_SAMPLE_LARGE_COPY;
	bool has_path = walk(telling, record, is_tick ? &telling->path : &telling->pending.path);

	/* Behind the code that its way led through. */
	recording_sample(telling->settings.recording, record);
	if (!is_tick) {
		keep_pending(telling, record, has_path);
		add_span_path(telling, record);
		return NULL;
	}
	telling->sample = sample_of(record);
	if (has_path)
		telling->sample.path = &telling->path;
	explain_memory(telling, stalls_add(telling->stalls, &telling->sample));
	return &telling->sample;
}

/* ---- flushes and large copies ---- */

static const struct call_path *path_of(const struct telling *telling, pid_t tid, uint64_t start_ns)
{
	const struct pending_path *pending = &telling->pending;

	return pending->is_there && pending->tid == tid && pending->start_ns == start_ns
		       ? &pending->path
		       : NULL;
}

void telling_flush(struct telling *telling, unsigned function, struct flush *flush)
{
	const struct symbol_name *name = &telling->settings.watchlist->functions[function];
	const struct call_path *path = path_of(telling, flush->tid, flush->start_ns);

	recording_flush(telling->settings.recording, function, name, flush);
	flush->function = name->function;
	flush->symbol = name->symbol;
	flush->module = name->module;
	if (path) {
		flush->frames = path->frames.items;
		flush->frame_count = path->frames.count;
		flush->path_end = path->end;
	}
	explain_memory(telling, tally_add_flush(&telling->tally, function, flush));
	outputs_flush(telling->settings.outputs, flush);
}

void telling_copy(struct telling *telling, unsigned routine, struct large_copy *copy)
{
	const struct symbol_name *name = &telling->settings.watchlist->routines.items[routine];
	const struct call_path *path = path_of(telling, copy->tid, copy->start_ns);

	recording_copy(telling->settings.recording, routine, name, copy);
	copy->routine = name->function;
	copy->module = name->module;
	if (path) {
		copy->frames = path->frames.items;
		copy->frame_count = path->frames.count;
		copy->path_end = path->end;
	}
	outputs_copy(telling->settings.outputs, copy);
}

void telling_advance(struct telling *telling, uint64_t now_ns)
{
	if (stalls_advance(telling->stalls, now_ns))
		recording_advance(telling->settings.recording, now_ns);
	recording_write_out(telling->settings.recording);
}

const struct stalls *telling_stalls(const struct telling *telling)
{
	return telling->stalls;
}

struct stacks *telling_stacks(const struct telling *telling)
{
	return telling->stacks;
}

/* ---- the summary ---- */

static struct summary_input input_of(const struct telling *telling, const struct run_end *end)
{
	return (struct summary_input){
		.names = telling->settings.watchlist->functions,
		.functions = end->functions,
		.function_count = telling->settings.watchlist->function_count,
		.totals = &end->totals,
		.writes_function = end->writes_function,
		.costs = end->costs,
		.malformed = end->malformed,
		.wall_ns = end->wall_ns,
		.target_cpu_ns = end->target_cpu_ns,
	};
}

void telling_live(struct telling *telling, const struct run_end *so_far)
{
	struct summary_input input = input_of(telling, so_far);
	struct run_summary result;

	summarize_live(&input, &telling->tally, &result);
	outputs_live(telling->settings.outputs, &result);
}

static void fill_sampling(const struct telling *telling, const struct run_end *end,
			  struct run_summary *result)
{
	result->is_sampled = telling->settings.sample_period_ns != 0;
	result->sample_period_ns = telling->settings.sample_period_ns;
	result->samples = end->totals.samples;
	result->copy_samples = end->totals.copy_samples;
	result->trap_samples = end->totals.trap_samples;
	result->stacks = end->totals.stacks;
	result->sampling_ns =
		end->totals.samples * end->sample_ns + end->totals.stack_ns + end->switching_ns;
	result->losses.samples = end->totals.losses[MW_LOSS_STACK];
	result->overhead_ns += result->sampling_ns;
	result->discoveries = telling->discoveries.items;
	result->discovery_count = telling->discoveries.count;
}

static void fill_run(const struct telling *telling, const struct run_end *end,
		     struct run_summary *result)
{
	result->is_partial = end->is_partial;
	result->budget_pct = telling->budget_pct;
	result->gate_is_fixed = telling->gate_is_fixed;
	result->overhead_ns += end->retired_spent_ns;
	result->processes_seen = end->processes_seen;
	result->processes_watched = end->processes_watched;
	result->worst_unwatched_ns = end->worst_unwatched_ns;
	result->budget_credit_ns = end->budget_credit_ns;
	result->budget_steps = end->budget_steps;
	result->gate_bytes = end->gate_bytes;
	result->is_copies_only = end->is_copies_only;
	result->watched = end->watched;
	result->watched_count = end->watched_count;
	result->uncalled = end->uncalled;
	result->uncalled_count = end->uncalled_count;
}

int telling_end(struct telling *telling, const struct run_end *end)
{
	struct summary_input input = input_of(telling, end);
	struct summary summary = {0};
	int err;

	recording_end(telling->settings.recording, input.names, input.function_count, end);
	stalls_finish(telling->stalls, end->at_ns);
	err = summarize(&input, &telling->tally, &summary);
	if (!err)
		err = stalls_summarize(telling->stalls, &summary.result.stalls);
	if (err)
		goto out;
	fill_run(telling, end, &summary.result);
	fill_sampling(telling, end, &summary.result);
	outputs_summary(telling->settings.outputs, &summary.result);
out:
	summary_release(&summary);
	return err;
}
