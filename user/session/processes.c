// SPDX-License-Identifier: GPL-2.0-only
#include "session/processes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "session/plan_lines.h"
#include "session/process_code.h"
#include "target/process.h"

/* A loader takes 0.3 to some ms; one that takes longer than this has no slots to wait for. */
#define SETTLE_STEP_NS  (250 * NS_PER_US)
#define SETTLE_LIMIT_NS (200 * NS_PER_MS)
#define VERIFY_TRIES    3

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

struct process *processes_find(const struct processes *processes, pid_t pid)
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
	processes->ended_copies_spent_ns += process->links.retired_spent_ns;
	process_plan_release(&process->plan);
	array_release(&process->loops);
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
	process->level = gate_settings_lowest(&processes->gates);
	process->gate_bytes = MW_NO_GATE;
	if (!process_comm(pid, process->comm))
		strcpy(process->comm, "?");
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
		[EVENT_EXEC] = "exec",     [EVENT_LIBRARY] = "library", [EVENT_REPLAN] = "replan",
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
	if (process->event == EVENT_REPLAN ||
	    (process->event == EVENT_LIBRARY && !process->probes_added))
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

struct in_force process_in_force(const struct processes *processes, const struct process *process)
{
	return (struct in_force){.level = process->level, .watch = processes->watch};
}

bool process_plan_holds(const struct process *process)
{
	/* A new library takes nothing away from what the others bear. */
	return !process->links_stale && (!process->try_at_ns || process->event == EVENT_LIBRARY);
}

static int tell_gate(const struct processes *processes, const struct process *process,
		     uint64_t gate_bytes)
{
	bool is_raised = process->level > gate_settings_lowest(&processes->gates);

	return tracer_set_gate(processes->tracer, process->pid, gate_bytes, is_raised);
}

int process_change_links(struct processes *processes, struct process *process, uint64_t gate_bytes,
			 link_changes *changes)
{
	bool goes_up = gate_bytes > process->gate_bytes;
	int err = 0, swap_err;

	/* No span may believe that copies are counted which are not, not yet or not any more. */
	if (goes_up)
		err = tell_gate(processes, process, gate_bytes);
	swap_err = process_links_swap(&process->links, processes->tracer, changes);
	if (swap_err)
		gate_bytes = MW_NO_GATE;
	if (!goes_up || swap_err)
		err = tell_gate(processes, process, gate_bytes);
	process->gate_bytes = gate_bytes;
	return swap_err ? swap_err : err;
}

/* What could be put counts, though an error is told; but no call's copies are all counted then. */
static int put_links(struct processes *processes, struct process *process,
		     const struct process_plan *plan)
{
	struct in_force force = process_in_force(processes, process);
	link_changes changes = {0};
	size_t added;
	int err, swap_err;

	process_links_drop_unmapped(&process->links, processes->tracer, &plan->modules);
	err = process_links_prepare(&process->links, processes->tracer, process->pid, plan, &force,
				    &changes, &added);
	swap_err = process_change_links(
		processes, process, err ? MW_NO_GATE : plan->gate_bytes[process->level], &changes);
	process->probes_added += added;
	return err ? err : swap_err;
}

static int count_in_force(const struct process_plan *plan, const struct in_force *force)
{
	const struct planned_probe *probe;
	struct link_point point;
	int count = 0;

	array_each (probe, &plan->probes)
		count += probe_in_force(probe, force, &point);
	return count;
}

/* At once: it may have ended before anyone asks. */
static void note_gate(struct processes *processes, const struct process_plan *plan)
{
	uint64_t gate_bytes = plan->gate_bytes[gate_settings_lowest(&processes->gates)];

	if (plan->copy_doors && gate_bytes > processes->gate_bytes)
		processes->gate_bytes = gate_bytes;
}

/* Takes the plan over, whatever becomes of it. */
static int take_plan(struct processes *processes, struct process *process,
		     struct process_plan *plan)
{
	struct in_force force = process_in_force(processes, process);
	int err, missing;

	if (process->links_stale)
		process_links_retire(&process->links, processes->tracer);
	process->links_stale = false;
	err = put_links(processes, process, plan);
	process_plan_release(&process->plan);
	process->plan = *plan;
	processes->on_code(processes->context, process->pid, process->since_ns, plan);
	if (err) {
		explain_links(process, err);
		return err;
	}
	/* Before the last try it may be a library that is being unloaded, and nothing is amiss. */
	missing = in_force_verify(process->pid, plan, &force,
				  process->verify_failures >= VERIFY_TRIES);
	if (missing < 0)
		return missing;
	/* It may have called exec since it was planned: the record of that is on its way. */
	if (missing && process->verify_failures++ < VERIFY_TRIES)
		return -EAGAIN;
	if (missing)
		log_warning("%d of %d probes in process %d (%s) did not take: its code may be "
			    "writable, remapped or on huge pages; what they count is missing",
			    missing, count_in_force(plan, &force), process->pid, process->comm);
	note_gate(processes, plan);
	process_tell_code(processes, process);
	return process->probes_added ? plan_lines_log(process->pid, plan, &processes->gates,
						      tracer_costs(processes->tracer))
				     : 0;
}

/* ---- what is due ---- */

static int plan_like_parent(struct processes *processes, const struct process *process,
			    struct process_plan *plan)
{
	const struct process *parent = processes_find(processes, process->parent_pid);

	memset(plan, 0, sizeof(*plan));
	if (!parent || !parent->live || parent->try_at_ns)
		return -ENOENT;
	return process_plan_copy(&parent->plan, plan);
}

