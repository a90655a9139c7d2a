// SPDX-License-Identifier: GPL-2.0-only
/*
 * execute_gates SEEDS PLANS CASE [FIRST]: makes mutants of the copy routines in the folder of
 * fuzz_gates' seeds, plans gates for them and executes each plan in an emulator, until PLANS plans
 * were tried. A plan that is not true ends it with status 1: it says what was planned, and what
 * happened, and keeps the case in the file CASE. The same numbers make the same mutants; FIRST is
 * the first of them.
 */
#include <dirent.h>
#include <inttypes.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz/emulate.h"

#define SEEDS_MOST     256
#define CALLS_PER_PLAN 14
/* Of a copy byte by byte; who takes more goes round in a loop, or copies more than was asked. */
#define STEPS_PER_BYTE 6
#define BYTES_MOST     6000
/* A mutant may break the emulator itself: a process for so many. */
#define BATCH 200
/* They stand so far from each other that none reads another. */
#define APART ((uint64_t)64 << 20)

static struct {
	struct gate_case items[SEEDS_MOST];
	size_t count;
} seeds;

/* What came of it; shared with the processes that do it. */
struct totals {
	uint64_t next;                    /* the mutant to be made */
	uint64_t mutants, plans, telling; /* plans that some copies do not pass */
	uint64_t tried; /* plans under which a copy of from_bytes or more came back */
	uint64_t calls, returned, returned_from, below_hit, crashes;
	bool wrong, emulating;
};

struct trial {
	struct mutant mutant;
	struct gate_plan plan;
	struct emulated_call call;
	uint64_t number;
};

static struct totals *totals;
static const char *false_case;
static struct emulator emulator;

/* ---- what is not true ---- */

static void keep_case(const struct gate_case *given)
{
	FILE *file = fopen(false_case, "w");

	CHECK(file);
	fwrite(&given->layout, sizeof(given->layout), 1, file);
	fwrite(given->bytes, given->count, 1, file);
	fclose(file);
}

static void print_hits(void)
{
	for (size_t i = 0; i < emulator.hit_count; i++)
		printf("  hit 0x%" PRIx64 "\n", emulator.hits[i].vaddr);
}

static void not_true(const struct trial *trial, const char *what)
{
	const struct gate_plan *plan = &trial->plan;
	const struct gate_point *at;
	const struct gate_return *end;

	printf("mutant %" PRIu64 ": %s\n", trial->number, what);
	printf("  %s 0x%" PRIx64 ": 0x%" PRIx64 " bytes to 0x%" PRIx64 " from 0x%" PRIx64 "\n",
	       trial->call.is_go ? "Go door" : "door", trial->call.door, trial->call.size,
	       trial->call.dst, trial->call.src);
	printf("  gate from %" PRIu64 ", least %" PRIu64 "\n", plan->from_bytes, plan->least_bytes);
	array_each (at, &plan->points)
		printf("  point 0x%" PRIx64 " %" PRIu64 " to %" PRIu64 ": %s\n", at->point.vaddr,
		       at->least_bytes, at->most_bytes, at->point.reason);
	array_each (end, &plan->returns)
		printf("  return 0x%" PRIx64 " %" PRIu64 " to %" PRIu64 "\n", end->point.vaddr,
		       end->least_bytes, end->most_bytes);
	print_hits();
	keep_case(&trial->mutant.given);
	totals->wrong = true;
	fflush(stdout);
	_exit(1);
}

/* ---- one call against its plan ---- */

static const struct gate_point *point_of(const struct gate_plan *plan, uint64_t vaddr)
{
	const struct gate_point *at;

	array_each (at, &plan->points)
		if (at->point.vaddr == vaddr)
			return at;
	return NULL;
}

static const struct gate_return *return_of(const struct gate_plan *plan, uint64_t vaddr)
{
	const struct gate_return *end;

	array_each (end, &plan->returns)
		if (end->point.vaddr == vaddr)
			return end;
	return NULL;
}

static void check_hit(const struct trial *trial, const struct gate_point *at,
		      const struct emulated_hit *hit, bool returned)
{
	const struct emulated_call *call = &trial->call;
	const struct copy_registers *in = &at->point.in;

	if (hit->registers[in->dst] != call->dst || hit->registers[in->src] != call->src ||
	    hit->registers[in->size] != call->size)
		not_true(trial, "arguments are not in place");
	/* Some mutants write past their locals: who loses the return address does not come back. */
	if (hit->registers[CPU_RSP] != CALL_RSP || (returned && hit->stack_top != RETURN_ADDR))
		not_true(trial, "return address is not in place");
	if (call->size < at->least_bytes || call->size > at->most_bytes)
		not_true(trial, "a copy of another size than the point says");
}

