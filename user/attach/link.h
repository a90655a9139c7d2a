/* SPDX-License-Identifier: GPL-2.0-only */
/* Links without a tracer: what tracer.c and calibrate.c share. */
#ifndef ATTACH_LINK_H
#define ATTACH_LINK_H

#include <bpf/libbpf.h>

#include "attach/tracer.h"

/* enum bpf_attach_type of Linux 6.6; Debian 12's <linux/bpf.h> and libbpf 1.1 end before it. */
#define ATTACH_TYPE_UPROBE_MULTI 48

/* What all links of a tracer have in common. */
struct link_maker {
	struct bpf_program *program;
	enum link_kind kind; /* LINKS_MULTI or LINKS_PLAIN */
	uint32_t number;     /* of the next link, for its points' cookies; 0: memwatch's own */
};

/* As probe_link_new(). */
int link_create(const struct link_maker *maker, const char *path, pid_t pid,
		const struct link_point *points, size_t count, struct probe_link **link);
uint32_t link_number(const struct probe_link *link);
/* Blocks until the kernel has removed it. NULL is fine. */
void link_destroy(struct probe_link *link);
/* How many separate removals it takes. */
size_t link_parts(const struct probe_link *link);

#endif
