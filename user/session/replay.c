// SPDX-License-Identifier: GPL-2.0-only
#include "session/replay.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "session/telling.h"

struct replay {
	struct replay_settings settings;
	struct recording_reader *reader;
	struct outputs *outputs;
	struct watchlist watchlist; /* of names alone, which are the reader's */
	struct telling *telling;    /* from the header on */
	uint64_t start_ns;
	/* What there is to say should the end be missing. */
	struct run_end *end;
	void *pids; /* that were seen: a tree of them */
	bool has_end;
	int err; /* -ENOMEM */
};

/* ---- names ---- */

/* Of one whose chunk was damaged. */
static const struct symbol_name nameless = {.function = "?", .module = "?"};

static void fill_functions(struct replay *replay, size_t count)
{
	struct watchlist *list = &replay->watchlist;

	while (list->function_count < count)
		list->functions[list->function_count++] = nameless;
}

static bool fill_routines(struct replay *replay, size_t count)
{
	while (!replay->err && replay->watchlist.routines.count < count)
		replay->err = array_push(&replay->watchlist.routines, nameless);
	return !replay->err;
}

static void on_function_name(void *context, unsigned function, const struct symbol_name *name)
{
	struct replay *replay = context;

	fill_functions(replay, function + 1);
	replay->watchlist.functions[function] = *name;
}

static void on_routine_name(void *context, unsigned routine, const struct symbol_name *name)
{
	struct replay *replay = context;

	if (fill_routines(replay, routine + 1))
		replay->watchlist.routines.items[routine] = *name;
}

/* ---- the beginning ---- */

static void begin(struct replay *replay, const struct run_header *header,
		  const struct recorded_settings *recorded)
{
	struct run_header told = *header;
	struct telling_settings settings = {
		.outputs = replay->outputs,
		.watchlist = &replay->watchlist,
		.sample_period_ns = recorded->sample_period_ns,
		.quiet_ns = recorded->quiet_ns,
		.is_replayed = true,
	};
	char least[TEXT_SHORT];

	if (replay->settings.sets_min_time)
		told.min_time_ns = replay->settings.min_time_ns;
	settings.min_time_ns = told.min_time_ns;
	replay->settings.min_time_ns = told.min_time_ns;
	if (told.min_time_ns < header->min_time_ns)
		log_note("%s: calls shorter than %s were not recorded", replay->settings.path,
			 text_duration(least, header->min_time_ns));
	replay->start_ns = header->start_ns;
	replay->end->is_copies_only = recorded->is_copies_only;
	replay->end->writes_function = recorded->writes_function;
	replay->telling = telling_new(&settings);
	if (replay->telling)
		telling_header(replay->telling, &told);
	else
		replay->err = -ENOMEM;
}

static void on_header(void *context, const struct run_header *header,
		      const struct recorded_settings *recorded)
{
	struct replay *replay = context;

	if (!replay->telling)
		begin(replay, header, recorded);
}

/* Where its header is damaged, what is left of it begins with what comes first. */
static struct telling *telling_of(struct replay *replay, uint64_t at_ns)
{
	const struct run_header header = {.version = "?", .start_ns = at_ns, .budget_pct = -1};
	const struct recorded_settings recorded = {.sample_period_ns = NS_PER_MS,
						   .quiet_ns = 5 * NS_PER_MS};

	if (!replay->telling)
		begin(replay, &header, &recorded);
	return replay->telling;
}

/* ---- what was told ---- */

static int compare_pids(const void *left, const void *right)
{
	intptr_t a = (intptr_t)left, b = (intptr_t)right;

	return (a > b) - (a < b);
}

static void count_process(struct replay *replay, const struct child_report *child)
{
	struct run_end *end = replay->end;
	const void *pid = (const void *)(intptr_t)child->pid;

	if (!tfind(pid, &replay->pids, compare_pids)) {
		tsearch(pid, &replay->pids, compare_pids);
		end->processes_seen++;
		end->processes_watched += child->watched;
	}
	if (child->watched && child->unwatched_ns > end->worst_unwatched_ns)
		end->worst_unwatched_ns = child->unwatched_ns;
}