/* In a loop, whatever the size. */
static bool repeats(const struct emulated_hit *hit)
{
	const struct emulated_hit *earlier;

	for (earlier = emulator.hits; earlier < hit; earlier++)
		if (earlier->vaddr == hit->vaddr)
			return true;
	return false;
}

static void check_call(const struct trial *trial, bool returned)
{
	const struct gate_plan *plan = &trial->plan;
	uint64_t size = trial->call.size;
	size_t hits = 0, ends = 0;

	for (size_t i = 0; i < emulator.hit_count; i++) {
		const struct emulated_hit *hit = &emulator.hits[i];
		const struct gate_point *at = point_of(plan, hit->vaddr);
		const struct gate_return *end = return_of(plan, hit->vaddr);

		if (at)
			check_hit(trial, at, hit, returned);
		if (repeats(hit))
			not_true(trial, "passed again and again");
		hits += at != NULL;
		ends += end != NULL;
		if (end && (size < end->least_bytes || size > end->most_bytes))
			not_true(trial, "a copy of another size than the return says");
	}
	/* Smaller ones may pass two points: nobody counts them. */
	if (hits > 1 && size >= plan->from_bytes)
		not_true(trial, "passed more than once");
	if (hits && size < plan->least_bytes)
		not_true(trial, "passed by a copy that is too small");
	if (!hits && returned && size >= plan->from_bytes)
		not_true(trial, "not passed");
	if (ends > 1)
		not_true(trial, "more than one return");
	if (!ends && returned && plan->returns.count && size >= plan->from_bytes)
		not_true(trial, "an unknown return");
	totals->calls++;
	totals->returned += returned;
	totals->returned_from += returned && size >= plan->from_bytes;
	totals->below_hit += hits && size < plan->from_bytes;
}

/* ---- many calls ---- */

/* Around what the plan and the thresholds name, and what 32 bits would not hold. */
static uint64_t choose_size(struct trial *trial)
{
	struct mutant *mutant = &trial->mutant;
	const struct gate_plan *plan = &trial->plan;
	const uint64_t *words = mutant->given.layout.words;

	switch (mutant_below(mutant, 10)) {
	case 0:
	case 1:
		return plan->from_bytes + mutant_below(mutant, 3);
	case 2:
		return plan->from_bytes + mutant_below(mutant, plan->from_bytes + 64);
	case 3:
		return plan->from_bytes - !!plan->from_bytes;
	case 4:
		return plan->least_bytes - (plan->least_bytes && mutant_below(mutant, 2));
	case 5:
		return mutant_below(mutant, plan->from_bytes + 1);
	case 6:
		return mutant_below(mutant, (uint64_t)16 << mutant_below(mutant, 12));
	case 7:
		return words[mutant_below(mutant, GATE_WORDS)] + mutant_below(mutant, 3) - 1;
	case 8:
		return ((uint64_t)1 << (31 + mutant_below(mutant, 17))) +
		       mutant_below(mutant, 2) * mutant_below(mutant, 512);
	default:
		return mutant_below(mutant, 300);
	}
}

static bool try_call(struct trial *trial)
{
	struct mutant *mutant = &trial->mutant;
	struct copy_door doors[GATE_DOORS];
	size_t count = gate_case_doors(&mutant->given, doors);
	uint64_t size = choose_size(trial), dst, src, steps;
	enum placement placement = mutant_below(mutant, PLACEMENTS);
	bool returned;

	if (size > COPY_BYTES_MOST)
		size %= 4096;
	placement_choose(placement, size < COPY_CASE_MOST ? size : 512, &mutant->random, &dst,
			 &src);
	trial->call = (struct emulated_call){
		.door = doors[mutant_below(mutant, count)].vaddr,
		.dst = AREA_ADDR + dst,
		.src = AREA_ADDR + src,
		.size = size,
		.random = case_random(&mutant->random),
		.is_go = mutant->given.layout.is_go,
	};
	steps = 1000 + STEPS_PER_BYTE * (size < BYTES_MOST ? size : BYTES_MOST);
	returned = emulator_call(&emulator, &trial->call, steps);
	check_call(trial, returned);
	return returned && size >= trial->plan.from_bytes;
}