/*
 * A return probe of a session is also set for whom its program does not run: another process with
 * one at the same place, and a child that was just forked. So the first process may have them,
 * until it forks.
 */
static bool takes_sessions(struct processes *processes, const struct process *process)
{
	if (process->has_forked || !tracer_has_sessions(processes->tracer))
		return false;
	if (!processes->session_pid)
		processes->session_pid = process->pid;
	return processes->session_pid == process->pid;
}

static bool has_sessions(const struct process *process)
{
	const struct planned_probe *probe;

	array_each (probe, &process->plan.probes) {
		if (probe->by_session)
			return true;
	}
	return false;
}

static int make_plan(struct processes *processes, struct process *process,
		     struct process_plan *plan)
{
	/* After fork the maps are the parent's, address for address. */
	bool like_parent = process->event == EVENT_FORK && !process->verify_failures;
	struct copy_settings copies = {
		.gates = processes->gates,
		.stepped_ns = tracer_costs(processes->tracer).stepped_ns,
		.has_sessions = takes_sessions(processes, process),
	};
	int err = like_parent ? plan_like_parent(processes, process, plan) : -ENOENT;

	if (err == -ENOENT)
		err = process_plan_make(process->pid, &processes->modules, processes->watchlist,
					&copies, plan);
	return err;
}

/* Whether the plan, by what was there at looked_at_ns, may lack what the loader still brings. */
static bool worth_waiting(const struct process *process, const struct process_plan *plan,
			  uint64_t looked_at_ns)
{
	bool complete = plan->settled && plan->copy_doors;

	if (process->held)
		return !plan->settled;
	if (process->event != EVENT_LAUNCH && process->event != EVENT_FORK &&
	    process->event != EVENT_EXEC && plan->settled)
		complete = true;
	return !complete && looked_at_ns < process->since_ns + SETTLE_LIMIT_NS;
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

/*
 * The exec did so itself, but the gate of the program before it may have been told to the new one:
 * a swap that takes 30 ms was under way.
 */
static void forget_gate(struct processes *processes, const struct process *process)
{
	if (process->event == EVENT_EXEC && process->gate_bytes == MW_NO_GATE)
		tell_gate(processes, process, MW_NO_GATE);
}

static void attach_due(struct processes *processes, struct process *process)
{
	/* To read the symbols of a large program (node: 0.3 s) takes longer than its start. */
	uint64_t looked_at_ns = clock_monotonic_ns();
	struct process_plan plan;
	int err;

	forget_gate(processes, process);
	/* Told at once: no loader will ever bring what could be watched. */
	if ((process->event == EVENT_EXEC || process->event == EVENT_FORK) &&
	    process_kind(process->pid) == PROCESS_32BIT) {
		give_up(processes, process, "it is a 32-bit program; memwatch reads 64-bit ones");
		return;
	}
	err = make_plan(processes, process, &plan);

	if (!err && worth_waiting(process, &plan, looked_at_ns)) {
		process_plan_release(&plan);
		process->try_at_ns = clock_monotonic_ns() + SETTLE_STEP_NS;
		return;
	}
	process_comm(process->pid, process->comm);
	/* A library's destructor, say, on the way out: what was watched is all there is. */
	if (!err && (process->event == EVENT_LIBRARY || process->event == EVENT_REPLAN) &&
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
	struct process *process = processes_find(processes, pid);

	if (!process || !process->held || !process->try_at_ns)
		return false;
	process->try_at_ns = clock_monotonic_ns();
	processes_work(processes);
	process = processes_find(processes, pid);
	return process && process->try_at_ns;
}

void processes_let_go(struct processes *processes, pid_t pid)
{
	struct process *process = processes_find(processes, pid);

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

void process_mark_due(struct process *process, enum process_event event, uint64_t at_ns)
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
	struct process *process, *parent;

	processes_drop(processes, pid);
	if (processes_add(processes, pid, EVENT_FORK, fork->head.at_ns))
		return;
	process = processes_find(processes, pid);
	process->parent_pid = fork->head.pid;
	parent = processes_find(processes, fork->head.pid);
	if (!parent)
		return;
	process->level = parent->level;
	parent->has_forked = true;
	if (has_sessions(parent) && !parent->try_at_ns)
		process_mark_due(parent, EVENT_REPLAN, fork->head.at_ns);
	memcpy(process->comm, fork->head.comm, sizeof(process->comm));
}

void processes_on_exec(struct processes *processes, const struct mw_exec *exec)
{
	struct process *process = processes_find(processes, exec->head.pid);

	/* One whose fork could not be told of. */
	if (!process && !processes_add(processes, exec->head.pid, EVENT_EXEC, exec->head.at_ns))
		process = processes_find(processes, exec->head.pid);
	if (!process)
		return;
	process_mark_due(process, EVENT_EXEC, exec->head.at_ns);
	process->shared_ends = 0;
	process->gate_bytes = MW_NO_GATE;
	array_release(&process->loops);
	memcpy(process->comm, exec->head.comm, sizeof(process->comm));
	/* exec from a thread: the first thread, to whose task the links belong, is gone. */
	process->links_stale |= exec->old_tid != exec->head.pid;
}

void processes_on_loader(struct processes *processes, const struct mw_loader *loader)
{
	struct process *process = processes_find(processes, loader->head.pid);

	/* A library came: what is watched stays so, what is new is due at once. */
	if (process && process->live && !process->try_at_ns)
		process_mark_due(process, EVENT_LIBRARY, loader->head.at_ns);
}

void processes_drop(struct processes *processes, pid_t pid)
{
	struct process *process = processes_find(processes, pid);
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
	struct process *process = processes_find(processes, exit->head.pid);

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
