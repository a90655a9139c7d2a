// SPDX-License-Identifier: GPL-2.0-only
#include "session/discovering.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "choose/matching.h"
#include "session/process_code.h"

/* A stall of fewer may be chance. */
#define SAMPLES_LEAST 3

/* For so long a probe still hits when it is being removed. */
#define REMOVAL_NS (11 * NS_PER_MS)
/* Distances between stalls that make a period. */
#define STALLS_ENOUGH 3
/* With less credit than that a next one would come to nothing. */
#define CREDIT_LEAST (30 * NS_PER_MS)
#define LOOK_NS      (5 * NS_PER_MS)
/* Where less credit than this is left, it may be gone before the next look. */
#define CREDIT_SHORT (30 * NS_PER_MS)
#define LOOK_SHORT   NS_PER_MS
/* Who is called first is hot first: the functions further in follow some calls later. */
#define SETTLE_NS NS_PER_MS
/* A stall that comes no more often than this has its period told at the end of the watch. */
#define WAIT_MOST (60 * NS_PER_S)

void discovering_init(struct discovering *discovering, const struct discovering_settings *settings)
{
	*discovering = (struct discovering){.settings = *settings, .watched = -1};
}

/* ---- credit ---- */

static uint64_t spent_ns(const struct discovering *discovering)
{
	return tracer_callers_spent_ns(discovering->settings.tracer);
}

static uint64_t credit_ns(const struct discovering *discovering)
{
	uint64_t spent = spent_ns(discovering);

	return spent < DISCOVERING_NS_MOST ? DISCOVERING_NS_MOST - spent : 0;
}

/* What the hits took of the time since the last look tells what those of the removal may take. */
static void see_rate(struct discovering *discovering, uint64_t now_ns)
{
	uint64_t spent = spent_ns(discovering);
	uint64_t cost_ns = (spent - discovering->seen_spent_ns) * REMOVAL_NS /
			   (now_ns - discovering->seen_at_ns + 1);

	if (cost_ns > discovering->removal_ns)
		discovering->removal_ns = cost_ns < REMOVAL_NS ? cost_ns : REMOVAL_NS;
	discovering->seen_spent_ns = spent;
	discovering->seen_at_ns = now_ns;
}

/*
 * The credit that is kept for it: at the highest rate that was seen, and half of the target's time
 * at least, since it may become hot in the end. All of its time, always, would be too much:
 * 100,000 calls cost 75 to 93 ms, and the period is not to be missed by a few of them.
 */
static uint64_t removal_ns(const struct discovering *discovering)
{
	return discovering->removal_ns > REMOVAL_NS / 2 ? discovering->removal_ns : REMOVAL_NS / 2;
}

/* ---- which functions ---- */

static bool is_known(const struct discovering *discovering, const struct frame *culprit)
{
	const struct known_culprit *known;

	array_each (known, &discovering->known) {
		if (known->module == culprit->module &&
		    known->function_off == culprit->function_off && known->name == culprit->name)
			return true;
	}
	return false;
}

static bool is_listed(const struct discovering *discovering, const struct module *module,
		      uint64_t vaddr)
{
	for (size_t i = 0; i < discovering->count; i++) {
		if (discovering->entries[i].module == module &&
		    discovering->entries[i].vaddr == vaddr)
			return true;
	}
	return false;
}

/* Plans the entry of a frame's function. 0; -ENOENT: it has none that can be counted. */
static int plan_counted(struct discovering *discovering, const struct frame *frame)
{
	struct counted_entry entry = {.frame = *frame};
	struct code_range function;
	struct elf_range bounds;
	struct probe_point point;
	unsigned flags = 0;

	entry.module =
		process_module_at(discovering->settings.processes, discovering->pid, frame->addr);
	if (!entry.module || !frame->function_off ||
	    !elf_image_vaddr_of_off(entry.module->image, frame->function_off, &entry.vaddr) ||
	    elf_function_bounds(entry.module->image, entry.vaddr, &bounds))
		return -ENOENT;
	if (is_listed(discovering, entry.module, entry.vaddr))
		return 0;
	function = (struct code_range){bounds.vaddr, bounds.bytes};
	if (plan_entry(&entry.module->code, function, &point) ||
	    !elf_image_off_of_vaddr(entry.module->image, point.vaddr, &entry.point.file_off))
		return -ENOENT;
	if (elf_is_go_function(entry.module->image, entry.vaddr))
		flags |= MW_POINT_GO;
	if (point.probe == PROBE_STEPPED)
		flags |= MW_POINT_STEPPED;
	entry.point.cookie = MW_COOKIE(MW_POINT_CALLER, flags, discovering->count);
	entry.module->users++;
	discovering->entries[discovering->count++] = entry;
	return 0;
}

