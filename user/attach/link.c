// SPDX-License-Identifier: GPL-2.0-only
#include "attach/link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/event.h"

struct probe_link {
	int multi_fd;            /* -1 for plain links */
	struct bpf_link **plain; /* one a point */
	size_t count;
	uint32_t number;
	struct session_holder *holder; /* NULL: it has no sessions */
};

/* The uprobe_multi arm of union bpf_attr for BPF_LINK_CREATE, as Linux 6.6 laid it out. */
struct uprobe_multi_attr {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t ref_ctr_offsets;
	uint64_t cookies;
	uint32_t count;
	uint32_t multi_flags;
	uint32_t pid;
	uint32_t reserved;
};

static int multi_create(const struct link_maker *maker, const struct link_settings *settings)
{
	struct uprobe_multi_attr attr;
	uint64_t *offsets = calloc(settings->count, 2 * sizeof(*offsets));
	uint64_t *cookies = offsets + settings->count;
	int fd;

	if (!offsets)
		return -ENOMEM;
	for (size_t i = 0; i < settings->count; i++) {
		offsets[i] = settings->points[i].file_off;
		cookies[i] = settings->points[i].cookie | MW_COOKIE_OF_LINK(maker->number);
	}
	/* All of it, padding too: the kernel refuses a byte that is not zero past what it knows. */
	memset(&attr, 0, sizeof(attr));
	attr.prog_fd = bpf_program__fd(maker->programs[settings->end]);
	attr.attach_type = settings->end == LINK_SESSION ? ATTACH_TYPE_UPROBE_SESSION
							 : ATTACH_TYPE_UPROBE_MULTI;
	attr.path = (uintptr_t)settings->path;
	attr.offsets = (uintptr_t)offsets;
	attr.cookies = (uintptr_t)cookies;
	attr.count = settings->count;
	attr.pid = settings->pid;
	fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		fd = -errno;
	free(offsets);
	return fd;
}

static int plain_create(const struct link_maker *maker, const struct link_settings *settings,
			struct probe_link *link)
{
	link->plain = calloc(settings->count, sizeof(struct bpf_link *));
	if (!link->plain)
		return -ENOMEM;
	for (; link->count < settings->count; link->count++) {
		const struct link_point *point = &settings->points[link->count];
		LIBBPF_OPTS(bpf_uprobe_opts, options,
			    .bpf_cookie = point->cookie | MW_COOKIE_OF_LINK(maker->number));

		link->plain[link->count] = bpf_program__attach_uprobe_opts(
			maker->programs[settings->end], settings->pid, settings->path,
			point->file_off, &options);
		if (!link->plain[link->count])
			return -errno;
	}
	return 0;
}

static bool is_held_by_another(const struct session_holder *holder, pid_t pid)
{
	return __atomic_load_n(&holder->links, __ATOMIC_ACQUIRE) && holder->pid != pid;
}

int link_create(const struct link_maker *maker, const struct link_settings *settings,
		struct probe_link **created)
{
	struct probe_link *link;
	int err = 0;

	if (!maker->programs[settings->end])
		return -EOPNOTSUPP;
	if (settings->end == LINK_SESSION && is_held_by_another(maker->holder, settings->pid))
		return -EBUSY;
	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->multi_fd = -1;
	link->number = maker->number;
	if (settings->end == LINK_SESSION) {
		link->holder = maker->holder;
		link->holder->pid = settings->pid;
		__atomic_fetch_add(&link->holder->links, 1, __ATOMIC_RELEASE);
	}
	if (maker->kind == LINKS_MULTI) {
		link->multi_fd = multi_create(maker, settings);
		err = link->multi_fd < 0 ? link->multi_fd : 0;
	} else {
		err = plain_create(maker, settings, link);
	}
	if (err) {
		link_destroy(link);
		return err;
	}
	*created = link;
	return 0;
}

void link_destroy(struct probe_link *link)
{
	if (!link)
		return;
	if (link->multi_fd >= 0)
		close(link->multi_fd);
	for (size_t i = 0; i < link->count; i++)
		bpf_link__destroy(link->plain[i]);
	free(link->plain);
	if (link->holder)
		__atomic_fetch_sub(&link->holder->links, 1, __ATOMIC_RELEASE);
	free(link);
}

uint32_t link_number(const struct probe_link *link)
{
	return link->number;
}

size_t link_parts(const struct probe_link *link)
{
	return link->multi_fd >= 0 ? 1 : link->count;
}
