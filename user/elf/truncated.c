// SPDX-License-Identifier: GPL-2.0-only
#include "elf/truncated.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096

/* glibc's mmap() on x86-64 is the system call and errno, so it may be called in here. */
static void put_zeroes(int number, siginfo_t *info, void *context)
{
	void *page = (void *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE_BYTES - 1));
	int saved = errno;

	(void)context;
	/* BUS_ADRERR is a page that its file does not have; nothing else is to be papered over. */
	if (info->si_code != BUS_ADRERR ||
	    mmap(page, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		signal(number, SIG_DFL);
	errno = saved;
}

void elf_survive_truncation(void)
{
	struct sigaction action = {.sa_sigaction = put_zeroes, .sa_flags = SA_SIGINFO};

	sigaction(SIGBUS, &action, NULL);
}
