// SPDX-License-Identifier: GPL-2.0-only
#include "session/processes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "session/process_links.h"
#include "target/process.h"

/* A loader takes 0.3 to some ms; one that takes longer than this has no slots to wait for. */
#define SETTLE_STEP_NS  (250 * NS_PER_US)
#define SETTLE_LIMIT_NS (200 * NS_PER_MS)
#define VERIFY_TRIES    3

struct process {
	pid_t pid, parent_pid;
	enum process_event event; /* the latest */
	uint64_t since_ns;        /* unwatched from then on, while due */
	uint64_t try_at_ns;       /* when due: not before this; 0: nothing is due */
	uint64_t cpu_before_ns;   /* used before it was watched */
	bool live;                /* was watched, at least for a while */
	size_t probes_added;      /* by its latest event */
	unsigned verify_failures; /* since its latest event: probes that were not in place */
	bool links_stale;         /* the kernel's links belong to a thread that is gone */
	char comm[COMM_BYTES];
	bool held;                /* launched, and not let go yet */
	uint64_t shared_ends;     /* process_plan_shared_ends() of its program, as far as counted */
	struct process_plan plan; /* that the links carry */
	struct process_links links;
};

/* Where the process stands among all, or would stand. */
static size_t place_of(const struct processes *processes, pid_t pid)
{
	size_t low = 0, high = processes->all.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (processes->all.items[middle]->pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct process *find(const struct processes *processes, pid_t pid)
{
	size_t place = place_of(processes, pid);

	if (place == processes->all.count || processes->all.items[place]->pid != pid)
		return NULL;
	return processes->all.items[place];
}

static int insert(struct processes *processes, struct process *process)
{
	size_t place = place_of(processes, process->pid);
	int err = array_push(&processes->all, process);

	if (err)
		return err;
	memmove(&processes->all.items[place + 1], &processes->all.items[place],
		(processes->all.count - 1 - place) * sizeof(process));
	processes->all.items[place] = process;
	return 0;
}

static void process_free(struct processes *processes, struct process *process)
{
	process_links_retire(&process->links, processes->tracer);
	process_plan_release(&process->plan);
	free(process);
}

int processes_add(struct processes *processes, pid_t pid, enum process_event event,
		  uint64_t since_ns)
{
	struct process *process = calloc(1, sizeof(*process));
	int err;

	if (!process)
		return -ENOMEM;
	process->pid = pid;
	process->event = event;
	process->since_ns = since_ns;
	process->try_at_ns = since_ns;
	process->held = event == EVENT_LAUNCH;
	process_comm(pid, process->comm, sizeof(process->comm));
	if (event == EVENT_ATTACH)
		process->cpu_before_ns = process_cpu_ns(pid);
	err = insert(processes, process);
	if (err)
		free(process);
	else
		processes->seen++;
	return err;
}

/* Unless it was held, a call may have begun whose end looks like that of any other call. */
static void count_unseen_starts(struct watchlist *watchlist, struct process *process)
{
	uint64_t shared = process_plan_shared_ends(&process->plan);

	for (size_t i = 0; !process->held && i < watchlist->function_count; i++)
		watchlist->functions[i].unseen_starts += (shared & ~process->shared_ends) >> i & 1;
	process->shared_ends |= shared;
}

/* ---- telling ---- */

static void tell(struct processes *processes, struct process *process, uint64_t at_ns,
		 const char *reason)
{
	static const char *const events[] = {
		[EVENT_LAUNCH] = "launch", [EVENT_ATTACH] = "attach",   [EVENT_FORK] = "fork",
		[EVENT_EXEC] = "exec",     [EVENT_LIBRARY] = "library",
	};
	struct child_report child = {
		.pid = process->pid,
		.parent_pid = process->parent_pid,
		.event = events[process->event],
		.at_ns = at_ns,
		.unwatched_ns = at_ns > process->since_ns ? at_ns - process->since_ns : 0,
		.watched = !reason,
		.reason = reason,
	};

	memcpy(child.comm, process->comm, sizeof(child.comm));
	/* A held process does not run: no time is lost. An attach has no beginning to miss. */
	if (process->held || process->event == EVENT_ATTACH)
		child.unwatched_ns = 0;
	if (!reason)
		count_unseen_starts(processes->watchlist, process);
	if (!reason) {
		processes->watched += !process->live;
		process->live = true;
	}
	/* A library that brought nothing to watch, or that came as the process ended: no news. */
	if (process->event == EVENT_LIBRARY && !process->probes_added)
		return;
	if (child.watched && child.unwatched_ns > processes->worst_unwatched_ns)
		processes->worst_unwatched_ns = child.unwatched_ns;
	processes->on_child(processes->context, &child);
}

/* ---- links ---- */

static void explain_links(const struct process *process, int err)
{
	if (err != -ESRCH)
		log_warning("the probes for process %d (%s) could not be set: %s", process->pid,
			    process->comm, strerror(-err));
}

/* Takes the plan over, whatever becomes of it. */
static int take_plan(struct processes *processes, struct process *process,
		     struct process_plan *plan)
{
	size_t added;
	int err, missing;

	if (process->links_stale)
		process_links_retire(&process->links, processes->tracer);
	process->links_stale = false;
	process_links_drop_unmapped(&process->links, processes->tracer, &plan->modules);
	err = process_links_put(&process->links, processes->tracer, process->pid, plan, &added);
	process->probes_added += added;
	process_plan_release(&process->plan);
	process->plan = *plan;
	if (err) {
		explain_links(process, err);
		return err;
	}
	/* Before the last try it may be a library that is being unloaded, and nothing is amiss. */
	missing = process_plan_verify(process->pid, plan, process->verify_failures >= VERIFY_TRIES);
	if (missing < 0)
		return missing;
	/* It may have called exec since it was planned: the record of that is on its way. */
	if (missing && process->verify_failures++ < VERIFY_TRIES)
		return -EAGAIN;
	if (missing)
		log_warning("%d of %zu probes in process %d (%s) did not take: its code may be "
			    "writable, remapped or on huge pages; what they count is missing",
			    missing, plan->probes.count, process->pid, process->comm);
	return 0;
}

/* ---- what is due ---- */

static int plan_like_parent(struct processes *processes, const struct process *process,
			    struct process_plan *plan)
{
	const struct process *parent = find(processes, process->parent_pid);

	memset(plan, 0, sizeof(*plan));
	if (!parent || !parent->live || parent->try_at_ns)
		return -ENOENT;
	return process_plan_copy(&parent->plan, plan);
}

static int make_plan(struct processes *processes, struct process *process,
		     struct process_plan *plan)
{
	/* After fork the maps are the parent's, address for address. */
	bool like_parent = process->event == EVENT_FORK && !process->verify_failures;
	int err = like_parent ? plan_like_parent(processes, process, plan) : -ENOENT;

	if (err == -ENOENT)
		err = process_plan_make(process->pid, &processes->modules, processes->watchlist,
					plan);
	return err;
}

static bool worth_waiting(const struct process *process, const struct process_plan *plan,
			  uint64_t now_ns)
{
	bool complete = plan->settled && plan->copy_doors;

	if (process->held)
		return !plan->settled;
	if ((process->event == EVENT_ATTACH || process->event == EVENT_LIBRARY) && plan->settled)
		complete = true;
	return !complete && now_ns < process->since_ns + SETTLE_LIMIT_NS;
}

static void give_up(struct processes *processes, struct process *process, const char *reason)
{
	process->try_at_ns = 0;
	tell(processes, process, clock_monotonic_ns(), reason);
}

static void warn_no_copies(const struct process *process, const struct process_plan *plan)
{
	char fileless[120] = "";

	if (!*plan->refused && plan->fileless_code_bytes)
		snprintf(fileless, sizeof(fileless),
			 "; no file backs %" PRIu64 " KiB of its code, as a packer or a JIT makes "
			 "it, and probes need a file",
			 plan->fileless_code_bytes >> 10);
	log_warning("no copy routine found in process %d (%s)%s%s: its copies are not counted%s",
		    process->pid, process->comm, *plan->refused ? ": " : "", plan->refused,
		    fileless);
}

static void attach_due(struct processes *processes, struct process *process)
{
	struct process_plan plan;
	int err;

	/* Told at once: no loader will ever bring what could be watched. */
	if ((process->event == EVENT_EXEC || process->event == EVENT_FORK) &&
	    process_kind(process->pid) == PROCESS_32BIT) {
		give_up(processes, process, "it is a 32-bit program; memwatch reads 64-bit ones");
		return;
	}
	err = make_plan(processes, process, &plan);

	if (!err && worth_waiting(process, &plan, clock_monotonic_ns())) {
		process_plan_release(&plan);
		process->try_at_ns = clock_monotonic_ns() + SETTLE_STEP_NS;
		return;
	}
	process_comm(process->pid, process->comm, sizeof(process->comm));
	/* A library's destructor, say, on the way out: what was watched is all there is. */
	if (!err && process->event == EVENT_LIBRARY &&
	    process_kind(process->pid) != PROCESS_WATCHABLE) {
		process_plan_release(&plan);
		give_up(processes, process, NULL);
		return;
	}
	if (!err && !plan.copy_doors)
		warn_no_copies(process, &plan);
	if (!err)
		err = take_plan(processes, process, &plan);
	/* EIO: its memory was replaced, by exec or exit, between two looks at it. */
	if (err == -EIO && process->verify_failures++ < VERIFY_TRIES)
		err = -EAGAIN;
	if (err == -EAGAIN)
		process->try_at_ns = clock_monotonic_ns() + SETTLE_STEP_NS;
	else if (err == -ESRCH)
		give_up(processes, process, "it ended before its probes were live");
	else if (err)
		give_up(processes, process, strerror(-err));
	else
		give_up(processes, process, NULL);
}

/* The one that waits longest; NULL where none is due yet. */
static struct process *longest_due(const struct processes *processes, uint64_t *next_ns)
{
	struct process **each, *due = NULL;

	*next_ns = 0;
	array_each (each, &processes->all) {
		uint64_t at_ns = (*each)->try_at_ns;

		if (!at_ns || (*next_ns && at_ns >= *next_ns))
			continue;
		*next_ns = at_ns;
		due = *each;
	}
	return *next_ns <= clock_monotonic_ns() ? due : NULL;
}

uint64_t processes_work(struct processes *processes)
{
	struct process *due;
	uint64_t next_ns;

	while ((due = longest_due(processes, &next_ns))) {
		attach_due(processes, due);
		modules_trim(&processes->modules);
		/* Who called exec or ended meanwhile is not to be planned for what it was. */
		processes->take_life_events(processes->context);
	}
	return next_ns;
}

bool processes_held_is_early(struct processes *processes, pid_t pid)
{
	struct process *process = find(processes, pid);

	if (!process || !process->held || !process->try_at_ns)
		return false;
	process->try_at_ns = clock_monotonic_ns();
	processes_work(processes);
	process = find(processes, pid);
	return process && process->try_at_ns;
}

void processes_let_go(struct processes *processes, pid_t pid)
{
	struct process *process = find(processes, pid);

	if (!process)
		return;
	process->held = false;
	if (process->try_at_ns)
		process->since_ns = clock_monotonic_ns();
}

bool processes_hopeless(const struct processes *processes)
{
	struct process **process;

	array_each (process, &processes->all) {
		if ((*process)->live || (*process)->try_at_ns)
			return false;
	}
	return true;
}

void processes_give_up_due(struct processes *processes)
{
	struct process **process;

	array_each (process, &processes->all) {
		if ((*process)->try_at_ns)
			give_up(processes, *process, "the watch ended before its probes were live");
	}
}

/* ---- life events ---- */

static void mark_due(struct process *process, enum process_event event, uint64_t at_ns)
{
	/* Still due from before: it has been unwatched since then. */
	if (!process->try_at_ns)
		process->since_ns = at_ns;
	process->event = event;
	process->try_at_ns = at_ns;
	process->verify_failures = 0;
	process->probes_added = 0;
}

void processes_on_fork(struct processes *processes, const struct mw_fork *fork)
{
	pid_t pid = fork->child_pid;
	struct process *process;

	processes_drop(processes, pid);
	if (processes_add(processes, pid, EVENT_FORK, fork->head.at_ns))
		return;
	process = find(processes, pid);
	process->parent_pid = fork->head.pid;
	memcpy(process->comm, fork->head.comm, sizeof(process->comm));
}

void processes_on_exec(struct processes *processes, const struct mw_exec *exec)
{
	struct process *process = find(processes, exec->head.pid);

	/* One whose fork could not be told of. */
	if (!process && !processes_add(processes, exec->head.pid, EVENT_EXEC, exec->head.at_ns))
		process = find(processes, exec->head.pid);
	if (!process)
		return;
	mark_due(process, EVENT_EXEC, exec->head.at_ns);
	process->shared_ends = 0;
	memcpy(process->comm, exec->head.comm, sizeof(process->comm));
	/* exec from a thread: the first thread, to whose task the links belong, is gone. */
	process->links_stale |= exec->old_tid != exec->head.pid;
}

void processes_on_loader(struct processes *processes, const struct mw_loader *loader)
{
	struct process *process = find(processes, loader->head.pid);

	/* A library came: what is watched stays so, what is new is due at once. */
	if (process && process->live && !process->try_at_ns)
		mark_due(process, EVENT_LIBRARY, loader->head.at_ns);
}

void processes_drop(struct processes *processes, pid_t pid)
{
	struct process *process = find(processes, pid);
	size_t place = place_of(processes, pid);

	if (!process)
		return;
	if (process->try_at_ns)
		give_up(processes, process, "it ended before its probes were live");
	process_free(processes, process);
	processes->all.count--;
	memmove(&processes->all.items[place], &processes->all.items[place + 1],
		(processes->all.count - place) * sizeof(process));
}

void processes_on_exit(struct processes *processes, const struct mw_exit *exit)
{
	struct process *process = find(processes, exit->head.pid);

	if (!process)
		return;
	if (exit->cpu_ns > process->cpu_before_ns)
		processes->ended_cpu_ns += exit->cpu_ns - process->cpu_before_ns;
	/* Its time ends here, not when this was read. */
	if (process->try_at_ns) {
		process->try_at_ns = 0;
		tell(processes, process, exit->head.at_ns, "it ended before its probes were live");
	}
	processes_drop(processes, exit->head.pid);
}

uint64_t processes_cpu_ns(const struct processes *processes)
{
	uint64_t sum_ns = processes->ended_cpu_ns;
	struct process **process;

	array_each (process, &processes->all) {
		uint64_t cpu_ns = process_cpu_ns((*process)->pid);

		if (cpu_ns > (*process)->cpu_before_ns)
			sum_ns += cpu_ns - (*process)->cpu_before_ns;
	}
	return sum_ns;
}

void processes_release(struct processes *processes)
{
	struct process **process;

	array_each (process, &processes->all)
		process_free(processes, *process);
	array_release(&processes->all);
	modules_release(&processes->modules);
}

int processes_spending(const struct processes *processes, process_spendings *spendings)
{
	(void)processes, (void)spendings;
	return 0;
}

int processes_set_gate_level(struct processes *processes, pid_t pid, enum gate_level level)
{
	(void)processes, (void)pid, (void)level;
	return 0;
}

int processes_throttle_function(struct processes *processes, unsigned function,
				enum function_watch watch)
{
	(void)processes, (void)function, (void)watch;
	return 0;
}

void processes_check_constants(struct processes *processes)
{
	(void)processes;
}
