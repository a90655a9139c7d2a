// SPDX-License-Identifier: GPL-2.0-only
#include "session/process_links.h"

#include <errno.h>

#define COOKIE_STEPPED MW_COOKIE(0, MW_POINT_STEPPED, 0)

static bool is_linked(const struct process_links *links, const struct planned_probe *probe)
{
	const struct linked_point *known;

	array_each (known, &links->points) {
		if (known->module == probe->module &&
		    known->point.file_off == probe->point.file_off &&
		    !((known->point.cookie ^ probe->point.cookie) & ~COOKIE_STEPPED))
			return true;
	}
	return false;
}

static bool has_trap(const struct process_links *links, const struct module *module,
		     uint64_t file_off)
{
	const struct linked_point *known;

	array_each (known, &links->points) {
		if (known->module == module && known->point.file_off == file_off)
			return true;
	}
	return false;
}

/* One link for the points of one module; with none, none. */
static int link_module(struct process_links *links, struct tracer *tracer, pid_t pid,
		       const struct module *module, const struct link_point *points, size_t count)
{
	struct link_settings settings;
	struct probe_link *link;
	int err = 0;

	if (!count)
		return 0;
	settings = (struct link_settings){
		.path = module->open_path,
		.pid = pid,
		.points = points,
		.count = count,
	};
	err = probe_link_new(tracer, &settings, &link);
	if (err)
		return err;
	err = array_push(&links->links, ((struct module_link){module, link}));
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
	struct link_point point;
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
		point = probe->point;
		/*
		 * Where the ends of several functions lie in one, as all of std::string's append()
		 * do in _M_append() (libstdc++ 12), the kernel traps and single-steps once for all.
		 * A further probe costs its program's run, which a cheap hit more than covers.
		 */
		if ((points.count && points.items[points.count - 1].file_off == point.file_off) ||
		    has_trap(links, module, point.file_off))
			point.cookie &= ~COOKIE_STEPPED;
		err = array_push(&points, point);
		++*added;
	}
	if (!err)
		err = link_module(links, tracer, pid, module, points.items, points.count);
	array_release(&points);
	return err;
}

static bool is_mapped(const module_list *mapped, const struct module *module)
{
	struct module **each;

	array_each (each, mapped) {
		if (*each == module)
			return true;
	}
	return false;
}

void process_links_drop_unmapped(struct process_links *links, struct tracer *tracer,
				 const module_list *mapped)
{
	size_t links_kept = 0, points_kept = 0;
	struct linked_point *point;
	struct module_link *link;

	array_each (link, &links->links) {
		if (is_mapped(mapped, link->module))
			links->links.items[links_kept++] = *link;
		else
			probe_link_retire(tracer, link->link);
	}
	array_each (point, &links->points) {
		if (is_mapped(mapped, point->module))
			links->points.items[points_kept++] = *point;
	}
	links->links.count = links_kept;
	links->points.count = points_kept;
}

void process_links_retire(struct process_links *links, struct tracer *tracer)
{
	struct module_link *link;

	array_each (link, &links->links)
		probe_link_retire(tracer, link->link);
	array_release(&links->links);
	array_release(&links->points);
}
