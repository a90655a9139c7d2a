// SPDX-License-Identifier: GPL-2.0-only
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "target/process.h"

#define PAGE  4096
#define NOONE 65534

/* ---- children: one that waits, and what ends them ---- */

/* Says that it is there, and waits to be killed. */
static void wait_for_the_end(int ready_fd)
{
	if (write(ready_fd, "", 1) == 1)
		pause();
	_exit(1);
}

static pid_t start_child(const char *name)
{
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		wait_for_the_end(ready[1]);
	}
	assert_true(child > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

static void make_zombie(pid_t child)
{
	siginfo_t info;

	kill(child, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* ---- kinds ---- */

static void a_process_from_birth_to_grave(void **state)
{
	pid_t child = start_child("child");
	char text[32];
	uint64_t value;

	(void)state;
	assert_int_equal(process_kind(getpid()), PROCESS_WATCHABLE);
	assert_int_equal(process_kind(child), PROCESS_WATCHABLE);
	make_zombie(child);
	assert_int_equal(process_kind(child), PROCESS_ENDED);
	assert_true(process_read(child, (uintptr_t)&child, &value, sizeof(value)) < 0);
	assert_true(process_auxv(child, AT_ENTRY, &value) < 0);
	end_child(child);
	assert_int_equal(process_kind(child), PROCESS_GONE);
	assert_int_equal(process_read(child, (uintptr_t)&child, &value, sizeof(value)), -ESRCH);
	assert_int_equal(process_auxv(child, AT_ENTRY, &value), -ESRCH);
	assert_int_equal(process_cpu_ns(child), 0);
	/* What was known of it before it ended is not lost. */
	strcpy(text, "before");
	assert_false(process_comm(child, text));
	assert_string_equal(text, "before");
	assert_int_equal(process_kind(-1), PROCESS_GONE);
	assert_int_equal(process_kind(0), PROCESS_GONE);
}

static void kernel_threads(void **state)
{
	char comm[16];

	(void)state;
	if (!process_comm(2, comm) ||
	    strcmp(comm, "kthreadd")) /* in a pid namespace of its own there are none */
		skip();
	assert_int_equal(process_kind(2), PROCESS_KERNEL);
}

struct other_thread {
	pthread_barrier_t barrier;
	pid_t tid;
};

static void *be_another_thread(void *context)
{
	struct other_thread *other = context;

	other->tid = gettid();
	pthread_barrier_wait(&other->barrier);
	pthread_barrier_wait(&other->barrier);
	return NULL;
}

static void threads_are_no_processes(void **state)
{
	enum process_kind kind, own_kind;
	struct other_thread other;
	pthread_t thread;

	(void)state;
	pthread_barrier_init(&other.barrier, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, be_another_thread, &other), 0);
	pthread_barrier_wait(&other.barrier);
	kind = process_kind(other.tid);
	own_kind = process_kind(getpid());
	pthread_barrier_wait(&other.barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&other.barrier);
	assert_int_equal(kind, PROCESS_THREAD);
	assert_int_equal(own_kind, PROCESS_WATCHABLE);
}

/* The line about the one that is not goes to stderr. */
static void all_processes_are_checked(void **state)
{
	pid_t child = start_child("child"), pids[] = {getpid(), child};

	(void)state;
	assert_int_equal(processes_check(NULL, 0), 0);
	assert_int_equal(processes_check(pids, 2), 0);
	end_child(child);
	assert_int_equal(processes_check(pids, 2), -ESRCH);
	assert_int_equal(processes_check(pids, 1), 0);
}

/* Only root can become somebody who may not look. */
static void processes_of_others(void **state)
{
	int status = -1;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	child = fork();
	if (!child) {
		if (setresgid(NOONE, NOONE, NOONE) || setresuid(NOONE, NOONE, NOONE))
			_exit(100);
		_exit(process_kind(getppid()));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), PROCESS_UNREADABLE);
}

/* A 32-bit program: mov $29 (pause),%eax; int $0x80; jmp back */
static int file_of_32bit_program(void)
{
	static const uint8_t code[] = {0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7};
	struct {
		Elf32_Ehdr elf;
		Elf32_Phdr segment;
		uint8_t code[sizeof(code)];
	} program = {
		.elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_EXEC,
			.e_machine = EM_386,
			.e_version = EV_CURRENT,
			.e_entry = 0x10000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
			.e_phoff = sizeof(Elf32_Ehdr),
			.e_ehsize = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 1},
		.segment = {.p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_vaddr = 0x10000,
			    .p_filesz = sizeof(program),
			    .p_memsz = sizeof(program),
			    .p_align = PAGE},
	};
	int fd = memfd_create("program32", MFD_CLOEXEC);

	memcpy(program.code, code, sizeof(code));
	assert_true(fd >= 0);
	assert_int_equal(write(fd, &program, sizeof(program)), sizeof(program));
	return fd;
}

static void programs_of_32_bits(void **state)
{
	char *const argv[] = {"program32", NULL};
	extern char **environ;
	int fd = file_of_32bit_program(), failed[2];
	char byte;
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(failed, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fexecve(fd, argv, environ);
		_exit(write(failed[1], "", 1) != 1);
	}
	assert_true(child > 0);
	close(fd);
	close(failed[1]);
	/* A kernel without CONFIG_IA32_EMULATION runs none. */
	if (read(failed[0], &byte, 1) == 1) {
		close(failed[0]);
		end_child(child);
		skip();
	}
	close(failed[0]);
	assert_int_equal(process_kind(child), PROCESS_32BIT);
	end_child(child);
}

