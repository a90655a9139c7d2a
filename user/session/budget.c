// SPDX-License-Identifier: GPL-2.0-only
#include "session/budget.h"

#include <math.h>

#include "base/clock.h"
#include "session/budget_book.h"
#include "session/budget_rate.h"

/* While something is spent; more often when less than half of the credit is left. */
#define LOOK_NS       (20 * NS_PER_MS)
#define LOOK_SHORT_NS (10 * NS_PER_MS)
/* The shortest pause, right before a move. */
#define LOOK_LEAST_NS (2 * NS_PER_MS)
/*
 * The longest time between two looks that is reckoned with: a function is never timed again, so one
 * halt of the machine must not end it while there is much credit left.
 */
#define LOOK_LATE_NS (60 * NS_PER_MS)
/* While nothing is, but a gate is raised that the growing credit may lower. */
#define LOOK_RAISED_NS NS_PER_S

/*
 * Linux 6.18 takes 12 to 16 ms to attach the new link beside a busy target, one after the other.
 * Of the 24 to 54 ms that it takes to remove the old one the breakpoints go first, within 2 to 7;
 * the rest is waiting, which costs the target nothing.
 */
#define ATTACH_NS (16 * NS_PER_MS)
#define DETACH_NS (6 * NS_PER_MS)
/* Where so many have to go, the first of them have left when the last one does. */
#define ATTACHES_MOST 3

/* Another process's clock lags by a tick of the scheduler: 1 to 10 ms. */
#define CLOCK_LAG_NS (10 * NS_PER_MS)

/* A stay on a level of which nothing but copies is known brought something if it lasted so long. */
#define STAY_OF_USE_NS NS_PER_S
/* A level that brought nothing is tried again after this time, each time after twice as long. */
#define RETRY_NS        (20 * NS_PER_S)
#define RETRY_DOUBLINGS 8

/* What a function has to spend in a burst before it is part of what is wrong. */
#define BURST_NS (BUDGET_CREDIT_NS / 20)

/* Once children that ended have spent so much, the next ones are expected to spend, too. */
#define CHILDREN_NS (BUDGET_CREDIT_NS / 20)

/* The credit never is quite full while a high gate costs a little. */
#define FULL_NS (BUDGET_CREDIT_NS * 49 / 50)

void budget_init(struct budget *budget, const struct budget_settings *settings, uint64_t at_ns)
{
	*budget = (struct budget){
		.settings = *settings,
		.balance_ns = BUDGET_CREDIT_NS,
		.at_ns = at_ns,
	};
}

void budget_release(struct budget *budget)
{
	array_release(&budget->processes);
}

/* ---- looking ---- */

static bool is_full(const struct budget *budget)
{
	return budget->balance_ns >= (double)FULL_NS;
}

/* Less than half of the credit is left. */
static bool is_short(const struct budget *budget)
{
	return budget->balance_ns < (double)(BUDGET_CREDIT_NS / 2);
}

/* What is spent from here on is why somebody is raised, not how long all was well before. */
static void begin_burst(struct budget *budget)
{
	struct budget_process *process;

	array_each (process, &budget->processes) {
		process->stay_spent_ns = process->spent_ns;
		process->stay_cpu_ns = budget->cpu_ns;
	}
	for (size_t i = 0; i < budget->function_count; i++) {
		budget->functions[i].stay_spent_ns = budget->functions[i].spent_ns;
		budget->functions[i].stay_cpu_ns = budget->cpu_ns;
	}
}

/* Where a process that was raised may go now; its own level: nowhere. */
static enum gate_level lower_level(const struct budget *budget,
				   const struct budget_process *process)
{
	enum gate_level to = process->lowest;

	if (budget->at_ns < process->floor_until_ns && process->floor > to)
		to = process->floor;
	if (!process->is_movable || budget_is_settling(budget, process->settled_at_ns) ||
	    to > process->level)
		return process->level;
	return to;
}

/* Raised, and free to go down when the credit is full. */
static bool anyone_may_go_down(const struct budget *budget)
{
	const struct budget_process *process;

	array_each (process, &budget->processes) {
		if (lower_level(budget, process) < process->level)
			return true;
	}
	return false;
}

