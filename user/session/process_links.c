// SPDX-License-Identifier: GPL-2.0-only
#include "session/process_links.h"

#include <errno.h>

#define COOKIE_STEPPED MW_COOKIE(0, MW_POINT_STEPPED, 0)

static bool same_point(const struct link_point *a, const struct link_point *b)
{
	return a->file_off == b->file_off && !((a->cookie ^ b->cookie) & ~COOKIE_STEPPED);
}

static bool has_point(const link_points *points, const struct link_point *point)
{
	const struct link_point *known;

	array_each (known, points) {
		if (same_point(known, point))
			return true;
	}
	return false;
}

static bool has_trap(const link_points *points, uint64_t file_off)
{
	const struct link_point *known;

	array_each (known, points) {
		if (known->file_off == file_off)
			return true;
	}
	return false;
}

static enum link_group group_of(const struct planned_probe *probe)
{
	enum mw_point_kind kind = MW_COOKIE_KIND(probe->point.cookie);

	if (kind != MW_POINT_COPY && kind != MW_POINT_COPY_END)
		return LINK_OF_FUNCTIONS;
	return probe->by_session ? LINK_OF_TIMED_COPIES : LINK_OF_COPIES;
}

/* ---- what a module should have ---- */

/* The points of one module and group. */
struct wanted {
	const struct module *module;
	enum link_group group;
	link_points points;
	uint64_t gate_bytes;
};

/*
 * Where the ends of several functions lie in one, as all of std::string's append() do in
 * _M_append() (libstdc++ 12), the kernel traps and single-steps once for all. A further probe costs
 * its program's run, which a cheap hit more than covers.
 */
static int want(struct wanted *wanted, struct link_point point)
{
	const link_points *points = &wanted->points;

	/* The plan is ordered by offset. */
	if (points->count && points->items[points->count - 1].file_off == point.file_off)
		point.cookie &= ~COOKIE_STEPPED;
	return array_push(&wanted->points, point);
}

static int gather(const struct process_plan *plan, const struct in_force *force,
		  struct wanted *wanted)
{
	const struct planned_probe *probe;
	struct link_point point;
	int err = 0;

	wanted->gate_bytes = MW_NO_GATE;
	array_each (probe, &plan->probes) {
		uint64_t gate_bytes = probe->gate_bytes[force->level];

		if (err || probe->module != wanted->module || group_of(probe) != wanted->group ||
		    !probe_in_force(probe, force, &point))
			continue;
		/* Each point proves its own; what a finer one sees is not thrown away. */
		if (gate_bytes < wanted->gate_bytes)
			wanted->gate_bytes = gate_bytes;
		err = want(wanted, point);
	}
	if (wanted->group == LINK_OF_FUNCTIONS)
		wanted->gate_bytes = 0;
	return err;
}

/* ---- what it has ---- */

static bool is_of(const struct module_link *link, const struct wanted *wanted)
{
	return link->module == wanted->module && link->group == wanted->group;
}

static bool is_linked(const struct process_links *links, const struct wanted *wanted,
		      const struct link_point *point)
{
	const struct module_link *link;

	array_each (link, &links->links) {
		if (is_of(link, wanted) && has_point(&link->points, point))
			return true;
	}
	return false;
}

static size_t count_new(const struct process_links *links, const struct wanted *wanted)
{
	const struct link_point *point;
	size_t count = 0;

	array_each (point, &wanted->points)
		count += !is_linked(links, wanted, point);
	return count;
}

/* Exactly what is wanted: with two links, points were lost or came to stand twice. */
static bool is_as_wanted(const struct process_links *links, const struct wanted *wanted)
{
	const struct module_link *link;
	size_t found = 0;

	array_each (link, &links->links) {
		if (!is_of(link, wanted))
			continue;
		found++;
		if (link->points.count != wanted->points.count ||
		    link->gate_bytes != wanted->gate_bytes)
			return false;
	}
	return found == (wanted->points.count > 0) && !count_new(links, wanted);
}

/* Its calls were only counted, and are not even that any more. */
static bool has_given_up(const struct process_links *links, const struct wanted *wanted,
			 const struct planned_probe *probe, const struct in_force *force)
{
	struct link_point counted = probe_counted_point(probe), point;

	return MW_COOKIE_KIND(probe->point.cookie) == MW_POINT_ENTRY &&
	       !probe_in_force(probe, force, &point) && is_linked(links, wanted, &counted);
}

/* It bears a probe of the plan that is not in force, or not in this way. */
static bool is_outdated(const struct process_links *links, const struct wanted *wanted,
			const struct process_plan *plan, const struct in_force *force)
{
	const struct planned_probe *probe;
	struct link_point point;

	array_each (probe, &plan->probes) {
		if (probe->module != wanted->module || group_of(probe) != wanted->group)
			continue;
		if (probe_in_force(probe, force, &point) && same_point(&point, &probe->point))
			continue;
		if (is_linked(links, wanted, &probe->point) ||
		    has_given_up(links, wanted, probe, force))
			return true;
	}
	return false;
}

/* ---- changes ---- */

static int make_link(struct tracer *tracer, pid_t pid, struct module_link *made)
{
	const struct link_settings settings = {
		.path = made->module->open_path,
		.pid = pid,
		.points = made->points.items,
		.count = made->points.count,
		.gate_bytes = made->gate_bytes,
		.end = made->group == LINK_OF_TIMED_COPIES ? LINK_SESSION : LINK_ENTRY,
	};

	return probe_link_prepare(tracer, &settings, &made->link);
}