static void on_child(void *context, const struct child_report *child)
{
	struct replay *replay = context;
	struct telling *telling = telling_of(replay, child->at_ns);

	count_process(replay, child);
	if (telling)
		telling_child(telling, child);
}

/* Whether the file at its path is the one that was mapped. */
static bool is_same_file(const struct recorded_mapping *recorded)
{
	const struct file_mark *mark = &recorded->mark;
	const char *path = recorded->mapping.path;
	struct stat status;

	/* Opening a pipe, or some devices, does more than that. */
	if (!path || *path != '/' || stat(path, &status) || !S_ISREG(status.st_mode))
		return false;
	/* Then those who read it compare that. */
	if (recorded->mapping.build_id_bytes)
		return true;
	return mark->bytes && mark->bytes == (uint64_t)status.st_size &&
	       mark->changed_ns == (uint64_t)status.st_mtim.tv_sec * NS_PER_S +
					   (uint64_t)status.st_mtim.tv_nsec;
}

static void on_code(void *context, const struct recorded_code *code)
{
	struct replay *replay = context;
	struct telling *telling = telling_of(replay, code->since_ns);
	struct stack_mapping *mappings = calloc(code->count ? code->count : 1, sizeof(*mappings));

	if (!mappings)
		replay->err = -ENOMEM;
	for (size_t i = 0; mappings && i < code->count; i++) {
		mappings[i] = code->mappings[i].mapping;
		/* Nothing is there: its module and the offset are all that can be said. */
		mappings[i].open_path = is_same_file(&code->mappings[i]) ? NULL : "";
	}
	if (mappings && telling)
		telling_code(telling, code->pid, code->since_ns, mappings, code->count);
	free(mappings);
}

static void on_jitted(void *context, const struct recorded_jitted *jitted)
{
	struct telling *telling = ((struct replay *)context)->telling;

	if (telling)
		telling_jitted(telling, jitted->pid, &jitted->code);
}

static void on_process_end(void *context, pid_t pid, uint64_t at_ns)
{
	struct telling *telling = telling_of(context, at_ns);

	if (telling)
		telling_process_end(telling, pid, at_ns);
}

static void on_sample(void *context, const struct mw_sample *record)
{
	struct telling *telling = telling_of(context, record->head.at_ns);

	if (telling)
		telling_sample(telling, record);
}

static void on_flush(void *context, unsigned function, struct flush *flush)
{
	struct replay *replay = context;
	struct telling *telling = telling_of(replay, flush->start_ns);

	if (!telling || flush->duration_ns < replay->settings.min_time_ns)
		return;
	fill_functions(replay, function + 1);
	run_end_add_flush(replay->end, function, flush);
	telling_flush(telling, function, flush);
}

static void on_copy(void *context, unsigned routine, struct large_copy *copy)
{
	struct replay *replay = context;
	struct telling *telling = telling_of(replay, copy->start_ns);

	if (telling && fill_routines(replay, routine + 1))
		telling_copy(telling, routine, copy);
}

static void on_budget(void *context, const struct budget_step *step)
{
	struct replay *replay = context;
	struct telling *telling = telling_of(replay, step->at_ns);

	replay->end->budget_steps++;
	if (telling)
		telling_budget(telling, step);
}

static void on_discovery(void *context, const struct discovery *discovery)
{
	struct telling *telling = telling_of(context, discovery->at_ns);

	if (telling)
		telling_discovery(telling, discovery);
}

static void on_advance(void *context, uint64_t now_ns)
{
	struct telling *telling = telling_of(context, now_ns);

	if (telling)
		telling_advance(telling, now_ns);
}

/* ---- the end ---- */

static void end_with(struct replay *replay, const struct run_end *end)
{
	int err = replay->telling ? telling_end(replay->telling, end) : 0;

	if (err)
		replay->err = err;
}

