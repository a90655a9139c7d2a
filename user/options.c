// SPDX-License-Identifier: GPL-2.0-only
#include "options_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/sampler.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define PIDS_MOST 1024

enum {
	OPT_FLUSH = 256,
	OPT_COPY,
	OPT_WRITES,
	OPT_GATE,
	OPT_BUDGET,
	OPT_TIME_COPIES,
	OPT_MIN_BYTES,
	OPT_MIN_TIME,
	OPT_DURATION,
	OPT_JSON,
	OPT_NO_FOLLOW,
	OPT_NO_SAMPLE,
	OPT_NO_AUTO,
	OPT_DRY_RUN,
	OPT_LINKS,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{"pid", required_argument, NULL, 'p'},
	{"flush", required_argument, NULL, OPT_FLUSH},
	{"copy", required_argument, NULL, OPT_COPY},
	{"writes", required_argument, NULL, OPT_WRITES},
	{"gate", required_argument, NULL, OPT_GATE},
	{"budget", required_argument, NULL, OPT_BUDGET},
	{"time-copies", no_argument, NULL, OPT_TIME_COPIES},
	{"min-bytes", required_argument, NULL, OPT_MIN_BYTES},
	{"min-time", required_argument, NULL, OPT_MIN_TIME},
	{"duration", required_argument, NULL, OPT_DURATION},
	{"json", required_argument, NULL, OPT_JSON},
	{"output", required_argument, NULL, 'o'},
	{"no-follow", no_argument, NULL, OPT_NO_FOLLOW},
	{"no-sample", no_argument, NULL, OPT_NO_SAMPLE},
	{"no-auto", no_argument, NULL, OPT_NO_AUTO},
	{"dry-run", no_argument, NULL, OPT_DRY_RUN},
	{"links", required_argument, NULL, OPT_LINKS},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help_text[] =
	"memwatch: find hidden copy stalls in a running program\n"
	"\n"
	"  sudo memwatch                            watch the bundled lazy-write workload\n"
	"  sudo memwatch [options] -- CMD ARG...    launch a command and watch it\n"
	"  sudo memwatch [options] --pid PID        attach to a running process\n"
	"  sudo memwatch record -o FILE ...         the same, for a later report\n"
	"  memwatch report FILE                     the report of such a recording\n"
	"  memwatch diff SLOW FAST                  what stalls in the one alone\n"
	"\n"
	"What to watch\n"
	"  -p, --pid PID[,PID...]  processes to attach to\n"
	"      --flush SYM         time the calls of this function, sum their copies;\n"
	"                          repeatable. SYM is a name as people write it: flush,\n"
	"                          ns::Buf::flush or 'Buf::flush(int)' (C++, Rust: all\n"
	"                          overloads; namespaces may be left out) or\n"
	"                          'main.(*Buf).Flush' (Go); a glob ('*_flush'); LIB:SYM;\n"
	"                          LIB:+OFF (offset in the file); 0xADDR (in the process)\n"
	"      --writes SYM        count the calls of this one function: which was slow\n"
	"      --copy SYM          one more copy routine, called as memcpy is; repeatable\n"
	"      --no-follow         leave out the children of the processes\n"
	"      --no-auto           do not look for the function behind a stall\n"
	"      --no-sample         do not sample where threads copy at all\n"
	"\n"
	"What to report\n"
	"      --min-time T        report calls of --flush from this long on (1ms)\n"
	"      --min-bytes N       report copies outside of them from this size on (1MiB)\n"
	"      --duration T        end the watch after this time\n"
	"      --json FILE         JSON Lines as well; - is stdout, the report stderr\n"
	"  -o, --output FILE       the report; stderr for a command, else stdout\n"
	"  -q, --quiet             the summary alone\n"
	"  -v, --verbose           also what was probed, and why\n"
	"\n"
	"What it may cost\n"
	"      --budget P%         the probes on copies and --flush may cost 200 ms at\n"
	"                          first, then so much of the target's CPU time (2%);\n"
	"                          past it, copies go uncounted for a while, small\n"
	"                          ones first, then calls untimed; it is said\n"
	"      --budget none       throttle nothing, and without --gate count every copy\n"
	"      --gate N            count copies from this size on, whatever it costs (0:\n"
	"                          all); auto, the default: what the budget allows, with\n"
	"                          --flush or --writes from 0 (in Go from 257 bytes\n"
	"                          on), else from about 2KiB on\n"
	"      --time-copies       time single copies from 256KiB on by return probes of\n"
	"                          the kernel (6.15): in one process, until it forks;\n"
	"                          a child that a signal handler forks in a copy dies\n"
	"      --dry-run           print the probes that would be set, and why; set none\n"
	"      --links KIND        auto, multi (Linux 6.6) or plain links for the probes\n"
	"\n"
	"Recordings\n"
	"  report takes --json, -o, --min-time, -q and -v as well; diff --json, -o and\n"
	"  -q. Neither needs root or the processes. Names are read from the programs'\n"
	"  files, where these are still as they were.\n"
	"\n"
	"      --version, -h, --help\n"
	"\n"
	"Sizes may have a unit (64K, 1MiB), times other than 0 must (250us, 2s).\n"
	"Exit status: the command's own; 0 for an attach; 1 failure; 2 wrong usage.\n";

static int wrong(const char *option, const char *text, const char *should_be)
{
	log_error("--%s '%s': should be %s", option, text, should_be);
	return -EINVAL;
}

/* "4242" or "1,2,3" */
static int parse_pids(struct options *options, const char *text)
{
	const char *at = text;
	char *end;

	do {
		long pid = strtol(at, &end, 10);

		if (end == at || (*end && *end != ',') || pid <= 0 || pid > INT32_MAX)
			return wrong("pid", text, "a process id, or several as in 12,34");
		if (options->pids.count == PIDS_MOST)
			return wrong("pid", text, "1024 process ids at the most");
		for (size_t i = 0; i < options->pids.count; i++) {
			if (options->pids.items[i] == pid)
				return wrong("pid", text, "each process id once");
		}
		if (array_push(&options->pids, (pid_t)pid))
			return -ENOMEM;
		at = end + 1;
	} while (*end);
	return 0;
}

static int parse_symbol(struct options *options, const char *option, enum watch_role role,
			const char *text)
{
	int err = watchlist_add(&options->watchlist, role, text);

	return err == -EINVAL ? wrong(option, text, "SYM, LIB:SYM, a glob, LIB:+OFF or 0xADDR")
			      : err;
}

/* One count is kept, under one name: a second function would go into it unnamed. */
static int parse_writes(struct options *options, const char *text)
{
	const struct pattern *known;

	array_each (known, &options->watchlist.patterns) {
		if (known->role == ROLE_WRITES)
			return wrong("writes", text,
				     "given once: the calls of one function are counted");
	}
	return parse_symbol(options, "writes", ROLE_WRITES, text);
}

static int parse_size(const char *option, const char *text, uint64_t *bytes)
{
	return text_parse_bytes(text, bytes)
		       ? wrong(option, text, "a size such as 4096, 64K or 1MiB")
		       : 0;
}

int option_time(const char *option, const char *text, uint64_t *ns)
{
	return text_parse_duration(text, ns)
		       ? wrong(option, text, "a time with its unit, such as 250us, 5ms or 2s")
		       : 0;
}

/* Far from what does not fit into 64 bits of ns, with any clock added. */
#define DURATION_MOST_NS (10 * 366 * 86400ull * NS_PER_S)

static int parse_run_time(struct options *options, const char *text)
{
	int err = option_time("duration", text, &options->duration_ns);

	if (err)
		return err;
	if (!options->duration_ns)
		return wrong("duration", text, "a time above 0");
	return options->duration_ns > DURATION_MOST_NS
		       ? wrong("duration", text, "10 years at the most")
		       : 0;
}

static int parse_gate(struct options *options, const char *text)
{
	options->gate_is_set = strcmp(text, "auto") != 0;
	options->gate_bytes = 0;
	if (!options->gate_is_set)
		return 0;
	return text_parse_bytes(text, &options->gate_bytes)
		       ? wrong("gate", text, "auto, or a size such as 4096, 64K or 1MiB; 0: all")
		       : 0;
}

/* "2%", "0.5%", "2". strtod() alone would take nan, 0x2 and 1e1 as well. */
static int parse_budget(struct options *options, const char *text)
{
	size_t digits = strspn(text, "0123456789.");
	bool is_number = digits && (!text[digits] || !strcmp(text + digits, "%"));
	char *end = NULL;

	options->budget_pct = -1;
	if (!strcmp(text, "none"))
		return 0;
	if (is_number)
		options->budget_pct = strtod(text, &end);
	if (end != text + digits || options->budget_pct <= 0 || options->budget_pct > 100)
		return wrong("budget", text,
			     "a share of the target's time such as 2% or 0.5%, 100% at the most, "
			     "or none");
	return 0;
}

static int parse_links(struct options *options, const char *text)
{
	if (!strcmp(text, "auto"))
		options->links = LINKS_AUTO;
	else if (!strcmp(text, "multi"))
		options->links = LINKS_MULTI;
	else if (!strcmp(text, "plain"))
		options->links = LINKS_PLAIN;
	else
		return wrong("links", text, "auto, multi or plain");
	return 0;
}

static int apply_option(struct options *options, int option, const char *text)
{
	switch (option) {
	case 'p':
		return parse_pids(options, text);
	case OPT_FLUSH:
		return parse_symbol(options, "flush", ROLE_FLUSH, text);
	case OPT_COPY:
		return parse_symbol(options, "copy", ROLE_COPY, text);
	case OPT_WRITES:
		return parse_writes(options, text);
	case OPT_GATE:
		return parse_gate(options, text);
	case OPT_BUDGET:
		return parse_budget(options, text);
	case OPT_MIN_BYTES:
		return parse_size("min-bytes", text, &options->min_bytes);
	case OPT_MIN_TIME:
		options->min_time_is_set = true;
		return option_time("min-time", text, &options->min_time_ns);
	case OPT_DURATION:
		return parse_run_time(options, text);
	case OPT_LINKS:
		return parse_links(options, text);
	case OPT_JSON:
		options->json_path = text;
		return 0;
	case 'o':
		options->out_path = text;
		return 0;
	}
	return -EINVAL;
}

static int apply_flag(struct options *options, int option)
{
	if (option == OPT_NO_FOLLOW)
		options->follow = false;
	else if (option == OPT_NO_SAMPLE)
		options->sample = false;
	else if (option == OPT_NO_AUTO)
		options->discover = false;
	else if (option == OPT_TIME_COPIES)
		options->time_copies = true;
	else if (option == OPT_DRY_RUN)
		options->dry_run = true;
	else if (option == 'q')
		options->quiet = true;
	else if (option == 'v')
		options->verbose = true;
	else
		return -ENOENT;
	return 0;
}

static const char *option_of(enum watch_role role)
{
	return role == ROLE_FLUSH ? "flush" : role == ROLE_WRITES ? "writes" : "copy";
}

bool options_part_files(const struct options *options)
{
	if (!options->json_path || !options->out_path || !strcmp(options->json_path, "-") ||
	    strcmp(options->json_path, options->out_path) != 0)
		return true;
	log_error("--json and -o name the same file; give each its own");
	return false;
}

static bool check_record(const struct options *options)
{
	if (options->mode != MODE_RECORD)
		return true;
	if (!options->out_path)
		log_error("record needs a file: memwatch record -o FILE -- CMD");
	else if (!strcmp(options->out_path, "-"))
		log_error("a recording goes to a file: memwatch record -o FILE -- CMD");
	else if (options->dry_run)
		log_error("--dry-run watches nothing that could be recorded");
	else
		return true;
	return false;
}

static enum options_result check_whole(struct options *options, int argc, char *argv[])
{
	bool after_dashes = optind > 0 && optind <= argc && !strcmp(argv[optind - 1], "--");

