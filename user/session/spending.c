// SPDX-License-Identifier: GPL-2.0-only
#include "session/spending.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "receive/receive.h"

/* A hit comes right after the look that saw none, and nothing can be said of an interval so short.
 */
#define LOOK_LEAST_NS (10 * NS_PER_MS)
/*
 * A look takes some us for each process: memwatch is to take 2 % of a CPU for all at the most. One
 * that waits for a CPU meanwhile takes no more, and the next is not to come later for it.
 */
#define LOOK_SHARE 50

/* glibc has set its thresholds by then, also 2.31, which does it in a constructor. */
#define CHECK_NEW_NS   (100 * NS_PER_MS)
#define CHECK_AGAIN_NS (10 * NS_PER_S)

/*
 * Copies are timed where seeing their end adds a twentieth at the most to what they take from
 * memory at 40 GB/s, which is as fast as one thread of today's machines can be.
 */
#define TIMED_SHARE     20
#define COPY_NS_PER_MIB 24000
#define TIMED_LEAST     (256ull << 10)

static bool times_functions(const struct watchlist *watchlist)
{
	const struct pattern *pattern;

	array_each (pattern, &watchlist->patterns) {
		if (pattern->role == ROLE_FLUSH)
			return true;
	}
	return false;
}

void spending_init(struct spending *spending, const struct session_settings *settings,
		   struct processes *processes, struct telling *telling, uint64_t start_ns)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct budget_settings budget = {
		.pct = settings->header->budget_pct - settings->sampling_pct,
		.cpus = cpus > 0 ? (unsigned)cpus : 1,
		.copies_are_fixed = settings->gates.is_fixed,
		.times_functions = times_functions(settings->watchlist),
	};

	*spending = (struct spending){
		.settings = settings,
		.processes = processes,
		.telling = telling,
		.is_on = settings->header->budget_pct >= 0 &&
			 (!budget.copies_are_fixed || budget.times_functions),
	};
	budget_init(&spending->budget, &budget, start_ns);
	if (spending->is_on)
		tracer_tell_next_hit(settings->tracer);
}

void spending_release(struct spending *spending)
{
	budget_release(&spending->budget);
	free(spending->functions);
}

struct probe_costs spending_costs(const struct tracer *tracer)
{
	struct tracer_costs costs = tracer_costs(tracer);

	return (struct probe_costs){costs.cheap_ns, costs.stepped_ns};
}

static uint64_t timed_from_bytes(uint64_t end_ns)
{
	uint64_t bytes = (TIMED_SHARE * end_ns << 20) / COPY_NS_PER_MIB;

	return bytes > TIMED_LEAST ? bytes : TIMED_LEAST;
}

/* A probe on a `ret` is single-stepped, a return probe far cheaper. */
static void time_copies(struct spending *spending)
{
	struct tracer *tracer = spending->settings->tracer;
	struct tracer_costs costs = tracer_costs(tracer);

	tracer_time_copies_from(tracer, LINK_ENTRY, timed_from_bytes(costs.stepped_ns));
	if (tracer_has_sessions(tracer))
		tracer_time_copies_from(tracer, LINK_SESSION, timed_from_bytes(costs.return_ns));
}

void spending_on_process(struct spending *spending)
{
	/* The costs are measured beside the attach: until that is done they are typical ones. */
	time_copies(spending);
	if (!spending->check_at_ns)
		spending->check_at_ns = clock_monotonic_ns() + CHECK_NEW_NS;
}

void spending_on_function(struct spending *spending)
{
	spending->budget.settings.times_functions = true;
	spending->is_on = spending->settings->header->budget_pct >= 0;
	if (spending->is_on)
		tracer_tell_next_hit(spending->settings->tracer);
}

void spending_on_hit(struct spending *spending)
{
	uint64_t at_ns = spending->budget.at_ns + LOOK_LEAST_NS;

	if (spending->is_on && (!spending->look_at_ns || spending->look_at_ns > at_ns))
		spending->look_at_ns = at_ns;
}

/* ---- moves ---- */

static const struct process_spending *find(const process_spendings *processes, pid_t pid)
{
	const struct process_spending *process;

	array_each (process, processes) {
		if (process->pid == pid)
			return process;
	}
	return NULL;
}

static void tell(struct spending *spending, struct budget_step *step,
		 const struct budget_move *move)
{
	step->at_ns = clock_monotonic_ns();
	step->took_ns = step->at_ns - spending->budget.at_ns;
	step->pid = move->pid;
	step->is_raised = move->is_raised;
	step->spent_ns = move->spent_ns;
	step->during_ns = move->during_ns;
	spending->moves++;
	telling_budget(spending->telling, step);
}

/* It is tried again as long as it costs too much, but once is enough to say so. */
static void explain_failure(struct spending *spending, const char *what, int err)
{
	if (err == -ESRCH || spending->failure_said)
		return;
	spending->failure_said = true;
	log_warning("%s could not be throttled, so the budget may be exceeded: %s", what,
		    strerror(-err));
}

static void move_process(struct spending *spending, const struct budget_move *move,
			 const struct process_spending *process)
{
	int err = processes_set_gate_level(spending->processes, move->pid, move->to_level);
	struct budget_step step = {
		.from_gate_bytes = process->gate_bytes[move->from_level],
		.to_gate_bytes = process->gate_bytes[move->to_level],
	};
	char what[64];

	if (err) {
		snprintf(what, sizeof(what), "the copies of process %d (%s)", process->pid,
			 process->comm);
		explain_failure(spending, what, err);
		return;
	}
	memcpy(step.comm, process->comm, sizeof(step.comm));
	tell(spending, &step, move);
}