static void on_end(void *context, size_t function_count, const struct run_end *end)
{
	struct replay *replay = context;

	fill_functions(replay, function_count);
	replay->has_end = telling_of(replay, end->at_ns) != NULL;
	end_with(replay, end);
}

/* It is what it had come to when the last of it was written. */
static void end_partly(struct replay *replay, uint64_t last_ns)
{
	struct run_end *end = replay->end;

	end->is_partial = true;
	end->at_ns = last_ns;
	end->wall_ns = last_ns - replay->start_ns;
	end->gate_bytes = NO_GATE;
	end_with(replay, end);
}

static void explain(const struct replay *replay, const struct recording_state *state)
{
	const char *path = replay->settings.path;

	if (state->damaged)
		log_warning("%s: %llu damaged part%s left out", path,
			    (unsigned long long)state->damaged,
			    state->damaged == 1 ? " was" : "s were");
	if (state->is_cut_off && replay->telling)
		log_warning("%s: cut off after %.1f s; what follows is missing", path,
			    (double)(state->last_ns - replay->start_ns) / NS_PER_S);
}

static const struct recording_handlers handlers = {
	.header = on_header,
	.function_name = on_function_name,
	.routine_name = on_routine_name,
	.child = on_child,
	.code = on_code,
	.jitted = on_jitted,
	.process_end = on_process_end,
	.sample = on_sample,
	.flush = on_flush,
	.copy = on_copy,
	.budget = on_budget,
	.discovery = on_discovery,
	.advance = on_advance,
	.end = on_end,
};

int replay_open(const struct replay_settings *settings, struct replay **replay)
{
	struct replay *made = calloc(1, sizeof(*made));
	int err = -ENOMEM;

	if (!made)
		return err;
	made->settings = *settings;
	made->end = calloc(1, sizeof(*made->end));
	if (made->end)
		err = recording_open(settings->path, &made->reader);
	if (err)
		replay_close(made);
	else
		*replay = made;
	return err;
}

int replay_tell(struct replay *replay, struct outputs *outputs)
{
	struct recording_state state;

	replay->outputs = outputs;
	state = recording_read(replay->reader, &handlers, replay);
	explain(replay, &state);
	if (!replay->telling && !replay->err) {
		log_error("%s: nothing that it recorded is left", replay->settings.path);
		return -ENODATA;
	}
	if (!replay->has_end)
		end_partly(replay, state.last_ns);
	if (replay->err)
		log_error("%s: %s", replay->settings.path, strerror(-replay->err));
	return replay->err;
}

static void keep_nothing(void *pid)
{
	(void)pid;
}

void replay_close(struct replay *replay)
{
	if (!replay)
		return;
	telling_free(replay->telling);
	array_release(&replay->watchlist.routines);
	recording_close(replay->reader);
	tdestroy(replay->pids, keep_nothing);
	free(replay->end);
	free(replay);
}

int replay_open_outputs(struct outputs *outputs, const struct output_settings *settings,
			const struct identity *owner, const char *const *recordings, size_t count)
{
	int err = outputs_open(outputs, settings, owner);
	struct stat status;

	for (size_t i = 0; !err && i < count; i++) {
		if (stat(recordings[i], &status) || !outputs_go_to(outputs, &status))
			continue;
		log_error("%s is a recording; name another file for what it says", recordings[i]);
		outputs_close(outputs);
		err = -EINVAL;
	}
	return err;
}

int replay_report(const struct report_settings *settings, const struct identity *owner)
{
	struct outputs outputs = {0};
	struct replay *replay = NULL;
	int err = replay_open(&settings->replay, &replay);

	if (!err)
		err = replay_open_outputs(&outputs, &settings->outputs, owner,
					  &settings->replay.path, 1);
	if (err)
		goto out;
	err = replay_tell(replay, &outputs);
	if (!outputs_close(&outputs))
		err = -EIO;
out:
	replay_close(replay);
	return err ? 1 : 0;
}
