// SPDX-License-Identifier: GPL-2.0-only
#include "analyse/stall.h"

#include <errno.h>
#include <string.h>

#include "analyse/blame.h"
#include "analyse/call_tree.h"
#include "analyse/culprits.h"
#include "analyse/turn.h"

/*
 * A strand that copies, and its run of samples that follow each other closely: a stall, or a
 * stretch of a watched call.
 */
struct strand {
	pid_t pid;
	uint64_t goroutine_addr;
	uint64_t ended_ns; /* the end of its run before this one; 0: there was none */

	uint64_t ticks; /* 0: no run has begun */
	bool in_span;
	struct sample first, last; /* ticks of the run; their paths are gone */
	uint64_t error_ns;         /* the largest weight */
	uint64_t user_ns, fault_ns;
	uint64_t gate_bytes; /* the largest */
	struct blame blame;
	struct turn turn;

	uint32_t node; /* of the call tree, where its last stack ends; NO_FUNCTION: none yet */
	uint64_t waiting_ns; /* of samples that came before the run's first stack */
};

struct stalls {
	struct stall_settings settings;
	ARRAY(struct strand *) strands;
	struct strand *latest; /* whose sample came last; NULL: it is forgotten */
	struct culprits culprits;
	struct call_tree tree;
	uint64_t sampled_ns, stackless_ns;
	culprit_list listed_culprits; /* these two: the last summary's */
	call_nodes listed_nodes;
};

struct stalls *stalls_new(const struct stall_settings *settings)
{
	struct stalls *stalls = calloc(1, sizeof(*stalls));

	if (!stalls)
		return NULL;
	stalls->settings = *settings;
	if (culprits_init(&stalls->culprits) || call_tree_init(&stalls->tree)) {
		stalls_free(stalls);
		return NULL;
	}
	return stalls;
}

static void strand_free(struct strand *strand)
{
	blame_release(&strand->blame);
	turn_release(&strand->turn);
	free(strand);
}

void stalls_free(struct stalls *stalls)
{
	struct strand **strand;

	if (!stalls)
		return;
	array_each (strand, &stalls->strands)
		strand_free(*strand);
	array_release(&stalls->strands);
	culprits_release(&stalls->culprits);
	call_tree_release(&stalls->tree);
	array_release(&stalls->listed_culprits);
	array_release(&stalls->listed_nodes);
	free(stalls);
}

/* ---- strands ---- */

/* Few copy at a time. */
static struct strand *find_strand(const struct stalls *stalls, const struct sample *sample)
{
	struct strand **strand;

	array_each (strand, &stalls->strands) {
		if ((*strand)->pid == sample->pid &&
		    (*strand)->goroutine_addr == sample->goroutine_addr &&
		    (sample->goroutine_addr || (*strand)->last.tid == sample->tid))
			return *strand;
	}
	return NULL;
}

static struct strand *add_strand(struct stalls *stalls, const struct sample *sample)
{
	struct strand *strand = calloc(1, sizeof(*strand));

	if (!strand)
		return NULL;
	strand->pid = sample->pid;
	strand->goroutine_addr = sample->goroutine_addr;
	strand->node = NO_FUNCTION;
	if (array_push(&stalls->strands, strand)) {
		free(strand);
		return NULL;
	}
	return strand;
}

/* ---- runs ---- */

