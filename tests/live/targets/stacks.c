// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watched calls that leave their stack: stacks coroutines ROUNDS, stacks signals low|high ROUNDS.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#define COROUTINES  4
#define STACK_BYTES (256u << 10)
#define COPY_MOST   (4u << 20)
#define watched     __attribute__((noipa, used))

static char from[COPY_MOST], into[COPY_MOST], handler_into[COPY_MOST];

__attribute__((noipa)) static void copy_bytes(void *to, size_t bytes)
{
	memcpy(to, from, bytes);
}

static unsigned long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ul + now.tv_nsec;
}

/* ---- coroutines, each inside its own call of visit ---- */

struct visit {
	unsigned long before_ns, first_ns, last_ns, after_ns;
	unsigned result;
};

static ucontext_t home, contexts[COROUTINES];
static struct visit *visits;
static unsigned rounds, turn, running;

static void yield(void)
{
	unsigned me = turn;

	do
		turn = (turn + 1) % COROUTINES;
	while (!(running >> turn & 1));
	if (turn != me)
		swapcontext(&contexts[me], &contexts[turn]);
}

/* Yields a different number of times for each, so that the calls end in another order. */
watched unsigned visit(struct visit *visit, unsigned id, unsigned round)
{
	visit->first_ns = now_ns();
	copy_bytes(into, 1000 + id);
	for (unsigned i = 0; i < 1 + (id + round) % 3; i++)
		yield();
	copy_bytes(into, 2000 + id);
	visit->last_ns = now_ns();
	return id * 1000003 + round;
}

static void coroutine(int id)
{
	for (unsigned round = 0; round < rounds; round++) {
		struct visit *mine = &visits[id * rounds + round];

		mine->before_ns = now_ns();
		mine->result = visit(mine, id, round);
		mine->after_ns = now_ns();
	}
	running &= ~(1u << id);
	if (!running)
		setcontext(&home);
	yield();
}

static int tell_visits(void)
{
	int wrong = 0;

	for (unsigned i = 0; i < COROUTINES * rounds; i++) {
		wrong += visits[i].result != i / rounds * 1000003 + i % rounds;
		printf("{\"before_ns\":%lu,\"first_ns\":%lu,\"last_ns\":%lu,\"after_ns\":%lu}\n",
		       visits[i].before_ns, visits[i].first_ns, visits[i].last_ns,
		       visits[i].after_ns);
	}
	printf("{\"function\":\"visit\",\"calls\":%u,\"ended\":%u}\n", COROUTINES * rounds,
	       COROUTINES * rounds);
	return wrong;
}

static int run_coroutines(void)
{
	visits = calloc(COROUTINES * rounds, sizeof(*visits));
	running = (1u << COROUTINES) - 1;
	for (unsigned id = 0; id < COROUTINES; id++) {
		getcontext(&contexts[id]);
		contexts[id].uc_stack.ss_sp = malloc(STACK_BYTES);
		contexts[id].uc_stack.ss_size = STACK_BYTES;
		makecontext(&contexts[id], (void (*)(void))coroutine, 1, (int)id);
	}
	swapcontext(&home, &contexts[0]);
	return tell_visits();
}

/* ---- a signal handler on another stack, inside a watched call ---- */

#define HANDLER_BYTES (2u << 20)
#define STAY_NS       3000000ul

static volatile unsigned long handled;
static unsigned long copied_bytes, copies;

static void on_alarm(int signal)
{
	(void)signal;
	copy_bytes(handler_into, HANDLER_BYTES);
	handled++;
}

/* Signals come while it copies, and neither before its first copy nor after its last. */
watched unsigned disturbed(const sigset_t *alarm)
{
	unsigned long end_ns = now_ns() + STAY_NS;
	unsigned mine = 0;

	copy_bytes(into, 10000);
	pthread_sigmask(SIG_UNBLOCK, alarm, NULL);
	for (; now_ns() < end_ns; mine++)
		copy_bytes(into, HANDLER_BYTES);
	pthread_sigmask(SIG_BLOCK, alarm, NULL);
	copy_bytes(into, 20000);
	return mine;
}

static void *disturb(void *stack_memory)
{
	stack_t stack = {.ss_sp = stack_memory, .ss_size = STACK_BYTES};
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK | SA_RESTART};
	struct itimerval every = {{0, 1000}, {0, 1000}};
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigaltstack(&stack, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (unsigned round = 0; round < rounds; round++) {
		unsigned mine = disturbed(&alarm);

		copied_bytes += 30000 + (unsigned long)mine * HANDLER_BYTES;
		copies += 2 + mine;
	}
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	return NULL;
}

/* high: the handler's stack is main's, and lies above that of the thread that is disturbed. */
static int run_signals(const char *where)
{
	char on_main_stack[STACK_BYTES];
	static char in_bss[STACK_BYTES];
	pthread_t thread;
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	if (!strcmp(where, "low")) {
		disturb(in_bss);
	} else {
		pthread_create(&thread, NULL, disturb, on_main_stack);
		pthread_join(thread, NULL);
	}
	copied_bytes += handled * HANDLER_BYTES;
	copies += handled;
	printf("{\"function\":\"disturbed\",\"calls\":%u,\"ended\":%u,\"copied_bytes\":%lu,"
	       "\"copies\":%lu}\n", rounds, rounds, copied_bytes, copies);
	printf("{\"handled\":%lu}\n", handled);
	return memcmp(handler_into, from, HANDLER_BYTES) != 0;
}

int main(int argc, char *argv[])
{
	memset(from, 0x5a, sizeof(from));
	rounds = argc > 2 ? strtoul(argv[argc - 1], NULL, 0) : 0;
	if (argc > 2 && !strcmp(argv[1], "coroutines"))
		return run_coroutines() ? 1 : 0;
	if (argc > 3 && !strcmp(argv[1], "signals"))
		return run_signals(argv[2]) ? 1 : 0;
	fprintf(stderr, "stacks coroutines ROUNDS | stacks signals low|high ROUNDS\n");
	return 2;
}
