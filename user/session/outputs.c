// SPDX-License-Identifier: GPL-2.0-only
#include "session/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"

/* As the user who called sudo, so that neither the file is root's nor a symlink leads root astray.
 */
static FILE *create_file(const char *path, const struct identity *owner)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY;
	FILE *file = NULL;
	int fd, err;

	if (owner->differs && (setegid(owner->gid) || seteuid(owner->uid)))
		return NULL;
	fd = open(path, flags, 0666);
	err = errno;
	if (owner->differs && (seteuid(0) || setegid(0)))
		log_warning("can't become root again: %s", strerror(errno));
	if (fd >= 0) {
		file = fdopen(fd, "w");
		err = errno;
		if (!file)
			close(fd);
	}
	errno = err;
	return file;
}

static int add_output(struct outputs *outputs, FILE *file, bool owned, const char *name,
		      struct report *report)
{
	if (!report) {
		if (owned)
			fclose(file);
		return -ENOMEM;
	}
	outputs->all[outputs->count++] =
		(struct output){.report = report, .file = file, .owned = owned, .name = name};
	return 0;
}

static int open_stream(const char *path, FILE *standard, const struct identity *owner,
		       FILE **stream)
{
	int err;

	*stream = standard;
	if (standard)
		return 0;
	*stream = create_file(path, owner);
	if (*stream)
		return 0;
	err = -errno;
	log_error("can't write to '%s': %s; name a file in a folder that you may write to", path,
		  strerror(-err));
	return err;
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
	FILE *standard = settings->launched ? stderr : stdout, *file;
	const char *path = settings->out_path;
	struct text_settings text = {.quiet = settings->quiet, .verbose = settings->verbose};
	int err;

	if (path && !strcmp(path, "-"))
		standard = stdout;
	else if (path)
		standard = NULL;
	err = open_stream(path, standard, owner, &file);
	if (err)
		return err;
	text.colour = isatty(fileno(file));
	text.columns = text.colour ? terminal_columns(fileno(file)) : 80;
	/* A launched command writes to the same terminal: a status line would cut its lines. */
	outputs->live = text.colour && !settings->quiet && (!settings->launched || path);
	return add_output(outputs, file, !standard, path ? path : "the report's stream",
			  report_text_new(file, &text));
}

int outputs_open(struct outputs *outputs, const struct output_settings *settings,
		 const struct identity *owner)
{
	const char *json = settings->json_path;
	FILE *file;
	int err;

	memset(outputs, 0, sizeof(*outputs));
	err = open_text(outputs, settings, owner);
	if (err || !json)
		return err;
	err = open_stream(json, strcmp(json, "-") ? NULL : stdout, owner, &file);
	if (!err)
		err = add_output(outputs, file, file != stdout, json, report_json_new(file));
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

void outputs_header(struct outputs *outputs, const struct run_header *header)
{
	tell_all(outputs, header, header);
}

void outputs_child(struct outputs *outputs, const struct child_report *child)
{
	tell_all(outputs, child, child);
}

void outputs_flush(struct outputs *outputs, const struct flush *flush)
{
	tell_all(outputs, flush, flush);
}

void outputs_copy(struct outputs *outputs, const struct large_copy *copy)
{
	tell_all(outputs, copy, copy);
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
