// SPDX-License-Identifier: GPL-2.0-only
/* The part of a call path that lies in a shared library (chain.c). */
typedef int (*chain_step)(unsigned left);

int chain_library_outer(chain_step next, void (*enter)(const char *), unsigned left);

static __attribute__((noinline)) int library_inner(chain_step next, void (*enter)(const char *),
						   unsigned left)
{
	int result;

	enter(__func__);
	result = next(left);
	/* A call in the last place would be a jump. */
	__asm__ volatile("" ::: "memory");
	return result + 1;
}

__attribute__((noinline)) int chain_library_outer(chain_step next, void (*enter)(const char *),
						  unsigned left)
{
	int result;

	enter(__func__);
	result = library_inner(next, enter, left);
	__asm__ volatile("" ::: "memory");
	return result + 1;
}
