/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line. main() hands each stage the few settings that are its own. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/tracer.h"
#include "base/array.h"
#include "choose/gates.h"
#include "choose/watchlist.h"

#define MEMWATCH_VERSION "0.1.0"

enum options_mode {
	MODE_WATCH,
	MODE_RECORD, /* the same, to a file */
	MODE_REPORT, /* of such a file */
	MODE_DIFF,   /* of two */
};

struct options {
	enum options_mode mode;
	const char *recordings[2];  /* of report and diff */
	struct watchlist watchlist; /* --flush, --copy, --writes */
	ARRAY(pid_t) pids;          /* --pid */
	char **command;             /* after --, NULL-terminated; NULL: none */
	bool demo;                  /* neither: the bundled workload */
	bool gate_is_set;           /* --gate N; else auto */
	uint64_t gate_bytes;        /* then; 0: every copy */
	double budget_pct;          /* of the target's CPU time; < 0: none */
	uint64_t min_bytes;
	uint64_t min_time_ns;
	bool min_time_is_set;
	uint64_t duration_ns;  /* 0: until it ends */
	const char *json_path; /* "-": stdout; NULL: no JSON */
	/* NULL: stderr for a command or with JSON on stdout, else stdout. Of record, the recording.
	 */
	const char *out_path;
	bool time_copies; /* by return probes of the kernel's */
	bool sample;      /* the sampler is on */
	bool discover;    /* flushes that nobody named are looked for */
	bool follow;
	bool dry_run;
	bool quiet;
	bool verbose;
	enum link_kind links;
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE,   /* --help or --version was printed */
	OPTIONS_WRONG,  /* one line said what; exit 2 */
	OPTIONS_FAILED, /* out of memory; exit 1 */
};

/* Strings are argv's and live as long as it does. options_release() in every case. */
enum options_result options_parse(int argc, char *argv[], struct options *options);
void options_release(struct options *options);

/* Where copies are counted from. The watchlist is complete: the demo has put its functions in. */
struct gate_settings options_gates(const struct options *options);

/* Who names a flush knows what to look for. */
bool options_discovers(const struct options *options);

/*
 * The sampler's clock: about 1 kHz, and slower where that would be more than half of the budget. 0:
 * there is none.
 */
uint64_t options_sample_period_ns(const struct options *options);
/* A thread that was found in no copy for so long has left it: some ticks. */
uint64_t options_quiet_ns(const struct options *options);
/* What the clock may cost, in % of the target's time. */
double options_sampling_pct(const struct options *options);

#endif
