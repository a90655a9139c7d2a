// SPDX-License-Identifier: GPL-2.0-only
#include "session/budget_book.h"

#include "base/clock.h"

/*
 * From a decision until nothing hits the former probes any more, beside a busy target: Linux 6.18
 * takes 8 to 15 ms to attach the new link. Of the 24 to 54 ms that it takes to remove the old one
 * the breakpoints go first; the rest is waiting, which costs the target nothing.
 */
#define SWAP_NS (30 * NS_PER_MS)

/* While something is spent; more often when less than half of the credit is left. */
#define LOOK_NS       (20 * NS_PER_MS)
#define LOOK_SHORT_NS (10 * NS_PER_MS)
/*
 * The longest time between two looks that is reckoned with: a function is never timed again, so one
 * halt of the machine must not end it while there is much credit left.
 */
#define LOOK_LATE_NS (60 * NS_PER_MS)
/* While nothing is, but a gate is raised that the growing credit may lower. */
#define LOOK_RAISED_NS NS_PER_S

/* Another process's clock lags by a tick of the scheduler: 1 to 10 ms. */
#define CLOCK_LAG_NS (10 * NS_PER_MS)

/* A stay on a level of which nothing but copies is known brought something if it lasted so long. */
#define STAY_OF_USE_NS NS_PER_S
/* A level that brought nothing is tried again after this time, each time after twice as long. */
#define RETRY_NS        (20 * NS_PER_S)
#define RETRY_DOUBLINGS 8

/* Of which the removal alone. */
#define REMOVAL_NS (20 * NS_PER_MS)

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