	if (optind < argc)
		options->command = argv + optind;
	if (options->command && options->pids.count) {
		log_error("--pid and a command exclude each other: attach to one or launch the "
			  "other");
		return OPTIONS_WRONG;
	}
	if (options->command && !*options->command[0]) {
		log_error("the command's name is empty; see --help");
		return OPTIONS_WRONG;
	}
	if (after_dashes && !options->command) {
		log_error("no command after --; see --help");
		return OPTIONS_WRONG;
	}
	if (!options_part_files(options) || !check_record(options))
		return OPTIONS_WRONG;
	options->demo = !options->command && !options->pids.count;
	/* The bundled workload has its own; who names one forgot the process. */
	if (options->demo && options->watchlist.patterns.count) {
		const struct pattern *named = options->watchlist.patterns.items;

		log_error("--%s '%s' in which process? Add -- CMD, or --pid PID; see --help",
			  option_of(named->role), named->text);
		return OPTIONS_WRONG;
	}
	return OPTIONS_RUN;
}

#define LETTERS "p:o:qvh"

static const char *long_name(int value, const struct option *known)
{
	for (const struct option *option = known; option->name; option++) {
		if (option->val == value)
			return option->name;
	}
	return NULL;
}

/* An unknown letter may stand within a word that getopt has not passed yet: -xq. */
void option_refuse(char *argv[], int given, const struct option *known)
{
	char letter[] = {'-', (char)optopt, '\0'};
	const char *name = optopt > 0 ? long_name(optopt, known) : NULL;

	if (given == ':')
		log_error("%s needs a value; see --help", argv[optind - 1]);
	else if (name)
		log_error("--%s takes no value; see --help", name);
	else
		log_error("'%s' is no option; see --help", optopt > 0 ? letter : argv[optind - 1]);
}

void options_help(void)
{
	fputs(help_text, stdout);
}

/* The word behind memwatch's own; a program of such a name is launched behind --. */
static enum options_mode mode_of(const char *word)
{
	static const char *const words[] = {
		[MODE_RECORD] = "record", [MODE_REPORT] = "report", [MODE_DIFF] = "diff"};

