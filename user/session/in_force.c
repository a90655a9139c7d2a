// SPDX-License-Identifier: GPL-2.0-only
#include "session/in_force.h"

#include <errno.h>

#include "base/log.h"
#include "target/process.h"

struct link_point probe_counted_point(const struct planned_probe *probe)
{
	struct link_point point = probe->point;

	point.cookie &= ~MW_COOKIE(0xff, 0, 0);
	point.cookie |= MW_COOKIE(MW_POINT_CALL, 0, 0);
	return point;
}

bool probe_in_force(const struct planned_probe *probe, const struct in_force *force,
		    struct link_point *point)
{
	enum function_watch watch;

	*point = probe->point;
	switch (MW_COOKIE_KIND(probe->point.cookie)) {
	case MW_POINT_COPY:
	case MW_POINT_COPY_END:
		return probe->gate_bytes[force->level] != MW_NO_GATE;
	case MW_POINT_ENTRY:
		watch = force->watch[MW_COOKIE_INDEX(probe->point.cookie)];
		if (watch == FUNCTION_COUNTED)
			*point = probe_counted_point(probe);
		return watch != FUNCTION_DROPPED;
	case MW_POINT_END:
		return force->watch[MW_COOKIE_INDEX(probe->point.cookie)] == FUNCTION_TIMED;
	default:
		return true;
	}
}

int in_force_verify(pid_t pid, const struct process_plan *plan, const struct in_force *force,
		    bool tells)
{
	const struct planned_probe *probe;
	struct link_point point;
	int missing = 0, err;
	uint8_t byte;

	array_each (probe, &plan->probes) {
		if (!probe->addr || !probe_in_force(probe, force, &point))
			continue;
		err = process_read(pid, probe->addr, &byte, 1);
		if (err == -ESRCH)
			return err;
		if (!err && byte == 0xcc)
			continue;
		missing++;
		if (tells)
			log_detail("the probe on %s at %s+0x%lx is not in place (byte %02x)",
				   probe->name, probe->module->name, probe->point.file_off,
				   err ? 0 : byte);
	}
	return missing;
}