static double larger(double a, double b)
{
	return a > b ? a : b;
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

/*
 * What was spent lately says nothing of the new level: its former probes are still there, or the
 * interval began with the decision. Linux 6.1 takes 0.1 s for each probe that a plain link loses,
 * and memwatch waits for it.
 */
static bool is_settling(const struct budget *budget, uint64_t settled_at_ns)
{
	return settled_at_ns > budget->at_ns ||
	       settled_at_ns + budget->interval_ns >= budget->at_ns + SWAP_NS;
}

/* Where a process that was raised may go now; its own level: nowhere. */
static enum gate_level lower_level(const struct budget *budget,
				   const struct budget_process *process)
{
	enum gate_level to = process->lowest;

	if (budget->at_ns < process->floor_until_ns && process->floor > to)
		to = process->floor;
	if (!process->is_movable || is_settling(budget, process->settled_at_ns) ||
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
		if (!is_settling(budget, process->settled_at_ns) &&
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

uint64_t budget_pause_ns(const struct budget *budget)
{
	double missing_ns = (double)BUDGET_CREDIT_NS - budget->balance_ns, pause_ns;

	if (budget->spent_ns)
		return is_short(budget) ? LOOK_SHORT_NS : LOOK_NS;
	if (!anyone_is_raised(budget))
		return 0;
	if (is_full(budget))
		return anyone_may_go_down(budget) ? LOOK_NS : LOOK_RAISED_NS;
	pause_ns = budget->income > 0 ? missing_ns / budget->income : (double)LOOK_RAISED_NS;
	if (pause_ns > (double)LOOK_RAISED_NS)
		return LOOK_RAISED_NS;
	return pause_ns < (double)LOOK_NS ? LOOK_NS : (uint64_t)pause_ns;
}

/* ---- deciding ---- */

static double rate(const struct budget *budget, uint64_t recent_ns)
{
	return (double)recent_ns / (double)budget->interval_ns;
}

/*
 * What it may cost at any moment from now on: as much as it did in its bursts. Between them there
 * is time to leave a gate that the next one could not pay.
 */
static double process_rate(const struct budget *budget, const struct budget_process *process)
{
	if (is_settling(budget, process->settled_at_ns))
		return process->new_rate;
	return larger(rate(budget, process->recent_ns), process->peak_rate);
}

static double function_rate(const struct budget *budget, const struct budget_function *function)
{
	return is_settling(budget, function->settled_at_ns) ? function->new_rate
							    : rate(budget, function->recent_ns);
}

static double total_rate(const struct budget *budget)
{
	double sum = rate(budget, budget->ended_recent_ns);
	const struct budget_process *process;

	array_each (process, &budget->processes)
		sum += process_rate(budget, process);
	for (size_t i = 0; i < budget->function_count; i++)
		sum += function_rate(budget, &budget->functions[i]);
	return sum;
}

static bool lasts_less_than(const struct budget *budget, double total, uint64_t time_ns)
{
	double drain = total - budget->income;

	return drain > 0 && budget->balance_ns < drain * (double)time_ns;
}

/* At this rate, what is left would be gone before another move could take effect. */
static bool is_too_dear(const struct budget *budget, double total)
{
	return lasts_less_than(budget, total, SWAP_NS + LOOK_NS);
}

/* It could not be paid until it has settled and yet another move takes effect. */
static bool is_of_no_help(const struct budget *budget, double total)
{
	return lasts_less_than(budget, total, 2 * (SWAP_NS + LOOK_NS));
}

/*
 * A function that is hot has to be paid until two moves take effect: that it is counted alone may
 * be of no use, since the target makes more calls then. The records of its calls keep memwatch
 * busy, so the next looks may be as late as the latest ones.
 */
static bool is_too_hot(const struct budget *budget, double total)
{
	uint64_t look_ns = budget->late_look_ns > LOOK_NS ? budget->late_look_ns : LOOK_NS;

	return lasts_less_than(budget, total, 2 * (SWAP_NS + look_ns));
}

/* How many of the latest copies were of at least so many bytes; a class counts whole. */
static uint64_t copies_from(const struct budget *budget, uint64_t gate_bytes)
{
	uint64_t copies = 0;

	if (gate_bytes == MW_NO_GATE)
		return 0;
	for (unsigned i = 0; i < MW_SIZE_CLASSES; i++) {
		if ((uint64_t)1 << i > gate_bytes)
			copies += budget->recent_copies[i];
	}
	return copies;
}

/*
 * At so large a part of the present cost for each call or copy. What is no longer spent on probes
 * the target spends on making more calls: where nine tenths of the time are probes, half their cost
 * leaves eight tenths.
 */
static double rate_at(double rate, double part)
{
	double rest = larger(1 - rate, 0), then = rate * part;

	return then > 0 ? larger(rate, 1) * then / (then + rest) : 0;
}

static double predicted_rate(const struct budget *budget, const struct budget_process *process,
			     enum gate_level level)
{
	uint64_t now = copies_from(budget, process->gate_bytes[process->level]);
	uint64_t then = copies_from(budget, process->gate_bytes[level]);

	if (process->gate_bytes[level] == MW_NO_GATE)
		return 0;
	/* What hits its points are copies that the gate is not meant for. */
	if (!now)
		return process_rate(budget, process);
	return rate_at(process_rate(budget, process), (double)then / (double)now);
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
	process->new_rate = predicted_rate(budget, process, level);
	process->peak_rate = 0;
	process->level = level;
	process->has_moved = true;
	/* What a lower gate costs shows at once. */
	process->settled_at_ns = move.is_raised ? budget->at_ns + SWAP_NS : budget->at_ns;
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
	       is_of_no_help(budget, kept + predicted_rate(budget, process, level)))
		level++;
	return level;
}

/* It is timed until the move takes effect, then counted until yet another does. */
static bool can_be_counted(const struct budget *budget, double timed, double counted)
{
	double drain = counted - budget->income;

	return drain <= 0 || budget->balance_ns >= (timed - budget->income + 2 * drain) *
							   (double)(SWAP_NS + LOOK_NS);
}

/*
 * Its ends go, single-stepped as a rule: 19 us beside 0.6 us for its entry. Or all of it, where
 * that is too little.
 */
static struct budget_move move_function(struct budget *budget, unsigned index, double kept)
{
	struct budget_function *function = &budget->functions[index];
	double before = function_rate(budget, function), counted = rate_at(before, 1.0 / 16);
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
	function->settled_at_ns = budget->at_ns + SWAP_NS;
	function->stay_spent_ns = function->spent_ns;
	function->stay_cpu_ns = budget->cpu_ns;
	return move;
}

/* They spend too much and end before they could be raised: the compiler's under make. */
static bool children_are_dear(const struct budget *budget)
{
	return rate(budget, budget->ended_recent_ns) > budget->income;
}

/* Children begin where their parent stands, so one that costs nothing itself may matter, too. */
static bool can_cost_less(const struct budget *budget, const struct budget_process *process)
{
	return (process->recent_ns || process->peak_rate > 0 || children_are_dear(budget)) &&
	       process->is_movable && process->level < GATE_NONE &&
	       !is_settling(budget, process->settled_at_ns);
}

/* One that costs less than half of what comes in is not what is wrong, nor one that cost little. */
static bool is_hot(const struct budget *budget, const struct budget_function *function)
{
	return function->watch < FUNCTION_DROPPED && function->recent_ns &&
	       !is_settling(budget, function->settled_at_ns) &&
	       function->spent_ns - function->stay_spent_ns >= BURST_NS &&
	       rate(budget, function->recent_ns) > budget->income / 2;
}

static struct budget_process *dearest_process(struct budget *budget)
{
	struct budget_process *process, *dearest = NULL;

	array_each (process, &budget->processes) {
		if (can_cost_less(budget, process) &&
		    (!dearest || process_rate(budget, process) > process_rate(budget, dearest)))
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

/* What nobody could be made to spend less. */
static double kept_rate(const struct budget *budget, double total)
{
	const struct budget_process *process;

	if (children_are_dear(budget))
		total -= rate(budget, budget->ended_recent_ns);
	array_each (process, &budget->processes) {
		if (can_cost_less(budget, process))
			total -= process_rate(budget, process);
	}
	for (size_t i = 0; i < budget->function_count; i++) {
		if (is_hot(budget, &budget->functions[i]))
			total -= function_rate(budget, &budget->functions[i]);
	}
	return larger(total, 0);
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
	double total = total_rate(budget), kept = kept_rate(budget, total);
	size_t count = 0;

	while (count < BUDGET_MOVES_MOST) {
		struct budget_process *process = dearest_process(budget);
		struct budget_function *function = dearest_function(budget);

		if (process && function &&
		    process_rate(budget, process) >= function_rate(budget, function))
			function = NULL;
		if (function ? !is_too_hot(budget, total) : !process || !is_too_dear(budget, total))
			break;
		if (!function) {
			total -= process_rate(budget, process);
			moves[count++] =
				move_process(budget, process, higher_level(budget, process, kept));
			total += process->new_rate;
			kept += process->new_rate;
			count = raise_parents(budget, process, moves, count);
		} else {
			total -= function_rate(budget, function);
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
		if (budget->at_ns < process->stay_since_ns + SWAP_NS && process->has_moved)
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
	uint64_t settled_at_ns = budget->at_ns + SWAP_NS;
	struct budget_process *process;

	array_each (process, &budget->processes) {
		if (process->settled_at_ns == settled_at_ns)
			process->settled_at_ns = at_ns + REMOVAL_NS;
	}
	for (size_t i = 0; i < budget->function_count; i++) {
		if (budget->functions[i].settled_at_ns == settled_at_ns)
			budget->functions[i].settled_at_ns = at_ns + REMOVAL_NS;
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