	for (enum options_mode mode = MODE_RECORD; word && mode <= MODE_DIFF; mode++) {
		if (!strcmp(word, words[mode]))
			return mode;
	}
	return MODE_WATCH;
}

enum options_result options_parse(int argc, char *argv[], struct options *options)
{
	int option, err;

	*options = (struct options){
		.mode = mode_of(argc > 1 ? argv[1] : NULL),
		.budget_pct = 2,
		.min_bytes = 1 << 20,
		.min_time_ns = NS_PER_MS,
		.follow = true,
		.sample = true,
		.discover = true,
	};
	opterr = 0;
	if (options->mode != MODE_WATCH) {
		argc--;
		argv++;
	}
	if (options->mode == MODE_REPORT || options->mode == MODE_DIFF)
		return options_parse_report(argc, argv, options);
	/* '+': what follows the command's name is the command's; ':' for a value that is missing.
	 */
	while ((option = getopt_long(argc, argv, "+:" LETTERS, long_options, NULL)) != -1) {
		if (option == 'h') {
			options_help();
			return OPTIONS_DONE;
		}
		if (option == OPT_VERSION) {
			puts("memwatch " MEMWATCH_VERSION);
			return OPTIONS_DONE;
		}
		if (option == ':' || option == '?') {
			option_refuse(argv, option, long_options);
			return OPTIONS_WRONG;
		}
		err = apply_flag(options, option);
		if (err == -ENOENT)
			err = apply_option(options, option, optarg);
		if (err == -ENOMEM)
			return OPTIONS_FAILED;
		if (err)
			return OPTIONS_WRONG;
	}
	return check_whole(options, argc, argv);
}

struct gate_settings options_gates(const struct options *options)
{
	struct gate_settings gates = {
		.is_fixed = options->gate_is_set || options->budget_pct < 0,
		.from_bytes = options->gate_bytes,
		.begins_low = true,
	};
	const struct pattern *pattern;