static bool anyone_is_raised(const struct budget *budget)
{
	const struct budget_process *process;

	array_each (process, &budget->processes) {
		if (process->is_movable && process->level > process->lowest)
			return true;
	}
	return false;
}

/* A look that comes soon after the one before says little: one hit may be all of it. */
static void note_peaks(struct budget *budget)
{
	struct budget_process *process;
	double recent_rate;

	if (budget->interval_ns < LOOK_SHORT_NS / 2)
		return;
	array_each (process, &budget->processes) {
		recent_rate = (double)process->recent_ns / (double)budget->interval_ns;
		if (!budget_is_settling(budget, process->settled_at_ns) &&
		    recent_rate > process->peak_rate)
			process->peak_rate = recent_rate;
	}
}

/* Nobody waited for the one after a look that saw nothing spent. */
static void note_late_look(struct budget *budget, uint64_t interval_ns)
{
	budget->late_look_ns -= budget->late_look_ns / 8;
	if (budget->spent_ns && interval_ns > budget->late_look_ns)
		budget->late_look_ns = interval_ns < LOOK_LATE_NS ? interval_ns : LOOK_LATE_NS;
}

bool budget_look(struct budget *budget, const struct budget_figures *figures)
{
	uint64_t interval_ns = growth(figures->at_ns, budget->at_ns);
	uint64_t cpu_ns = growth(figures->cpu_ns, budget->cpu_ns);
	uint64_t cpu_most_ns = (interval_ns + CLOCK_LAG_NS) * budget->settings.cpus;
	double income_ns, gone_ns;

	if (!interval_ns)
		return false;
	/* One whose clock could not be read before: it did not run all that time now. */
	if (cpu_ns > cpu_most_ns)
		cpu_ns = cpu_most_ns;
	income_ns = (double)cpu_ns * budget->settings.pct / 100;
	note_late_look(budget, interval_ns);
	budget->spent_ns = budget_book(budget, figures);
	gone_ns = (double)growth(figures->retired_spent_ns, budget->retired_spent_ns);
	budget->retired_spent_ns = figures->retired_spent_ns;
	budget->interval_ns = interval_ns;
	budget->income = income_ns / (double)interval_ns;
	budget->balance_ns += income_ns - (double)budget->spent_ns - gone_ns;
	if (budget->balance_ns > (double)BUDGET_CREDIT_NS)
		budget->balance_ns = (double)BUDGET_CREDIT_NS;
	budget->at_ns = figures->at_ns;
	budget->cpu_ns = figures->cpu_ns;
	if (is_full(budget)) {
		begin_burst(budget);
		return anyone_may_go_down(budget);
	}
	note_peaks(budget);
	return (budget->spent_ns && (double)budget->spent_ns > income_ns) || is_short(budget);
}

/* ---- deciding ---- */

static bool lasts_less_than(const struct budget *budget, double total, uint64_t time_ns)
{
	double drain = total - budget->income;

	return drain > 0 && budget->balance_ns < drain * (double)time_ns;
}

/* It could not be paid until it has settled and yet another move takes effect. */
static bool is_of_no_help(const struct budget *budget, double total)
{
	return lasts_less_than(budget, total, 2 * (BUDGET_SWAP_NS + LOOK_NS));
}

/*
 * A function that is hot has to be paid until two moves take effect: that it is counted alone may
 * be of no use, since the target makes more calls then. The records of its calls keep memwatch
 * busy, so the next looks may be as late as the latest ones.
 */
static bool is_too_hot(const struct budget *budget, double total)
{
	uint64_t look_ns = budget->late_look_ns > LOOK_NS ? budget->late_look_ns : LOOK_NS;

	return lasts_less_than(budget, total, 2 * (BUDGET_SWAP_NS + look_ns));
}

static bool was_of_use(const struct budget *budget, const struct budget_process *process)
{
	if (budget->settings.times_functions && process->level == process->lowest)
		return budget->whole_calls > process->stay_whole_calls;
	return budget->at_ns - process->stay_since_ns >= STAY_OF_USE_NS;
}