static uint64_t growth(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* A tick stands for as much time before it as after it; but not for what came before the run. */
static uint64_t start_of(const struct strand *strand)
{
	uint64_t start_ns = growth(strand->first.at_ns, strand->first.weight_ns / 2);

	return start_ns > strand->ended_ns ? start_ns : strand->ended_ns;
}

static uint64_t end_of(const struct strand *strand, uint64_t now_ns)
{
	uint64_t end_ns = strand->last.at_ns + strand->last.weight_ns / 2;

	return end_ns < now_ns ? end_ns : now_ns;
}

/* Stacks are sometimes read while they change: one odd stack makes two changes. */
#define CHANGES_ONE_IN 8

/*
 * From the culprit outward. Go keeps nothing in registers over a call, so there they tell nothing;
 * and where all seem to be called anew, it is they that are not known.
 */
static size_t lasting_frame(const struct strand *strand, const struct call_path *path,
			    const struct frame *culprit)
{
	size_t first = 0, i;

	while (path && first < path->frames.count &&
	       !(culprit && frame_same_function(&path->frames.items[first], culprit)))
		first++;
	for (i = first; path && i < path->frames.count && !strand->goroutine_addr; i++) {
		const struct seen_function *seen =
			blame_seen(&strand->blame, &path->frames.items[i]);

		if (seen && seen->compared && seen->other_calls * CHANGES_ONE_IN <= seen->compared)
			return i;
	}
	return first;
}

/* Ticks are the thread's, and a goroutine may have had several. */
static uint64_t ran_ns(const struct strand *strand)
{
	if (strand->goroutine_addr || !strand->ticks)
		return 0;
	return (growth(strand->last.ticks, strand->first.ticks) + 1) * strand->last.weight_ns;
}

static struct stall stall_of(const struct strand *strand, uint64_t now_ns)
{
	const struct frame *culprit = blame_culprit(&strand->blame);
	const struct seen_function *seen = blame_seen(&strand->blame, culprit);
	const struct call_path *path = blame_path(&strand->blame, culprit);
	uint64_t start_ns = start_of(strand);
	struct stall stall = {
		.culprit = culprit,
		.frames = path ? path->frames.items : NULL,
		.frame_count = path ? path->frames.count : 0,
		.path_end = path ? path->end : STACK_WHOLE,
		.pid = strand->pid,
		.tid = strand->last.tid,
		.goroutine_addr = strand->goroutine_addr,
		.start_ns = start_ns,
		.duration_ns = growth(end_of(strand, now_ns), start_ns),
		.error_ns = strand->error_ns,
		.samples = strand->ticks,
		.stacks = strand->blame.stacks,
		.stacks_as_copier = seen ? seen->as_copier : 0,
		.lasting_frame = lasting_frame(strand, path, culprit),
		.user_ns = strand->user_ns,
		.fault_ns = strand->fault_ns,
		.ran_ns = ran_ns(strand),
		.trap_ns = growth(strand->last.traps, strand->first.traps) * strand->last.weight_ns,
		.copied_bytes = growth(strand->last.copied_bytes, strand->first.prior_bytes),
		.copies = growth(strand->last.copies, strand->first.prior_copies),
		.gate_bytes = strand->gate_bytes,
	};

	memcpy(stall.comm, strand->last.comm, sizeof(stall.comm));
	return stall;
}

static void tell(struct stalls *stalls, const struct strand *strand, uint64_t now_ns,
		 bool unfinished)
{
	struct stall stall = stall_of(strand, now_ns);

	if (stall.samples < stalls->settings.samples_least)
		return;
	stall.unfinished = unfinished;
	culprits_add(&stalls->culprits, &stall);
	if (stall.duration_ns >= stalls->settings.min_time_ns)
		stalls->settings.on_stall(stalls->settings.context, &stall);
}

/* now_ns: what the strand's time is known to be; nothing lasts longer. */
static void run_end(struct stalls *stalls, struct strand *strand, uint64_t now_ns, bool unfinished)
{
	struct strand next = {
		.pid = strand->pid,
		.goroutine_addr = strand->goroutine_addr,
		.last = strand->last,
		.node = NO_FUNCTION,
	};

	if (strand->ticks && !strand->in_span)
		tell(stalls, strand, now_ns, unfinished);
	stalls->stackless_ns += strand->waiting_ns;
	next.ended_ns = end_of(strand, now_ns);
	blame_release(&strand->blame);
	*strand = next;
}

/* The latest sample of the run, be it one that waits. */
static const struct sample *latest_of(const struct strand *strand)
{
	size_t waiting = strand->turn.waiting.count;

	return waiting ? &strand->turn.waiting.items[waiting - 1].sample : &strand->last;
}

static bool is_quiet(const struct stalls *stalls, const struct strand *strand, uint64_t now_ns)
{
	uint64_t quiet_ns = stalls->settings.quiet_ns;

	/* A goroutine's thread may have turned to others: of them nothing more is known. */
	return growth(now_ns, latest_of(strand)->at_ns) >
	       (strand->goroutine_addr ? quiet_ns : stalls->settings.silence_ns);
}

struct sampled_at sampled_at(const struct sample *sample)
{
	return (struct sampled_at){sample->tid, sample->goroutine_addr, sample->at_ns,
				   sample->ticks, sample->sleeps};
}

bool sample_follows(const struct sample *sample, const struct sampled_at *before, uint64_t quiet_ns)
{
	if (growth(sample->at_ns, before->at_ns) <= quiet_ns)
		return true;
	return !sample->goroutine_addr && sample->tid == before->tid &&
	       sample->sleeps == before->sleeps && sample->ticks - before->ticks <= MW_LEFT_TICKS;
}

static bool is_apart(const struct stalls *stalls, const struct strand *strand,
		     const struct sample *sample)
{
	struct sampled_at before = sampled_at(latest_of(strand));

	return !sample_follows(sample, &before, stalls->settings.quiet_ns);
}

static void count_tick(struct strand *strand, const struct sample *sample)
{
	if (!strand->ticks++) {
		strand->first = *sample;
		strand->in_span = sample->in_span;
	}
	strand->last = *sample;
	strand->first.path = strand->last.path = NULL;
	if (sample->weight_ns > strand->error_ns)
		strand->error_ns = sample->weight_ns;
	if (sample->gate_bytes > strand->gate_bytes)
		strand->gate_bytes = sample->gate_bytes;
	*(sample->in_fault ? &strand->fault_ns : &strand->user_ns) += sample->weight_ns;
}

/* Those without a stack are taken to be where the last one of the run was. */
static void count_in_tree(struct stalls *stalls, struct strand *strand, const struct sample *sample)
{
	stalls->sampled_ns += sample->weight_ns;
	strand->waiting_ns += sample->weight_ns;
	if (sample->path && sample->path->frames.count)
		strand->node = call_tree_find(&stalls->tree, sample->path);
	if (strand->node == NO_FUNCTION)
		return;
	call_tree_add(&stalls->tree, strand->node, strand->waiting_ns);
	strand->waiting_ns = 0;
}

/* A tick that belongs to the run, or a stack of it. */
static int run_take(struct stalls *stalls, struct strand *strand, const struct sample *sample)
{
	if (sample->weight_ns)
		count_tick(strand, sample);
	count_in_tree(stalls, strand, sample);
	if (!sample->path || strand->in_span)
		return 0;
	return blame_add(&strand->blame, sample->path, sample->is_inlined);
}

static int run_take_waiting(struct stalls *stalls, struct strand *strand)
{
	struct waiting_sample *waiting;
	int err = 0;

	array_each (waiting, &strand->turn.waiting) {
		if (waiting->path.frames.count)
			waiting->sample.path = &waiting->path;
		if (!err)
			err = run_take(stalls, strand, &waiting->sample);
	}
	return err;
}

/* What waited to see whether it is another stall is none: nothing more came. */
static void run_end_all(struct stalls *stalls, struct strand *strand, uint64_t now_ns,
			bool unfinished)
{
	run_take_waiting(stalls, strand);
	turn_release(&strand->turn);
	run_end(stalls, strand, now_ns, unfinished);
}

static int take_in_turn(struct stalls *stalls, struct strand *strand, const struct sample *sample)
{
	enum turn_verdict verdict = strand->in_span ? TURN_NONE : turn_judge(&strand->turn, sample);
	struct turn turn;
	int err;

	if (verdict == TURN_WAIT)
		return 0;
	if (verdict == TURN_HERE) {
		/* A run's end forgets all of the strand's. */
		turn = strand->turn;
		strand->turn = (struct turn){0};
		run_end(stalls, strand, turn.waiting.items[0].sample.at_ns, false);
		strand->turn = turn;
	}
	err = run_take_waiting(stalls, strand);
	turn_taken(&strand->turn, verdict == TURN_HERE);
	if (!err)
		err = run_take(stalls, strand, sample);
	return err ? err : verdict == TURN_FAILED ? -ENOMEM : 0;
}

int stalls_add(struct stalls *stalls, const struct sample *sample)
{
	struct strand *strand = find_strand(stalls, sample);

	if (sample->has_left) {
		if (strand && strand->ticks)
			run_end_all(stalls, strand, sample->at_ns, false);
		return 0;
	}
	if (!sample->weight_ns && (!sample->path || !strand || !strand->ticks))
		return 0;
	if (!strand)
		strand = add_strand(stalls, sample);
	if (!strand)
		return -ENOMEM;
	stalls->latest = strand;
	if (sample->weight_ns && strand->ticks &&
	    (strand->in_span != sample->in_span || is_apart(stalls, strand, sample)))
		run_end_all(stalls, strand, sample->at_ns, false);
	return take_in_turn(stalls, strand, sample);
}

/* ---- ends ---- */

/*
 * Ends what `is_over` says, and forgets it. Where no tick would have come since the strand's last
 * one, nothing tells that it has left the copy. Whether there was any.
 */
static bool end_some(struct stalls *stalls, uint64_t now_ns,
		     bool (*is_over)(const struct stalls *, const struct strand *, uint64_t),
		     uint64_t argument)
{
	size_t kept = 0, all = stalls->strands.count;

	for (size_t i = 0; i < all; i++) {
		struct strand *strand = stalls->strands.items[i];

		if (!is_over(stalls, strand, argument)) {
			stalls->strands.items[kept++] = strand;
			continue;
		}
		run_end_all(stalls, strand, now_ns,
			    now_ns <= latest_of(strand)->at_ns + latest_of(strand)->weight_ns);
		if (stalls->latest == strand)
			stalls->latest = NULL;
		strand_free(strand);
	}
	stalls->strands.count = kept;
	return kept < all;
}

bool stalls_advance(struct stalls *stalls, uint64_t now_ns)
{
	return end_some(stalls, now_ns, is_quiet, now_ns);
}

static bool is_of_process(const struct stalls *stalls, const struct strand *strand, uint64_t pid)
{
	(void)stalls;
	return strand->pid == (pid_t)pid;
}

void stalls_drop_process(struct stalls *stalls, pid_t pid, uint64_t now_ns)
{
	end_some(stalls, now_ns, is_of_process, (uint64_t)pid);
}

static bool is_any(const struct stalls *stalls, const struct strand *strand, uint64_t argument)
{
	(void)stalls;
	(void)strand;
	(void)argument;
	return true;
}

void stalls_finish(struct stalls *stalls, uint64_t now_ns)
{
	end_some(stalls, now_ns, is_any, 0);
}

bool stalls_latest(const struct stalls *stalls, struct stall *stall)
{
	const struct strand *strand = stalls->latest;

	if (!strand || !strand->ticks || strand->in_span)
		return false;
	*stall = stall_of(strand, UINT64_MAX);
	return true;
}

int stalls_summarize(struct stalls *stalls, struct stall_summary *summary)
{
	struct strand **strand;

	stalls->listed_culprits.count = stalls->listed_nodes.count = 0;
	if (culprits_list(&stalls->culprits, &stalls->listed_culprits) ||
	    call_tree_list(&stalls->tree, &stalls->listed_nodes))
		return -ENOMEM;
	*summary = (struct stall_summary){
		.culprits = stalls->listed_culprits.items,
		.culprit_count = stalls->listed_culprits.count,
		.nodes = stalls->listed_nodes.items,
		.node_count = stalls->listed_nodes.count,
		.sampled_ns = stalls->sampled_ns,
		.stackless_ns = stalls->stackless_ns,
	};
	array_each (strand, &stalls->strands)
		summary->stackless_ns += (*strand)->waiting_ns;
	return 0;
}
