/* SPDX-License-Identifier: GPL-2.0-only */
/* What the user asked to watch, and the numbers by which records name it. */
#ifndef CHOOSE_WATCHLIST_H
#define CHOOSE_WATCHLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "analyse/flush.h"
#include "base/array.h"
#include "bpf/event.h"

enum watch_role {
	ROLE_FLUSH,  /* --flush: calls are timed */
	ROLE_WRITES, /* --writes: calls are counted */
	ROLE_COPY,   /* --copy: one more copy routine */
	ROLE_LOADER, /* the dynamic loader's hook for "libraries changed" */
};

enum pattern_kind {
	PATTERN_NAME,   /* SYM, LIB:SYM, globs */
	PATTERN_OFFSET, /* LIB:+OFF */
	PATTERN_ADDR,   /* 0xADDR */
};

#define PATTERN_REFUSED_BYTES 512

struct pattern {
	enum watch_role role;
	enum pattern_kind kind;
	const char *text;   /* as the user wrote it */
	char *lib;          /* NULL: any */
	const char *symbol; /* PATTERN_NAME */
	uint64_t place;     /* file offset or runtime address */
	size_t matches;
	size_t hosts; /* those of them that are functions into which it was inlined */
	bool warned;  /* that it is pending */
	/* Why what it names, which a process has, can't be watched; empty: nothing so far. */
	char refused[PATTERN_REFUSED_BYTES];
};

struct watchlist {
	ARRAY(struct pattern) patterns;
	struct symbol_name functions[MW_MAX_FUNCTIONS]; /* owned strings */
	bool is_watched[MW_MAX_FUNCTIONS]; /* some file's function of this number has probes */
	size_t function_count;
	size_t functions_left_out; /* past MW_MAX_FUNCTIONS */
	ARRAY(struct symbol_name) routines;
};

/* text lives as long as the list. 0, -EINVAL (no such form), -ENOMEM. */
int watchlist_add(struct watchlist *list, enum watch_role role, const char *text);
void watchlist_release(struct watchlist *list);

bool watchlist_has_role(const struct watchlist *list, enum watch_role role);
/* What --writes names; NULL: nothing. */
const char *watchlist_writes_name(const struct watchlist *list);

/* Whether a pattern speaks of a file of this path. */
bool pattern_takes_file(const struct pattern *pattern, const char *path);

/*
 * The number of a watched function or routine, the same for the same shown name and module. The
 * list copies the strings.
 */
int watchlist_function(struct watchlist *list, const struct symbol_name *name,
		       unsigned *index); /* -ENOSPC past MW_MAX_FUNCTIONS */
int watchlist_routine(struct watchlist *list, const char *routine, const char *module,
		      unsigned *index);

#endif
