/* SPDX-License-Identifier: GPL-2.0-only */
/* Parses command lines, and keeps what was written meanwhile. */
#ifndef TESTS_COMMAND_LINE_H
#define TESTS_COMMAND_LINE_H

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define COUNT(array)   (sizeof(array) / sizeof(*(array)))
#define ARGUMENTS_MOST 2048

/* A command line, what came of it, and what was written meanwhile. */
struct run {
	char *argv[ARGUMENTS_MOST + 2];
	int argc;
	enum options_result result;
	struct options options;
	char out[16384], err[16384];
};

/* From here to give_back(), what goes to the stream goes to a file. */
struct taken_stream {
	FILE *stream;
	FILE *file;
	int kept_fd;
};

static inline struct taken_stream take_stream(FILE *stream)
{
	struct taken_stream taken = {.stream = stream, .file = tmpfile()};

	assert_non_null(taken.file);
	fflush(stream);
	taken.kept_fd = dup(fileno(stream));
	assert_true(dup2(fileno(taken.file), fileno(stream)) >= 0);
	return taken;
}

static inline void give_back(struct taken_stream *taken, char *text, size_t text_bytes)
{
	fflush(taken->stream);
	dup2(taken->kept_fd, fileno(taken->stream));
	close(taken->kept_fd);
	rewind(taken->file);
	text[fread(text, 1, text_bytes - 1, taken->file)] = '\0';
	fclose(taken->file);
}

static inline void parse(struct run *run)
{
	struct taken_stream out = take_stream(stdout), err = take_stream(stderr);

	optind = 0; /* getopt begins anew */
	run->argv[run->argc] = NULL;
	memset(&run->options, 0xee, sizeof(run->options));
	run->result = options_parse(run->argc, run->argv, &run->options);
	give_back(&err, run->err, sizeof(run->err));
	give_back(&out, run->out, sizeof(run->out));
}

/* The words of a line, parted by spaces; '' is an empty one. The line becomes them. */
static inline void parse_line(struct run *run, char *line)
{
	char *rest = line, *word;

	run->argc = 0;
	run->argv[run->argc++] = "memwatch";
	while ((word = strsep(&rest, " ")) && run->argc <= ARGUMENTS_MOST) {
		if (*word)
			run->argv[run->argc++] = strcmp(word, "''") ? word : "";
	}
	parse(run);
}

static inline size_t lines_of(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

#define PARSE(run, text)                                                                           \
	char parsed_line_[] = text;                                                                \
	struct run run;                                                                            \
	parse_line(&run, parsed_line_)

static inline void assert_runs(const struct run *run)
{
	assert_int_equal(run->result, OPTIONS_RUN);
	assert_string_equal(run->err, "");
	assert_string_equal(run->out, "");
}

/* One line on stderr; it has all of what the user must know in it. */
static inline void assert_wrong(char *line, const char *told)
{
	struct run run;
	char shown[256];

	snprintf(shown, sizeof(shown), "%s", line);
	parse_line(&run, line);
	if (run.result != OPTIONS_WRONG || lines_of(run.err) != 1 || !strstr(run.err, told))
		print_error("'%s' gives %d: %s\n", shown, run.result, run.err);
	assert_int_equal(run.result, OPTIONS_WRONG);
	assert_int_equal(lines_of(run.err), 1);
	assert_int_equal(run.err[strlen(run.err) - 1], '\n');
	assert_memory_equal(run.err, "memwatch: ", strlen("memwatch: "));
	assert_non_null(strstr(run.err, told));
	assert_string_equal(run.out, "");
	options_release(&run.options);
}

#endif
