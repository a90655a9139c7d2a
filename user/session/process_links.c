// SPDX-License-Identifier: GPL-2.0-only
#include "session/process_links.h"

#include <errno.h>

static bool is_linked(const struct process_links *links, const struct planned_probe *probe)
{
	const struct linked_point *known;

	array_each (known, &links->points) {
		if (known->module == probe->module &&
		    known->point.file_off == probe->point.file_off &&
		    known->point.cookie == probe->point.cookie)
			return true;
	}
	return false;
}

/* One link for the points of one module; with none, none. */
static int link_module(struct process_links *links, struct tracer *tracer, pid_t pid,
		       const struct module *module, const struct link_point *points, size_t count)
{
	struct probe_link *link;
	int err = 0;

	if (!count)
		return 0;
	err = probe_link_new(tracer, module->open_path, pid, points, count, &link);
	if (err)
		return err;
	err = array_push(&links->links, link);
	if (err)
		probe_link_retire(tracer, link);
	for (size_t i = 0; !err && i < count; i++)
		err = array_push(&links->points, ((struct linked_point){module, points[i]}));
	return err;
}

int process_links_put(struct process_links *links, struct tracer *tracer, pid_t pid,
		      const struct process_plan *plan, size_t *added)
{
	ARRAY(struct link_point) points = {0};
	const struct module *module = NULL;
	const struct planned_probe *probe;
	int err = 0;

	*added = 0;
	/* The plan is ordered by module. */
	array_each (probe, &plan->probes) {
		if (!err && probe->module != module) {
			err = link_module(links, tracer, pid, module, points.items, points.count);
			points.count = 0;
			module = probe->module;
		}
		if (err || is_linked(links, probe))
			continue;
		err = array_push(&points, probe->point);
		++*added;
	}
	if (!err)
		err = link_module(links, tracer, pid, module, points.items, points.count);
	array_release(&points);
	return err;
}

void process_links_retire(struct process_links *links, struct tracer *tracer)
{
	struct probe_link **link;

	array_each (link, &links->links)
		probe_link_retire(tracer, *link);
	array_release(&links->links);
	array_release(&links->points);
}