static void judge_stay(const struct budget *budget, struct budget_process *process)
{
	unsigned doublings =
		process->fruitless < RETRY_DOUBLINGS ? process->fruitless : RETRY_DOUBLINGS;

	if (was_of_use(budget, process)) {
		process->fruitless = 0;
		return;
	}
	process->floor = process->level + 1;
	process->floor_until_ns = budget->at_ns + (RETRY_NS << doublings);
	process->fruitless++;
}

static struct budget_move move_process(struct budget *budget, struct budget_process *process,
				       enum gate_level level)
{
	struct budget_move move = {
		.pid = process->pid,
		.from_level = process->level,
		.to_level = level,
		.is_raised = level > process->level,
		.spent_ns = process->spent_ns - process->stay_spent_ns,
		.during_ns = growth(budget->cpu_ns, process->stay_cpu_ns),
	};

	if (move.is_raised)
		judge_stay(budget, process);
	process->new_rate = budget_predicted_rate(budget, process, level);
	process->peak_rate = 0;
	process->level = level;
	process->has_moved = true;
	/* What a lower gate costs shows at once. */
	process->settled_at_ns = move.is_raised ? budget->at_ns + BUDGET_SWAP_NS : budget->at_ns;
	process->stay_since_ns = budget->at_ns;
	process->stay_spent_ns = process->spent_ns;
	process->stay_cpu_ns = budget->cpu_ns;
	process->stay_whole_calls = budget->whole_calls;
	return move;
}

/* The lowest level above that can be paid beside what is spent in any case. */
static enum gate_level higher_level(const struct budget *budget,
				    const struct budget_process *process, double kept)
{
	enum gate_level level = process->level + 1;

	while (level < GATE_NONE &&
	       is_of_no_help(budget, kept + budget_predicted_rate(budget, process, level)))
		level++;
	return level;
}

/* It is timed until the move takes effect, then counted until yet another does. */
static bool can_be_counted(const struct budget *budget, double timed, double counted)
{
	double drain = counted - budget->income;

	return drain <= 0 || budget->balance_ns >= (timed - budget->income + 2 * drain) *
							   (double)(BUDGET_SWAP_NS + LOOK_NS);
}

/*
 * Its ends go, single-stepped as a rule: 19 us beside 0.6 us for its entry. Or all of it, where
 * that is too little.
 */
static struct budget_move move_function(struct budget *budget, unsigned index, double kept)
{
	struct budget_function *function = &budget->functions[index];
	double before = budget_function_rate(budget, function),
	       counted = budget_rate_at(before, 1.0 / 16);
	bool can_count = function->watch == FUNCTION_TIMED &&
			 can_be_counted(budget, kept + before, kept + counted);
	struct budget_move move = {
		.function = index,
		.from_watch = function->watch,
		.to_watch = can_count ? FUNCTION_COUNTED : FUNCTION_DROPPED,
		.is_raised = true,
		.spent_ns = function->spent_ns - function->stay_spent_ns,
		.during_ns = growth(budget->cpu_ns, function->stay_cpu_ns),
	};

	function->new_rate = can_count ? counted : 0;
	function->watch = move.to_watch;
	function->settled_at_ns = budget->at_ns + BUDGET_SWAP_NS;
	function->stay_spent_ns = function->spent_ns;
	function->stay_cpu_ns = budget->cpu_ns;
	return move;
}

/* They spend too much and end before they could be raised: the compiler's under make. */
static bool children_are_dear(const struct budget *budget)
{
	return budget_rate(budget, budget->ended_recent_ns) > budget->income;
}

/* Children begin where their parent stands, so one that costs nothing itself may matter, too. */
static bool can_cost_less(const struct budget *budget, const struct budget_process *process)
{
	return (process->recent_ns || process->peak_rate > 0 || children_are_dear(budget)) &&
	       process->is_movable && process->level < GATE_NONE &&
	       !budget_is_settling(budget, process->settled_at_ns);
}