/*
 * From the culprit outward, but not what is called anew in the stall again and again. A function
 * that can't be counted ends it: what lies behind it might be blamed for what it does.
 */
static void list_entries(struct discovering *discovering, const struct stall *stall)
{
	for (size_t at = stall->lasting_frame;
	     at < stall->frame_count && discovering->count < MW_CALLERS; at++) {
		const struct frame *frame = &stall->frames[at];

		/* It has no code of its own: the function that it is in is the next frame's. */
		if (frame->is_inlined)
			continue;
		if (plan_counted(discovering, frame))
			break;
	}
}

/* ---- links ---- */

/*
 * Each entry has a link of its own, that one can go while the others stay: where one link takes
 * another's place, a call that just then runs through both of them may count twice, and a period of
 * 100,000 is one of 100,001.
 */
static int link_entry(struct discovering *discovering, struct counted_entry *entry)
{
	struct tracer *tracer = discovering->settings.tracer;
	struct link_settings settings = {
		.path = entry->module->open_path,
		.pid = discovering->pid,
		.points = &entry->point,
		.count = 1,
		.end = LINK_ENTRY,
	};
	int err = probe_link_prepare(tracer, &settings, &entry->link);

	if (!err)
		probe_link_swap(tracer, NULL, entry->link);
	return err;
}

static void unlink_entry(struct discovering *discovering, struct counted_entry *entry)
{
	if (entry->link)
		probe_link_retire(discovering->settings.tracer, entry->link);
	entry->link = NULL;
}

/* 0, or why the kernel refuses: what has a link by then loses it with forget(). */
static int link_entries(struct discovering *discovering)
{
	int err = 0;

	for (size_t i = 0; !err && i < discovering->count; i++)
		err = link_entry(discovering, &discovering->entries[i]);
	return err;
}

static bool is_linked(const struct discovering *discovering)
{
	for (size_t i = 0; i < discovering->count; i++) {
		if (discovering->entries[i].link)
			return true;
	}
	return false;
}

/* ---- beginning and end ---- */

static void forget(struct discovering *discovering)
{
	for (size_t i = 0; i < discovering->count; i++) {
		unlink_entry(discovering, &discovering->entries[i]);
		discovering->entries[i].module->users--;
	}
	boundary_free(discovering->boundary);
	discovering->boundary = NULL;
	discovering->count = 0;
	discovering->pid = 0;
	discovering->settled_at_ns = 0;
	discovering->watched = -1;
	discovering->is_spent = credit_ns(discovering) < CREDIT_LEAST;
}

static const char *reason_of(const struct discovering *discovering,
			     const struct boundary_verdict *verdict)
{
	if (verdict->flush >= 0)
		return NULL;
	if (!discovering->count)
		return "none of its functions can be counted";
	if (credit_ns(discovering) < removal_ns(discovering))
		return "counting their calls cost all that it may";
	return "no function on its way is known to be called once a stall";
}

/*
 * Of those that are called about once a stall, the outermost is the flush; but a name says more to
 * a person than a place, where one of them has one.
 */
static int named_flush(const struct discovering *discovering,
		       const struct boundary_verdict *verdict)
{
	for (int i = verdict->flush; i >= 0; i--) {
		if (verdict->calls_per_stall[i] <= BOUNDARY_ONCE_MOST &&
		    discovering->entries[i].frame.name)
			return i;
	}
	return verdict->flush;
}

