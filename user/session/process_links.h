/* SPDX-License-Identifier: GPL-2.0-only */
/* The links that carry one process's probes, and which points they already stand on. */
#ifndef SESSION_PROCESS_LINKS_H
#define SESSION_PROCESS_LINKS_H

#include "session/watch.h"

struct linked_point {
	const struct module *module;
	struct link_point point;
};

struct module_link {
	const struct module *module;
	struct probe_link *link;
};

struct process_links {
	ARRAY(struct module_link) links;
	ARRAY(struct linked_point) points;
};

/*
 * Puts the probes of the plan that have none yet: links survive exec and new libraries, and a point
 * that had two would count twice. One that is not in the plan stays, since nothing runs there any
 * more. *added: how many came. 0 or negative errno; what could be put stays.
 */
int process_links_put(struct process_links *links, struct tracer *tracer, pid_t pid,
		      const struct process_plan *plan, size_t *added);

/*
 * Hands those to the tracer to be removed whose file the process does not have mapped any more:
 * should the file be written to before it comes back, its probes would split instructions.
 */
void process_links_drop_unmapped(struct process_links *links, struct tracer *tracer,
				 const module_list *mapped);

/* Hands them all to the tracer to be removed. */
void process_links_retire(struct process_links *links, struct tracer *tracer);

#endif
