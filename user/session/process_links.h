/* SPDX-License-Identifier: GPL-2.0-only */
/* The links that carry one process's probes. */
#ifndef SESSION_PROCESS_LINKS_H
#define SESSION_PROCESS_LINKS_H

#include "session/in_force.h"

typedef ARRAY(struct link_point) link_points;

/*
 * Copies have links of their own, so that their gate can move by a swap: nothing else is lost then,
 * and what they cost is known. A return probe must not come near code that it would kill, so copies
 * with one are apart from the others.
 */
enum link_group { LINK_OF_FUNCTIONS, LINK_OF_COPIES, LINK_OF_TIMED_COPIES, LINK_GROUPS };

struct module_link {
	const struct module *module;
	enum link_group group;
	struct probe_link *link;
	link_points points;
	uint64_t gate_bytes; /* as in struct link_settings */
};

struct process_links {
	ARRAY(struct module_link) links;
	uint64_t retired_spent_ns; /* by the copies of links that are no more */
};

/* A link that is made, and waits for its turn. */
struct link_change {
	struct module_link made; /* link NULL: no probes of the group are left */
	bool replaces;           /* all links of its module and group; else it joins them */
};
typedef ARRAY(struct link_change) link_changes;

/*
 * Makes the links that the process lacks of what is in force. Links survive exec and new libraries,
 * and a point that had two would count twice, so: functions get what they have not yet, and keep
 * what is not in the plan, since nothing runs there any more; where one of them is watched in
 * another way than its probes are, all of its module are made anew. Copies get exactly the points
 * of the plan at this level, or keep them. Nothing counts until process_links_swap(). *added: how
 * many points came. 0 or negative errno; changes has what could be made.
 */
int process_links_prepare(const struct process_links *links, struct tracer *tracer, pid_t pid,
			  const struct process_plan *plan, const struct in_force *force,
			  link_changes *changes, size_t *added);
/* Both release the changes. 0 or -ENOMEM: then some probes are not there. */
int process_links_swap(struct process_links *links, struct tracer *tracer, link_changes *changes);
void process_links_discard(struct tracer *tracer, link_changes *changes);

/* What the hits of copies have cost the process so far. */
uint64_t process_links_spent_ns(const struct process_links *links, const struct tracer *tracer);

/*
 * Hands those to the tracer to be removed whose file the process does not have mapped any more:
 * should the file be written to before it comes back, its probes would split instructions.
 */
void process_links_drop_unmapped(struct process_links *links, struct tracer *tracer,
				 const module_list *mapped);

/* Hands them all to the tracer to be removed. */
void process_links_retire(struct process_links *links, struct tracer *tracer);

#endif
