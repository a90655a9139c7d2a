/* SPDX-License-Identifier: GPL-2.0-only */
/* Links without a tracer: what tracer.c and calibrate.c share. */
#ifndef ATTACH_LINK_H
#define ATTACH_LINK_H

#include <bpf/libbpf.h>

#include "attach/tracer.h"

/* enum bpf_attach_type of Linux 6.6; Debian 12's <linux/bpf.h> and libbpf 1.1 end before it. */
#define ATTACH_TYPE_UPROBE_MULTI 48

/* kind: LINKS_MULTI or LINKS_PLAIN. As probe_link_new(). */
int link_create(struct bpf_program *program, enum link_kind kind, const char *path, pid_t pid,
		const struct link_point *points, size_t count, struct probe_link **link);
/* Blocks until the kernel has removed it. NULL is fine. */
void link_destroy(struct probe_link *link);
/* How many separate removals it takes. */
size_t link_parts(const struct probe_link *link);

#endif
