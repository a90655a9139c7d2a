// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large copies in a thread each, and what may happen to them before they end: largecopy MODE
 * ROUNDS.
 *
 * plain    nothing
 * nested   a signal handler copies, on a stack above the thread's own (sigaltstack)
 * jump     the handler leaves the copy by siglongjmp(), now and then
 * fork     the handler forks, and both processes come out of the copy
 * vfork    the handler starts /bin/true
 * leave    the handler ends the thread within the copy
 *
 * Prints what the copies of each thread were and how long they took, then a checksum.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB           (1ul << 20)
#define THREADS       2
#define COPY_MOST     (64 * MIB)
#define STACK_BYTES   (256ul << 10)
#define HANDLER_BYTES (2 * MIB)

enum mode { PLAIN, NESTED, JUMP, FORK, VFORK, LEAVE, MODES };
static const char *const mode_names[MODES] = {"plain", "nested", "jump", "fork", "vfork", "leave"};

struct worker {
	pthread_t thread;
	pid_t tid;
	char *from, *into, *handler_into;
	char *stacks; /* its own, and above that the handler's, in one mapping */
	sigjmp_buf out;
	volatile sig_atomic_t in_copy;
	unsigned long copies, bytes, copy_ns, left, nested, children, bad;
};

static enum mode mode;
static unsigned rounds;
static struct worker workers[THREADS];
static _Thread_local struct worker *self;
static atomic_int running;

static unsigned long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ul + now.tv_nsec;
}

/* Not inlined: the copies all lie at one depth of the stack, and return to one place. */
__attribute__((noipa)) static void copy_bytes(char *into, const char *from, unsigned long bytes)
{
	memcpy(into, from, bytes);
}

static void start_true(void)
{
	char *const command[] = {"true", NULL};
	pid_t child;
	int status = 1;

	if (!posix_spawn(&child, "/bin/true", NULL, NULL, command, NULL))
		waitpid(child, &status, 0);
	self->bad += status != 0;
	self->children++;
}

/*
 * The child comes out of the copy as well, and has copied the same. fork() itself may wait for ever
 * in a signal handler, without memwatch too; _Fork() (glibc 2.34) may not.
 */
static void fork_here(void)
{
	pid_t child = _Fork();
	int status;

	if (!child) {
		self->children = ~0ul;
		return;
	}
	waitpid(child, &status, 0);
	self->bad += status != 0;
	self->children++;
}

static void on_alarm(int number)
{
	(void)number;
	if (!self || !self->in_copy)
		return;
	switch (mode) {
	case NESTED:
		copy_bytes(self->handler_into, self->from, HANDLER_BYTES);
		self->nested++;
		break;
	case JUMP:
		copy_bytes(self->handler_into, self->from, HANDLER_BYTES);
		self->nested++;
		if (self->nested % 3)
			break;
		self->left++;
		siglongjmp(self->out, 1);
	case FORK:
		self->in_copy = 0;
		fork_here();
		break;
	case VFORK:
		self->in_copy = 0;
		start_true();
		break;
	case LEAVE:
		self->left++;
		running--;
		pthread_exit(NULL);
	default:
		break;
	}
}

static void copy_one(unsigned long bytes)
{
	unsigned long start_ns = now_ns();

	memset(self->into, 0, 64);
	self->in_copy = 1;
	copy_bytes(self->into, self->from, bytes);
	self->in_copy = 0;
	if (self->children == ~0ul)
		_exit(memcmp(self->into, self->from, bytes) != 0);
	self->copies++;
	self->bytes += bytes;
	self->copy_ns += now_ns() - start_ns;
	self->bad += memcmp(self->into, self->from, bytes) != 0;
}

static void *work(void *data)
{
	stack_t above = {.ss_sp = ((struct worker *)data)->stacks + STACK_BYTES,
			 .ss_size = STACK_BYTES};
	volatile unsigned i = 0;

	self = data;
	self->tid = gettid();
	sigaltstack(&above, NULL);
	sigsetjmp(self->out, 1);
	while (i < rounds) {
		i++;
		copy_one(MIB << i % 7);
	}
	running--;
	return NULL;
}

static void start(struct worker *worker)
{
	pthread_attr_t attributes;

	worker->from = malloc(COPY_MOST);
	worker->into = malloc(COPY_MOST);
	worker->handler_into = malloc(HANDLER_BYTES);
	worker->stacks = mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!worker->from || !worker->into || !worker->handler_into || worker->stacks == MAP_FAILED)
		exit(2);
	for (unsigned long i = 0; i < COPY_MOST; i++)
		worker->from[i] = (char)(i * 31 + (i >> 12) + 1);
	memset(worker->into, 1, COPY_MOST);
	memset(worker->handler_into, 1, HANDLER_BYTES);
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, worker->stacks, STACK_BYTES);
	if (pthread_create(&worker->thread, &attributes, work, worker))
		exit(2);
}

static void report(const struct worker *worker)
{
	printf("{\"tid\": %d, \"copies\": %lu, \"copied_bytes\": %lu, \"copy_ns\": %lu, "
	       "\"left\": %lu, \"nested\": %lu, \"children\": %lu, \"bad\": %lu}\n",
	       worker->tid, worker->copies, worker->bytes, worker->copy_ns, worker->left,
	       worker->nested, worker->children, worker->bad);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK | SA_RESTART};
	const struct timespec pause = {.tv_nsec = 3000000};

	for (mode = 0; argc == 3 && mode < MODES && strcmp(argv[1], mode_names[mode]);)
		mode++;
	if (argc != 3 || mode == MODES) {
		fprintf(stderr, "usage: largecopy plain|nested|jump|fork|vfork|leave ROUNDS\n");
		return 2;
	}
	rounds = atoi(argv[2]);
	sigaction(SIGUSR1, &action, NULL);
	running = THREADS;
	for (unsigned i = 0; i < THREADS; i++)
		start(&workers[i]);
	/* Each thread by itself, not whichever the kernel would take. */
	while (running && mode != PLAIN) {
		nanosleep(&pause, NULL);
		for (unsigned i = 0; running && i < THREADS; i++)
			pthread_kill(workers[i].thread, SIGUSR1);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		report(&workers[i]);
	return 0;
}