static uint64_t choose_from(struct mutant *mutant, const struct code_view *code,
			    const struct memory_view *memory, const struct copy_door *doors,
			    size_t count)
{
	char reason[PLAN_REASON_BYTES];
	gate_sizes sizes = {0};
	uint64_t from_bytes = mutant_below(mutant, (uint64_t)16 << mutant_below(mutant, 13));
	int err = plan_gate_sizes(code, memory, mutant->given.layout.is_go, doors, count, &sizes,
				  reason);

	if (!err && sizes.count && mutant_below(mutant, 4))
		from_bytes = sizes.items[mutant_below(mutant, sizes.count)];
	array_release(&sizes);
	return from_bytes;
}

static void try_mutant(uint64_t number)
{
	static struct trial trial;
	struct mutant *mutant = &trial.mutant;
	const struct code_view code = gate_case_view(&mutant->given);
	const struct memory_view memory = gate_case_memory_view(&mutant->given);
	struct copy_door doors[GATE_DOORS];
	char reason[PLAN_REASON_BYTES];
	const struct gate_point *at;
	const struct gate_return *end;
	bool tried = false;
	size_t count;

	trial.number = number;
	mutant_make(mutant, &seeds.items[number % seeds.count],
		    GATE_CODE_VADDR + number % BATCH * APART, number);
	totals->mutants++;
	count = gate_case_doors(&mutant->given, doors);
	if (plan_gate(&code, &memory, mutant->given.layout.is_go, doors, count,
		      choose_from(mutant, &code, &memory, doors, count), &trial.plan, reason))
		return;
	totals->emulating = true;
	emulator_load(&emulator, &mutant->given);
	array_each (at, &trial.plan.points)
		emulator_watch(&emulator, at->point.vaddr);
	array_each (end, &trial.plan.returns)
		emulator_watch(&emulator, end->point.vaddr);
	for (size_t i = 0; i < CALLS_PER_PLAN; i++)
		tried |= try_call(&trial);
	totals->emulating = false;
	totals->plans++;
	totals->telling += trial.plan.least_bytes > 0;
	totals->tried += tried;
	gate_plan_release(&trial.plan);
}

static void run_batch(uint64_t plans)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		emulator_init(&emulator);
		for (size_t i = 0; i < BATCH && totals->tried < plans; i++)
			try_mutant(totals->next++);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (!WIFSIGNALED(status))
		return;
	/* The emulator's own asserts and crashes; the planner may have none. */
	totals->crashes++;
	if (!totals->emulating) {
		printf("mutant %" PRIu64 ": the planner ended with signal %d\n", totals->next - 1,
		       WTERMSIG(status));
		totals->wrong = true;
	}
}

static void read_seeds(const char *folder)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);

	for (int i = 0; i < count && seeds.count < SEEDS_MOST; i++) {
		static uint8_t bytes[SEEDS_MOST][MUTANT_CODE_BYTES];
		uint8_t *into = bytes[seeds.count];
		char path[4096];
		size_t got;
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		file = *names[i]->d_name == '.' ? NULL : fopen(path, "r");
		if (!file)
			continue;
		got = fread(into, 1, MUTANT_CODE_BYTES, file);
		if (gate_case_take(&seeds.items[seeds.count], into, got))
			seeds.count++;
		fclose(file);
	}
}

int main(int argc, char **argv)
{
	uint64_t plans = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;

	CHECK(argc > 3);
	false_case = argv[3];
	read_seeds(argv[1]);
	CHECK(seeds.count);
	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	CHECK(totals != MAP_FAILED);
	totals->next = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
	while (totals->tried < plans && !totals->wrong)
		run_batch(plans);
	printf("%" PRIu64 " mutants, %" PRIu64 " plans (%" PRIu64
	       " that small copies do not pass); with a whole copy of the gate's size %" PRIu64
	       "\n",
	       totals->mutants, totals->plans, totals->telling, totals->tried);
	printf("%" PRIu64 " calls, %" PRIu64 " came back, %" PRIu64
	       " of them of the gate's size; %" PRIu64 " smaller ones passed; %" PRIu64
	       " mutants broke the emulator\n",
	       totals->calls, totals->returned, totals->returned_from, totals->below_hit,
	       totals->crashes);
	return totals->wrong;
}
