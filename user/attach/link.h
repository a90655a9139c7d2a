/* SPDX-License-Identifier: GPL-2.0-only */
/* Links without a tracer: what tracer.c and calibrate.c share. */
#ifndef ATTACH_LINK_H
#define ATTACH_LINK_H

#include <bpf/libbpf.h>

#include "attach/tracer.h"

/*
 * enum bpf_attach_type of Linux 6.6 and 6.13; Debian 12's <linux/bpf.h> and libbpf 1.1 end before
 * them.
 */
#define ATTACH_TYPE_UPROBE_MULTI   48
#define ATTACH_TYPE_UPROBE_SESSION 57

/* Which process has sessions: one at a time (attach/tracer.h says why). */
struct session_holder {
	pid_t pid;
	unsigned links; /* that are not removed yet; changed by several threads */
};

/* What all links of a tracer have in common. */
struct link_maker {
	struct bpf_program *programs[LINK_ENDS]; /* NULL: the kernel does not take it */
	enum link_kind kind;                     /* LINKS_MULTI or LINKS_PLAIN */
	uint32_t number; /* of the next link, for its points' cookies; 0: memwatch's own */
	struct session_holder *holder;
};

/* As probe_link_prepare(); -EOPNOTSUPP without a program for settings->end. */
int link_create(const struct link_maker *maker, const struct link_settings *settings,
		struct probe_link **link);
uint32_t link_number(const struct probe_link *link);
/* Blocks until the kernel has removed it. NULL is fine. */
void link_destroy(struct probe_link *link);
/* How many separate removals it takes. */
size_t link_parts(const struct probe_link *link);

#endif