	array_each (pattern, &options->watchlist.patterns) {
		if (pattern->role == ROLE_FLUSH || pattern->role == ROLE_WRITES)
			gates.begins_low = false;
	}
	return gates;
}

bool options_discovers(const struct options *options)
{
	const struct pattern *pattern;

	array_each (pattern, &options->watchlist.patterns) {
		if (pattern->role == ROLE_FLUSH)
			return false;
	}
	return options->discover;
}

#define SAMPLE_PERIOD_LEAST NS_PER_MS
/* The sampler's part of the budget, at most. */
#define SAMPLE_SHARE  0.5
#define QUIET_PERIODS 4
#define QUIET_LEAST   (5 * NS_PER_MS)

uint64_t options_sample_period_ns(const struct options *options)
{
	double part = options->budget_pct / 100 * SAMPLE_SHARE;
	double period_ns = options->budget_pct < 0 ? 0 : (double)sampler_tick_typical_ns() / part;

	if (!options->sample)
		return 0;
	return period_ns > SAMPLE_PERIOD_LEAST ? (uint64_t)period_ns : SAMPLE_PERIOD_LEAST;
}

uint64_t options_quiet_ns(const struct options *options)
{
	uint64_t quiet_ns = QUIET_PERIODS * options_sample_period_ns(options);

	return quiet_ns > QUIET_LEAST ? quiet_ns : QUIET_LEAST;
}

double options_sampling_pct(const struct options *options)
{
	uint64_t period_ns = options_sample_period_ns(options);

	return period_ns ? 100.0 * (double)sampler_tick_typical_ns() / (double)period_ns : 0;
}

void options_release(struct options *options)
{
	watchlist_release(&options->watchlist);
	array_release(&options->pids);
}