static void every_kind_has_its_words(void **state)
{
	(void)state;
	assert_string_equal(process_kind_text(PROCESS_WATCHABLE), "");
	for (int kind = PROCESS_WATCHABLE + 1; kind <= PROCESS_UNREADABLE; kind++)
		assert_true(strlen(process_kind_text(kind)) > 5);
}

/* ---- names ---- */

/* The name stands in the middle of /proc/PID/stat, in parentheses, and may have any of its own. */
static void names_that_look_like_fields(void **state)
{
	static const char *const names[] = {"a) b (c", "x) Z 1 1 1", ")", "( ) (",
					    "fifteen letters"};
	char comm[16];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		pid_t child = start_child(names[i]);

		assert_int_equal(process_kind(child), PROCESS_WATCHABLE);
		assert_true(process_comm(child, comm));
		assert_string_equal(comm, names[i]);
		make_zombie(child);
		assert_int_equal(process_kind(child), PROCESS_ENDED);
		end_child(child);
	}
}

/* ---- memory ---- */

static void reads_memory(void **state)
{
	char *pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[16] = "";

	(void)state;
	assert_true(pages != MAP_FAILED);
	memcpy(pages + PAGE - 8, "what is here", 12);
	assert_int_equal(process_read(getpid(), (uintptr_t)pages + PAGE - 8, buf, 12), 0);
	assert_memory_equal(buf, "what is here", 12);
	munmap(pages + PAGE, PAGE);
	assert_int_equal(process_read(getpid(), (uintptr_t)pages + PAGE - 8, buf, 8), 0);
	/* Half of it is not there, and then nothing of it. */
	assert_int_equal(process_read(getpid(), (uintptr_t)pages + PAGE - 8, buf, 12), -EFAULT);
	assert_int_equal(process_read(getpid(), (uintptr_t)pages + PAGE, buf, 1), -EIO);
	assert_true(process_read(getpid(), 0, buf, 1) < 0);
	assert_true(process_read(getpid(), UINT64_MAX - 7, buf, 8) < 0);
	munmap(pages, PAGE);
}

static void reads_a_childs_memory(void **state)
{
	static volatile uint64_t word;
	uint64_t value = 0;
	pid_t child;

	(void)state;
	word = 0x1122334455667788;
	child = start_child("child");
	word = 0;
	assert_int_equal(process_read(child, (uintptr_t)&word, &value, sizeof(value)), 0);
	assert_int_equal(value, 0x1122334455667788);
	end_child(child);
}

static void auxiliary_vector(void **state)
{
	static const uint64_t types[] = {AT_ENTRY, AT_PHDR, AT_PHNUM, AT_PAGESZ, AT_SYSINFO_EHDR};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		value = 0;
		assert_int_equal(process_auxv(getpid(), types[i], &value), 0);
		assert_int_equal(value, getauxval(types[i]));
	}
	assert_int_equal(process_auxv(getpid(), 123456, &value), -ENOENT);
}

/* ---- CPU time ---- */

static void *burn_60ms(void *context)
{
	struct timespec now;

	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while (now.tv_sec * NS_PER_S + now.tv_nsec < 60 * NS_PER_MS);
	return context;
}

/* That of a thread counts, also when the thread is gone. */
static void cpu_time_grows(void **state)
{
	uint64_t before_ns = process_cpu_ns(getpid()), after_ns;
	pthread_t thread;
	struct timespec now;
	uint64_t clock_ns;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, burn_60ms, NULL), 0);
	pthread_join(thread, NULL);
	after_ns = process_cpu_ns(getpid());
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	clock_ns = now.tv_sec * NS_PER_S + now.tv_nsec;
	assert_true(after_ns >= before_ns + 60 * NS_PER_MS);
	assert_true(after_ns <= clock_ns);
}

/* Of another process, too: what it says of itself when it last ran. */
static void cpu_time_of_a_child(void **state)
{
	uint64_t told_ns, cpu_ns;
	int tells[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(tells, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		struct timespec now;
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, burn_60ms, NULL);
		pthread_join(thread, NULL);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
		told_ns = now.tv_sec * NS_PER_S + now.tv_nsec;
		if (write(tells[1], &told_ns, sizeof(told_ns)) == sizeof(told_ns))
			pause();
		_exit(1);
	}
	close(tells[1]);
	assert_int_equal(read(tells[0], &told_ns, sizeof(told_ns)), sizeof(told_ns));
	close(tells[0]);
	/* Up to a tick of the scheduler, 10 ms at the most, may not have been added yet. */
	cpu_ns = process_cpu_ns(child);
	assert_true(told_ns >= 60 * NS_PER_MS);
	assert_true(cpu_ns + 10 * NS_PER_MS >= told_ns);
	make_zombie(child);
	assert_true(process_cpu_ns(child) >= told_ns);
	end_child(child);
	assert_int_equal(process_cpu_ns(child), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_from_birth_to_grave),
		cmocka_unit_test(kernel_threads),
		cmocka_unit_test(threads_are_no_processes),
		cmocka_unit_test(all_processes_are_checked),
		cmocka_unit_test(processes_of_others),
		cmocka_unit_test(programs_of_32_bits),
		cmocka_unit_test(every_kind_has_its_words),
		cmocka_unit_test(names_that_look_like_fields),
		cmocka_unit_test(reads_memory),
		cmocka_unit_test(reads_a_childs_memory),
		cmocka_unit_test(auxiliary_vector),
		cmocka_unit_test(cpu_time_grows),
		cmocka_unit_test(cpu_time_of_a_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
