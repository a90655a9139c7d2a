/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files that watched processes have mapped, each opened, read and planned once, however many
 * processes share it: a process of a pool costs no second look at libc.
 */
#ifndef CHOOSE_MODULES_H
#define CHOOSE_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/array.h"
#include "elf/image.h"
#include "plan/plan.h"
#include "plan/recognise.h"
#include "choose/gates.h"
#include "choose/watchlist.h"
#include "target/maps.h"

/* A function of this file that a pattern of the watchlist named, with its probes planned. */
struct planned_function {
	char *name; /* as it is shown; owned */
	uint64_t vaddr;
	enum watch_role role;
	unsigned index; /* into watchlist.functions, for ROLE_FLUSH; namesakes share it */
	bool ends_said; /* that its ends lie in other functions, too */
	bool cost_said; /* that no budget limits what it costs */
	int err;        /* why it can't be probed; entry.reason says it in words */
	struct probe_point entry;
	struct exit_plan exits; /* ROLE_FLUSH only */
};

/*
 * A copy routine's body with its doors, as it was planned for a process of which all words of
 * memory were these.
 */
struct known_body {
	bool is_go;
	bool is_libcs; /* as module_memory.is_settled */
	copy_doors doors;
	gate_constants words;
	probe_points copies; /* all copies pass them */
	struct routine_levels levels;
};
void known_body_free(struct known_body *body);

struct module {
	uint64_t device, inode;  /* as maps names it */
	struct target_file file; /* when it was read */
	size_t users;            /* plans that list it */
	int fd;
	char open_path[32]; /* opens the very file again: /proc/self/fd/N */
	char *path;
	char *name;              /* path without its folders */
	struct elf_image *image; /* NULL: no ELF file that we read */
	struct code_view code;
	elf_copy_doors doors;
	ARRAY(uint64_t) doors_said;        /* those of whom it was said why they are left out */
	ARRAY(struct known_body *) bodies; /* the one that was planned last is the last */
	bool gateless_said;                /* that its routines have no gate */
	bool loose_said;                   /* that copies below --gate N pass its gates */
	bool recognised_said;              /* that it has routines without names */
	ARRAY(struct planned_function) functions;
	bool is_searched_for_inlined; /* for the patterns that had no match */
};

typedef ARRAY(struct module *) module_list;

struct modules {
	module_list all; /* the one that was asked for last is the last */
};

/*
 * The module behind a mapping of process pid, read on first sight; its functions match the
 * watchlist. 0 or negative errno (the file can't be opened, memory is out); a file that is no ELF
 * is a module without an image.
 */
int modules_get(struct modules *modules, pid_t pid, const struct target_mapping *mapping,
		struct watchlist *watchlist, struct module **module);
void modules_release(struct modules *modules);

/*
 * Forgets files that no plan lists: those that were deleted, and of the others all but some that
 * were asked for last, since the next child may be of the same program.
 */
void modules_trim(struct modules *modules);

/* An image as the planner looks at it; lives as long as the image. */
struct code_view module_code_of(const struct elf_image *image);

/*
 * The whole function at vaddr with its .cold parts, as far as they have its name and nobody else
 * has it. 0, -ENOENT where its bounds are unknown.
 */
int module_function_parts(const struct module *module, uint64_t vaddr, code_ranges *parts);

#endif