/* Takes the wanted points over. */
static int add_change(struct tracer *tracer, pid_t pid, struct wanted *wanted, bool replaces,
		      link_changes *changes)
{
	struct link_change change = {
		.made = {.module = wanted->module,
			 .group = wanted->group,
			 .points = wanted->points,
			 .gate_bytes = wanted->gate_bytes},
		.replaces = replaces,
	};
	int err = 0;

	wanted->points = (link_points){0};
	if (change.made.points.count)
		err = make_link(tracer, pid, &change.made);
	if (!err)
		err = array_push(changes, change);
	if (err && change.made.link)
		probe_link_retire(tracer, change.made.link);
	if (err)
		array_release(&change.made.points);
	return err;
}

/* Leaves those that have no link yet. */
static void drop_linked(const struct process_links *links, struct wanted *wanted)
{
	const struct module_link *link;
	struct link_point *point;
	size_t kept = 0;

	array_each (point, &wanted->points) {
		if (is_linked(links, wanted, point))
			continue;
		array_each (link, &links->links) {
			if (is_of(link, wanted) && has_trap(&link->points, point->file_off))
				point->cookie &= ~COOKIE_STEPPED;
		}
		wanted->points.items[kept++] = *point;
	}
	wanted->points.count = kept;
}

static int prepare_functions(const struct process_links *links, struct tracer *tracer, pid_t pid,
			     struct wanted *wanted, bool outdated, link_changes *changes)
{
	if (!outdated)
		drop_linked(links, wanted);
	return outdated || wanted->points.count ? add_change(tracer, pid, wanted, outdated, changes)
						: 0;
}

int process_links_prepare(const struct process_links *links, struct tracer *tracer, pid_t pid,
			  const struct process_plan *plan, const struct in_force *force,
			  link_changes *changes, size_t *added)
{
	struct module **module;
	int err = 0;

	*added = 0;
	array_each (module, &plan->modules) {
		for (unsigned group = 0; !err && group < LINK_GROUPS; group++) {
			struct wanted wanted = {.module = *module, .group = group};

			err = gather(plan, force, &wanted);
			if (!err)
				*added += count_new(links, &wanted);
			if (!err && group == LINK_OF_FUNCTIONS)
				err = prepare_functions(links, tracer, pid, &wanted,
							is_outdated(links, &wanted, plan, force),
							changes);
			else if (!err && !is_as_wanted(links, &wanted))
				err = add_change(tracer, pid, &wanted, true, changes);
			array_release(&wanted.points);
		}
	}
	return err;
}

/* Its number is given to another link by and by. */
static void retire_link(struct process_links *links, struct tracer *tracer,
			struct module_link *link)
{
	links->retired_spent_ns += probe_link_spent_ns(tracer, link->link);
	probe_link_retire(tracer, link->link);
	array_release(&link->points);
}

/* All but the last, which the new link takes the place of in one step; NULL: there is none. */
static struct probe_link *retire_replaced(struct process_links *links, struct tracer *tracer,
					  const struct module_link *made)
{
	struct wanted like = {.module = made->module, .group = made->group};
	struct probe_link *last = NULL;
	struct module_link *link;
	size_t kept = 0;

	array_each (link, &links->links) {
		if (!is_of(link, &like)) {
			links->links.items[kept++] = *link;
			continue;
		}
		if (last)
			probe_link_retire(tracer, last);
		links->retired_spent_ns += probe_link_spent_ns(tracer, link->link);
		last = link->link;
		array_release(&link->points);
	}
	links->links.count = kept;
	return last;
}

int process_links_swap(struct process_links *links, struct tracer *tracer, link_changes *changes)
{
	struct link_change *change;
	int err = 0;

	array_each (change, changes) {
		struct module_link *made = &change->made;
		struct probe_link *old =
			change->replaces ? retire_replaced(links, tracer, made) : NULL;

		if (made->link)
			probe_link_swap(tracer, old, made->link);
		else if (old)
			probe_link_retire(tracer, old);
		if (made->link && array_push(&links->links, *made)) {
			retire_link(links, tracer, made);
			err = -ENOMEM;
		}
	}
	array_release(changes);
	return err;
}

void process_links_discard(struct tracer *tracer, link_changes *changes)
{
	struct link_change *change;

	array_each (change, changes) {
		if (change->made.link)
			probe_link_retire(tracer, change->made.link);
		array_release(&change->made.points);
	}
	array_release(changes);
}

uint64_t process_links_spent_ns(const struct process_links *links, const struct tracer *tracer)
{
	uint64_t sum_ns = links->retired_spent_ns;
	const struct module_link *link;

	array_each (link, &links->links)
		sum_ns += probe_link_spent_ns(tracer, link->link);
	return sum_ns;
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
	struct module_link *link;
	size_t kept = 0;

	array_each (link, &links->links) {
		if (is_mapped(mapped, link->module))
			links->links.items[kept++] = *link;
		else
			retire_link(links, tracer, link);
	}
	links->links.count = kept;
}

void process_links_retire(struct process_links *links, struct tracer *tracer)
{
	struct module_link *link;

	array_each (link, &links->links)
		retire_link(links, tracer, link);
	array_release(&links->links);
}
