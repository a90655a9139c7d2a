// SPDX-License-Identifier: GPL-2.0-only
#include "session/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* A shell starts "memwatch --json pipe & jq . pipe" in any order. */
#define READER_WAIT_NS (5 * NS_PER_S)

/*
 * O_NONBLOCK: a FIFO that nobody reads would be waited for for ever. -ENXIO where none came in
 * time.
 */
static int open_for_writing(const char *path, const struct identity *owner)
{
	const struct timespec pause = {.tv_nsec = 20 * NS_PER_MS};
	uint64_t end_ns = clock_monotonic_ns() + READER_WAIT_NS;
	int fd, flags;

	while ((fd = identity_open(owner, path,
				   O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) ==
		       -ENXIO &&
	       clock_monotonic_ns() < end_ns)
		nanosleep(&pause, NULL);
	if (fd < 0)
		return fd;
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	return fd;
}

int output_file_open(const char *path, const struct identity *owner)
{
	int fd = open_for_writing(path, owner);

	if (fd == -ENXIO)
		log_error("can't write to '%s': it is a pipe (or a device) that nobody reads; "
			  "start its reader first",
			  path);
	else if (fd < 0)
		log_error("can't write to '%s': %s; name a file in a folder that you may write to",
			  path, strerror(-fd));
	return fd;
}

/* Not truncated: that is for outputs_header() to do, when there is something to write. */
static int create_file(const char *path, const struct identity *owner, FILE **file)
{
	int fd = output_file_open(path, owner);

	if (fd < 0)
		return fd;
	*file = fdopen(fd, "w");
	if (*file)
		return 0;
	close(fd);
	return -ENOMEM;
}

/* Under sudo, the files behind /dev/stdout are root's: the user could not open them again. */
static FILE *standard_stream(const char *path)
{
	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
		return stdout;
	return strcmp(path, "/dev/stderr") ? NULL : stderr;
}

static int add_output(struct outputs *outputs, FILE *file, const char *name, struct report *report)
{
	bool owned = file != stdout && file != stderr;

	if (!report) {
		if (owned)
			fclose(file);
		return -ENOMEM;
	}
	outputs->all[outputs->count++] =
		(struct output){.report = report, .file = file, .owned = owned, .name = name};
	return 0;
}

static int open_stream(const char *path, const struct identity *owner, FILE **stream)
{
	*stream = standard_stream(path);
	return *stream ? 0 : create_file(path, owner, stream);
}

static unsigned terminal_columns(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) || size.ws_col < 40)
		return 80;
	return size.ws_col;
}

static int open_text(struct outputs *outputs, const struct output_settings *settings,
		     const struct identity *owner)
{
	bool json_on_stdout = settings->json_path && standard_stream(settings->json_path) == stdout;
	/* On stdout, the command's own lines or the JSON would be mixed with it. */
	FILE *file = settings->launched || json_on_stdout ? stderr : stdout;
	const char *path = settings->out_path;
	struct text_settings text = {.quiet = settings->quiet, .verbose = settings->verbose};
	int err = path ? open_stream(path, owner, &file) : 0;

	if (err)
		return err;
	text.colour = isatty(fileno(file));
	text.columns = text.colour ? terminal_columns(fileno(file)) : 80;
	/* A launched command writes to the same terminal: a status line would cut its lines. */
	outputs->live = text.colour && !settings->quiet && (!settings->launched || path);
	return add_output(outputs, file, path ? path : "the report's stream",
			  report_text_new(file, &text));
}

static bool is_regular(FILE *file, struct stat *status)
{
	return !fstat(fileno(file), status) && S_ISREG(status->st_mode);
}

bool outputs_go_to(const struct outputs *outputs, const struct stat *file)
{
	struct stat own;

	for (size_t i = 0; S_ISREG(file->st_mode) && i < outputs->count; i++) {
		if (is_regular(outputs->all[i].file, &own) && own.st_dev == file->st_dev &&
		    own.st_ino == file->st_ino)
			return true;
	}
	return false;
}

