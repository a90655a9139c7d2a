// SPDX-License-Identifier: GPL-2.0-only
#include "report/plan_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"

#define LINE_BYTES 640

struct plan_lines_out {
	plan_text_fn take;
	void *context;
};

static void __attribute__((format(printf, 2, 3)))
say(const struct plan_lines_out *out, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	out->take(out->context, line);
}

/* The reason's last word is how the kernel carries the instruction out, which is what costs. */
static const char *reason_with_cost(char *text, size_t bytes, const struct plan_line *line)
{
	char cost[TEXT_SHORT];
	size_t used;

	text_safe(text, bytes, line->reason);
	used = strlen(text);
	if (line->hit_ns)
		snprintf(text + used, bytes - used, "; about %s a hit",
			 text_duration(cost, line->hit_ns));
	return text;
}

static void say_line(const struct plan_lines_out *out, const struct plan_line *line)
{
	char name[128], text[256];

	say(out, "    +0x%-8" PRIx64 " %-6s %s", line->file_off, line->what,
	    text_safe(name, sizeof(name), line->name));
	say(out, "                %s", reason_with_cost(text, sizeof(text), line));
	if (line->neighbours)
		say(out, "                not its neighbours: %s",
		    text_safe(text, sizeof(text), line->neighbours));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* In brief: what a person asks of a step is whether it is there, and what it would see. */
static void say_step(const struct plan_lines_out *out, const struct plan_step *step)
{
	char from[TEXT_SHORT], text[256], module[128];

	if (!step->is_counted)
		say(out, "    none");
	else if (step->from_bytes)
		say(out, "    those of at least %s bytes", text_count(from, step->from_bytes));
	else
		say(out, "    every one");
	for (size_t i = 0; i < step->line_count; i++)
		say(out, "      +0x%" PRIx64 " in %s: %s", step->lines[i].file_off,
		    text_safe(module, sizeof(module), base_name(step->lines[i].module)),
		    reason_with_cost(text, sizeof(text), &step->lines[i]));
	if (step->uncounted)
		say(out, "      without %s", text_safe(text, sizeof(text), step->uncounted));
}

static void say_steps(const struct plan_lines_out *out, const struct plan_report *plan)
{
	if (plan->step_count > 1)
		say(out, "  copies that are counted, first and where the budget moves their gate:");
	else if (plan->step_count)
		say(out, "  copies that are counted:");
	for (size_t i = 0; i < plan->step_count; i++)
		say_step(out, &plan->steps[i]);
}

void plan_text_each(const struct plan_report *plan, plan_text_fn take, void *context)
{
	const struct plan_lines_out out = {take, context};
	const char *module = NULL;
	char text[256];

	say(&out, "process %d (%s): %zu probe%s", plan->pid,
	    text_safe(text, sizeof(text), plan->comm), plan->line_count,
	    plan->line_count == 1 ? "" : "s");
	for (size_t i = 0; i < plan->line_count; i++) {
		const struct plan_line *line = &plan->lines[i];

		if (!module || strcmp(module, line->module))
			say(&out, "  %s", text_safe(text, sizeof(text), line->module));
		module = line->module;
		say_line(&out, line);
	}
	if (plan->copies_covered)
		say_steps(&out, plan);
	if (plan->refused)
		say(&out, "  copies are not counted: %s", plan->refused);
	else if (!plan->settled)
		say(&out, "  the loader has not bound every copy routine yet: planned again later");
	else if (!plan->copies_covered)
		say(&out, "  no copy routine found: copies are not counted");
}

static void print_line(void *context, const char *line)
{
	fprintf(context, "%s\n", line);
}

int plan_text_print(FILE *out, const struct plan_report *plan)
{
	plan_text_each(plan, print_line, out);
	return fflush(out) ? -errno : 0;
}
