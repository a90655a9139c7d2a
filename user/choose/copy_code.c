// SPDX-License-Identifier: GPL-2.0-only
#include "choose/copy_code.h"

#include <stdlib.h>

static int compare_ranges(const void *left, const void *right)
{
	const struct mw_code_range *a = left, *b = right;

	return (a->start_addr > b->start_addr) - (a->start_addr < b->start_addr);
}

static int add_door(struct planning *planning, const struct live_door *live)
{
	struct mw_code_range range = {.flags = live->is_go ? MW_CODE_GO : 0};
	struct elf_range function;

	if (elf_function_bounds(live->module->image, live->door.vaddr, &function))
		return 0;
	range.start_addr = planning_addr(planning, live->module, function.vaddr);
	range.end_addr = range.start_addr + function.bytes;
	return range.start_addr ? array_push(&planning->plan->code, range) : 0;
}

/* Several doors lead into one body. */
static void merge(struct process_plan *plan)
{
	const struct mw_code_range *range;
	size_t kept = 0;

	array_each (range, &plan->code) {
		struct mw_code_range *last = kept ? &plan->code.items[kept - 1] : NULL;

		if (!last || range->start_addr >= last->end_addr)
			plan->code.items[kept++] = *range;
		else if (range->end_addr > last->end_addr)
			last->end_addr = range->end_addr;
	}
	plan->code.count = kept;
}

int copy_code_plan(struct planning *planning, const live_doors *doors)
{
	struct process_plan *plan = planning->plan;
	const struct live_door *live;
	int err = 0;

	array_each (live, doors) {
		if (!err)
			err = add_door(planning, live);
	}
	if (!err && plan->code.count)
		qsort(plan->code.items, plan->code.count, sizeof(*plan->code.items),
		      compare_ranges);
	merge(plan);
	return err;
}