static void move_function(struct spending *spending, const struct budget_move *move)
{
	static const enum watch_kind kinds[] = {
		[FUNCTION_TIMED] = WATCH_TIMED,
		[FUNCTION_COUNTED] = WATCH_COUNTED,
		[FUNCTION_DROPPED] = WATCH_DROPPED,
	};
	struct symbol_name *name = &spending->settings->watchlist->functions[move->function];
	int err = processes_throttle_function(spending->processes, move->function, move->to_watch);
	struct budget_step step = {
		.function = name->function,
		.from_watch = kinds[move->from_watch],
		.to_watch = kinds[move->to_watch],
	};

	if (err)
		explain_failure(spending, name->function, err);
	name->watch = step.to_watch;
	name->was_throttled |= step.to_watch != WATCH_TIMED;
	tell(spending, &step, move);
}

/* What the kernel has counted of copies and whole calls. 0 or negative errno. */
static int read_evidence(struct spending *spending, struct mw_totals *totals,
			 struct budget_evidence *evidence)
{
	struct tracer_outlets outlets = tracer_outlets(spending->settings->tracer);
	size_t count = spending->settings->watchlist->function_count;
	int err;

	if (!spending->functions)
		spending->functions = calloc(MW_MAX_FUNCTIONS, sizeof(*spending->functions));
	if (!spending->functions)
		return -ENOMEM;
	err = counters_read_totals(outlets.totals_map_fd, totals);
	if (!err)
		err = counters_read_functions(outlets.functions_map_fd, spending->functions, count);
	*evidence = (struct budget_evidence){0};
	for (unsigned i = 0; i < MW_SIZE_CLASSES; i++)
		evidence->copies_by_class[i] = totals->copies_by_class[i];
	for (size_t i = 0; !err && i < count; i++)
		evidence->whole_calls += spending->functions[i].whole_calls;
	return err;
}

static void decide(struct spending *spending, const process_spendings *processes)
{
	struct budget_move moves[BUDGET_MOVES_MOST];
	struct budget_evidence evidence;
	struct mw_totals totals;
	size_t count;

	if (read_evidence(spending, &totals, &evidence))
		return;
	count = budget_decide(&spending->budget, &evidence, moves);
	for (size_t i = 0; i < count; i++) {
		if (moves[i].pid)
			move_process(spending, &moves[i], find(processes, moves[i].pid));
		else
			move_function(spending, &moves[i]);
	}
	if (count)
		budget_moved(&spending->budget, clock_monotonic_ns());
}

/* ---- looks ---- */

/* Gives whether it may come to a move. */
static bool look(struct spending *spending, const process_spendings *processes, uint64_t now_ns)
{
	uint64_t function_spent_ns[MW_MAX_FUNCTIONS];
	struct budget_figures figures = {
		.at_ns = now_ns,
		.cpu_ns = processes_cpu_ns(spending->processes),
		.processes = processes,
		.ended_spent_ns = spending->processes->ended_copies_spent_ns,
		.retired_spent_ns = tracer_retired_spent_ns(spending->settings->tracer),
		.function_spent_ns = function_spent_ns,
		.function_count = spending->settings->watchlist->function_count,
	};

	for (size_t i = 0; i < figures.function_count; i++)
		function_spent_ns[i] =
			tracer_function_spent_ns(spending->settings->tracer, (unsigned)i);
	return budget_look(&spending->budget, &figures);
}

static void look_and_move(struct spending *spending, uint64_t now_ns)
{
	process_spendings processes = {0};
	bool may_move = false;
	uint64_t began_cpu_ns = clock_thread_cpu_ns(), took_cpu_ns, pause_ns;

	if (!processes_spending(spending->processes, &processes))
		may_move = look(spending, &processes, now_ns);
	took_cpu_ns = clock_thread_cpu_ns() - began_cpu_ns;
	if (may_move)
		decide(spending, &processes);
	array_release(&processes);
	pause_ns = budget_pause_ns(&spending->budget);
	if (pause_ns && pause_ns < took_cpu_ns * LOOK_SHARE)
		pause_ns = took_cpu_ns * LOOK_SHARE;
	spending->look_at_ns = pause_ns ? clock_monotonic_ns() + pause_ns : 0;
	if (!spending->budget.spent_ns)
		tracer_tell_next_hit(spending->settings->tracer);
}

static void check(struct spending *spending, uint64_t now_ns)
{
	processes_check_constants(spending->processes);
	time_copies(spending);
	spending->check_at_ns = 0;
	spending->checked_at_ns = now_ns;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	if (!a_ns || !b_ns)
		return a_ns ? a_ns : b_ns;
	return a_ns < b_ns ? a_ns : b_ns;
}

uint64_t spending_work(struct spending *spending)
{
	uint64_t now_ns = clock_monotonic_ns();
	bool is_look_due = spending->look_at_ns && now_ns >= spending->look_at_ns;

	if ((spending->check_at_ns && now_ns >= spending->check_at_ns) ||
	    (is_look_due && now_ns >= spending->checked_at_ns + CHECK_AGAIN_NS))
		check(spending, now_ns);
	if (is_look_due)
		look_and_move(spending, now_ns);
	return earlier(spending->look_at_ns, spending->check_at_ns);
}

void spending_summarize(const struct spending *spending, struct run_end *end)
{
	const struct session_settings *settings = spending->settings;

	end->budget_credit_ns = spending->is_on ? BUDGET_CREDIT_NS : 0;
	end->budget_steps = spending->moves;
	end->gate_bytes = settings->gates.is_fixed ? settings->gates.from_bytes
						   : spending->processes->gate_bytes;
	end->retired_spent_ns = tracer_retired_spent_ns(settings->tracer);
}
