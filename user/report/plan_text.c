// SPDX-License-Identifier: GPL-2.0-only
#include "report/plan_text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"

static void print_line(FILE *out, const struct plan_line *line)
{
	char name[128], reason[256];

	fprintf(out, "    +0x%-8" PRIx64 " %-6s %s\n", line->file_off, line->what,
		text_safe(name, sizeof(name), line->name));
	fprintf(out, "                %s\n", text_safe(reason, sizeof(reason), line->reason));
}

int plan_text_print(FILE *out, const struct plan_report *plan)
{
	const char *module = NULL;
	char text[256];

	fprintf(out, "process %d (%s): %zu probe%s\n", plan->pid,
		text_safe(text, sizeof(text), plan->comm), plan->line_count,
		plan->line_count == 1 ? "" : "s");
	for (size_t i = 0; i < plan->line_count; i++) {
		const struct plan_line *line = &plan->lines[i];

		if (!module || strcmp(module, line->module))
			fprintf(out, "  %s\n", text_safe(text, sizeof(text), line->module));
		module = line->module;
		print_line(out, line);
	}
	if (plan->refused)
		fprintf(out, "  copies are not counted: %s\n", plan->refused);
	else if (!plan->settled)
		fputs("  the loader has not bound every copy routine yet: planned again later\n",
		      out);
	else if (!plan->copies_covered)
		fputs("  no copy routine found: copies are not counted\n", out);
	return fflush(out) ? -errno : 0;
}