/* Two names of a file, or a file that is a standard stream as well. */
static int check_distinct(const struct outputs *outputs)
{
	const struct output *text = &outputs->all[0], *json = &outputs->all[1];
	struct stat a, b;

	if (outputs->count < OUTPUTS_MOST || text->file == json->file ||
	    (!text->owned && !json->owned) || !is_regular(text->file, &a) ||
	    !is_regular(json->file, &b) || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return 0;
	log_error("the report and --json would go to the same file, '%s'; give each its own",
		  json->name);
	return -EINVAL;
}

int outputs_open(struct outputs *outputs, const struct output_settings *settings,
		 const struct identity *owner)
{
	const char *json = settings->json_path;
	FILE *file;
	int err;

	memset(outputs, 0, sizeof(*outputs));
	err = settings->no_text ? 0 : open_text(outputs, settings, owner);
	if (err || !json)
		return err;
	err = open_stream(json, owner, &file);
	if (!err)
		err = add_output(outputs, file, json, report_json_new(file));
	if (!err)
		err = check_distinct(outputs);
	if (err)
		outputs_close(outputs);
	return err;
}

static void check_output(struct output *output, int err)
{
	if (!err)
		return;
	output->failed = true;
	log_error("can't write to %s: %s; the rest is lost there", output->name, strerror(-err));
}

bool outputs_all_failed(const struct outputs *outputs)
{
	for (size_t i = 0; i < outputs->count; i++) {
		if (!outputs->all[i].failed)
			return false;
	}
	return outputs->count > 0;
}

bool outputs_close(struct outputs *outputs)
{
	bool all_written = true;

	for (size_t i = 0; i < outputs->count; i++) {
		struct output *output = &outputs->all[i];

		output->report->ops->free(output->report);
		if (!output->failed && fflush(output->file))
			check_output(output, -errno);
		if (output->owned && fclose(output->file) && !output->failed)
			check_output(output, -errno);
		all_written &= !output->failed;
	}
	outputs->count = 0;
	return all_written;
}

#define tell_all(outputs, call, value)                                                             \
	for (size_t i = 0; i < (outputs)->count; i++) {                                            \
		struct output *output = &(outputs)->all[i];                                        \
                                                                                                   \
		if (!output->failed && output->report->ops->call)                                  \
			check_output(output, output->report->ops->call(output->report, value));    \
	}

/* Not before: a start that fails leaves the report of an earlier one. */
static void empty_files(struct outputs *outputs)
{
	struct stat status;

	for (size_t i = 0; i < outputs->count; i++) {
		struct output *output = &outputs->all[i];

		if (output->owned && is_regular(output->file, &status) &&
		    ftruncate(fileno(output->file), 0))
			check_output(output, -errno);
	}
}

void outputs_header(struct outputs *outputs, const struct run_header *header)
{
	empty_files(outputs);
	tell_all(outputs, header, header);
}

void outputs_child(struct outputs *outputs, const struct child_report *child)
{
	tell_all(outputs, child, child);
}

void outputs_flush(struct outputs *outputs, const struct flush *flush)
{
	if (flush->left_out)
		return;
	tell_all(outputs, flush, flush);
}

void outputs_copy(struct outputs *outputs, const struct large_copy *copy)
{
	tell_all(outputs, copy, copy);
}

void outputs_budget(struct outputs *outputs, const struct budget_step *step)
{
	tell_all(outputs, budget, step);
}

void outputs_stall(struct outputs *outputs, const struct stall *stall)
{
	tell_all(outputs, stall, stall);
}

void outputs_discovery(struct outputs *outputs, const struct discovery *discovery)
{
	tell_all(outputs, discovery, discovery);
}

void outputs_live(struct outputs *outputs, const struct run_summary *so_far)
{
	if (outputs->live)
		tell_all(outputs, live, so_far);
}

void outputs_summary(struct outputs *outputs, const struct run_summary *summary)
{
	tell_all(outputs, summary, summary);
}

void outputs_diff(struct outputs *outputs, const struct run_diff *diff)
{
	empty_files(outputs);
	tell_all(outputs, diff, diff);
}