/* One that costs less than half of what comes in is not what is wrong, nor one that cost little. */
static bool is_hot(const struct budget *budget, const struct budget_function *function)
{
	return function->watch < FUNCTION_DROPPED && function->recent_ns &&
	       !budget_is_settling(budget, function->settled_at_ns) &&
	       function->spent_ns - function->stay_spent_ns >= BURST_NS &&
	       budget_rate(budget, function->recent_ns) > budget->income / 2;
}

static struct budget_process *dearest_process(struct budget *budget)
{
	struct budget_process *process, *dearest = NULL;

	array_each (process, &budget->processes) {
		if (can_cost_less(budget, process) &&
		    (!dearest ||
		     budget_process_rate(budget, process) > budget_process_rate(budget, dearest)))
			dearest = process;
	}
	return dearest;
}

static struct budget_function *dearest_function(struct budget *budget)
{
	struct budget_function *dearest = NULL;

	for (size_t i = 0; i < budget->function_count; i++) {
		struct budget_function *function = &budget->functions[i];

		if (is_hot(budget, function) &&
		    (!dearest || function->recent_ns > dearest->recent_ns))
			dearest = function;
	}
	return dearest;
}

/* From the next look until those that have to go have gone. */
static uint64_t leaving_ns(const struct budget *budget)
{
	const struct budget_process *process;
	unsigned attaches = 0;

	/* Those that are there now end as they began. */
	if (children_are_dear(budget))
		return BUDGET_SWAP_NS + LOOK_NS;
	array_each (process, &budget->processes) {
		if (attaches < ATTACHES_MOST && can_cost_less(budget, process) &&
		    budget_process_rate(budget, process) > budget->income)
			attaches++;
	}
	return ATTACH_NS * (attaches ? attaches : 1) + DETACH_NS;
}

/* At this rate, what is left would be gone before a move that the next look finds due. */
static bool is_too_dear(const struct budget *budget, double total)
{
	return lasts_less_than(budget, total, leaving_ns(budget) + LOOK_LEAST_NS);
}

/* What nobody could be made to spend less. */
static double kept_rate(const struct budget *budget, double total)
{
	const struct budget_process *process;

	if (children_are_dear(budget))
		total -= budget_rate(budget, budget->ended_recent_ns);
	array_each (process, &budget->processes) {
		if (can_cost_less(budget, process))
			total -= budget_process_rate(budget, process);
	}
	for (size_t i = 0; i < budget->function_count; i++) {
		if (is_hot(budget, &budget->functions[i]))
			total -= budget_function_rate(budget, &budget->functions[i]);
	}
	return fmax(total, 0);
}

static struct budget_process *find_process(struct budget *budget, pid_t pid)
{
	struct budget_process *process;

	array_each (process, &budget->processes) {
		if (process->pid == pid)
			return process;
	}
	return NULL;
}

/*
 * A shell's next child would begin where the shell stands, and spend as much until it is raised
 * itself. Where children come and go, those from whom they descend go up with one of them.
 */
static size_t raise_parents(struct budget *budget, const struct budget_process *child,
			    struct budget_move moves[BUDGET_MOVES_MOST], size_t count)
{
	enum gate_level level = child->level;
	struct budget_process *parent = find_process(budget, child->parent_pid);

	if (budget->ended_spent_ns < CHILDREN_NS)
		return count;
	/* Numbers are used again, so it might go round in a circle. */
	for (size_t steps = 0; parent && steps < budget->processes.count; steps++) {
		if (parent->is_movable && parent->level < level && count < BUDGET_MOVES_MOST)
			moves[count++] = move_process(budget, parent, level);
		parent = find_process(budget, parent->parent_pid);
	}
	return count;
}

/* Whoever spends most first, until the rest can be paid. */
static size_t step_up(struct budget *budget, struct budget_move moves[BUDGET_MOVES_MOST])
{
	double total = budget_total_rate(budget), kept = kept_rate(budget, total);
	size_t count = 0;

	while (count < BUDGET_MOVES_MOST) {
		struct budget_process *process = dearest_process(budget);
		struct budget_function *function = dearest_function(budget);

		if (process && function &&
		    budget_process_rate(budget, process) >= budget_function_rate(budget, function))
			function = NULL;
		if (function ? !is_too_hot(budget, total) : !process || !is_too_dear(budget, total))
			break;
		if (!function) {
			total -= budget_process_rate(budget, process);
			moves[count++] =
				move_process(budget, process, higher_level(budget, process, kept));
			total += process->new_rate;
			kept += process->new_rate;
			count = raise_parents(budget, process, moves, count);
		} else {
			total -= budget_function_rate(budget, function);
			moves[count++] = move_function(
				budget, (unsigned)(function - budget->functions), kept);
			total += function->new_rate;
			kept += function->new_rate;
		}
	}
	return count;
}