static void tell(struct discovering *discovering, const struct boundary_verdict *verdict)
{
	struct discovery discovery = {
		.at_ns = clock_monotonic_ns(),
		.pid = discovering->pid,
		.culprit = &discovering->culprit,
		.stalls = verdict->stalls,
		.period_calls = verdict->period_calls,
		.is_irregular = verdict->period_kind == PERIOD_IRREGULAR,
		.is_watched = discovering->watched >= 0,
		.function_count = discovering->count,
		.cost_ns = spent_ns(discovering) - discovering->spent_before_ns,
		.reason = reason_of(discovering, verdict),
	};

	memcpy(discovery.comm, discovering->comm, sizeof(discovery.comm));
	if (verdict->flush >= 0)
		discovery.flush = &discovering->entries[named_flush(discovering, verdict)].frame;
	if (verdict->caller >= 0)
		discovery.caller = &discovering->entries[verdict->caller].frame;
	for (size_t i = 0; i < discovering->count; i++)
		discovery.functions[i] = (struct counted_function){&discovering->entries[i].frame,
								   verdict->calls_per_stall[i],
								   verdict->calls_within[i]};
	telling_discovery(discovering->settings.telling, &discovery);
}

/* Tells of what is under way as far as it came, and counts no more. */
static void discovering_finish(struct discovering *discovering)
{
	struct boundary_verdict verdict;

	if (!discovering->pid)
		return;
	if (discovering->boundary) {
		verdict = boundary_judge(discovering->boundary);
		tell(discovering, &verdict);
	}
	forget(discovering);
}

void discovering_close(struct discovering *discovering)
{
	discovering_finish(discovering);
	discovering->settings.is_on = false;
}

void discovering_release(struct discovering *discovering)
{
	array_release(&discovering->known);
}

static int begin(struct discovering *discovering, const struct stall *stall)
{
	struct boundary_settings boundary = {
		.quiet_ns = discovering->settings.quiet_ns,
		.samples_least = SAMPLES_LEAST,
		.pid = stall->pid,
	};
	struct known_culprit known = {stall->culprit->module, stall->culprit->function_off,
				      stall->culprit->name};
	int err = array_push(&discovering->known, known);

	if (err)
		return err;
	discovering->pid = stall->pid;
	memcpy(discovering->comm, stall->comm, sizeof(discovering->comm));
	discovering->culprit = *stall->culprit;
	discovering->is_apart = false;
	discovering->spent_before_ns = discovering->seen_spent_ns = spent_ns(discovering);
	discovering->seen_at_ns = clock_monotonic_ns();
	discovering->removal_ns = 0;
	list_entries(discovering, stall);
	tracer_reset_hot(discovering->settings.tracer);
	err = link_entries(discovering);
	boundary.functions = discovering->count;
	boundary.since_ns = discovering->since_ns = clock_monotonic_ns();
	discovering->boundary = err ? NULL : boundary_new(&boundary);
	discovering->look_at_ns = discovering->since_ns + LOOK_NS;
	if (discovering->boundary && discovering->count)
		return 0;
	discovering_finish(discovering);
	return err;
}

/* ---- the flush ---- */

/* From now on it is watched as if --flush had named it. */
static void watch_flush(struct discovering *discovering, int index)
{
	const struct counted_entry *entry = &discovering->entries[index];
	char place[300];
	int err;

	/* As the reports call it, too. */
	snprintf(place, sizeof(place), "%.200s+0x%lx", entry->module->name,
		 entry->frame.function_off);
	err = module_watch_function(entry->module, entry->vaddr,
				    entry->frame.name ? entry->frame.name : place,
				    entry->frame.symbol, discovering->settings.watchlist);
	/* Why it can't be timed was told; it is the one to blame all the same. */
	if (err)
		return;
	discovering->watched = index;
	processes_watch_anew(discovering->settings.processes);
	spending_on_function(discovering->settings.spending);
}

/* Outside of the first hot one nothing is to be learned, and it may be hotter. */
static void drop_outer(struct discovering *discovering, size_t from)
{
	uint64_t now_ns = clock_monotonic_ns();

	for (size_t i = from; i < discovering->count; i++) {
		struct counted_entry *entry = &discovering->entries[i];

		if (entry->link)
			boundary_uncount(discovering->boundary, (unsigned)i, now_ns);
		unlink_entry(discovering, entry);
	}
}

