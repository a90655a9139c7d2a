// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "arguments.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS_MAX 16
#define NS_PER_S      1000000000ULL

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit count_units[] = {{"", 1}, {NULL, 0}};

static const struct unit byte_units[] = {
	{"", 1},
	{"B", 1},
	{"K", 1ULL << 10},
	{"KiB", 1ULL << 10},
	{"kB", 1000ULL},
	{"M", 1ULL << 20},
	{"MiB", 1ULL << 20},
	{"MB", 1000000ULL},
	{"G", 1ULL << 30},
	{"GiB", 1ULL << 30},
	{"GB", 1000000000ULL},
	{NULL, 0},
};

static const struct unit duration_units[] = {
	{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", NS_PER_S}, {NULL, 0},
};

static const struct unit *units_of(enum argument_kind kind)
{
	if (kind == ARGUMENT_BYTES)
		return byte_units;
	return kind == ARGUMENT_DURATION ? duration_units : count_units;
}

static const char *example_of(enum argument_kind kind)
{
	if (kind == ARGUMENT_BYTES)
		return "a size such as 4096, 64K or 1MiB";
	if (kind == ARGUMENT_DURATION)
		return "a time with its unit, such as 250us, 5ms or 2s";
	return "a whole number such as 1000";
}

static bool read_number(const char *text, const struct unit *unit, uint64_t *number)
{
	unsigned long long value;
	char *end;

	/* strtoull() would take a sign, and make a huge number of a negative one. */
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return false;
	for (; unit->name; unit++) {
		if (!strcasecmp(end, unit->name))
			return !__builtin_mul_overflow(value, unit->factor, number);
	}
	return false;
}

static bool read_value(const char *program, const struct argument *argument, const char *text)
{
	uint64_t number;

	if (argument->kind == ARGUMENT_FLAG) {
		*argument->flag = true;
		return true;
	}
	if (argument->kind == ARGUMENT_TEXT) {
		*argument->text = text;
		return true;
	}
	if (!read_number(text, units_of(argument->kind), &number)) {
		fprintf(stderr, "%s: --%s cannot be '%s'; give %s\n", program, argument->name, text,
			example_of(argument->kind));
		return false;
	}
	if (number < argument->min || number > argument->max) {
		fprintf(stderr,
			"%s: --%s cannot be '%s'; give a value from %" PRIu64 " to %" PRIu64 "\n",
			program, argument->name, text, argument->min, argument->max);
		return false;
	}
	*argument->number = number;
	return true;
}

static const char *placeholder_of(enum argument_kind kind)
{
	switch (kind) {
	case ARGUMENT_COUNT:
		return " N";
	case ARGUMENT_BYTES:
		return " BYTES";
	case ARGUMENT_DURATION:
		return " TIME";
	case ARGUMENT_TEXT:
		return " TEXT";
	default:
		return "";
	}
}

static void print_help(const char *program, const struct argument *table, size_t count)
{
	printf("Usage: %s [OPTION]...\n\n", program);
	for (size_t i = 0; i < count; i++)
		printf("  --%s%-*s %s\n", table[i].name, (int)(16 - strlen(table[i].name)),
		       placeholder_of(table[i].kind), table[i].help);
	printf("  --help             print this and end\n");
}

static void fill_long_options(struct option *options, const struct argument *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		options[i].name = table[i].name;
		options[i].has_arg =
			table[i].kind == ARGUMENT_FLAG ? no_argument : required_argument;
	}
	options[count].name = "help";
	options[count].val = 'h';
}

bool arguments_read(int argc, char **argv, const struct argument *table, size_t count,
		    int *exit_status)
{
	struct option options[ARGUMENTS_MAX + 2] = {0};
	const char *program = program_invocation_short_name;
	int index = 0;
	int found;

	if (count > ARGUMENTS_MAX)
		abort();
	fill_long_options(options, table, count);
	*exit_status = EXIT_USAGE;
	opterr = 0;
	/* The "+" keeps the words in order, so that argv[optind] is the one read next. */
	for (;;) {
		const char *word = argv[optind];

		found = getopt_long(argc, argv, "+:", options, &index);
		if (found == -1)
			break;
		if (found == 'h') {
			print_help(program, table, count);
			*exit_status = EXIT_SUCCESS;
			return false;
		}
		if (found == ':') {
			fprintf(stderr, "%s: %s needs a value; see --help\n", program, word);
			return false;
		}
		if (found == '?') {
			fprintf(stderr, "%s: cannot use '%s'; see --help\n", program, word);
			return false;
		}
		if (!read_value(program, &table[index], optarg))
			return false;
	}
	if (optind < argc) {
		fprintf(stderr, "%s: cannot use '%s'; give options only, see --help\n", program,
			argv[optind]);
		return false;
	}
	return true;
}

void wait_for_signal(const char *program)
{
	sigset_t signals;
	int signal_number;

	/* Blocked before the line is printed: whoever reads it may send the signal at once. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fprintf(stderr, "%s: waiting for SIGUSR1, pid %d\n", program, getpid());
	sigwait(&signals, &signal_number);
}

void pause_for(uint64_t pause_ns)
{
	struct timespec left = {
		.tv_sec = (time_t)(pause_ns / NS_PER_S),
		.tv_nsec = (long)(pause_ns % NS_PER_S),
	};

	if (!pause_ns)
		return;
	while (nanosleep(&left, &left) && errno == EINTR)
		;
}