/* One at a time: what it will cost has to be seen first. */
static size_t step_down(struct budget *budget, struct budget_move moves[BUDGET_MOVES_MOST])
{
	struct budget_process *process, *next = NULL;

	array_each (process, &budget->processes) {
		if (budget->at_ns < process->stay_since_ns + BUDGET_SWAP_NS && process->has_moved)
			return 0;
		if (lower_level(budget, process) < process->level &&
		    (!next || process->stay_since_ns < next->stay_since_ns))
			next = process;
	}
	if (!next)
		return 0;
	moves[0] = move_process(budget, next, lower_level(budget, next));
	return 1;
}

void budget_moved(struct budget *budget, uint64_t at_ns)
{
	uint64_t settled_at_ns = budget->at_ns + BUDGET_SWAP_NS;
	struct budget_process *process;

	array_each (process, &budget->processes) {
		if (process->settled_at_ns == settled_at_ns)
			process->settled_at_ns = at_ns + BUDGET_REMOVAL_NS;
	}
	for (size_t i = 0; i < budget->function_count; i++) {
		if (budget->functions[i].settled_at_ns == settled_at_ns)
			budget->functions[i].settled_at_ns = at_ns + BUDGET_REMOVAL_NS;
	}
}

size_t budget_decide(struct budget *budget, const struct budget_evidence *evidence,
		     struct budget_move moves[BUDGET_MOVES_MOST])
{
	for (unsigned i = 0; i < MW_SIZE_CLASSES; i++) {
		budget->recent_copies[i] =
			growth(evidence->copies_by_class[i], budget->copies_by_class[i]);
		budget->copies_by_class[i] = evidence->copies_by_class[i];
	}
	budget->whole_calls = evidence->whole_calls;
	return is_full(budget) ? step_down(budget, moves) : step_up(budget, moves);
}

/* Until it may come to a move, at the present rate; 0: that time is over. */
static uint64_t lasting_ns(const struct budget *budget)
{
	double drain = budget_total_rate(budget) - budget->income;
	double lasts_ns;

	if (drain <= 0)
		return UINT64_MAX;
	lasts_ns = budget->balance_ns / drain - (double)(leaving_ns(budget) + LOOK_LEAST_NS);
	return lasts_ns > 0 ? (uint64_t)lasts_ns : 0;
}

/* The later the move, the more of the credit was of use. */
static uint64_t spending_pause_ns(const struct budget *budget)
{
	uint64_t pause_ns = is_short(budget) ? LOOK_SHORT_NS : LOOK_NS;
	uint64_t lasts_ns = lasting_ns(budget);

	if (!lasts_ns || lasts_ns > pause_ns)
		return pause_ns;
	return lasts_ns > LOOK_LEAST_NS ? lasts_ns : LOOK_LEAST_NS;
}

uint64_t budget_pause_ns(const struct budget *budget)
{
	double missing_ns = (double)BUDGET_CREDIT_NS - budget->balance_ns, pause_ns;

	if (budget->spent_ns)
		return spending_pause_ns(budget);
	if (!anyone_is_raised(budget))
		return 0;
	if (is_full(budget))
		return anyone_may_go_down(budget) ? LOOK_NS : LOOK_RAISED_NS;
	pause_ns = budget->income > 0 ? missing_ns / budget->income : (double)LOOK_RAISED_NS;
	if (pause_ns > (double)LOOK_RAISED_NS)
		return LOOK_RAISED_NS;
	return pause_ns < (double)LOOK_NS ? LOOK_NS : (uint64_t)pause_ns;
}