/* One distance is no law: some more are counted where the credit has room for them. */
static bool is_enough(const struct discovering *discovering, const struct boundary_verdict *verdict)
{
	uint64_t spent = spent_ns(discovering) - discovering->spent_before_ns;

	if (verdict->caller < 0 || verdict->stalls >= STALLS_ENOUGH)
		return true;
	return verdict->period_kind != PERIOD_UNKNOWN &&
	       credit_ns(discovering) < removal_ns(discovering) + 2 * spent / (verdict->stalls + 1);
}

/* What is known by now, and whether more is worth its cost. */
static void judge(struct discovering *discovering)
{
	struct boundary_verdict verdict = boundary_judge(discovering->boundary);
	bool is_known = verdict.flush >= 0 && verdict.state == BOUNDARY_KNOWN;
	int flush = is_known ? named_flush(discovering, &verdict) : -1;

	if (verdict.caller >= 0)
		drop_outer(discovering, (size_t)verdict.caller + 1);
	/* Heat is a guess, which the calls of a whole stall may correct. */
	if (is_known && discovering->watched != flush)
		watch_flush(discovering, flush);
	if (verdict.state == BOUNDARY_NONE ||
	    (verdict.state == BOUNDARY_KNOWN && is_enough(discovering, &verdict)))
		discovering_finish(discovering);
}

/* ---- what happens ---- */

static void consider(struct discovering *discovering)
{
	const struct stalls *stalls = telling_stalls(discovering->settings.telling);
	struct stall stall;
	int err;

	if (!stalls_latest(stalls, &stall) || !boundary_is_worth_it(&stall) ||
	    is_known(discovering, stall.culprit))
		return;
	err = begin(discovering, &stall);
	/* One that has ended is told of as such. */
	if (err && err != -ESRCH)
		log_warning("who defers what %s does can't be found out: its callers could not be "
			    "counted",
			    stall.culprit->name ? stall.culprit->name : "a function");
}

/* Other functions of the process copy, too. Samples without a stack go with those before them. */
static bool is_on_the_way(struct discovering *discovering, const struct sample *sample)
{
	/* The call that is watched: its end brings the stack. */
	if (sample->in_span && discovering->watched >= 0)
		return true;
	if (sample->path && sample->path->end == STACK_WHOLE)
		discovering->is_apart = !call_path_has(sample->path, &discovering->culprit);
	return !discovering->is_apart;
}

void discovering_on_sample(struct discovering *discovering, const struct sample *sample)
{
	if (!discovering->settings.is_on || !sample)
		return;
	if (!discovering->pid && !discovering->is_spent && sample->path)
		consider(discovering);
	if (discovering->pid != sample->pid || !discovering->boundary ||
	    !is_on_the_way(discovering, sample))
		return;
	if (boundary_add(discovering->boundary, sample))
		discovering_finish(discovering);
	else if (clock_monotonic_ns() >= discovering->settled_at_ns)
		judge(discovering);
}

void discovering_on_hot(struct discovering *discovering, const struct mw_hot *hot)
{
	if (!discovering->boundary || hot->caller >= discovering->count ||
	    (pid_t)hot->head.pid != discovering->pid)
		return;
	boundary_hot(discovering->boundary, hot->caller);
	discovering->settled_at_ns = clock_monotonic_ns() + SETTLE_NS;
	discovering->look_at_ns = discovering->settled_at_ns;
}

void discovering_on_process_end(struct discovering *discovering, pid_t pid)
{
	if (discovering->pid == pid)
		discovering_finish(discovering);
}

uint64_t discovering_work(struct discovering *discovering)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (!discovering->pid)
		return 0;
	if (now_ns < discovering->look_at_ns)
		return discovering->look_at_ns;
	see_rate(discovering, now_ns);
	discovering->look_at_ns =
		now_ns + (credit_ns(discovering) < CREDIT_SHORT ? LOOK_SHORT : LOOK_NS);
	if (credit_ns(discovering) < removal_ns(discovering))
		drop_outer(discovering, 0);
	if (now_ns > discovering->since_ns + WAIT_MOST)
		discovering_finish(discovering);
	else if (discovering->settled_at_ns || !is_linked(discovering))
		judge(discovering);
	return discovering->pid ? discovering->look_at_ns : 0;
}
