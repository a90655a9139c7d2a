// SPDX-License-Identifier: GPL-2.0-only
/* Copy routines of a program's own, which take the C library's place for all of its libraries. */
#include <dlfcn.h>
#include <stddef.h>

void *memmove(void *to, const void *from, size_t bytes);

#if defined(SHIM_jump)

/* A tail jump through the PLT. */
void *memcpy(void *to, const void *from, size_t bytes)
{
	return memmove(to, from, bytes);
}

#elif defined(SHIM_call)

unsigned long calls;

/* Calls it, and comes back. */
void *memcpy(void *to, const void *from, size_t bytes)
{
	void *result = memmove(to, from, bytes);

	calls++;
	return result;
}

#elif defined(SHIM_helper)

unsigned long calls;

/* Calls it by way of another function. */
static __attribute__((noinline)) void *counted(void *to, const void *from, size_t bytes)
{
	void *result = memmove(to, from, bytes);

	calls++;
	return result;
}

void *memcpy(void *to, const void *from, size_t bytes)
{
	void *result = counted(to, from, bytes);

	calls++;
	return result;
}

#elif defined(SHIM_next)

/* As tracers and allocators do it: the next one, asked for at the first call. */
#define SHIM(name)                                                                                 \
	void *name(void *to, const void *from, size_t bytes)                                       \
	{                                                                                          \
		static void *(*next)(void *, const void *, size_t);                                \
                                                                                                   \
		if (!next)                                                                         \
			*(void **)&next = dlsym(RTLD_NEXT, #name);                                 \
		return next(to, from, bytes);                                                      \
	}
SHIM(memcpy)
SHIM(memmove)
SHIM(mempcpy)

#elif defined(SHIM_own)

/* The barrier keeps the compiler from making a call of memcpy out of it. */
void *memcpy(void *to, const void *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		((char *)to)[i] = ((const char *)from)[i];
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

#elif defined(SHIM_both)

/* Small ones by itself, large ones through the library's. */
void *memcpy(void *to, const void *from, size_t bytes)
{
	if (bytes > 64)
		return memmove(to, from, bytes);
	for (size_t i = 0; i < bytes; i++) {
		((char *)to)[i] = ((const char *)from)[i];
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

#elif defined(SHIM_rust)

/* Rust's compiler-builtins: with rep movsb where the CPU is fast at it, else with rep movsq. */
__asm__(".text\n"
	".weak memcpy\n"
	".type memcpy, @function\n"
	"memcpy: mov %rdi, %rax\n"
	"mov %rdx, %rcx\n"
	"rep movsb\n"
	"ret\n"
	".size memcpy, . - memcpy\n"
	".weak memmove\n"
	".type memmove, @function\n"
	"memmove: mov %rdi, %rax\n"
	"mov %edi, %ecx\n"
	"neg %ecx\n"
	"and $7, %ecx\n"
	"cmp %rcx, %rdx\n"
	"cmovb %rdx, %rcx\n"
	"sub %rcx, %rdx\n"
	"rep movsb\n"
	"mov %rdx, %rcx\n"
	"shr $3, %rcx\n"
	"and $7, %edx\n"
	"rep movsq\n"
	"mov %edx, %ecx\n"
	"rep movsb\n"
	"ret\n"
	".size memmove, . - memmove\n");

#endif
